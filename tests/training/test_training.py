"""Runs of training: replicas, schedule, precision, exact results, words."""

import csv
import dataclasses
import json
import math
import os
import shlex

import keras
import numpy as np
import pytest
from PIL import Image
from support import narrow

tf = pytest.importorskip("tensorflow")

import toy_runs  # noqa: E402
from toy_runs import make_images  # noqa: E402
from toy_runs import run  # noqa: E402
from toy_runs import without_dropout  # noqa: E402

from alexnet_keras import __main__ as command_line  # noqa: E402
from alexnet_keras import optimizers  # noqa: E402
from alexnet_keras.data import datasets  # noqa: E402
from alexnet_keras.training import run_folder  # noqa: E402
from alexnet_keras.training.recipes import Recipe  # noqa: E402
from alexnet_keras.training.recipes import Stage  # noqa: E402

pytestmark = pytest.mark.skipif(
    bool(tf.config.list_physical_devices("GPU")),
    reason="two logical CPUs stand in for two GPUs",
)


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    return make_images(tmp_path_factory.mktemp("images"), 24, 5)


class Recorder(keras.callbacks.Callback):
    """Keeps rates, weights and velocities of the end of each epoch."""

    def on_train_begin(self, logs=None):
        self.optimizer = optimizers.unwrap(self.model.optimizer)
        self.rates, self.weights, self.velocities = [], [self._weights()], []

    def _weights(self):
        return [v.numpy() for v in self.model.trainable_variables]

    def on_epoch_end(self, epoch, logs=None):
        rates = (self.optimizer.learning_rate, self.optimizer._bias_rate)
        self.rates.append(tuple(float(rate.numpy()) for rate in rates))
        self.weights.append(self._weights())
        self.velocities.append([v.numpy() for v in self.optimizer.velocities])


@pytest.fixture
def recorder(monkeypatch):
    """Looks into the model of the next run."""
    recorder = Recorder()
    monkeypatch.setattr(toy_runs, "CALLBACKS", [recorder])
    return recorder


# --- The whole recipe, on one device and on two ---


def whole(dataset, **options):
    return run(
        dataset,
        variant=without_dropout(narrow("original")),
        epochs=4,
        input_size=67,
        **options,
    )


@pytest.fixture(scope="module")
def one_device(dataset):
    return whole(dataset)


def test_two_replicas_equal_one_device(dataset, one_device):
    two = whole(dataset, replicas=2)
    weights = one_device.model.get_weights()
    for first, second in zip(weights, two.model.get_weights(), strict=True):
        np.testing.assert_allclose(first, second, atol=1e-6)
        if first.ndim == 1:  # a bias: it started as a constant, and moved
            assert np.ptp(first) > 0
    for name in set(two.history):
        np.testing.assert_allclose(
            one_device.history[name], two.history[name], rtol=1e-5, atol=1e-5
        )


