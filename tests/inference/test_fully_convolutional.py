"""A network on a larger image: the same weights, at every place."""

import dataclasses

import keras
import numpy as np
import pytest
from support import NAMES
from support import enliven
from support import narrow
from support import pixels
from support import run_python
from support import to_numpy

from alexnet_keras import build_alexnet
from alexnet_keras import layers
from alexnet_keras import variants
from alexnet_keras.classifier import build_classifier
from alexnet_keras.inference.fully_convolutional import as_convolutional
from alexnet_keras.inference.fully_convolutional import place_boxes

# AlexNet's windows and strides without its paddings, so that nothing but the
# pixels of its square has a part in a place.
UNPADDED = variants.Variant(
    "unpadded",
    layers=(
        variants.Conv("conv1", 8, kernel=11, stride=4),
        variants.LRN("norm1"),
        variants.MaxPool("pool1"),
        variants.Conv("conv2", 8, kernel=5, groups=2),
        variants.MaxPool("pool2"),
        variants.Conv("conv3", 8, kernel=3),
        variants.MaxPool("pool5"),
        variants.Flatten(),
        variants.Dense("fc6", 12),
        variants.Dropout("drop6", rescale="test"),
        variants.Dense("fc7", 12),
        variants.Dense("predictions", None, activation=None),
    ),
    input_shape=(131, 163, 3),
    classes=5,
)
# At these sizes windows hang over, and torchvision's average has several sizes
# of bin.
SIZES = {
    "paper": (96, 130),
    "original": (75, 106),
    "caffe": (75, 103),
    "single_tower": (99, 131),
    "torchvision": (110, 300),
    "d2l": (97, 129),
}


def build(name, activation=None):
    table = UNPADDED if name == "unpadded" else narrow(name)
    size = SIZES.get(name, table.input_shape[:2])
    shape = (*size, table.input_shape[-1])
    model = build_alexnet(
        input_shape=shape, classifier_activation=None, variant=table
    )
    enliven(model, pixels((2, *shape)))  # by the spread of its logits
    model.get_layer("predictions").activation = keras.activations.get(
        activation
    )
    return model


