"""Weights: those published for ImageNet, and files of Keras, PyTorch and ONNX."""
