"""A run of training: replicas equal one device, nothing crashes, words."""

import csv
import dataclasses
import json
import math
import os

import keras
import numpy as np
import pytest
from PIL import Image
from support import narrow

tf = pytest.importorskip("tensorflow")

from alexnet_keras import VARIANTS  # noqa: E402
from alexnet_keras import datasets  # noqa: E402
from alexnet_keras import devices  # noqa: E402
from alexnet_keras import results  # noqa: E402
from alexnet_keras import training  # noqa: E402
from alexnet_keras import variants  # noqa: E402

pytestmark = pytest.mark.skipif(
    bool(tf.config.list_physical_devices("GPU")),
    reason="two logical CPUs stand in for two GPUs",
)


def small():
    """`paper` with few filters."""
    return narrow("paper")


def without_dropout():
    """The same, and with weights large enough for every layer to learn."""
    layers = []
    for layer in small().layers:
        if isinstance(layer, variants.Dropout):
            layer = dataclasses.replace(layer, rate=0.0)
        elif isinstance(layer, variants.Conv | variants.Dense):
            layer = dataclasses.replace(layer, init="glorot_uniform")
        layers.append(layer)
    return dataclasses.replace(small(), layers=tuple(layers))


@pytest.fixture
def folder_of_images(tmp_path):
    def make(train, validation, seed=0):
        generator = np.random.default_rng(seed)
        root = tmp_path / f"images-{train}-{validation}"
        for split, count in (("train", train), ("validation", validation)):
            for number in range(count):
                name = "light" if number % 2 else "dark"
                path = root / split / name / f"{number:03}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                pixels = generator.integers(0, 120, (80, 80, 3))
                pixels += 120 * (number % 2)
                Image.fromarray(pixels.astype("uint8")).save(path)
        return str(root)

    return make


def run(dataset, **options):
    defaults = {"variant": small(), "epochs": 1, "input_size": 67, "verbose": 0}
    return training.train(dataset, **{**defaults, **options})


def test_two_replicas_equal_one_device(folder_of_images):
    dataset = folder_of_images(24, 5)
    options = {"variant": without_dropout(), "batch_size": 8, "epochs": 3}
    one, two = (
        run(dataset, replicas=replicas, **options) for replicas in (1, 2)
    )
    for first, second in zip(one.model.get_weights(), two.model.get_weights()):
        np.testing.assert_allclose(first, second, atol=1e-6)
        if first.ndim == 1:  # a bias: it started as a constant, and moved
            assert np.ptp(first) > 0
    for name, values in one.history.items():
        np.testing.assert_allclose(
            values, two.history[name], rtol=1e-5, atol=1e-5
        )


@pytest.mark.parametrize(
    "train, validation, batch_size",
    [(2, 2, 1), (3, 3, 2), (5, 3, 4), (9, 3, 16), (17, 17, 16), (18, 5, 7)],
)
def test_any_number_of_images_trains_on_two_replicas(
    folder_of_images, train, validation, batch_size
):
    result = run(
        folder_of_images(train, validation), batch_size=batch_size, replicas=2
    )
    assert all(map(math.isfinite, result.history["loss"]))
    assert result.settings.batch_size % 2 == 0
    assert batch_size <= result.settings.batch_size <= batch_size + 1


@pytest.mark.parametrize("validation, batch_size", [(7, 4), (5, 16), (8, 8)])
def test_validation_results_are_exact(folder_of_images, validation, batch_size):
    dataset = folder_of_images(8, validation)
    result = run(dataset, batch_size=batch_size, replicas=2)
    images, labels = [], []
    for image, label in datasets.load_dataset(dataset).validation:
        resized = tf.image.resize(image, (77, 77), antialias=True)
        images.append(np.round(resized[5:72, 5:72].numpy()))
        labels.append(int(label))
    scores = result.model.predict(np.array(images), verbose=0)
    picked = scores[np.arange(len(labels)), labels]
    np.testing.assert_allclose(
        result.history["val_loss"][-1], -np.log(picked).mean(), rtol=1e-4
    )
    np.testing.assert_allclose(
        result.history["val_top_1"][-1], np.mean(picked > 0.5), rtol=1e-6
    )


def test_a_run_leaves_everything_that_its_use_needs(folder_of_images, tmp_path):
    dataset, output = folder_of_images(12, 4), tmp_path / "run"
    result = run(dataset, output=output, batch_size=4, epochs=2)
    assert sorted(os.listdir(output)) == [
        "curves.png",
        "history.csv",
        "model.keras",
        "settings.json",
    ]
    record = json.loads((output / "settings.json").read_text())
    assert record["settings"] == dataclasses.asdict(result.settings)
    assert record["results"]["val_loss"] == result.history["val_loss"][-1]
    assert record["class_names"] == ["dark", "light"]
    with open(output / "history.csv") as file:
        rows = list(csv.DictReader(file))
    assert [float(row["loss"]) for row in rows] == result.history["loss"]
    assert Image.open(output / "curves.png").size[0] > 500
    # The model takes raw pixels and knows its names.
    model = keras.models.load_model(output / "model.keras")
    image = np.full((1, 67, 67, 3), 200, "uint8")
    scores = model.predict(image, verbose=0)
    np.testing.assert_allclose(scores.sum(), 1, rtol=1e-5)
    np.testing.assert_allclose(
        scores, result.model.predict(image, verbose=0), rtol=1e-5
    )
    assert model.get_layer("class_names").class_names == ("dark", "light")


