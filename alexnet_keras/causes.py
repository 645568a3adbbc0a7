"""Which single change mends a network that does not train.

A copy is trained on a batch as it is. If that overshoots, stands still or
gets nothing through, one thing is changed at a time, and the first change with
which that does not happen is the cause.
"""

import math

import keras
import numpy as np

from alexnet_keras import layers
from alexnet_keras import probing

# The loss of 2012's network itself goes to twice that of guessing in its
# first ten steps; one that goes so many times higher has overshot.
OVERSHOT = 4.0
DEAD = 0.9  # share of a layer's units
# Change of every kernel in all steps, below which nothing has happened.
LITTLE = 1e-3
# Standard deviation of the outputs over the images. The faintest beginning of
# an AlexNet here that learns is 1e-3.
FAINT = 2e-4
LARGE_BIAS = 0.5
RAW = 64.0  # standard deviation of pixels from 0 to 255, about
SMALL_INPUT = 3.0  # where inputs of the order of 1 end


def find_cause(model, images, labels, steps):
    """Trains copies of a model, changed in one thing each.

    Args:
        model: a compiled `keras.Model`, not trained to death.
        images: a batch.
        labels: as the loss takes them.
        steps: of each training.

    Returns:
        `(check, text)` as in `diagnostics.Fault`, or `None` where a copy
        neither overshoots nor stands still.
    """

    def rehearse(inputs=images, **options):
        return probing.rehearse(model, inputs, labels, steps, **options)

    passages = probing.follow(model, images)
    if dead := ", ".join(p.name for p in find_dead(passages)):
        return "initialization", (
            f"Before any training these layers are 0 for every image: {dead}. "
            "Their weights are 0, or their biases far below it. Draw the "
            "weights at random."
        )
    chance = math.log(model.outputs[0].shape[-1])
    run = rehearse()
    if _overshoots(run, chance):
        return _too_much(model, images, passages, run, chance, rehearse)
    if passages[-1].spread < FAINT:
        return _too_faint(model, images, passages)
    if max(run.change_of.values()) < LITTLE:
        return _too_slow(model, run)
    return None


def find_dead(passages):
    """Returns the passages of layers that have died; the last one cannot."""
    return [p for p in passages[:-1] if p.dead >= DEAD]


def _overshoots(run, chance):
    """Whether a loss has gone far up or is no number, or a layer has died."""
    if not np.isfinite(run.losses).all():
        return True
    return max(run.losses) > OVERSHOT * chance or find_dead(run.passages)


def _too_much(model, images, passages, run, chance, rehearse):
    rate = probing.learning_rate(model)
    seen = _describe(run)

    def helps(inputs=images, **options):
        return not _overshoots(rehearse(inputs, **options), chance)

    large = [p.name for p in passages[:-1] if p.bias >= LARGE_BIAS]
    if large and helps(change=_without_biases(large)):
        return "biases", (
            f"{seen}; with biases of 0 instead of "
            f"{max(p.bias for p in passages):.2g} in {', '.join(large)} "
            "that does not happen. Large biases make all inputs of the last layers large "
            "and alike, so that the steps become too long. Use 0 or 0.1, or "
            "the dropout of 2012 (Dropout2012), which does not double what it "
            "keeps."
        )
    entering = passages[0].entering
    if entering > SMALL_INPUT:
        scaled, change = _scale_input(model, images, 1 / entering)
        if helps(scaled, change=change):
            return "input scale", (
                f"{seen}; with inputs divided by {entering:.3g} that does "
                "not happen. What enters the first layer is that large on average, and "
                "these weights are made for values of about 1. Scale the "
                "images (the table's `pixel_scale`)."
            )
    scaled, change = _as_he(model, images, passages)
    if passages[-1].leaving > chance and helps(scaled, change=change):
        return "initialization", (
            f"{seen}; with weights of He's size that does not happen. "
            f"Already before the training the outputs are {passages[-1].leaving:.3g} on "
            "average. Make the weights smaller."
        )
    for factor in (0.1, 0.01, 0.001):
        if helps(factor=factor):
            return "learning rate", (
                f"{seen}; with {rate * factor:.2g} instead of {rate:.2g} "
                "that does not happen. The learning rate is too high."
            )
    return "learning rate", (
        f"{seen}, even with a thousandth of the learning rate, and without "
        "large biases. Look at the weights, layer by layer."
    )


def _too_slow(model, run):
    rate = probing.learning_rate(model)
    return "learning rate", (
        f"In {len(run.losses)} steps no kernel changed by more than "
        f"{max(run.change_of.values()):.1g} of its length. The learning rate "
        f"of {rate:.2g} is too low, or the gradient is 0."
    )


def _too_faint(model, images, passages):
    spread, entering = passages[-1].spread, passages[0].entering
    seen = (
        f"Between images the outputs differ by {spread:.1g}, so there is "
        "next to nothing to learn from"
    )
    if entering < SMALL_INPUT:
        factor = RAW / entering
        louder = _spread_with(model, *_scale_input(model, images, factor))
        if louder >= FAINT:
            return "input scale", (
                f"{seen}; with inputs {factor:.3g} times as large they differ "
                f"by {louder:.1g}. What enters the first layer is "
                f"{entering:.2g} on average, and these weights are made for "
                "pixels from 0 to 255 less their mean: do not divide by 255."
            )
    faintest = min(passages[1:], key=lambda p: p.leaving / p.entering)
    louder = _spread_with(model, *_as_he(model, images, passages))
    return "initialization", (
        f"{seen}. The weights are too small: {faintest.name} for one leaves "
        f"{faintest.leaving / faintest.entering:.2g} of the size of what it "
        f"gets. With weights of He's size, for inputs of the order of 1, "
        f"they differ by {louder:.2g}."
    )


def _spread_with(model, images, change):
    twin = probing.copy_model(model)
    change(twin)
    return probing.follow(twin, images)[-1].spread


def _describe(run):
    losses = np.array(run.losses)
    if not np.isfinite(losses).all():
        what = f"the loss is no number after {len(losses)} steps"
    elif dead := ", ".join(p.name for p in find_dead(run.passages)):
        what = f"after {len(losses)} steps these layers have died: {dead}"
    else:
        what = f"the loss goes up to {losses.max():.3g}"
    return f"Trained on this batch, {what}"


def _without_biases(names):
    def change(twin):
        for name in names:
            bias = twin.get_layer(name).bias
            bias.assign(keras.ops.zeros(bias.shape))

    return change


def _as_he(model, images, passages):
    """Returns images of the order of 1, and a change to kernels of He's size."""
    scaled, rescale = _scale_input(model, images, 1 / passages[0].entering)

    def change(twin):
        rescale(twin)
        for layer in probing.weighted_layers(twin):
            kernel = keras.ops.convert_to_numpy(layer.kernel)
            size = math.sqrt(2 / math.prod(kernel.shape[:-1]))
            layer.kernel.assign(kernel * (size / max(kernel.std(), 1e-30)))

    return scaled, change


def _scale_input(model, images, factor):
    """Returns images and a change with which inputs are `factor` times as large.

    Where a layer of the model scales them it is that layer that changes, since
    it also moves them.
    """
    kinds = layers.SubtractMean, keras.layers.Rescaling
    names = [x.name for x in model.layers if isinstance(x, kinds)]

    def change(twin):
        for name in names[-1:]:
            layer = twin.get_layer(name)
            layer.scale *= factor
            if isinstance(layer, keras.layers.Rescaling):
                layer.offset *= factor

    return (images if names else images * factor), change
