"""Every message of layers.py, word for word; and what Keras checks for us."""

import numpy as np
import pytest
from support import message_of

from alexnet_keras import Dropout2012
from alexnet_keras import GroupedConv2D
from alexnet_keras import LocalResponseNormalization
from alexnet_keras import SpatialResponseNormalization

NORMS = [LocalResponseNormalization, SpatialResponseNormalization]


@pytest.mark.parametrize("cls", NORMS)
@pytest.mark.parametrize("size", [0, -3, 5.0, "5", None, True])
def test_size_must_be_a_positive_integer(cls, size):
    assert message_of(cls, size=size) == (
        f"`size` must be a positive integer. Received: size={size!r}"
    )


@pytest.mark.parametrize("cls", NORMS)
@pytest.mark.parametrize("size", [2, 4, 100])
def test_size_must_be_odd(cls, size):
    assert message_of(cls, size=size) == (
        "`size` must be odd, so that the window has a centre. "
        f"Received: size={size}"
    )


@pytest.mark.parametrize("cls", NORMS)
@pytest.mark.parametrize("argument", ["k", "alpha", "beta"])
@pytest.mark.parametrize("value", [-1, -1e-9, "1", None, True])
def test_constants_must_not_be_negative(cls, argument, value):
    assert message_of(cls, **{argument: value}) == (
        f"`{argument}` must be a finite number, 0 or more. "
        f"Received: {argument}={value!r}"
    )


@pytest.mark.parametrize("groups", [0, -1, 2.0, "2", None, False])
def test_groups_must_be_a_positive_integer(groups):
    assert message_of(LocalResponseNormalization, groups=groups) == (
        f"`groups` must be a positive integer. Received: groups={groups!r}"
    )


@pytest.mark.parametrize(
    "data_format,shape",
    [("channels_last", (2, 3, 4, 9)), ("channels_first", (2, 9, 4, 4))],
)
def test_groups_must_divide_the_channels(data_format, shape):
    layer = LocalResponseNormalization(groups=4, data_format=data_format)
    assert message_of(layer.build, shape) == (
        "`groups` must divide the 9 channels of the input. Received: groups=4"
    )


@pytest.mark.parametrize("cls", NORMS)
@pytest.mark.parametrize("shape", [(2, 8), (2, 4, 8), (2, 3, 4, 5, 8)])
def test_normalizers_take_images(cls, shape):
    assert message_of(cls(), np.zeros(shape, "float32")) == (
        f"{cls.__name__} takes images: four axes, batch included. "
        f"Received: input_shape={shape}"
    )


def test_keras_checks_the_groups_of_a_convolution():
    message = message_of(GroupedConv2D, 7, 3, groups=2)
    assert message.endswith("Received: groups=2, filters=7.")


@pytest.mark.parametrize("rate", [-0.1, 1.5])
def test_keras_checks_the_rate_of_a_dropout(rate):
    assert message_of(Dropout2012, rate).endswith(f"Received: rate={rate}")
