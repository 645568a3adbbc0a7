"""Which single change mends a network that does not train.

A copy is trained on a batch as it is. If the batch is learned, the network is
fine. If not, and the training overshoots, or next to nothing gets through or
moves, one thing is changed at a time: the first change with which that does
not happen is the cause, unless a longer training does without it.
"""

import math

import keras
import numpy as np

from alexnet_keras import layers
from alexnet_keras.diagnostics import activations

PATIENCE = 5  # times as many steps before a network is said not to learn
# The loss of 2012's network itself goes to twice that of guessing in its
# first ten steps; one that goes so many times higher has overshot.
OVERSHOT = 4.0
RISEN = 1.1  # the same of the loss at the end, on average
DEAD = 0.9  # share of a layer's units
# Change of every kernel in all steps, below which nothing has happened.
LITTLE = 1e-3
# Standard deviation of the outputs over the images. The faintest beginning of
# an AlexNet here that learns is 1e-3.
FAINT = 2e-5
LARGE_BIAS = 0.5
RAW = 64.0  # standard deviation of pixels from 0 to 255, about
SMALL_INPUT = 3.0  # where inputs of the order of 1 end


def find_causes(model, images, labels, steps, fresh=False, lasting=True):
    """Trains copies of a model, changed in one thing each.

    Args:
        model: a compiled `keras.Model`.
        images: a batch.
        labels: as the loss takes them.
        steps: of each training.
        fresh: whether its weights are new ones. Defaults to `False`.
        lasting: whether the learning rate stays, so that a low one is a
            fault. Defaults to `True`.

    Returns:
        A list of `(check, text)` as in `checklist.Fault`, empty where the
        batch is learned or nothing helps against that it is not.
    """

    def fit(change=None, factor=1.0, times=1):
        return activations.overfit_one_batch(
            model, images, labels, times * steps, factor, change, stop=True
        )

    run = fit()
    if run.learned and not _overshoots(run):
        return []
    dead = _dead(run)
    if dead and not fresh:
        shares = ", ".join(f"{p.dead:.0%} of {p.name}" for p in dead)
        text = (
            f"{shares} are 0 for every image, also after {len(run.losses)} "
            "steps on them: no gradient passes there, so nothing brings them "
            "back. Start anew, with what killed them mended."
        )
        twin = activations.copy_model(model, fresh=True)
        found = find_causes(twin, images, labels, steps, True, lasting)
        return [("dead units", text), *found]
    if _overshoots(run):
        if not _lost(run) and fit(times=PATIENCE).learned:
            return []
        return [_too_much(model, images, run, fit)]
    faint, slow = run.before[-1].spread < FAINT, lasting and run.change < LITTLE
    if not (faint or slow) or (run := fit(times=PATIENCE)).learned:
        return []
    cause = faint and _too_faint(images, run, fit)
    cause = cause or (slow and _too_slow(model, run, fit))
    return [cause] if cause else []


def _dead(run):
    """The statistics of layers that are dead and stay so; the last one cannot."""
    pairs = [*zip(run.before, run.after)][:-1]
    return [p for p, q in pairs if min(p.dead, q.dead) >= DEAD]


def _died(run):
    """The names of layers that have died on the way."""
    pairs = [*zip(run.before, run.after)][:-1]
    return [p.name for p, q in pairs if p.dead < DEAD <= q.dead]


def _lost(run):
    return _died(run) or not np.isfinite(run.losses).all()


