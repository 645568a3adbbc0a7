"""What the arguments of `build_alexnet` do, one after the other."""

import inspect
import pathlib
import warnings

import keras
import numpy as np
import pytest
from support import NAMES
from support import SMALLEST
from support import enliven
from support import narrow
from support import pixels
from support import to_numpy

from alexnet_keras import build_alexnet

PAPER = narrow("paper")
IMAGES = pixels((2, 70, 90, 3))
SMALL = {"input_shape": (70, 90, 3), "variant": PAPER}


def outputs(model, images=IMAGES):
    return to_numpy(model(images, training=False))


@pytest.fixture
def lively():
    return enliven(build_alexnet(classifier_activation=None, **SMALL), IMAGES)


def test_signature_is_that_of_keras_applications():
    ours = inspect.signature(build_alexnet).parameters
    theirs = inspect.signature(keras.applications.ResNet50).parameters
    assert list(ours) == [*theirs, "variant"]
    assert {k: p.default for k, p in ours.items()} == {
        "include_top": True,
        "weights": None,
        "input_tensor": None,
        "input_shape": None,
        "pooling": None,
        "classes": None,
        "classifier_activation": "softmax",
        "name": "alexnet",
        "variant": "paper",
    }
    assert ours["variant"].kind is inspect.Parameter.KEYWORD_ONLY
    assert all(
        ours[name].kind is parameter.kind for name, parameter in theirs.items()
    )


@pytest.mark.parametrize("classes,expected", [(None, 7), (1, 1), (12, 12)])
def test_classes(classes, expected):
    model = build_alexnet(classes=classes, **SMALL)
    assert model.output_shape == (None, expected)
    assert model.get_layer("predictions").units == expected


@pytest.mark.parametrize("name", ["alexnet", "mine"])
def test_name(name):
    assert build_alexnet(name=name, **SMALL).name == name


def test_softmax_is_the_softmax_of_the_logits(lively):
    logits = outputs(lively)
    assert logits.std() > 0.5
    model = build_alexnet(**SMALL)
    model.set_weights(lively.get_weights())
    powers = np.exp(logits.astype("float64"))
    expected = powers / powers.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(outputs(model), expected, atol=1e-6)


def test_another_activation_of_the_classifier(lively):
    model = build_alexnet(classifier_activation="sigmoid", **SMALL)
    model.set_weights(lively.get_weights())
    expected = 1 / (1 + np.exp(-outputs(lively)))
    np.testing.assert_allclose(outputs(model), expected, atol=1e-6)


@pytest.mark.parametrize("name", NAMES)
def test_without_the_top_the_last_map_comes_out(name):
    table = narrow(name)
    shape = (70, 90, table.input_shape[-1])
    whole = build_alexnet(input_shape=shape, variant=table)
    last = "relu5" if name == "original" else "pool5"
    part = keras.Model(whole.input, whole.get_layer(last).output)
    model = build_alexnet(False, input_shape=shape, variant=table)
    assert [layer.name for layer in model.layers] == [
        layer.name for layer in part.layers
    ]
    model.set_weights(part.get_weights())
    images = pixels((2, *shape))
    np.testing.assert_array_equal(outputs(model, images), outputs(part, images))


@pytest.mark.parametrize(
    "pooling,reduce", [("avg", np.mean), ("max", np.max)], ids=["avg", "max"]
)
def test_pooling_reduces_every_map(pooling, reduce):
    maps = build_alexnet(False, **SMALL)
    model = build_alexnet(False, pooling=pooling, **SMALL)
    model.set_weights(maps.get_weights())
    expected = reduce(outputs(maps), axis=(1, 2))
    np.testing.assert_allclose(outputs(model), expected, rtol=1e-5)
    assert outputs(model).std() > 0
    assert model.layers[-1].name == f"{pooling}_pool"


