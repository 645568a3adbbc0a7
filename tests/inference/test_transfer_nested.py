"""Networks within networks: cut, frozen and trained as those without."""

import keras
import numpy as np
import pytest
from support import message_of
from support import pixels
from support import to_numpy
from test_transfer import SHAPE
from test_transfer import build
from test_transfer import fit

from alexnet_keras import preprocess_input
from alexnet_keras.inference.transfer import features
from alexnet_keras.inference.transfer import freeze_through
from alexnet_keras.inference.transfer import new_top


def nested(kind, base):
    """A network within a model of another form, its pixels shifted by 3."""
    shift = keras.layers.Rescaling(1.0, offset=3.0, name="shift")
    if kind == "sequential":
        return keras.Sequential([keras.Input(SHAPE), shift, base])
    images = keras.Input(SHAPE, name="photographs")
    if kind == "functional":
        return keras.Model(images, base(shift(images), training=False))
    inner = keras.Sequential([keras.Input(SHAPE), shift, base], name="inner")
    return keras.Model(images, inner(images))


KINDS = ["sequential", "functional", "both"]


@pytest.mark.parametrize("loaded", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_networks_within_networks_are_cut_before_their_top(
    kind, loaded, tmp_path
):
    base = build("caffe")
    model = nested(kind, base)
    if loaded:
        model.save(tmp_path / "nested.keras")
        model = keras.models.load_model(tmp_path / "nested.keras")
    images = pixels((2, *SHAPE), seed=3)
    expected = to_numpy(features(base, "fc7")(images + 3))
    np.testing.assert_allclose(
        to_numpy(features(model, "fc7")(images)), expected, rtol=1e-5
    )
    new = new_top(model, 3)
    assert new.layers[-2].name == "drop7"
    top = new.get_layer("predictions")
    logits = expected @ to_numpy(top.kernel)
    found = to_numpy(new(images))
    expected = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    np.testing.assert_allclose(found, expected, rtol=1e-4)
    again = new_top(new, ["ant", "bee"])  # other classes once more
    assert [layer.name for layer in again.layers[-3:]] == [
        "drop7",
        "predictions",
        "class_names",
    ]
    again.save(tmp_path / "again.keras")
    reloaded = keras.models.load_model(tmp_path / "again.keras")
    np.testing.assert_array_equal(
        to_numpy(reloaded(images)), to_numpy(again(images))
    )


@pytest.mark.parametrize("kind", KINDS)
def test_networks_within_networks_freeze_layer_by_layer(kind, tmp_path):
    base = build("caffe")
    model = nested(kind, base)
    base.trainable = False  # as people do, which would hide all within
    assert freeze_through(model, "conv5") == ["fc6", "fc7", "predictions"]
    images, labels = pixels((8, *SHAPE)), np.arange(8) % 7
    assert fit(model, images, labels, 1, 1e-3) == {"fc6", "fc7", "predictions"}
    model.save(tmp_path / "frozen.keras")
    loaded = keras.models.load_model(tmp_path / "frozen.keras")
    assert len(loaded.trainable_weights) == 6
    assert freeze_through(model, base.name) == []
    assert len(freeze_through(model, None)) == 8


def test_a_sequential_of_single_layers():
    """`layer.output` of such a model has never been called."""
    rows = keras.layers
    model = keras.Sequential(
        [
            rows.Conv2D(4, 3, name="conv1"),
            rows.Flatten(name="flat"),
            rows.Dense(5, activation="softmax", name="predictions"),
        ]
    )
    assert "`keras.Input`" in message_of(features, model, "conv1")
    assert "`keras.Input`" in message_of(new_top, model, 2)
    images = pixels((2, 8, 8, 3))
    model(images)
    found = to_numpy(features(model, "conv1")(images))
    np.testing.assert_allclose(
        found, to_numpy(model.layers[0](images)), rtol=1e-6
    )
    assert new_top(model, 2).layers[-2].name == "flat"
    assert freeze_through(model, "conv1") == ["predictions"]


@pytest.mark.parametrize("variant", ["caffe", "torchvision"])
@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_preprocessing_may_travel_inside(
    variant, data_format, image_data_format, tmp_path
):
    image_data_format(data_format)
    first = data_format == "channels_first"
    shape = (3, 67, 67) if first else SHAPE
    rows = keras.layers
    base = keras.Sequential(
        [keras.Input(shape), rows.Flatten(), rows.Dense(4, name="predictions")]
    )
    photographs = np.random.default_rng(0).integers(0, 256, (2, *shape))
    prepared = preprocess_input(photographs, variant=variant)
    model = new_top(base, ["ant", "bee"], preprocess=variant)
    model.save(tmp_path / "inside.keras")
    loaded = keras.models.load_model(tmp_path / "inside.keras")
    flat = rows.Flatten()(prepared)
    expected = keras.ops.softmax(flat @ model.get_layer("predictions").kernel)
    for one in model, loaded:
        np.testing.assert_allclose(
            to_numpy(one(photographs.astype("float32"))), expected, atol=1e-5
        )
    message = message_of(new_top, model, 2, preprocess=variant)
    assert "it would be done twice" in message
    assert message_of(new_top, base, 2, preprocess="vgg").startswith(
        "`preprocess` must be `None`, torchvision or caffe. "
    )
