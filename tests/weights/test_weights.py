"""`weights="imagenet"`: preprocessing, names, downloads that fail."""

import os
import socket
import sys

import keras
import numpy as np
import pytest
from PIL import Image
from support import message_of
from support import run_python
from support import to_numpy

from alexnet_keras import build_alexnet
from alexnet_keras import decode_predictions
from alexnet_keras import preprocess_input
from alexnet_keras.weights import downloads

SHAPE = (67, 67, 3)


def images(seed=0):
    generator = np.random.default_rng(seed)
    return generator.integers(0, 256, (2, 5, 4, 3), "uint8")


def test_preprocessing_of_caffe():
    """Caffe subtracts its means in its order: 104, 116.7, 122.7 from B, G, R."""
    expected = images()[..., ::-1] - np.array([104.00699, 116.66877, 122.67891])
    np.testing.assert_allclose(
        preprocess_input(images(), variant="caffe"),
        expected[..., ::-1],
        atol=1e-5,
    )


def test_preprocessing_of_torchvision():
    """As its documentation says: to [0, 1], then means and deviations."""
    mean = np.array([0.485, 0.456, 0.406])
    deviation = np.array([0.229, 0.224, 0.225])
    expected = (images() / 255 - mean) / deviation
    np.testing.assert_allclose(
        preprocess_input(images(), variant="torchvision"), expected, atol=1e-6
    )


@pytest.mark.parametrize("variant", ["caffe", "torchvision"])
def test_preprocessing_leaves_its_input_alone(variant):
    for given in (images(), images().astype("float32")):
        before = given.copy()
        found = preprocess_input(given, variant=variant)
        np.testing.assert_array_equal(given, before)
        assert found.dtype == "float32" and not np.shares_memory(found, given)


@pytest.mark.parametrize("variant", ["caffe", "torchvision"])
def test_preprocessing_of_other_kinds_of_images(variant):
    expected = preprocess_input(images(), variant=variant)
    tensor = keras.ops.convert_to_tensor(images())
    for given in (
        images().tolist(),
        images().astype("float64"),
        tensor,
    ):
        found = preprocess_input(given, variant=variant)
        np.testing.assert_allclose(to_numpy(found), expected, atol=1e-5)
    one = preprocess_input(images()[0], variant=variant)
    np.testing.assert_allclose(one, expected[0], atol=1e-5)
    first = preprocess_input(
        images().transpose(0, 3, 1, 2), "channels_first", variant=variant
    )
    np.testing.assert_allclose(first.transpose(0, 2, 3, 1), expected, atol=1e-5)
    inputs = keras.Input((5, 4, 3), dtype="uint8")
    model = keras.Model(inputs, preprocess_input(inputs, variant=variant))
    np.testing.assert_allclose(to_numpy(model(tensor)), expected, atol=1e-5)


def test_preprocessing_of_pil_images_and_lists():
    expected = preprocess_input(images(), variant="caffe")
    pictures = [Image.fromarray(one) for one in images()]
    for given, wanted in (
        (pictures, expected),
        (tuple(images()), expected),
        ([keras.ops.convert_to_tensor(one) for one in images()], expected),
        (pictures[0], expected[0]),
    ):
        found = preprocess_input(given, variant="caffe")
        assert isinstance(found, np.ndarray)
        np.testing.assert_allclose(found, wanted, atol=1e-5)
    np.testing.assert_array_equal(np.asarray(pictures[0]), images()[0])


FOREIGN = """
import keras
import numpy as np
import tensorflow as tf
import torch
import jax.numpy as jnp
from alexnet_keras import preprocess_input

images = np.random.default_rng(0).integers(0, 256, (2, 5, 4, 3), "uint8")
expected = preprocess_input(images, variant="torchvision")
for kind in (tf.constant, jnp.asarray, torch.asarray):
    given = kind(images)
    found = preprocess_input(given, variant="torchvision")
    assert keras.ops.is_tensor(found)
    found = keras.ops.convert_to_numpy(found)
    np.testing.assert_allclose(found, expected, atol=1e-5)
    np.testing.assert_array_equal(np.asarray(given), images)
"""


@pytest.mark.extra
@pytest.mark.parametrize("backend", ["tensorflow", "jax", "torch"])
def test_preprocessing_of_tensors_of_any_library(backend):
    for name in ("jax", "torch"):
        pytest.importorskip(name, reason="compares tensors of all libraries")
    run_python(FOREIGN, backend=backend)