@pytest.mark.parametrize("name", NAMES)
def test_open_sizes_compute_what_fixed_sizes_do(name):
    table = narrow(name)
    channels = table.input_shape[-1]
    open_sizes = build_alexnet(
        False, input_shape=(None, None, channels), variant=table
    )
    for size in (67, 70), (81, 94), (72, 99):
        images = pixels((1, *size, channels))
        fixed = build_alexnet(
            False, input_shape=(*size, channels), variant=table
        )
        fixed.set_weights(open_sizes.get_weights())
        np.testing.assert_allclose(
            open_sizes.predict(images, verbose=0),
            outputs(fixed, images),
            rtol=1e-4,
            atol=1e-6,
        )


@pytest.mark.parametrize("name", NAMES)
def test_predict_works_on_the_smallest_image(name):
    # `predict` traces a graph, whose checks of shapes are stricter than those
    # of a call on values.
    table = narrow(name)
    shape = (SMALLEST[name], SMALLEST[name], table.input_shape[-1])
    model = build_alexnet(
        input_shape=shape, classifier_activation=None, variant=table
    )
    images = pixels((2, *shape))
    enliven(model, images)
    found = model.predict(images, verbose=0)
    np.testing.assert_allclose(found, outputs(model, images), atol=1e-5)


@pytest.mark.filterwarnings("error::UserWarning")
def test_input_tensor_of_a_layer(lively):
    inputs = keras.Input((70, 90, 3), name="bytes")
    scaled = keras.layers.Rescaling(2.0, offset=-3.0)(inputs)
    model = build_alexnet(
        input_tensor=scaled, classifier_activation=None, variant=PAPER
    )
    assert model.layers[0].name == "bytes"
    model.set_weights(lively.get_weights())
    np.testing.assert_allclose(
        outputs(model, (IMAGES + 3) / 2), outputs(lively), atol=1e-4
    )


@pytest.mark.filterwarnings("error::UserWarning")
def test_input_tensor_that_is_an_input(lively):
    inputs = keras.Input((70, 90, 3), name="pictures")
    model = build_alexnet(
        input_tensor=inputs,
        input_shape=[70, 90, 3],
        classifier_activation=None,
        variant=PAPER,
    )
    model.set_weights(lively.get_weights())
    assert model.layers[0].name == "pictures"
    np.testing.assert_allclose(outputs(model), outputs(lively), atol=1e-5)


def test_input_tensor_with_open_sizes_without_the_top():
    inputs = keras.Input((None, None, 3))
    model = build_alexnet(False, input_tensor=inputs, variant=PAPER)
    assert model.output_shape == (None, None, None, 32)


@pytest.mark.parametrize("path_type", [str, pathlib.Path])
@pytest.mark.parametrize("ending", [".weights.h5", ".keras"])
def test_weights_come_back_from_a_file(lively, tmp_path, ending, path_type):
    path = tmp_path / f"saved{ending}"
    save = lively.save if ending == ".keras" else lively.save_weights
    save(path)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # Keras warns of a part not found
        model = build_alexnet(
            weights=path_type(path), classifier_activation=None, **SMALL
        )
    for saved, loaded in zip(lively.get_weights(), model.get_weights()):
        np.testing.assert_array_equal(loaded, saved)
    np.testing.assert_array_equal(outputs(model), outputs(lively))


@pytest.mark.parametrize("name", NAMES)
def test_a_whole_model_comes_back_from_a_file(name, tmp_path):
    table = narrow(name)
    shape = (70, 90, table.input_shape[-1])
    images = pixels((2, *shape))
    model = build_alexnet(
        input_shape=shape, classifier_activation=None, variant=table
    )
    enliven(model, images)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(
        outputs(loaded, images), outputs(model, images)
    )


@pytest.mark.parametrize("name", NAMES)
def test_dropout_is_where_the_table_says(name):
    model = build_alexnet(variant=narrow(name), input_shape=None)
    kinds = {type(model.get_layer(drop)) for drop in ("drop6", "drop7")}
    if name in ("paper", "original", "single_tower"):
        assert [kind.__name__ for kind in kinds] == ["Dropout2012"]
    else:
        assert kinds == {keras.layers.Dropout}
    assert model.get_layer("drop6").rate == 0.5