def larger(model, more=64):
    height, width, channels = model.input_shape[1:]
    return pixels((2, height + more, width + more // 2, channels), seed=1)


def crops_at_places(model, images, rows, columns):
    """What the network says of the crop at each place, one at a time."""
    scores = [
        to_numpy(model(images[:, top:bottom, left:right]))
        for boxes in place_boxes(model, rows, columns)
        for top, left, bottom, right in boxes
    ]
    scores = np.stack(scores, axis=1)
    return scores.reshape(len(images), rows, columns, -1)


@pytest.mark.parametrize("name", NAMES)
def test_it_equals_the_network_at_its_own_size(name):
    model = build(name)
    images = pixels((3, *model.input_shape[1:]), seed=1)
    network = as_convolutional(model)
    scores = to_numpy(network(images))
    assert scores.shape == (3, 1, 1, 7)
    expected = to_numpy(model(images))
    np.testing.assert_allclose(scores[:, 0, 0], expected, atol=2e-5)
    assert expected.std() > 0.5  # not all the same


def test_without_padding_each_place_is_the_crop_at_that_place():
    model = build("unpadded", "softmax")
    images = larger(model, more=96)
    scores = to_numpy(as_convolutional(model)(images))
    assert scores.shape == (2, 4, 2, 5)
    expected = crops_at_places(model, images, 4, 2)
    np.testing.assert_allclose(scores, expected, atol=1e-5)
    np.testing.assert_allclose(scores.sum(-1), 1, atol=1e-5)
    assert np.ptp(scores, axis=(1, 2)).max() > 0.1  # places differ


@pytest.mark.parametrize("name", ["paper", "original", "torchvision"])
def test_with_padding_a_place_sees_beyond_its_crop(name):
    """Where the crop has zeros around it, the image has pixels."""
    model = build(name)
    images = larger(model)
    scores = to_numpy(as_convolutional(model)(images))
    assert scores.shape == (2, 3, 2, 7)
    expected = crops_at_places(model, images, 3, 2)
    differences = abs(scores - expected).max(axis=(0, -1))
    assert differences.min() > 0.01  # at every place, corners too


def test_the_boxes_are_32_pixels_apart():
    boxes = place_boxes(build("paper"), 2, 3)
    assert boxes.shape == (2, 3, 4)
    assert boxes[0, 0].tolist() == [0, 0, 96, 130]
    assert boxes[1, 2].tolist() == [32, 64, 128, 194]


def test_flatten_goes_and_the_other_layers_stay():
    network = as_convolutional(build("original", "softmax"))
    names = [layer.name for layer in network.layers]
    table = [row.name for row in variants.VARIANTS["original"].layers]
    kept = [name for name in names if name in table]
    assert kept == [name for name in table if name != "flatten"]
    shapes = {
        name: network.get_layer(name).kernel.shape
        for name in ("fc6", "fc7", "predictions")
    }
    assert shapes == {
        "fc6": (2, 3, 32, 24),
        "fc7": (1, 1, 24, 24),
        "predictions": (1, 1, 24, 7),
    }
    assert isinstance(network.get_layer("drop6"), layers.Dropout2012)
    assert network.name == "alexnet_convolutional"


def test_the_dropouts_still_drop():
    network = as_convolutional(build("original"), name="map")
    assert network.name == "map"
    dropped = keras.Model(network.input, network.get_layer("drop6").output)
    before = keras.Model(network.input, network.get_layer("fc6").output)
    images = pixels((8, 139, 106, 3))
    values = to_numpy(before(images))
    alive = to_numpy(dropped(images, training=True))[values > 0] > 0
    assert 0.4 < alive.mean() < 0.6
    np.testing.assert_array_equal(dropped(images), 0.5 * values)


def test_the_network_itself_is_left_alone():
    model = build("caffe")
    model.compile("sgd", "mse", metrics=[lambda y, p: keras.ops.mean(p)])
    before = model.get_weights()
    network = as_convolutional(model)
    assert not network.compiled
    network.set_weights([0 * weight for weight in network.get_weights()])
    for old, new in zip(before, model.get_weights()):
        np.testing.assert_array_equal(new, old)


def test_frozen_layers_stay_frozen():
    model = build("caffe")
    for name in ("conv1", "fc6"):
        model.get_layer(name).trainable = False
    network = as_convolutional(model)
    frozen = [one.name for one in network.layers if not one.trainable]
    assert frozen == ["conv1", "fc6"]


def test_batch_normalization_behind_fc6():
    rows = list(narrow("caffe").layers)
    place = [row.name for row in rows].index("drop6")
    rows.insert(place, variants.BatchNorm("norm6"))
    table = dataclasses.replace(narrow("caffe"), layers=tuple(rows))
    model = build_alexnet(
        input_shape=(75, 75, 3), classifier_activation=None, variant=table
    )
    images = pixels((3, 75, 75, 3))
    enliven(model, images)
    generator = np.random.default_rng(0)
    norm = model.get_layer("norm6")
    norm.set_weights([generator.uniform(1, 2, w.shape) for w in norm.weights])
    for name in ("fc7", "predictions"):
        layer = model.get_layer(name)
        layer.set_weights(
            [generator.uniform(-0.5, 0.5, w.shape) for w in layer.weights]
        )
    scores = to_numpy(as_convolutional(model)(images))[:, 0, 0]
    np.testing.assert_allclose(scores, model(images), rtol=1e-5, atol=1e-4)
    assert np.ptp(scores, axis=0).max() > 0.1


def test_on_a_tensor_of_the_callers():
    photographs = keras.Input((80, 70, 3), dtype="uint8", name="photographs")
    x = keras.layers.Rescaling(1.0, offset=-120)(photographs)
    model = build_alexnet(input_tensor=x, variant=narrow("paper"))
    network = as_convolutional(model)
    images = np.random.default_rng(0).integers(0, 256, (1, 80, 70, 3), "uint8")
    assert network.inputs[0].dtype == "uint8"
    np.testing.assert_allclose(
        to_numpy(network(images))[:, 0, 0], to_numpy(model(images)), atol=1e-5
    )


def test_a_classifier_keeps_its_names_and_a_value_a_channel_of_its_mean():
    names = ["a", "b", "c", "d"]
    mean = np.random.default_rng(0).uniform(100, 140, (75, 75, 3))
    image_mean = build_classifier(narrow("original"), 75, names, mean)
    # Means a channel are exact, and grey images too.
    pixel_mean = build_classifier(narrow("d2l"), 75, names, [99, 110, 120])
    for model, exact in (image_mean, False), (pixel_mean, True):
        network = as_convolutional(model)
        assert network.get_layer("class_names").class_names == tuple(names)
        expected = mean.mean((0, 1)) if not exact else [99, 110, 120]
        found = to_numpy(network.get_layer("subtract_mean").mean)
        np.testing.assert_allclose(found, expected, rtol=1e-5)
        images = pixels((2, 75, 75, 3)) + 127
        scores = to_numpy(network(images))[:, 0, 0]
        if exact:
            np.testing.assert_allclose(scores, model(images), atol=1e-5)


def test_it_is_saved_and_loaded(tmp_path):
    model = build("original", "softmax")
    network = as_convolutional(model)
    network.save(tmp_path / "map.keras")
    again = keras.models.load_model(tmp_path / "map.keras")
    images = larger(model)
    np.testing.assert_array_equal(again(images), network(images))


BACKEND = """
import sys

import numpy as np
import support

from alexnet_keras import build_alexnet
from alexnet_keras.inference.fully_convolutional import as_convolutional

saved = np.load(sys.argv[1])
model = build_alexnet(
    input_shape=(75, 106, 3), variant=support.narrow("original")
)
model.set_weights([saved[f"arr_{i}"] for i in range(len(model.weights))])
network = as_convolutional(model)
# `predict` compiles on JAX, where a call on values does not.
np.save(sys.argv[2], network.predict(saved["images"], verbose=0))
"""


@pytest.mark.extra
@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_other_backends(backend, tmp_path):
    pytest.importorskip(backend, reason=f"needs the {backend} backend")
    model = build("original", "softmax")
    images = larger(model)
    weights, scores = tmp_path / "weights.npz", tmp_path / "scores.npy"
    np.savez(weights, *model.get_weights(), images=images)
    run_python(BACKEND, weights, scores, backend=backend)
    expected = to_numpy(as_convolutional(model)(images))
    np.testing.assert_allclose(np.load(scores), expected, atol=1e-4)


def test_channels_first(image_data_format):
    """Rows, columns, channels are what `fc6` reads in both data formats."""
    last = build("torchvision", "softmax")
    image_data_format("channels_first")
    first = build_alexnet(
        input_shape=(3, 110, 300), variant=narrow("torchvision")
    )
    first.set_weights(last.get_weights())
    images = pixels((2, 142, 332, 3))
    found = as_convolutional(first)(images.transpose(0, 3, 1, 2))
    expected = to_numpy(as_convolutional(last)(images))
    np.testing.assert_allclose(to_numpy(found), expected, atol=1e-5)


@pytest.mark.parametrize("kind", ["in front", "within"])
def test_a_normalization_that_was_adapted_is_copied(kind):
    """`set_weights` alone loses what `adapt` has derived."""
    images = pixels((3, 75, 75, 3), seed=1)
    norm = keras.layers.Normalization()
    norm.adapt(2 * images + 30)
    inputs = keras.Input((75, 75, 3))
    options = {"variant": narrow("caffe"), "classifier_activation": None}
    base = build_alexnet(input_shape=(75, 75, 3), **options)
    enliven(base, norm(images))
    if kind == "in front":
        model = build_alexnet(input_tensor=norm(inputs), **options)
        model.set_weights([*norm.get_weights(), *base.get_weights()])
    else:
        model = keras.Sequential([inputs, norm, base])
    expected = to_numpy(model(images))
    found = to_numpy(as_convolutional(model)(images))[:, 0, 0]
    np.testing.assert_allclose(found, expected, atol=1e-5)
    assert np.ptp(expected, axis=0).max() > 0.01
    assert place_boxes(model, 1, 1).tolist() == [[[0, 0, 75, 75]]]
