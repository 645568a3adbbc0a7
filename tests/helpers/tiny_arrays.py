"""Data and a network so small that a trial takes as long as its tracing."""

import numpy as np

from alexnet_lab.experiments import in_memory_data
from alexnet_lab.experiments import small_networks
from alexnet_lab.experiments.trial import Condition

CLASSES = ("red", "green", "blue")


def make_arrays(train=64, validation=32, size=16):
    """Noise in which one of three channels is lighter: that is the class."""
    generator = np.random.default_rng(0)

    def draw(count):
        labels = generator.integers(0, len(CLASSES), count)
        pictures = generator.integers(0, 150, (count, size, size, 3))
        pictures[np.arange(count), :, :, labels] += 60
        return pictures.astype("uint8"), labels

    return in_memory_data.Arrays("tiny", CLASSES, draw(train), draw(validation))


def thin(table, filters=4, units=8):
    """A small network with fewer filters and units."""
    for layer in table.layers:
        if layer.name.startswith("conv"):
            table = table.replace_layer(layer.name, filters=filters)
        elif layer.name.startswith("fc"):
            table = table.replace_layer(layer.name, units=units)
    return table


def condition(name="relu", activation="relu", **options):
    table = thin(small_networks.four_layer(activation))
    return Condition(name, table, **options)
