"""One trial of an experiment: a network, a seed, its errors by epoch."""

import math
import time
from dataclasses import dataclass

import keras

from alexnet_keras.classifier import build_classifier
from alexnet_keras.metrics import NEAR_CHANCE
from alexnet_keras.optimizers import SGD2012
from alexnet_keras.specs import Variant
from alexnet_lab.experiments import in_memory_data

BATCH_SIZE = 128
MEASURED = 5000  # images of a split on which the error is measured
RATES = (1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1, 3e-1, 1.0, 3.0)
FIRST_RATE = 3e-2
CURVES = ("train_loss", "train_error", "val_loss", "val_error")


@dataclass(frozen=True)
class Condition:
    """What an experiment compares: a table, and how it is trained.

    Attributes:
        name: as in figures and tables.
        table: a `Variant`.
        learning_rate: of all layers; `None` has it searched.
        weight_decay: of weights, inside the velocity. Defaults to 0.
        augment: whether images are shifted and mirrored. Defaults to `False`.
    """

    kind = "condition"
    name: str
    table: Variant
    learning_rate: float | None = None
    weight_decay: float = 0.0
    augment: bool = False


def train_network(
    condition,
    data,
    learning_rate,
    seed,
    epochs,
    target=None,
    *,
    batch_size=BATCH_SIZE,
    measured=MEASURED,
):
    """Trains a network from new weights and measures it after every epoch.

    Momentum 0.9, the update rule of 2012. Errors are measured with dropout
    off, also before the first update.

    Args:
        condition: a `Condition`.
        data: `Arrays`.
        learning_rate: of weights and biases, all along.
        seed: of weights, order, dropout, crops and flips.
        epochs: the most passes over the training images.
        target: training error at which the trial ends. Defaults to `None`.
        batch_size: images in a batch. Defaults to 128.
        measured: on how many images of each split, the first ones, errors are
            measured at most. Defaults to 5,000.

    Returns:
        `(model, trial)`. The `keras.Model` takes images of 0 to 255 and
        gives logits. The trial is a dict: `seed`, `learning_rate`,
        `seconds`, and lists that begin before the first epoch: `train_loss`
        and `val_loss` in nats, `train_error` and `val_error` as shares. A
        loss that is not finite ends a trial and is not in its lists;
        `diverged` says so.
    """
    keras.utils.set_random_seed(seed)
    model = build_classifier(
        condition.table,
        data.train[0].shape[1],
        data.class_names,
        data.mean,
        None,
    )
    model.compile(
        SGD2012(learning_rate, weight_decay=condition.weight_decay),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
        jit_compile=False,
    )
    stream, steps = in_memory_data.training_stream(
        data, batch_size, epochs, seed, condition.augment
    )
    errors = _Errors(model, data, target, measured)
    start = time.perf_counter()
    errors.measure()
    if not errors.done:
        model.fit(
            stream,
            epochs=epochs,
            steps_per_epoch=steps,
            callbacks=[errors],
            shuffle=False,
            verbose=0,
        )
    return model, {
        "seed": seed,
        "learning_rate": learning_rate,
        "diverged": errors.diverged,
        "seconds": round(time.perf_counter() - start, 1),
        **errors.curves,
    }


def run_trial(*arguments, **options):
    """Does as `train_network` and returns the trial alone."""
    return train_network(*arguments, **options)[1]


class _Errors(keras.callbacks.Callback):
    """Measures loss and error; ends a trial that is done, or lost."""

    def __init__(self, model, data, target, measured):
        super().__init__()
        self.set_model(model)
        self.parts = {
            "train": in_memory_data.evaluation_batches(data.train, measured),
            "val": in_memory_data.evaluation_batches(data.validation, measured),
        }
        self.target = target
        self.curves = {name: [] for name in CURVES}
        self.diverged = self.done = False

    def on_epoch_end(self, epoch, logs=None):
        self.measure()
        self.model.stop_training = self.done

    def measure(self):
        """Adds a value to every curve; sets `diverged` and `done`."""
        found = {}
        for name, part in self.parts.items():
            values = self.model.evaluate(part, verbose=0, return_dict=True)
            found[f"{name}_loss"] = values["loss"]
            found[f"{name}_error"] = 1 - values["accuracy"]
        self.diverged = not all(map(math.isfinite, found.values()))
        if not self.diverged:
            for name, value in found.items():
                self.curves[name].append(round(float(value), 5))
        reached = (
            self.target is not None and found["train_error"] <= self.target
        )
        self.done = self.diverged or reached


def find_rate(condition, data, epochs, say=print, **settings):
    """Finds the learning rate with which the training loss falls fastest.

    Goes from 0.03 up or down a ladder of factors of about √10 as long as the
    loss after the last epoch falls, so that the best of what was tried has
    neighbours on both sides that are worse. If even that one has not left
    ln(K), the loss of guessing among K classes, the order means nothing, and
    the search is repeated once with four times as many epochs.

    Args:
        condition: a `Condition`.
        data: `Arrays`, a part of the training images.
        epochs: of each try, with seed 0.
        say: gets a line for each try. Defaults to `print`.
        **settings: as `train_network` takes them.

    Returns:
        `(rate, tried)`; `tried` is a dict from rates to losses in nats, `None`
        where the loss was not finite.
    """
    rate, tried = _climb(condition, data, epochs, say, settings)
    chance = math.log(len(data.class_names))
    if tried[rate] is None or tried[rate] > NEAR_CHANCE * chance:
        say(f"{condition.name}: nothing learned yet; {4 * epochs} epochs each")
        rate, tried = _climb(condition, data, 4 * epochs, say, settings)
    return rate, tried


def _climb(condition, data, epochs, say, settings):
    tried = {}

    def loss(place):
        rate = RATES[place]
        if rate not in tried:
            trial = run_trial(condition, data, rate, 0, epochs, **settings)
            tried[rate] = None if trial["diverged"] else trial["train_loss"][-1]
            say(f"{condition.name}: rate {rate:g}, loss {tried[rate]}")
        # Of rates that diverge, the lowest is the nearest to one that learns.
        diverged = tried[rate] is None
        return (diverged, place if diverged else tried[rate])

    place = RATES.index(FIRST_RATE)
    while True:
        near = [p for p in (place, place - 1, place + 1) if 0 <= p < len(RATES)]
        best = min(near, key=loss)
        if best == place:
            return RATES[place], dict(sorted(tried.items()))
        place = best
