"""What a network does with a batch: its values by layer, and a short training.

For every backend of Keras: nothing here asks for a gradient. A training is
run on a copy, and what is left of the units afterwards is looked at.
"""

import copy
from dataclasses import dataclass

import keras
import numpy as np

from alexnet_keras import optimizers

LEARNED = 0.9  # share of the loss of guessing, below which it is none


@dataclass(frozen=True)
class LayerStatistics:
    """What a layer makes of a batch.

    Attributes:
        name: of the layer.
        entering: root of the mean square of its inputs.
        leaving: the same of its outputs.
        spread: standard deviation over the images, averaged over all units:
            what the layer has to say about the difference between images.
            That of the logarithms, which are the logits, behind a softmax.
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
class BatchFit:
    """A short training on one batch.

    Attributes:
        losses: without penalties on weights, before each step; it ends at one
            that is no number.
        start: the loss before all of it, at test.
        chance: the least loss of outputs that do not depend on the image.
        learned: whether the loss came to lie well below that.
        change: of the kernel that changed most, as a share of its length.
        before: `LayerStatistics` for each call of a layer with a kernel.
        after: the same afterwards; none after a loss that is no number.
    """

    losses: tuple[float, ...]
    start: float
    chance: float
    learned: bool
    change: float
    before: tuple[LayerStatistics, ...]
    after: tuple[LayerStatistics, ...]


def compute(model, images):
    """Returns the outputs at test, in float32, without tracing a function."""
    return keras.tree.map_structure(_array, model(images, training=False))


def all_layers(model):
    """Returns the layers of a model and of all models in it, outer ones first."""
    found = {}
    for layer in model._flatten_layers(include_self=False, recursive=False):
        found |= {id(one): one for one in (layer, *all_layers(layer))}
    return list(found.values())


def weighted_layers(model):
    """Returns the layers that have a kernel, in order, also nested ones."""
    layers = all_layers(model)
    return [x for x in layers if getattr(x, "kernel", None) is not None]


def listen(model, images, layers):
    """Returns `(layer, inputs, outputs)` of each call of one of the layers.

    Their `call` is replaced meanwhile: what is nested is heard too.
    """
    heard, calls = [], [layer.call for layer in layers]

    def overheard(layer, call):
        def listening(inputs, *args, **kwargs):
            outputs = call(inputs, *args, **kwargs)
            heard.append((layer, keras.tree.flatten(inputs)[0], outputs))
            return outputs

        return listening

    for layer, call in zip(layers, calls):
        layer.call = overheard(layer, call)
    try:
        model(images, training=False)
    finally:
        for layer, call in zip(layers, calls):
            layer.call = call
    return [(layer, _array(x), _array(y)) for layer, x, y in heard]


def is_softmax(layer):
    """Whether what leaves a layer went through a softmax."""
    activation = getattr(layer, "activation", None)
    return isinstance(layer, keras.layers.Softmax) or (
        activation is keras.activations.softmax
    )


def layer_statistics(model, images):
    """Returns `LayerStatistics` for each call of a layer that has a kernel."""
    after = []
    layers = weighted_layers(model)
    for layer, inputs, outputs in listen(model, images, layers):
        others = tuple(range(outputs.ndim - 1))
        bias = getattr(layer, "bias", None)
        spread = outputs
        if is_softmax(layer):
            spread = np.log(np.maximum(outputs, 1e-30))
        after.append(
            LayerStatistics(
                layer.name,
                _length(inputs),
                _length(outputs),
                float(spread.std(0, dtype="float64").mean()),
                float((outputs == 0).all(others).mean()),
                0.0 if bias is None else float(_array(bias).mean()),
            )
        )
    return tuple(after)


def copy_model(model, fresh=False, factor=1.0):
    """Returns a model of its own, compiled in the same way, without metrics.

    Args:
        model: a compiled `keras.Model` that has been built.
        fresh: whether what trains starts from new initial weights, instead of
            the model's. Defaults to `False`.
        factor: of the learning rate, which stays at the value that it has
            now if it follows a schedule. Defaults to 1.
    """
    twin = _clone(model)
    copy_state(model, twin, fresh)
    optimizer = optimizers.unwrap(model.optimizer)
    config = optimizer.get_config()
    config["learning_rate"] = learning_rate(model) * factor
    if config.get("bias_learning_rate") is not None:
        # As it is now, like the rate; the config has a schedule's beginning.
        config["bias_learning_rate"] = optimizer.bias_learning_rate * factor
    copied = type(optimizer).from_config(config)
    if optimizer is not model.optimizer:
        copied = keras.optimizers.LossScaleOptimizer(copied)

    def data_loss(labels, outputs):
        return loss_of(twin)(labels, keras.ops.cast(outputs, "float32"))

    twin.compile(
        copied,
        copy.copy(loss_of(model)),
        metrics=[data_loss],
        jit_compile=False,
    )
    return twin


def copy_state(source, target, fresh=False):
    """Gives a model the state of another one of the same layers.

    That is more than `set_weights` gives: random states, what layers derive
    from their weights (as `Normalization` does), and which of them train.
    With `fresh`, layers that train keep their own weights.
    """
    for old, new in zip(all_layers(source), all_layers(target), strict=True):
        if not (fresh and old.trainable_weights):
            store = {}
            old.save_own_variables(store)
            new.load_own_variables(store)
        new.trainable = old.trainable
    if not fresh:
        for old, new in zip(source.variables, target.variables, strict=True):
            new.assign(old)


def overfit_one_batch(
    model, images, labels, steps, factor=1.0, change=None, stop=False
):
    """Trains a copy of a model on one batch and looks at what comes of it.

    Args:
        model: a compiled `keras.Model`; it stays as it is.
        images: a batch.
        labels: as the loss takes them.
        steps: of training, all on this batch.
        factor: of the learning rate. Defaults to 1.
        change: a function that is given the copy and changes it before the
            training. Defaults to `None`.
        stop: whether to stop once the batch is learned. Defaults to `False`.

    Returns a `BatchFit`.
    """
    twin = copy_model(model, factor=factor)
    if change is not None:
        change(twin)
    before, outputs = layer_statistics(twin, images), compute(twin, images)
    start = _loss(twin, labels, outputs)
    chance = _loss_of_guessing(twin, labels, outputs) or start
    kernels = [_array(layer.kernel) for layer in weighted_layers(twin)]
    losses, learned, enough = [], False, LEARNED * chance
    while len(losses) < steps and not (stop and learned):
        twin.reset_metrics()
        logs = twin.train_on_batch(images, labels, return_dict=True)
        losses.append(float(logs["data_loss"]))
        learned = len(losses) >= 5 and np.mean(losses[-5:]) < enough
        if not np.isfinite(losses[-1]):
            break
    after = ()
    if np.isfinite(losses).all():
        after = layer_statistics(twin, images)
        # Dropout and the like disturb only the training.
        last = _loss(twin, labels, compute(twin, images))
        learned = bool(learned or last < enough)
    change_of = [
        _length(_array(layer.kernel) - kernel) / max(_length(kernel), 1e-30)
        for layer, kernel in zip(weighted_layers(twin), kernels)
    ]
    return BatchFit(
        tuple(losses), start, chance, learned, max(change_of), before, after
    )


def loss_of(model):
    """Returns the loss that a model is compiled with, as a function."""
    return keras.losses.get(keras.tree.flatten(model.loss)[0])


def _loss_of_guessing(model, labels, outputs):
    """Returns the least loss of outputs that are the same for all images.

    Of the labels' mean and median, as they are and as logits: the least of
    all for crossentropies, squared and absolute errors. 0 with one image.
    """
    classes, hot = outputs.shape[-1], labels
    if classes > 1 and labels.size * classes == outputs.size:
        hot = np.arange(classes) == labels.reshape(-1, 1)
    losses = []
    if hot.size == outputs.size:
        hot = hot.reshape(-1, classes).astype("float64")
        mean = hot.mean(0)
        with np.errstate(invalid="ignore"):
            log, other = np.log(mean + 1e-7), np.log(1 - mean + 1e-7)
        for guess in (mean, np.median(hot, 0), log, log - other):
            guess = np.broadcast_to(guess, outputs.shape).astype("float32")
            losses.append(_loss(model, labels, guess))
    least = min(filter(np.isfinite, losses), default=0.0)
    return least * (least > 1e-4)


def learning_rate(model):
    """Returns the rate with which a compiled model trains now."""
    return float(_array(model.optimizer.learning_rate))


def _clone(layer):
    """As `keras.models.clone_model`, also with lambdas, but never compiled."""
    if getattr(layer, "inputs", None):
        inputs, outputs = layer.inputs, layer.outputs
        bare = keras.Model(
            inputs[0] if len(inputs) == 1 else layer.input,
            outputs[0] if len(outputs) == 1 else layer.output,
            name=layer.name,
        )
        return keras.models.clone_model(bare, clone_function=_clone)
    config = layer.get_config()
    if isinstance(layer, keras.layers.Lambda):
        return type(layer).from_config(config, safe_mode=False)
    twin = type(layer).from_config(config)
    if isinstance(layer, keras.Model):
        twin.build_from_config(layer.get_build_config())
    return twin


def _loss(model, labels, outputs):
    return float(np.mean(_array(loss_of(model)(labels, outputs))))


def _array(values):
    values = keras.ops.cast(values, "float32")
    return np.array(keras.ops.convert_to_numpy(values))


def _length(values):
    return float(np.sqrt(np.square(values, dtype="float64").mean()))
