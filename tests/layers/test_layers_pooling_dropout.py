"""CeilMaxPooling2D against windows laid by hand; Dropout2012 by its mask."""

import keras
import numpy as np
import pytest
from keras import ops
from support import gradients
from support import message_of
from support import to_numpy

from alexnet_keras import AdaptiveAveragePooling2D
from alexnet_keras import CeilMaxPooling2D
from alexnet_keras import Dropout2012

# pool_size, strides; Keras takes pairs too, and strides as wide as the pool.
WINDOWS = [(3, 2), (2, 2), (3, 1), (3, 3), (2, 1), (4, 3), ((3, 2), (2, 1))]
FORMATS = ["channels_last", "channels_first"]


def pool_by_loops(x, pool, strides):
    """Windows in steps until the last pixel is covered; clipped there."""
    pool = pool if isinstance(pool, tuple) else (pool, pool)
    strides = strides if isinstance(strides, tuple) else (strides, strides)
    starts = []
    for size, window, step in zip(x.shape[1:3], pool, strides):
        along = [0]
        while along[-1] + window < size:
            along.append(along[-1] + step)
        starts.append(along)
    result = np.empty((len(x), *map(len, starts), x.shape[3]), x.dtype)
    for i, top in enumerate(starts[0]):
        for j, left in enumerate(starts[1]):
            window = x[:, top : top + pool[0], left : left + pool[1]]
            result[:, i, j] = window.max(axis=(1, 2))
    return result


def negative(shape, seed=0):
    """Values below zero: zeros beyond the edge would win against them."""
    generator = np.random.default_rng(seed)
    return (-1 - generator.random(shape)).astype("float32")


def sizes_for(pool):
    pool = pool if isinstance(pool, tuple) else (pool, pool)
    return [
        (height, width)
        for height in range(max(2, pool[0]), 13)
        for width in {max(pool[1], 14 - height), max(pool[1], height - 1)}
    ]


@pytest.mark.parametrize("pool,strides", WINDOWS)
@pytest.mark.parametrize("data_format", FORMATS)
def test_every_size_from_2_to_12(pool, strides, data_format):
    layer = CeilMaxPooling2D(pool, strides, data_format=data_format)
    for height, width in sizes_for(pool):
        x = negative((2, height, width, 3))
        expected = pool_by_loops(x, pool, strides)
        if data_format == "channels_first":
            x, expected = (a.transpose(0, 3, 1, 2) for a in (x, expected))
        found = to_numpy(layer(x))
        np.testing.assert_array_equal(found, expected)
        assert layer.compute_output_shape(x.shape) == expected.shape


@pytest.mark.parametrize("size,pool,strides", [(2, 3, 2), (2, 3, 3), (5, 6, 4)])
def test_a_window_wider_than_the_image_may_hang_over(size, pool, strides):
    x = negative((1, size, size, 2))
    found = to_numpy(CeilMaxPooling2D(pool, strides)(x))
    np.testing.assert_array_equal(found, x.max((1, 2), keepdims=True))


@pytest.mark.extra
@pytest.mark.parametrize("pool,strides", [w for w in WINDOWS if w[0] != w[1]])
def test_pytorch_agrees(pool, strides):
    torch = pytest.importorskip("torch", reason="compares with PyTorch")
    pooled = torch.nn.MaxPool2d(pool, strides, ceil_mode=True)
    layer = CeilMaxPooling2D(pool, strides, data_format="channels_first")
    for height, width in sizes_for(pool):
        x = negative((2, 3, height, width))
        expected = pooled(torch.tensor(x)).numpy()
        np.testing.assert_array_equal(to_numpy(layer(x)), expected)


@pytest.mark.parametrize("data_format", FORMATS)
@pytest.mark.parametrize("pool,strides", [(3, 2), (4, 3), (2, 2)])
def test_open_sizes(pool, strides, data_format):
    shape = (None, None, 3)
    if data_format == "channels_first":
        shape = (3, None, None)
    inputs = keras.Input(shape)
    layer = CeilMaxPooling2D(pool, strides, data_format=data_format)
    model = keras.Model(inputs, layer(inputs))
    assert model.output_shape == (None, *shape)
    for size in (6, 7), (8, 9), (10, 5):
        x = negative((2, *size, 3))
        expected = pool_by_loops(x, pool, strides)
        if data_format == "channels_first":
            x, expected = (a.transpose(0, 3, 1, 2) for a in (x, expected))
        np.testing.assert_array_equal(to_numpy(model(x)), expected)
        np.testing.assert_array_equal(model.predict(x, verbose=0), expected)


