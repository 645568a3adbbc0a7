"""The small networks: sizes and parameters by hand, settings in the layers."""

import math

import keras
import numpy as np
import pytest
from support import to_numpy

from alexnet_keras import build_alexnet
from alexnet_keras import derive_layers
from alexnet_keras import layers
from alexnet_keras.classifier import build_classifier
from alexnet_lab.experiments import small_networks

# By hand: a side of 32 goes to ⌊(32 + 2·2 − 5) / 2⌋ + 1 = 16 in conv1, and
# windows of 3 pixels with a stride of 2 give ⌈(16 − 3) / 2⌉ + 1 = 8, then
# ⌈(8 − 3) / 2⌉ + 1 = 4. Parameters: kernel² · maps in · maps out, and a bias
# for each map.
FEATURES = [
    ("conv1", (16, 16, 32), 5 * 5 * 3 * 32 + 32),
    ("pool1", (8, 8, 32), 0),
    ("conv2", (8, 8, 64), 5 * 5 * 32 * 64 + 64),
    ("pool2", (4, 4, 64), 0),
    ("conv3", (4, 4, 64), 3 * 3 * 64 * 64 + 64),
    ("flatten", (1024,), 0),
]
FOUR = [*FEATURES, ("predictions", (10,), 1024 * 10 + 10)]
SIX = [
    *FEATURES,
    ("fc4", (512,), 1024 * 512 + 512),
    ("fc5", (512,), 512 * 512 + 512),
    ("predictions", (10,), 512 * 10 + 10),
]
SIX_WITH_DROPOUT = [
    *SIX[:7],
    ("drop4", (512,), 0),
    SIX[7],
    ("drop5", (512,), 0),
    SIX[8],
]
BY_HAND = [
    (small_networks.four_layer(), FOUR, 100_874),
    (small_networks.four_layer("tanh", 0.01), FOUR, 100_874),
    (small_networks.six_layer(), SIX, 883_210),
    (small_networks.six_layer(0.25), SIX_WITH_DROPOUT, 883_210),
    (small_networks.six_layer(0.5, "test"), SIX_WITH_DROPOUT, 883_210),
]


@pytest.mark.parametrize("table, rows, total", BY_HAND)
def test_sizes_and_parameters_by_hand(table, rows, total):
    found = [
        (row.name, row.output_shape, row.parameters)
        for row in derive_layers(table)
    ]
    assert found == rows
    assert sum(parameters for _, _, parameters in rows) == total


@pytest.mark.parametrize("table, rows, total", BY_HAND)
def test_keras_builds_the_same(table, rows, total):
    model = build_alexnet(variant=table)
    assert model.input_shape == (None, 32, 32, 3)
    for name, shape, parameters in rows:
        layer = model.get_layer(name)
        assert layer.output.shape == (None, *shape)
        assert layer.count_params() == parameters
    assert model.count_params() == total


@pytest.mark.parametrize(
    "activation", ["relu", "tanh", "sigmoid", "leaky_relu", "gelu", "silu"]
)
def test_the_activation_is_that_of_the_convolutions(activation):
    table = small_networks.four_layer(activation)
    model = build_alexnet(variant=table, classifier_activation=None)
    x = np.linspace(-3, 3, 61, dtype="float32")
    # Written out; Keras's own leak of 0.2, its own GELU with the error function.
    expected = {
        "relu": np.maximum(x, 0),
        "tanh": np.tanh(x),
        "sigmoid": 1 / (1 + np.exp(-x)),
        "leaky_relu": np.where(x > 0, x, 0.2 * x),
        "gelu": x * [(1 + math.erf(v / math.sqrt(2))) / 2 for v in x],
        "silu": x / (1 + np.exp(-x)),
    }[activation]
    for name in ("conv1", "conv2", "conv3"):
        found = to_numpy(model.get_layer(name).activation(x))
        np.testing.assert_allclose(found, expected, atol=1e-5)
    logits = to_numpy(model.get_layer("predictions").activation(x))
    np.testing.assert_array_equal(logits, x)


def layers_with_weights(table):
    model = build_alexnet(variant=table)
    return [layer for layer in model.layers if layer.weights]


@pytest.mark.parametrize(
    "table", [small_networks.four_layer("tanh"), small_networks.six_layer()]
)
def test_weights_begin_as_glorots_and_biases_at_0(table):
    for layer in layers_with_weights(table):
        kernel, bias = map(to_numpy, layer.weights)
        assert not bias.any()
        window = math.prod(kernel.shape[:-2])
        limit = math.sqrt(6 / (window * sum(kernel.shape[-2:])))
        assert 0.99 * limit < np.abs(kernel).max() <= limit
        # Of a uniform distribution: its half width by the root of 3.
        np.testing.assert_allclose(
            kernel.std(), limit / math.sqrt(3), rtol=0.05
        )


def test_weights_begin_with_a_standard_deviation_that_was_asked_for():
    for layer in layers_with_weights(small_networks.four_layer(init=0.01)):
        kernel, bias = map(to_numpy, layer.weights)
        assert not bias.any()
        np.testing.assert_allclose(kernel.std(), 0.01, rtol=0.05)
        assert np.abs(kernel).max() > 0.028  # a uniform one ends at 0.0173


@pytest.mark.parametrize(
    "rescale, kind",
    [("train", keras.layers.Dropout), ("test", layers.Dropout2012)],
)
@pytest.mark.parametrize("rate", [0.25, 0.75])
def test_dropout_reaches_both_layers(rate, rescale, kind):
    model = build_alexnet(variant=small_networks.six_layer(rate, rescale))
    kept = 1 / (1 - rate) if rescale == "train" else 1.0
    for name in ("drop4", "drop5"):
        layer = model.get_layer(name)
        assert type(layer) is kind
        values = to_numpy(layer(np.ones((8, 512), "float32"), training=True))
        np.testing.assert_allclose(np.unique(values), [0, kept])
        # Three standard deviations of a share of 4096 are 2 %.
        np.testing.assert_allclose((values == 0).mean(), rate, atol=0.03)


def test_without_dropout_there_is_no_such_layer():
    model = build_alexnet(variant=small_networks.six_layer())
    kinds = {type(layer).__name__ for layer in model.layers}
    assert kinds == {
        *("InputLayer", "ZeroPadding2D", "Conv2D", "CeilMaxPooling2D"),
        *("Flatten", "Dense"),
    }


def test_pixels_come_in_less_their_mean_by_64():
    mean = [100.0, 120.0, 30.0]
    model = build_classifier(small_networks.four_layer(), 32, "ab", mean)
    pixels = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3), "uint8")
    found = to_numpy(model.get_layer("subtract_mean")(pixels))
    np.testing.assert_allclose(found, (pixels - np.array(mean)) / 64, atol=1e-6)


def test_raw_pixels_reach_conv1_as_they_are():
    scaled = small_networks.four_layer()
    raw = small_networks.four_layer(pixel_scale=1.0)
    assert (scaled.pixel_scale, raw.pixel_scale) == (1 / 64, 1.0)
    assert raw.layers == scaled.layers
