"""The same numbers in both data formats, and near ones in half precision."""

import itertools

import keras
import numpy as np
import pytest
from support import NAMES
from support import enliven
from support import narrow
from support import pixels
from support import to_numpy

from alexnet_keras import build_alexnet

pytestmark = pytest.mark.usefixtures("free_memory")


@pytest.mark.parametrize(
    "name,include_top,pooling",
    [
        *itertools.product(NAMES, [True, False], [None]),
        ("paper", False, "avg"),
        ("original", False, "max"),
    ],
)
def test_channels_first_gives_the_same(
    image_data_format, name, include_top, pooling
):
    table = narrow(name)
    # A rectangle in which no two axes can be mistaken for one another.
    shape = (100, 83, table.input_shape[-1])
    keywords = {
        "include_top": include_top,
        "pooling": pooling,
        "classifier_activation": None,
        "variant": table,
    }
    images = pixels((2, *shape))
    last = build_alexnet(input_shape=shape, **keywords)
    enliven(last, images)
    expected = to_numpy(last(images, training=False))
    assert expected.std() > 0.3

    image_data_format("channels_first")
    first = build_alexnet(
        input_shape=(shape[2], shape[0], shape[1]), **keywords
    )
    first.set_weights(last.get_weights())
    found = to_numpy(first(images.transpose(0, 3, 1, 2), training=False))
    if found.ndim == 4:
        found = found.transpose(0, 2, 3, 1)
    np.testing.assert_allclose(found, expected, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("name", NAMES)
def test_channels_first_default_input_is_turned_round(image_data_format, name):
    table = narrow(name)
    image_data_format("channels_first")
    height, width, channels = table.input_shape
    model = build_alexnet(variant=table)
    assert model.input_shape == (None, channels, height, width)


def cross_entropy(logits, classes):
    logits = logits.astype("float64")
    sums = np.log(np.exp(logits).sum(axis=1))
    return np.mean(sums - logits[np.arange(len(classes)), classes])


@pytest.mark.parametrize(
    "name,policy,jit_compile",
    [
        *itertools.product(NAMES, ["mixed_float16", "mixed_bfloat16"], [False]),
        # Compiling takes ten seconds; these have every kind of layer.
        ("original", "mixed_bfloat16", True),
        *(
            pytest.param(name, policy, True, marks=pytest.mark.slow)
            for name, policy in (
                ("paper", "mixed_float16"),
                ("original", "mixed_float16"),
                ("torchvision", "mixed_bfloat16"),
            )
        ),
    ],
)
def test_mixed_precision(dtype_policy, name, policy, jit_compile):
    table = narrow(name, divisor=16)
    for drop in "drop6", "drop7":  # a loss that two models can agree on
        table = table.replace_layer(drop, rate=0.0)
    shape = (99, 99, table.input_shape[-1])
    images, classes = pixels((4, *shape)), np.arange(4)
    keywords = {"input_shape": shape, "classifier_activation": None}
    exact = enliven(build_alexnet(variant=table, **keywords), images)
    expected = to_numpy(exact(images, training=False))

    dtype_policy(policy)
    model = build_alexnet(variant=table, **keywords)
    model.set_weights(exact.get_weights())
    assert model.get_layer("conv2").compute_dtype == policy[6:]
    assert model.get_layer("conv2").variable_dtype == "float32"
    assert model.get_layer("predictions").compute_dtype == "float32"

    found = model(images, training=False)
    assert keras.backend.standardize_dtype(found.dtype) == "float32"
    # Eight layers, each of which rounds to 11 or to 8 binary digits.
    tolerance = {"mixed_float16": 0.02, "mixed_bfloat16": 0.1}[policy]
    assert abs(to_numpy(found) - expected).max() < tolerance

    model.compile(
        # A scale of 1: the automatic one starts so high that the first steps
        # may be skipped, and a skipped step changes nothing.
        keras.optimizers.LossScaleOptimizer(
            keras.optimizers.SGD(1e-3), initial_scale=1.0
        ),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        jit_compile=jit_compile,
    )
    loss = model.train_on_batch(images, classes)
    assert abs(loss - cross_entropy(expected, classes)) < tolerance
    for before, after in zip(exact.get_weights(), model.get_weights()):
        assert np.isfinite(after).all()
        assert (after != before).any(), "the step moved every weight"


def test_float32_networks_have_no_other_type():
    model = build_alexnet(variant=narrow("original"))
    assert {layer.compute_dtype for layer in model.layers} == {"float32"}
