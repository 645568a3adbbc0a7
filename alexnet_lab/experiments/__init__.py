"""Controlled comparisons: `python -m alexnet_lab.experiments NAME`."""

from alexnet_lab.experiments.runner import run

__all__ = ["run"]
