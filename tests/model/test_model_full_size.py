"""Every variant at full width: the Keras model against the derived rows.

Also against the sources: names, the number of parameters, and what the
initial weights are distributed like.
"""

import gc
import math

import keras
import numpy as np
import pytest
from support import NAMES

from alexnet_keras import build_alexnet
from alexnet_keras import derive_layers

PARAMETERS = {
    "paper": 60_965_224,
    "original": 60_965_224,
    "caffe": 60_965_224,
    "single_tower": 62_378_344,
    "torchvision": 61_100_840,
    "d2l": 46_764_746,
}
WEIGHTED = "conv1 conv2 conv3 conv4 conv5 fc6 fc7 predictions".split()
STD = {
    "paper": [0.01] * 8,
    "original": [0.01, 0.01, 0.03, 0.03, 0.03, 0.01, 0.01, 0.01],
    "caffe": [0.01] * 5 + [0.005, 0.005, 0.01],
    "single_tower": [0.01] * 8,
}
BIAS = {
    "paper": [0, 1, 0, 1, 1, 1, 1, 0],
    "original": [0, 1, 0, 1, 1, 1, 1, 0],
    "caffe": [0, 0.1, 0, 0.1, 0.1, 0.1, 0.1, 0],
    "single_tower": [0, 1, 0, 1, 1, 1, 1, 0],
    "d2l": [0] * 8,
}
# Inputs of one unit of torchvision's layers, counted by hand.
TORCH_FAN_IN = [363, 1600, 1728, 3456, 2304, 9216, 4096, 4096]
# The same and the outputs, for d2l, as Glorot counts them.
D2L_FANS = [
    (121, 121 * 96),
    (25 * 96, 25 * 256),
    (9 * 256, 9 * 384),
    (9 * 384, 9 * 384),
    (9 * 384, 9 * 256),
    (6400, 4096),
    (4096, 4096),
    (4096, 10),
]


@pytest.fixture(scope="module")
def built(request):
    """A name and its model, built once for all tests of this file."""
    yield request.param, build_alexnet(variant=request.param)
    gc.collect()


def for_each(names):
    return pytest.mark.parametrize("built", names, indirect=True)


def kernels_and_biases(model):
    return [
        [np.asarray(w) for w in model.get_layer(name).get_weights()]
        for name in WEIGHTED
    ]


@for_each(NAMES)
def test_parameters(built):
    name, model = built
    assert model.count_params() == PARAMETERS[name]


@for_each(NAMES)
def test_every_layer_has_the_derived_shape_and_parameters(built):
    name, model = built
    for row in derive_layers(name):
        layer = model.get_layer(row.name)
        assert layer.output.shape == (None, *row.output_shape), row.name
        assert layer.count_params() == row.parameters, row.name


@for_each(NAMES)
def test_layers_are_the_rows_plus_input_and_padding(built):
    name, model = built
    names = [layer.name for layer in model.layers]
    assert names[0] == "images"
    padded = name in ("paper", "original", "torchvision", "d2l")
    assert ("conv1_pad" in names) == padded
    expected = [row.name for row in derive_layers(name)]
    assert [n for n in names[1:] if n != "conv1_pad"] == expected


@for_each(NAMES)
def test_everything_trains_and_nothing_else_is_stored(built):
    _, model = built
    assert len(model.weights) == len(model.trainable_weights) == 16


@for_each(NAMES)
def test_the_model_is_called_alexnet_and_ends_in_a_softmax(built):
    _, model = built
    assert model.name == "alexnet"
    last = model.layers[-1]
    assert last.activation is keras.activations.softmax


@for_each(STD)
def test_kernels_have_the_standard_deviation_of_the_source(built):
    name, model = built
    for (kernel, _), std in zip(kernels_and_biases(model), STD[name]):
        # The error of an estimated deviation is 1 / √(2n); the smallest
        # kernel has n = 34,848, so 2 % is five times that.
        assert kernel.std() == pytest.approx(std, rel=0.02)
        assert abs(kernel.mean()) < 5 * std / math.sqrt(kernel.size)
        assert abs(kernel).max() > 3.5 * std, "not truncated"


@for_each(BIAS)
def test_biases_are_the_constants_of_the_source(built):
    name, model = built
    for (_, bias), value in zip(kernels_and_biases(model), BIAS[name]):
        np.testing.assert_array_equal(bias, np.float32(value))


@for_each(["torchvision"])
def test_torchvision_is_uniform_within_one_over_root_fan_in(built):
    _, model = built
    for weights, fan_in in zip(kernels_and_biases(model), TORCH_FAN_IN):
        limit = 1 / math.sqrt(fan_in)
        for values, near in zip(weights, (0.999, 0.9)):
            assert abs(values).max() <= limit
            assert values.max() > near * limit
            assert values.min() < -near * limit
        kernel, _ = weights
        assert kernel.std() == pytest.approx(limit / math.sqrt(3), rel=0.02)


@for_each(["d2l"])
def test_d2l_is_uniform_within_glorots_limit(built):
    _, model = built
    for (kernel, _), fans in zip(kernels_and_biases(model), D2L_FANS):
        limit = math.sqrt(6 / sum(fans))
        assert 0.999 * limit < abs(kernel).max() <= limit
        assert kernel.std() == pytest.approx(limit / math.sqrt(3), rel=0.02)