@pytest.mark.parametrize(
    "given, told",
    [
        ([Image.new("RGB", (4, 5)), Image.new("RGB", (5, 4))], "of one size"),
        (Image.new("L", (4, 5)), 'convert("RGB")'),
        (Image.new("RGBA", (4, 5)), 'convert("RGB")'),
        ("cat.jpg", "x of type str"),
        (None, "x of type NoneType"),
        ([], "x of type list"),
        (np.zeros((2, 4, 5, 3), "complex64"), "x of type ndarray"),
    ],
)
def test_what_is_no_image_is_refused_in_words(given, told):
    message = message_of(preprocess_input, given, variant="caffe")
    assert message.startswith("`x` must be ") and told in message


def test_errors_of_preprocessing():
    assert message_of(preprocess_input, images(), variant="paper") == (
        "`variant` must be torchvision or caffe: for the others, no weights "
        "are published. Received: variant='paper'"
    )
    grey = np.zeros((2, 5, 4, 1))
    assert message_of(preprocess_input, grey, variant="caffe") == (
        "`x` must be RGB images, with three channels (channels_last); a PIL "
        'image becomes one by `convert("RGB")`. '
        "Received: x of shape (2, 5, 4, 1)"
    )
    assert message_of(preprocess_input, images(), "NCHW", variant="caffe") == (
        '`data_format` must be "channels_last" or "channels_first". '
        "Received: data_format='NCHW'"
    )


def test_variants_without_published_weights():
    for variant in ("paper", "original", "single_tower", "d2l"):
        message = message_of(build_alexnet, weights="imagenet", variant=variant)
        assert message == (
            "`variant` must be torchvision or caffe: for the others, no "
            f"weights are published. Received: variant='{variant}'"
        )


def test_other_classes():
    message = message_of(
        build_alexnet, weights="imagenet", classes=10, variant="caffe"
    )
    assert message == (
        '`classes` must be 1000 with `weights="imagenet"` and the top. For '
        "classes of your own, build without the top, or put another layer "
        "behind fc7. Received: classes=10"
    )


def test_names(monkeypatch):
    """Keras knows the names; here a stand-in for its file."""
    index = {str(i): [f"n{i:08}", f"name {i}"] for i in range(1000)}
    utilities = keras.src.applications.imagenet_utils
    monkeypatch.setattr(utilities, "CLASS_INDEX", index)
    scores = np.zeros((2, 1000), "float32")
    scores[0, [7, 281]] = 0.2, 0.8
    scores[1, 999] = 1
    first, second = decode_predictions(keras.ops.convert_to_tensor(scores), 2)
    assert first == [
        ("n00000281", "name 281", np.float32(0.8)),
        ("n00000007", "name 7", np.float32(0.2)),
    ]
    assert second[0] == ("n00000999", "name 999", 1)
    assert len(decode_predictions(scores)[0]) == 5


def test_errors_of_names(monkeypatch):
    assert message_of(decode_predictions, np.zeros((2, 10))) == (
        "`predictions` must have the shape (batch, 1000). "
        "Received: predictions of shape (2, 10)"
    )
    for given in ("cat", None, [[1.0, 2.0], [3.0]], keras.Input((1000,))):
        message = message_of(decode_predictions, given)
        assert message.startswith("`predictions` must be numbers: ")
    assert message_of(decode_predictions, np.zeros((2, 1000)), 0) == (
        "`top` must be a positive integer. Received: top=0"
    )

    def get_file(*_, **__):
        assert socket.getdefaulttimeout() == downloads.TIMEOUT
        raise Exception("no route")

    utilities = keras.src.applications.imagenet_utils
    monkeypatch.setattr(utilities, "CLASS_INDEX", None)
    monkeypatch.setattr(utilities.file_utils, "get_file", get_file)
    message = message_of(
        decode_predictions, np.zeros((2, 1000)), error=ConnectionError
    )
    assert message == (
        "the names of ImageNet's classes could not be downloaded: no route. "
        "They are needed once."
    )


def test_onnx_is_asked_for_before_the_download(monkeypatch, tmp_path):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.setitem(sys.modules, "onnx", None)
    message = message_of(
        build_alexnet, weights="imagenet", variant="caffe", error=ImportError
    )
    assert message == (
        "`weights` come from an ONNX file, which the package onnx reads: "
        "pip install 'alexnet-keras[onnx]'. Received: weights='imagenet'"
    )
    assert os.listdir(tmp_path) == []
