"""What goes through a network: values forward, gradients back, by layer."""

from dataclasses import dataclass

import keras
import numpy as np

from alexnet_keras.utils import extras


@dataclass(frozen=True, eq=False)
class Signal:
    """What a layer makes of a batch, and what comes back to it.

    Attributes:
        name: of the layer.
        values: its outputs, `(batch, …, units)`.
        gradients: of the loss, summed over the batch, with respect to them.
    """

    name: str
    values: np.ndarray
    gradients: np.ndarray

    @property
    def dead(self):
        """For each unit or map: whether it is 0 for every image."""
        others = tuple(range(self.values.ndim - 1))
        return (self.values == 0).all(others)

    def saturated(self, low, high, within=0.03):
        """Returns the share of values near one of two ends.

        Args:
            low: one end, -1 for tanh.
            high: the other.
            within: how near, as a share of the distance between both.
        """
        margin = within * (high - low)
        near = (self.values < low + margin) | (self.values > high - margin)
        return float(near.mean())


def trace(model, images, labels):
    """Follows a batch through a network and its loss back.

    Args:
        model: a `keras.Model` that is a chain of layers and ends in logits,
            such as `trial.train_network` returns.
        images: as the model takes them.
        labels: integers.

    Returns:
        A list with a `Signal` for each layer that has weights, in order. At
        a layer that has no activation of its own, values and gradients are
        those in front of it.

    Raises:
        ValueError: if the model is no chain.
    """
    extras.require("train", "tensorflow")
    import tensorflow as tf

    layers = _chain(model)
    x = tf.cast(tf.convert_to_tensor(images), "float32")
    traced = []
    with tf.GradientTape() as tape:
        for layer in layers:
            x = layer(x, training=False)
            if layer.trainable_weights:
                tape.watch(x)
                traced.append((layer.name, x))
        loss = keras.losses.SparseCategoricalCrossentropy(
            from_logits=True, reduction="sum"
        )(tf.convert_to_tensor(labels), x)
    gradients = tape.gradient(loss, [x for _, x in traced])
    return [
        Signal(name, values.numpy(), gradient.numpy())
        for (name, values), gradient in zip(traced, gradients)
    ]


def _chain(model):
    """Returns the layers of a model in which each reads the one before."""
    layers, tensor = [], model.inputs[0]
    for layer in model.layers:
        if isinstance(layer, keras.layers.InputLayer):
            continue
        read = layer.input if isinstance(layer.input, list) else [layer.input]
        if len(read) > 1 or read[0] is not tensor:
            wrong = (
                f"which reads {len(read)}"
                if len(read) > 1
                else "which reads another than the one before"
            )
            raise ValueError(
                "`model` must be a chain: each layer reads the one before. "
                f"Received: a model {model.name!r} with the layer "
                f"{layer.name!r}, {wrong}"
            )
        layers.append(layer)
        tensor = layer.output
    return layers
