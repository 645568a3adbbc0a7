"""GroupedConv2D against Keras's own grouped convolution."""

import keras
import numpy as np
import pytest
from keras import ops
from support import gradients
from support import to_numpy

from alexnet_keras import GroupedConv2D

# groups, kernel, strides, padding, data format.
CASES = [
    (1, 3, 1, "valid", "channels_last"),
    (2, 5, 1, "same", "channels_last"),
    (2, 3, 2, "valid", "channels_last"),
    (2, (3, 2), (1, 2), "valid", "channels_last"),
    (3, 3, 2, "same", "channels_last"),
    (3, 1, 1, "valid", "channels_last"),
    (4, 3, 1, "same", "channels_last"),
    (4, (2, 3), (2, 1), "valid", "channels_last"),
    (2, 5, 1, "same", "channels_first"),
    (3, 3, 2, "same", "channels_first"),
    (4, 3, 1, "valid", "channels_first"),
]


def pair(groups, kernel, strides, padding, data_format, **keywords):
    """The two layers, built, and images for them."""
    shape = (2, 9, 8, 12)
    if data_format == "channels_first":
        shape = (2, 12, 9, 8)
    made = []
    for cls in keras.layers.Conv2D, GroupedConv2D:
        layer = cls(
            24,
            kernel,
            strides,
            padding,
            data_format,
            groups=groups,
            bias_initializer="random_normal",
            **keywords,
        )
        layer.build(shape)
        made.append(layer)
    images = np.random.default_rng(0).standard_normal(shape)
    return *made, images.astype("float32")


every_case = pytest.mark.parametrize(
    "case", CASES, ids=["-".join(map(str, case)) for case in CASES]
)


@every_case
@pytest.mark.parametrize("way", ["to Keras", "from Keras"])
def test_outputs(case, way):
    theirs, ours, images = pair(*case)
    source, target = (ours, theirs) if way == "to Keras" else (theirs, ours)
    different = to_numpy(target(images))
    target.set_weights(source.get_weights())
    expected = to_numpy(theirs(images))
    assert abs(to_numpy(target(images)) - different).max() > 0.1
    np.testing.assert_allclose(to_numpy(ours(images)), expected, atol=1e-5)


@every_case
def test_gradients(case):
    theirs, ours, images = pair(*case)
    kernel, bias = theirs.get_weights()
    factors = np.random.default_rng(1).standard_normal(
        to_numpy(theirs(images)).shape
    )
    factors = factors.astype("float32")

    def value_of(layer):
        def value(images, kernel, bias):
            outputs, _ = layer.stateless_call([kernel, bias], [], images)
            return ops.sum(outputs * factors)

        return value

    arguments = images, kernel, bias
    for found, expected in zip(
        gradients(value_of(ours), *arguments),
        gradients(value_of(theirs), *arguments),
    ):
        assert found.shape == expected.shape and abs(expected).max() > 0.1
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)


def test_a_group_reads_its_own_channels_only():
    _, layer, images = pair(3, 3, 1, "same", "channels_last")
    before = to_numpy(layer(images))
    images[..., 4:8] += 1.0  # the second of three groups of four
    changed = abs(to_numpy(layer(images)) - before).max(axis=(0, 1, 2)) > 1e-6
    assert changed.tolist() == [False] * 8 + [True] * 8 + [False] * 8


def test_the_kernel_is_laid_out_as_in_keras():
    theirs, ours, _ = pair(4, 5, 1, "same", "channels_last")
    assert ours.kernel.shape == theirs.kernel.shape == (5, 5, 3, 24)


@pytest.mark.parametrize("use_bias", [True, False])
def test_bias_and_activation(use_bias):
    theirs, ours, images = pair(
        2, 3, 1, "same", "channels_last", use_bias=use_bias, activation="relu"
    )
    ours.set_weights(theirs.get_weights())
    found = to_numpy(ours(images))
    assert found.min() == 0 and (found > 0).any()
    np.testing.assert_allclose(found, to_numpy(theirs(images)), atol=1e-5)


def test_open_sizes():
    theirs, ours, images = pair(2, 3, 2, "same", "channels_last")
    ours.set_weights(theirs.get_weights())
    inputs = keras.Input((None, None, 12))
    model = keras.Model(inputs, ours(inputs))
    assert model.output_shape == (None, None, None, 24)
    np.testing.assert_allclose(
        model.predict(images, verbose=0), to_numpy(theirs(images)), atol=1e-5
    )
