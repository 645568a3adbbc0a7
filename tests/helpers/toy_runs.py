"""Runs of training so small that they take as long as their tracing."""

import dataclasses
import sys
from unittest import mock

import keras
import numpy as np
from PIL import Image

from alexnet_keras import variants
from alexnet_keras.data import input_pipeline
from alexnet_keras.training import config
from alexnet_keras.training import step
from alexnet_keras.training import trainer
from alexnet_keras.training.recipes import Recipe
from alexnet_keras.training.recipes import Stage

TOY = variants.Variant(
    "toy",
    layers=(
        variants.Conv("conv1", 4, kernel=3, stride=2, init=0.1),
        variants.LRN("norm1"),
        variants.MaxPool("pool1"),
        variants.Flatten(),
        variants.Dense("fc6", 8, bias=1.0, init=0.1),
        variants.Dropout("drop6", rescale="test"),
        variants.Dense("predictions", None, activation=None, init=0.1),
    ),
    input_shape=(16, 16, 3),
    classes=2,
)


def without_dropout(table):
    """With weights large enough for every layer to learn."""
    layers = []
    for layer in table.layers:
        if isinstance(layer, variants.Dropout):
            layer = dataclasses.replace(layer, rate=0.0)
        elif isinstance(layer, variants.Conv | variants.Dense):
            layer = dataclasses.replace(layer, init="glorot_uniform")
        layers.append(layer)
    return dataclasses.replace(table, layers=tuple(layers))


# All that a recipe can have, in as few epochs.
FULL = Recipe(
    "full",
    epochs=4,
    stages=(
        Stage(0, 1e-3, 2e-3),
        Stage(1, 5e-4, 1e-3, (("conv1", 0.1),)),
        Stage(2, 1e-4, 1e-3, (("conv1", 0.0),), 0.0),
    ),
    batch_size=8,
    crop_chunk=4,
    noise_divisor=1.1,
)


def make_images(root, train, validation):
    generator = np.random.default_rng(0)
    for split, count in (("train", train), ("validation", validation)):
        for number in range(count):
            name = "light" if number % 2 else "dark"
            path = root / split / name / f"{number:03}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            pixels = generator.integers(0, 120, (80, 80, 3))
            pixels += 120 * (number % 2)
            Image.fromarray(pixels.astype("uint8")).save(path)
    return str(root)


CALLBACKS = []  # of the next run, besides its own


def run(dataset, **options):
    defaults = {
        "variant": TOY,
        "recipe": FULL,
        "epochs": 1,
        "batch_size": 8,
        "input_size": 16,
        "verbose": 0,
        "callbacks": CALLBACKS,
    }
    return trainer.train(dataset, **{**defaults, **options})


def run_plain(dataset, **options):
    """As `run`, but the network is trained bare: noise comes in its images."""
    batches = input_pipeline.training_batches

    def noised(*arguments, noise_apart, **named):
        return batches(*arguments, **named)

    with (
        mock.patch.object(step, "TrainingNetwork", lambda net, mean: net),
        mock.patch.object(input_pipeline, "training_batches", noised),
    ):
        return run(dataset, **options)


class Stop(Exception):
    """Ends a run from inside, as a crash does."""


def crash():
    raise Stop


def act_at(monkeypatch, count, action, hook="on_train_batch_end"):
    """Makes the next run do `action` when `hook` is called the nth time."""
    actor, calls = keras.callbacks.Callback(), []

    def act(*arguments, **logs):
        calls.append(arguments)
        if len(calls) == count:
            action()

    setattr(actor, hook, act)
    monkeypatch.setattr(sys.modules[__name__], "CALLBACKS", [actor])


def fill_in(dataset="cifar10", variant="paper", recipe="original", **options):
    """A `TrainConfig` and the recipe for it, as `train` resolves them."""
    defaults = {
        "epochs": None,
        "batch_size": None,
        "replicas": 1,
        "input_size": None,
        "learning_rate": None,
        "scale_rate": False,
        "precision": "float32",
        "seed": 2012,
        "skip_bad": False,
    }
    resolved, _, scaled = config.resolve(
        dataset, variant, recipe, **{**defaults, **options}
    )
    return resolved, scaled