def test_same_seed_gives_the_same_weights(folder_of_images):
    dataset = folder_of_images(10, 4)
    first, again, other = (
        run(dataset, batch_size=4, seed=seed).model.get_weights()
        for seed in (1, 1, 2)
    )
    for a, b in zip(first, again):
        np.testing.assert_array_equal(a, b)
    assert not np.array_equal(first[0], other[0])


def test_mean_is_subtracted_inside_the_model():
    model = training.build_classifier(
        small(), 67, ("a", "b"), (10.0, 20.0, 30.0)
    )
    image = np.full((1, 67, 67, 3), (10.0, 20.0, 30.0), "float32")
    probe = keras.Model(model.input, model.get_layer("subtract_mean").output)
    assert not np.any(probe(image))


def test_a_variant_for_grey_images_gets_them_grey():
    table = narrow("d2l")
    model = training.build_classifier(table, 67, ("a", "b"), (0, 0, 0))
    red = np.zeros((1, 67, 67, 3), "float32")
    red[..., 0] = 100
    grey = np.full_like(red, 100 * 0.2989)
    np.testing.assert_allclose(model(red), model(grey), rtol=1e-3)
    assert model.get_layer("conv1").get_weights()[0].shape[2] == 1


# --- What is said about a run ---


def history(loss, val_loss, top_1=0.5, top_5=0.9):
    return {
        "loss": [loss],
        "val_loss": [val_loss],
        "val_top_1": [top_1],
        "val_top_5": [top_5],
    }


def test_a_network_at_chance_is_reported_as_such():
    learned, summary = results.summarize(history(2.3026, 2.31, 0.1, 1.0), 10)
    assert not learned
    assert summary == (
        "The network did not learn: the loss is 2.303, and guessing gives "
        "ln(10) = 2.303. Accuracies mean nothing here. Train for more epochs, "
        "or with another learning rate."
    )


def test_a_loss_that_is_no_number_is_reported():
    learned, summary = results.summarize({"loss": [1.0, math.nan]}, 10)
    assert not learned
    assert summary == (
        "The network did not learn: the loss is nan. Train again with a "
        "smaller learning rate."
    )


@pytest.mark.parametrize(
    "classes, summary",
    [
        (
            10,
            "Validation: top-1 50.0% (chance 10.0%), top-5 90.0% (chance "
            "50.0%), loss 0.400 (chance 2.303).",
        ),
        (
            3,
            "Validation: top-1 50.0% (chance 33.3%), loss 0.400 (chance 1.099).",
        ),
    ],
)
def test_what_was_learned_is_reported_against_chance(classes, summary):
    assert results.summarize(history(0.3, 0.4), classes) == (True, summary)


def test_divergence_stops_the_run_and_is_reported(folder_of_images):
    result = run(
        folder_of_images(8, 4), learning_rate=1e9, batch_size=4, epochs=5
    )
    assert not result.learned
    assert "did not learn" in result.summary


# --- Errors, before anything runs ---


@pytest.mark.parametrize(
    "options, message",
    [
        (
            {"epochs": 0},
            "`epochs` must be a positive integer. Received: epochs=0",
        ),
        (
            {"batch_size": 2.5},
            "`batch_size` must be a positive integer. Received: batch_size=2.5",
        ),
        (
            {"replicas": -1},
            "`replicas` must be a positive integer. Received: replicas=-1",
        ),
        (
            {"learning_rate": 0},
            "`learning_rate` must be a positive number. "
            "Received: learning_rate=0",
        ),
        (
            {"seed": "x"},
            "`seed` must be an integer of at least 0. Received: seed='x'",
        ),
        (
            {"variant": "paper", "input_size": 63},
            "`input_size` must be at least 64 for variant 'paper'. "
            "Received: input_size=63",
        ),
        (
            {"variant": "alexnet"},
            f"`variant` must be one of {', '.join(VARIANTS)}, or a "
            "`variants.Variant` table of your own. Received: "
            "variant='alexnet'",
        ),
    ],
)
def test_arguments_are_checked_first(options, message):
    with pytest.raises(ValueError) as caught:
        run("photo_patches", **options)
    assert str(caught.value) == message


def test_a_folder_that_holds_a_run_is_not_overwritten(tmp_path):
    (tmp_path / "settings.json").write_text("{}")
    with pytest.raises(ValueError) as caught:
        run("photo_patches", output=tmp_path)
    assert str(caught.value) == (
        "`output` holds a run already. Name another folder, or remove it. "
        f"Received: output={str(tmp_path)!r}"
    )


def test_output_must_be_a_folder(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ValueError) as caught:
        run("photo_patches", output=tmp_path / "file" / "run")
    assert str(caught.value) == (
        f"`output` cannot be written: {str(tmp_path / 'file')!r} is no "
        "folder, or is not yours to write. "
        f"Received: output={str(tmp_path / 'file' / 'run')!r}"
    )


def test_more_logical_cpus_than_tensorflow_started_with():
    with pytest.raises(ValueError) as caught:
        devices.make_strategy(3)
    assert str(caught.value) == (
        "`replicas` on a CPU must be set before TensorFlow has run anything. "
        "Restart Python and ask first. Received: replicas=3"
    )
