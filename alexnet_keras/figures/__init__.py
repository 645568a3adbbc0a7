"""Figures of tables, runs and evaluations."""

from alexnet_keras.utils import extras

extras.require("train", "matplotlib")
