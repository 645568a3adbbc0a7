"""Controlled comparisons: `python -m alexnet_lab.experiments NAME`."""

from alexnet_keras.utils import extras

extras.require("train", "tensorflow", "matplotlib", "pandas")

from alexnet_lab.experiments.runner import run  # noqa: E402

__all__ = ["run"]
