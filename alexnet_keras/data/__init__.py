"""From photographs to batches."""

from alexnet_keras.utils import extras

extras.require("train", "tensorflow", "PIL")
