"""The network of 2012 on two devices: what crosses, derived and measured."""

from alexnet_keras.utils import extras

extras.require("train", "tensorflow")