def _overshoots(run):
    """Whether a loss has gone up or is no number, or a layer has died."""
    start = max(run.chance, run.start)
    high = max(run.losses) > OVERSHOT * start
    if run.learned:
        return high and bool(_died(run))
    end = np.mean(run.losses[-len(run.losses) // 4 :])
    return high or end > RISEN * start or bool(_lost(run))


def _too_much(model, images, run, fit):
    rate = activations.learning_rate(model)
    seen = _describe(run)

    def helps(*change):
        return not _overshoots(fit(*change))

    statistics = run.before
    large = [p.name for p in statistics[:-1] if p.bias >= LARGE_BIAS]
    if large and helps(_without_biases):
        return "biases", (
            f"{seen}; with biases of 0 instead of "
            f"{max(p.bias for p in statistics):.2g} in {', '.join(large)} "
            "that does not happen. Large biases make all inputs of the last layers large "
            "and alike, so that the steps become too long. Use 0 or 0.1, a "
            f"smaller learning rate, or {_instead(model)}."
        )
    entering = statistics[0].entering
    if entering > SMALL_INPUT and helps(_scale_input(images, 1 / entering)):
        return "input scale", (
            f"{seen}; with inputs divided by {entering:.3g} that does "
            "not happen. What enters the first layer is that large on average, and "
            "these weights are made for values of about 1. Scale the "
            "images (the table's `pixel_scale`)."
        )
    if statistics[-1].spread > run.chance and helps(
        _as_he(images, 1 / entering)
    ):
        return "initialization", (
            f"{seen}; with weights of He's size that does not happen. "
            "Already before the training the outputs differ by "
            f"{statistics[-1].spread:.3g} between images. Make the weights "
            "smaller."
        )
    for factor in (0.1, 0.01, 0.001):
        if helps(None, factor):
            return "learning rate", (
                f"{seen}; with {rate * factor:.2g} instead of {rate:.2g} "
                "that does not happen. The learning rate is too high."
            )
    return "weights", (
        f"{seen}, even with a thousandth of the learning rate, and without "
        "large biases. Look at the weights, layer by layer."
    )


def _instead(model):
    """What helps a network with large biases, besides smaller ones."""
    kinds = {type(layer) for layer in activations.all_layers(model)}
    if layers.Dropout2012 in kinds:
        return "Adam(1e-4), whose steps do not depend on a gradient's size"
    return (
        "the dropout of 2012 (Dropout2012), which does not double what it keeps"
    )


def _too_faint(images, run, fit):
    last, entering = run.before[-1], run.before[0].entering
    seen = (
        f"Between images the outputs differ by {last.spread:.1g}, and in "
        f"{len(run.losses)} steps on this batch nothing is learned (loss "
        f"{run.losses[-1]:.3g}, chance is {run.chance:.3g})"
    )
    mended = fit(_as_he(images, 1 / max(entering, 1e-30)), times=PATIENCE)
    if not mended.learned:
        return None
    if 0 < entering < SMALL_INPUT:
        factor = RAW / entering
        louder = fit(_scale_input(images, factor)).before[-1].spread
        if louder >= FAINT:
            return "input scale", (
                f"{seen}; with inputs {factor:.3g} times as large they differ "
                f"by {louder:.1g}. What enters the first layer is "
                f"{entering:.2g} on average, and these weights are made for "
                "pixels from 0 to 255 less their mean: do not divide by 255."
            )
    dead = ", ".join(p.name for p in _dead(run))
    least = min(run.before, key=lambda p: p.leaving / max(p.entering, 1e-30))
    why = (
        f"Before any training these layers are 0 for every image: {dead}"
        if dead
        else f"The weights are too small: {least.name} for one leaves "
        f"{least.leaving / least.entering:.2g} of the size of what it gets"
    )
    return "initialization", (
        f"{'. '.join((why, seen) if dead else (seen, why))}. With weights of He's size, drawn at random, for "
        f"inputs of the order of 1, {_end(mended)}."
    )


def _too_slow(model, run, fit):
    rate = activations.learning_rate(model)
    seen = (
        f"In {len(run.losses)} steps no kernel changed by more than "
        f"{run.change:.1g} of its length"
    )
    for factor in (10.0, 100.0, 1e3, 1e4):
        faster = fit(None, factor, PATIENCE)
        if faster.learned:
            return "learning rate", (
                f"{seen}, and nothing is learned; with {rate * factor:.2g} "
                f"{_end(faster)}. The learning rate of {rate:.2g} is too low."
            )
    if rate == 0:
        return "learning rate", f"{seen}. The learning rate is 0."
    return None


def _end(run):
    return f"the loss is {run.losses[-1]:.2g} after {len(run.losses)}"


def _describe(run):
    losses = np.array(run.losses)
    if not np.isfinite(losses).all():
        what = f"the loss is no number after {len(losses)} steps"
    elif died := ", ".join(_died(run)):
        what = f"after {len(losses)} steps these layers have died: {died}"
    else:
        what = f"the loss goes up to {losses.max():.3g}"
    return f"Trained on this batch, {what}"


def _without_biases(twin):
    for layer in activations.weighted_layers(twin)[:-1]:
        if getattr(layer, "bias", None) is not None:
            layer.bias.assign(keras.ops.zeros(layer.bias.shape))


def _as_he(images, factor):
    """A change to kernels of He's size, and inputs times `factor`."""

    def change(twin):
        _scale_input(images, factor)(twin)
        generator = np.random.default_rng(0)
        for layer in activations.weighted_layers(twin):
            shape = layer.kernel.shape
            size = math.sqrt(2 / math.prod(shape[:-1]))
            layer.kernel.assign(generator.normal(0, size, shape))

    return change


def _scale_input(images, factor):
    """A change of what the first layer with a kernel reads."""

    def change(twin):
        layers = activations.weighted_layers(twin)
        first = activations.listen(twin, images[:1], layers)[0][0]
        call = first.call
        first.call = lambda x, *rest, **named: call(x * factor, *rest, **named)

    return change
