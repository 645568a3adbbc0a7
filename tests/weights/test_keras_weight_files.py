"""Weights from files of Keras, which tell something of their network."""

import functools
import zipfile

import keras
import numpy as np
import pytest
from support import message_of
from support import narrow
from support import pixels
from support import to_numpy

from alexnet_keras import build_alexnet
from alexnet_keras import classifier
from alexnet_keras.weights import loading

MISFIT = "`weights` does not fit this network ("


failing = functools.partial(message_of, build_alexnet)


@pytest.fixture(scope="module")
def paper_files(tmp_path_factory):
    """A narrow `paper` at 67×67 in both forms of Keras, and its weights."""
    folder = tmp_path_factory.mktemp("keras")
    model = build_alexnet(input_shape=(67, 67, 3), variant=narrow("paper"))
    model.save(folder / "paper.keras")
    model.save_weights(folder / "paper.weights.h5")
    return folder, model.get_weights()


@pytest.mark.parametrize(
    "form, variant, told",
    [
        ("keras", "caffe", "norm1 has k 2.0, alpha 0.0001 in the file, k 1.0"),
        ("keras", "original", "at norm1 (LocalResponseNormalization)"),
        ("weights.h5", "caffe", "has 2 layers Dropout2012, the network 0"),
        ("weights.h5", "original", "has 0 layers SpatialResponseNormalization"),
    ],
)
def test_weights_that_fit_of_a_network_that_computes_something_else(
    paper_files, form, variant, told
):
    message = failing(
        weights=paper_files[0] / f"paper.{form}",
        input_shape=(67, 67, 3),
        variant=narrow(variant),
    )
    assert message.startswith(MISFIT) and told in message
    assert "`load_weights`" in message


def test_a_network_that_cannot_be_told_is_refused(paper_files, tmp_path):
    with zipfile.ZipFile(paper_files[0] / "paper.keras") as old:
        parts = {name: old.read(name) for name in old.namelist()}
    path = tmp_path / "x.keras"
    arguments = {"input_shape": (67, 67, 3), "variant": narrow("paper")}
    for change, told in (
        ({"config.json": b"null"}, "what the file computes cannot be read"),
        ({"config.json": b" " * 2**28}, "it unfolds to 26"),
    ):
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as new:
            for name, content in {**parts, **change}.items():
                new.writestr(name, content)
        assert told in failing(weights=path, **arguments)
    path.write_text("no archive")
    assert "`weights` is no whole Keras file (BadZipFile" in failing(
        weights=path, **arguments
    )


@pytest.mark.parametrize("form", ["keras", "weights.h5"])
def test_weights_that_are_not_finite_are_refused(form, tmp_path):
    arguments = {"input_shape": (67, 67, 3), "variant": narrow("paper")}
    model = build_alexnet(**arguments)
    model.get_layer("conv2").bias.assign(np.full(32, np.inf))
    (model.save if form == "keras" else model.save_weights)(
        tmp_path / f"x.{form}"
    )
    assert "not finite" in failing(weights=tmp_path / f"x.{form}", **arguments)


@pytest.mark.parametrize("form", ["keras", "weights.h5"])
@pytest.mark.parametrize("top", [True, False])
def test_what_fine_tuning_changes_is_no_other_network(paper_files, form, top):
    folder, weights = paper_files
    table = narrow("paper")
    for name in ("drop6", "drop7"):
        table = table.replace_layer(name, rate=0.2)
    found = build_alexnet(
        include_top=top,
        weights=folder / f"paper.{form}",
        input_shape=(67, 67, 3),
        classifier_activation=None,
        variant=table,
    ).get_weights()
    assert len(found) == (16 if top else 10)
    for ours, theirs in zip(found, weights):
        np.testing.assert_array_equal(ours, theirs)


def test_a_trained_run_and_a_network_within_another_are_read(tmp_path):
    """What `train` writes, with its mean and names, is a `.keras` file too."""
    run = classifier.build_classifier(
        narrow("caffe"), 67, tuple("abcdefg"), [1.0, 2.0, 3.0]
    )
    run.save(tmp_path / "run.keras")
    found = build_alexnet(
        weights=tmp_path / "run.keras",
        input_shape=(67, 67, 3),
        variant=narrow("caffe"),
    )
    for ours, theirs in zip(found.get_weights(), run.get_weights()[1:]):
        np.testing.assert_array_equal(ours, theirs)
    assert "norm1 has k" in failing(
        weights=tmp_path / "run.keras",
        input_shape=(67, 67, 3),
        variant=narrow("paper"),
    )


def test_a_layer_of_the_callers_in_front_is_not_half_loaded(tmp_path):
    """`Normalization` computes with what it derived from its weights."""
    norm = keras.layers.Normalization()
    images = pixels((4, 67, 67, 3))
    norm.adapt(images)
    before = to_numpy(norm(images))
    table, shape = narrow("torchvision"), (67, 67, 3)
    inputs = keras.Input(shape)
    other = keras.layers.Normalization(name="other")
    other.adapt(3 * images + 50)
    build_alexnet(
        input_tensor=other(inputs), classes=9, variant=table
    ).save_weights(tmp_path / "other.weights.h5")
    failing(
        weights=tmp_path / "other.weights.h5",
        input_tensor=norm(keras.Input(shape)),
        variant=table,
    )
    np.testing.assert_array_equal(to_numpy(norm(images)), before)


def test_nothing_is_half_loaded_from_keras(tmp_path):
    table = narrow("torchvision")
    other = build_alexnet(classes=10, variant=table)
    other.save_weights(tmp_path / "other.weights.h5")
    model = build_alexnet(variant=table)
    before = model.get_weights()
    with pytest.raises(ValueError):
        loading.load(model, table, tmp_path / "other.weights.h5")
    for now, then in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(now, then)
