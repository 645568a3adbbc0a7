"""Weights: those published for ImageNet, and files of Keras, PyTorch and ONNX."""

from alexnet_keras.weights.imagenet import PUBLISHED
from alexnet_keras.weights.imagenet import preprocess_input
from alexnet_keras.weights.imagenet import published
from alexnet_keras.weights.names import decode_predictions

__all__ = ["PUBLISHED", "decode_predictions", "preprocess_input", "published"]