def test_a_run_leaves_all_that_its_use_needs(
    dataset, one_device, tmp_path, capsys
):
    result = whole(dataset, output=tmp_path, verbose=2)
    # The same seed: the same weights.
    weights = result.model.get_weights()
    for ours, theirs in zip(weights, one_device.model.get_weights()):
        np.testing.assert_array_equal(ours, theirs)

    assert sorted(os.listdir(tmp_path)) == [
        "curves.png",
        "history.csv",
        "model.keras",
        "results.json",
        "settings.json",
        "statistics.npz",
    ]
    assert {*os.listdir(tmp_path)} == {*run_folder.FILES}
    record = json.loads((tmp_path / "results.json").read_text())
    assert record["settings"] == dataclasses.asdict(result.config)
    assert record["history"] == result.history
    assert record["results"]["val_loss"] == result.history["val_loss"][-1]
    assert record["class_names"] == ["dark", "light"]
    assert record["summary"] == result.summary
    words = shlex.split(record["command"])[3:]
    parsed = vars(command_line._parser().parse_args(words))
    for name, value in dataclasses.asdict(result.config).items():
        assert parsed[name] == value
    settings = json.loads((tmp_path / "settings.json").read_text())
    assert settings.items() > record["settings"].items()
    with open(tmp_path / "history.csv") as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows] == ["1", "2", "3", "4"]
    assert [float(row["loss"]) for row in rows] == result.history["loss"]
    assert Image.open(tmp_path / "curves.png").size[0] > 500
    # The model takes raw pixels and knows its names.
    model = keras.models.load_model(tmp_path / "model.keras")
    image = np.full((1, 67, 67, 3), 200, "uint8")
    scores = model.predict(image, verbose=0)
    np.testing.assert_allclose(scores.sum(), 1, rtol=1e-5)
    np.testing.assert_array_equal(
        scores, result.model.predict(image, verbose=0)
    )
    assert model.get_layer("class_names").class_names == ("dark", "light")

    printed = capsys.readouterr()
    lines = printed.out.splitlines()
    assert lines[0] == (
        f"original at 67×67 on {dataset}: 24 training and 5 validation images "
        "of 2 classes. Recipe full, 4 epochs, batches of 8 on 1 replica(s) of "
        "CPU, float32, no XLA."
    )
    assert lines[1:8:2] == [f"Epoch {number}/4" for number in range(1, 5)]
    assert all(" - val_top_1: " in line for line in lines[2:9:2])
    assert lines[9].startswith(f"{result.summary} (")
    assert lines[10] == (
        f"Written to {tmp_path}: curves.png, history.csv, model.keras, "
        "results.json, settings.json, statistics.npz"
    )
    assert len(lines) == 11
    assert printed.err == ""


@pytest.mark.parametrize(
    "precision, tolerance", [("mixed_float16", 0.1), ("mixed_bfloat16", 0.25)]
)
def test_mixed_precision_learns_the_same(
    dataset, one_device, precision, tolerance, recorder
):
    result = whole(dataset, precision=precision)
    assert result.config.precision == precision
    assert all(map(math.isfinite, result.history["loss"]))
    # Trained in half precision, with the schedule and under a scaled loss.
    layer = recorder.model.get_layer("conv2")
    assert layer.compute_dtype == precision.removeprefix("mixed_")
    scaled = isinstance(
        recorder.model.optimizer, keras.optimizers.LossScaleOptimizer
    )
    assert scaled == (precision == "mixed_float16")
    assert [rate for rate, _ in recorder.rates] == pytest.approx(
        [1e-3, 5e-4, 1e-4, 1e-4]
    )
    # What is returned computes in float32, normalizers and all.
    assert {layer.compute_dtype for layer in result.model.layers} == {"float32"}
    assert keras.config.dtype_policy().name == "float32"
    # Activations have three digits, two in bfloat16; a loss near 0 has none
    # in common. Guessing has a loss of 0.69.
    np.testing.assert_allclose(
        result.history["loss"], one_device.history["loss"], rtol=0, atol=0.02
    )
    start = recorder.weights[0]
    ours = [v.numpy() for v in result.model.trainable_variables]
    theirs = [v.numpy() for v in one_device.model.trainable_variables]
    for before, mine, other in zip(start, ours, theirs, strict=True):
        if before.ndim > 1:
            error = np.linalg.norm(mine - other)
            assert error < tolerance * np.linalg.norm(other - before)


# --- The schedule reaches the optimizer ---


