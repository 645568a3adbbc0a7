"""What a network does with a batch: its values by layer, and a short training.

For every backend of Keras: nothing here asks for a gradient. A training is
run on a copy, and what is left of the units afterwards is looked at.
"""

import copy
from dataclasses import dataclass

import keras
import numpy as np

from alexnet_keras import optimizers


@dataclass(frozen=True)
class Passage:
    """What a layer makes of a batch.

    Attributes:
        name: of the layer.
        entering: root of the mean square of its inputs.
        leaving: the same of its outputs.
        spread: standard deviation over the images, averaged over all units:
            what the layer has to say about the difference between images.
        dead: share of its units or maps that are 0 for every image.
        bias: mean of its biases; 0 if it has none.
    """

    name: str
    entering: float
    leaving: float
    spread: float
    dead: float
    bias: float


@dataclass(frozen=True)
class Run:
    """A short training on one batch.

    Attributes:
        losses: in nats, before each step; it ends at one that is no number.
        change_of: for each layer with a kernel, by how much its kernel changed,
            as a share of its length.
        passages: a `Passage` a layer, afterwards; none after such a loss.
    """

    losses: tuple[float, ...]
    change_of: dict[str, float]
    passages: tuple[Passage, ...]


class _StopAtNaN(keras.callbacks.Callback):
    """As Keras's `TerminateOnNaN`, which prints a line."""

    def on_epoch_end(self, epoch, logs=None):
        self.model.stop_training = not np.isfinite(logs["loss"])


def compute(model, images):
    """Returns the outputs of a model at test, in float32.

    Called as it is: `predict` would trace a function for every copy.
    """
    outputs = model(images, training=False)
    return keras.tree.map_structure(
        lambda tensor: _array(keras.ops.cast(tensor, "float32")), outputs
    )


def weighted_layers(model):
    """Returns the layers that have a kernel, in order."""
    return [layer for layer in model.layers if hasattr(layer, "kernel")]


def follow(model, images):
    """Follows a batch through a model.

    Args:
        model: a `keras.Model` made of layers (functional or sequential).
        images: as the model takes them.

    Returns:
        A tuple with a `Passage` for each layer that has a kernel.
    """
    layers = weighted_layers(model)
    tensors = [t for layer in layers for t in (layer.input, layer.output)]
    values = compute(keras.Model(_inputs(model), tensors), images)
    passages = []
    for layer, before, after in zip(layers, values[::2], values[1::2]):
        others = tuple(range(after.ndim - 1))
        bias = getattr(layer, "bias", None)
        passages.append(
            Passage(
                layer.name,
                _length(before),
                _length(after),
                float(after.std(0, dtype="float64").mean()),
                float((after == 0).all(others).mean()),
                0.0 if bias is None else float(_array(bias).mean()),
            )
        )
    return tuple(passages)


def copy_model(model, fresh=False, factor=1.0):
    """Returns a model of its own, compiled in the same way.

    Args:
        model: a compiled `keras.Model`.
        fresh: whether what trains starts from new initial weights, instead of
            the model's. Defaults to `False`.
        factor: of the learning rate, which stays at the value that it has
            now if it follows a schedule. Defaults to 1.
    """
    # Without its metrics, which Keras would have to find by their names.
    bare = keras.Model(_inputs(model), model.outputs[0], name=model.name)
    twin = keras.models.clone_model(bare)
    for old, new in zip(bare.layers, twin.layers):
        if not (fresh and old.trainable_weights):
            new.set_weights(old.get_weights())
    optimizer = optimizers.unwrap(model.optimizer)
    config = optimizer.get_config()
    config["learning_rate"] = learning_rate(model) * factor
    if config.get("bias_learning_rate") is not None:
        # As it is now, like the rate; the config has a schedule's beginning.
        config["bias_learning_rate"] = optimizer.bias_learning_rate * factor
    twin.compile(
        type(optimizer).from_config(config),
        copy.copy(model.loss),
        jit_compile=False,
    )
    return twin


def rehearse(model, images, labels, steps, factor=1.0, change=None):
    """Trains a copy of a model on one batch and looks at what comes of it.

    Args:
        model: a compiled `keras.Model`; it stays as it is.
        images: a batch.
        labels: as the loss takes them.
        steps: of training, all on this batch.
        factor: of the learning rate. Defaults to 1.
        change: a function that is given the copy and changes it before the
            training. Defaults to `None`.

    Returns:
        A `Run`.
    """
    twin = copy_model(model, factor=factor)
    if change is not None:
        change(twin)
    layers = weighted_layers(twin)
    before = [_array(layer.kernel) for layer in layers]
    history = twin.fit(
        images,
        labels,
        len(images),
        steps,
        verbose=0,
        shuffle=False,
        callbacks=[_StopAtNaN()],
    ).history["loss"]
    passages = follow(twin, images) if np.isfinite(history).all() else ()
    change_of = {
        layer.name: _length(_array(layer.kernel) - kernel)
        / max(_length(kernel), 1e-30)
        for layer, kernel in zip(layers, before)
    }
    return Run(tuple(map(float, history)), change_of, passages)


def _inputs(model):
    """As `model.input`, which a new `Sequential` does not have."""
    return model.inputs[0] if len(model.inputs) == 1 else model.inputs


def learning_rate(model):
    """Returns the rate with which a compiled model trains now."""
    return float(_array(model.optimizer.learning_rate))


def _array(variable):
    return np.array(keras.ops.convert_to_numpy(variable))


def _length(values):
    return float(np.sqrt(np.square(values, dtype="float64").mean()))