def test_pooling_gradient_goes_to_the_winners():
    x = negative((1, 4, 4, 1))
    layer = CeilMaxPooling2D(3, 2)
    (found,) = gradients(lambda v: ops.sum(layer(v)), x)
    expected = np.zeros_like(x)
    for top, left in np.ndindex(2, 2):
        window = x[0, 2 * top : 2 * top + 3, 2 * left : 2 * left + 3, 0]
        i, j = np.unravel_index(window.argmax(), window.shape)
        expected[0, 2 * top + i, 2 * left + j, 0] += 1
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_pooling_in_half_precision(dtype):
    x = ops.cast(negative((1, 4, 4, 2)), dtype)
    found = CeilMaxPooling2D(3, 2, dtype=dtype)(x)
    assert keras.backend.standardize_dtype(found.dtype) == dtype
    expected = pool_by_loops(to_numpy(x), 3, 2)
    np.testing.assert_array_equal(to_numpy(found), expected)


def some(shape=(40, 1000), seed=0):
    generator = np.random.default_rng(seed)
    return generator.uniform(1, 2, shape).astype("float32")


@pytest.mark.parametrize("rate", [0.0, 0.3, 0.5, 0.9])
def test_training_zeroes_a_share_and_rescales_nothing(rate):
    x = some()
    found = to_numpy(Dropout2012(rate, seed=1)(x, training=True))
    kept = found != 0
    # With 40,000 draws the share strays by less than 0.0025 · 4.
    assert 1 - kept.mean() == pytest.approx(rate, abs=0.01)
    np.testing.assert_allclose(found[kept], x[kept], rtol=1e-6)


def test_at_one_half_the_kept_values_are_exact():
    x = some()
    found = to_numpy(Dropout2012(0.5, seed=1)(x, training=True))
    assert ((found == 0) | (found == x)).all()


@pytest.mark.parametrize("rate", [0.0, 0.3, 0.5, 0.9])
def test_at_test_everything_is_scaled(rate):
    x = some()
    layer = Dropout2012(rate, seed=1)
    for found in layer(x, training=False), layer(x):
        expected = x.astype("float64") * (1 - rate)
        np.testing.assert_allclose(to_numpy(found), expected, rtol=1e-6)


def test_masks_change_from_call_to_call_and_come_back_with_the_seed():
    first, again = Dropout2012(0.5, seed=1), Dropout2012(0.5, seed=1)
    x = some()
    one, two = (to_numpy(first(x, training=True)) for _ in range(2))
    assert (one != two).any()
    np.testing.assert_array_equal(to_numpy(again(x, training=True)), one)


def test_gradient_is_the_mask():
    x = some((5, 20))
    layer = Dropout2012(0.5, seed=1)
    kept = to_numpy(Dropout2012(0.5, seed=1)(x, training=True)) != 0
    (found,) = gradients(lambda v: ops.sum(layer(v, training=True)), x)
    np.testing.assert_array_equal(found, kept)


@pytest.mark.parametrize("training", [True, False])
def test_large_values_do_not_overflow_in_float16(training):
    x = np.full((4, 100), 60_000, "float16")
    layer = Dropout2012(0.5, seed=1, dtype="float16")
    found = to_numpy(layer(x, training=training))
    expected = {0, 60_000} if training else {30_000}
    # 60,000 is a float16; twice that is not.
    assert set(found.ravel().tolist()) == expected


@pytest.mark.extra
@pytest.mark.parametrize("size", [1, 2, 3, 5, 6, 7, 13, 20])
@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_adaptive_pooling_equals_pytorchs_also_when_traced(size, data_format):
    torch = pytest.importorskip("torch", reason="compares with PyTorch")
    x = np.random.default_rng(0).normal(size=(2, 3, size, size + 2))
    x = x.astype("float32")
    expected = torch.nn.AdaptiveAvgPool2d(6)(torch.from_numpy(x)).numpy()
    last = data_format == "channels_last"
    given = x.transpose(0, 2, 3, 1) if last else x
    layer = AdaptiveAveragePooling2D(6, data_format=data_format)
    inputs = keras.Input(given.shape[1:])
    traced = keras.Model(inputs, layer(inputs)).predict(given, verbose=0)
    if last:
        traced = traced.transpose(0, 3, 1, 2)
    np.testing.assert_allclose(traced, expected, atol=1e-6)
    assert layer(inputs).shape[1:] == layer(given).shape[1:]


def test_a_stride_wider_than_its_window_is_refused():
    assert message_of(CeilMaxPooling2D, 2, strides=3) == (
        "`strides` must not be wider than `pool_size`, (2, 2). "
        "Received: strides=(3, 3)"
    )