def test_rates_by_epoch_and_the_freeze(dataset, recorder):
    result = run(dataset, epochs=4, batch_size=4, scale_rate=True)
    # The linear rule: half the batch, half the rates.
    assert result.config.learning_rate == 5e-4
    np.testing.assert_allclose(
        recorder.rates,
        [(5e-4, 1e-3), (2.5e-4, 5e-4), (5e-5, 5e-4), (5e-5, 5e-4)],
        rtol=1e-6,
    )
    names = [v.path for v in recorder.model.trainable_variables]
    frozen = [name.startswith("conv1/") for name in names]
    assert frozen == [True, True, False, False, False, False]
    for epoch in range(4):
        before, after = recorder.weights[epoch : epoch + 2]
        for still, was, now in zip(frozen, before, after):
            assert np.array_equal(was, now) == (still and epoch >= 2)
    # It was moving when it was frozen, and kept its velocity.
    for index in (0, 1):
        velocity = recorder.velocities[1][index]
        assert np.any(velocity)
        np.testing.assert_array_equal(recorder.velocities[3][index], velocity)


def test_a_run_whose_error_does_not_fall_ends_early(dataset, capsys):
    still = Recipe("still", 9, (Stage(0, 1e-9, 0),) * 2, patience=1)
    result = run(dataset, recipe=still, epochs=None, verbose=2)
    # The first epoch has the lowest error so far; two stages of one more.
    assert len(result.history["val_top_1"]) == 3
    assert result.config.epochs == 9
    assert (
        "The validation error has not fallen for 1 epoch(s) at the last rate: "
        "the run ends after epoch 3.\n"
    ) in capsys.readouterr().out


def test_another_seed_gives_other_weights(dataset):
    class Begun(Exception):
        pass

    class Begin(keras.callbacks.Callback):
        def on_train_begin(self, logs=None):
            raise Begun(self.model.get_layer("conv1").get_weights()[0])

    kernels = []
    for seed in (1, 1, 2):
        with pytest.raises(Begun) as caught:
            run(dataset, seed=seed, callbacks=[Begin()])
        kernels += caught.value.args
    np.testing.assert_array_equal(kernels[0], kernels[1])
    assert not np.allclose(kernels[0], kernels[2], atol=0.01)


# --- Any number of images, each counted once ---


@pytest.mark.parametrize(
    "train, validation, batch_size", [(2, 2, 1), (9, 3, 16), (17, 5, 7)]
)
def test_results_are_exact_for_any_number_of_images(
    tmp_path, train, validation, batch_size
):
    dataset = make_images(tmp_path, train, validation)
    result = run(dataset, batch_size=batch_size, replicas=2)
    assert all(map(math.isfinite, result.history["loss"]))
    assert result.config.batch_size % 2 == 0
    assert batch_size <= result.config.batch_size <= batch_size + 1
    images, labels = [], []
    for image, label in datasets.load_dataset(dataset).images("validation"):
        resized = tf.image.resize(image, (18, 18), antialias=True)
        images.append(np.round(resized[1:17, 1:17].numpy()))
        labels.append(int(label))
    assert len(labels) == validation
    scores = result.model.predict(np.array(images), verbose=0)
    picked = scores[np.arange(len(labels)), labels]
    np.testing.assert_allclose(
        result.history["val_loss"][-1], -np.log(picked).mean(), rtol=1e-4
    )
    np.testing.assert_allclose(
        result.history["val_top_1"][-1], np.mean(picked > 0.5), rtol=1e-6
    )


def test_noise_on_the_device_leaves_the_training_as_it_is(dataset):
    """Dropout above all, and the epochs with and without noise."""
    ours, plain = (
        train(dataset, epochs=4).model.get_weights()
        for train in (run, toy_runs.run_plain)
    )
    for one, other in zip(ours, plain):
        np.testing.assert_array_equal(one, other)


def test_a_callback_saves_the_network_without_noise(dataset, tmp_path):
    saved, seen = tmp_path / "last.keras", []
    batch = np.full((2, 16, 16, 3), 200, "uint8")

    class Look(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            seen.append(self.model.predict(batch, verbose=0))

    mine = [keras.callbacks.ModelCheckpoint(saved), Look()]
    run(dataset, callbacks=mine)
    model = keras.models.load_model(saved)
    assert type(model).__name__ == "Functional"
    np.testing.assert_array_equal(model.predict(batch, verbose=0), seen[0])
