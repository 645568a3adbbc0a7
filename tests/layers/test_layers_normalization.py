"""The normalizers against loops over the formula, TensorFlow and PyTorch."""

import keras
import numpy as np
import pytest
from keras import ops
from support import gradients
from support import to_numpy

from alexnet_keras import LocalResponseNormalization
from alexnet_keras import SpatialResponseNormalization

# size, k, alpha of the plain sum, beta, groups, channels.
CASES = {
    "paper": (5, 2.0, 1e-4, 0.75, 1, 12),
    "original": (5, 2.0, 1e-4 / 5, 0.75, 2, 12),
    "caffe": (5, 1.0, 1e-4 / 5, 0.75, 1, 12),
    "one map": (1, 2.0, 1e-3, 0.75, 1, 6),
    "three towers": (3, 0.5, 2e-3, 0.75, 3, 9),
    "wider than the channels": (11, 1.0, 1e-3, 0.75, 1, 4),
    "wider than a tower": (9, 1.0, 1e-3, 0.75, 2, 8),
    "a tower a map": (5, 1.0, 1e-3, 0.75, 6, 6),
    "beta 1/2": (7, 2.0, 1e-4, 0.5, 1, 12),
    "beta 1": (5, 2.0, 1e-4, 1.0, 2, 8),
    "beta 0": (5, 2.0, 1e-4, 0.0, 1, 8),
}
every_case = pytest.mark.parametrize("case", CASES.values(), ids=list(CASES))


def lrn_by_loops(x, size, k, alpha, beta, groups):
    """§3.3 of the paper, in double precision, one map after the other."""
    x = np.asarray(x, "float64")
    result = np.empty_like(x)
    maps = x.shape[-1] // groups  # N, the maps of one tower
    for tower in range(groups):
        first = tower * maps
        for i in range(maps):
            total = 0.0
            for j in range(
                max(0, i - size // 2), min(maps - 1, i + size // 2) + 1
            ):
                total = total + x[..., first + j] ** 2
            result[..., first + i] = (
                x[..., first + i] / (k + alpha * total) ** beta
            )
    return result


def spatial_by_loops(x, size, k, alpha, beta):
    """The same within a map: a square window, clipped at the edges."""
    x = np.asarray(x, "float64")
    result = np.empty_like(x)
    radius = size // 2
    for i in range(x.shape[1]):
        for j in range(x.shape[2]):
            window = x[
                :,
                max(0, i - radius) : i + radius + 1,
                max(0, j - radius) : j + radius + 1,
            ]
            total = (window**2).sum(axis=(1, 2))
            result[:, i, j] = x[:, i, j] / (k + alpha * total) ** beta
    return result


def responses(shape, scale=100.0, seed=3):
    generator = np.random.default_rng(seed)
    return (scale * generator.standard_normal(shape)).astype("float32")


def layer_of(case, **keywords):
    size, k, alpha, beta, groups, _ = case
    return LocalResponseNormalization(size, k, alpha, beta, groups, **keywords)


def applied(layer, x):
    """Runs a layer on channels-last values, whatever its own format."""
    if layer.data_format == "channels_last":
        return to_numpy(layer(x))
    return to_numpy(layer(x.transpose(0, 3, 1, 2))).transpose(0, 2, 3, 1)


@every_case
@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_lrn_is_the_formula(case, data_format):
    x = responses((2, 3, 4, case[-1]))
    expected = lrn_by_loops(x, *case[:-1])
    found = applied(layer_of(case, data_format=data_format), x)
    np.testing.assert_allclose(found, expected, rtol=2e-5)


def test_lrn_defaults_are_the_papers():
    x = responses((2, 3, 4, 12))
    found = to_numpy(LocalResponseNormalization()(x))
    expected = lrn_by_loops(x, 5, 2, 1e-4, 0.75, 1)
    np.testing.assert_allclose(found, expected, rtol=2e-5)
    other = lrn_by_loops(x, 5, 2, 2e-5, 0.75, 1)
    assert abs(found - other).max() > 1, "the cases can be told apart"


@pytest.mark.parametrize("size", [1, 3, 5, 9])
@pytest.mark.parametrize("k,alpha,beta", [(2, 1e-4, 0.75), (1, 2e-5, 0.6)])
def test_lrn_is_tensorflows(size, k, alpha, beta):
    tf = pytest.importorskip("tensorflow", reason="compares with TensorFlow")
    x = responses((2, 3, 4, 16))
    expected = tf.nn.local_response_normalization(
        x, depth_radius=size // 2, bias=k, alpha=alpha, beta=beta
    )
    found = to_numpy(LocalResponseNormalization(size, k, alpha, beta)(x))
    np.testing.assert_allclose(found, expected.numpy(), rtol=2e-5)


@pytest.mark.extra
@pytest.mark.parametrize("size", [1, 3, 5, 9])
@pytest.mark.parametrize("k,alpha,beta", [(2, 1e-4, 0.75), (1, 2e-5, 0.6)])
def test_lrn_is_pytorchs_whose_alpha_is_divided_by_size(size, k, alpha, beta):
    torch = pytest.importorskip("torch", reason="compares with PyTorch")
    x = responses((2, 16, 3, 4))
    norm = torch.nn.LocalResponseNorm(size, alpha * size, beta, k)
    layer = LocalResponseNormalization(
        size, k, alpha, beta, data_format="channels_first"
    )
    found = to_numpy(layer(x))
    np.testing.assert_allclose(found, norm(torch.tensor(x)), rtol=2e-5)


def differences(function, x, weights):
    """Central differences of the weighted sum of the outputs."""
    x = np.asarray(x, "float64")
    step, result = 1e-3, np.empty_like(x)
    for index in np.ndindex(x.shape):
        shifted = x.copy()
        shifted[index] += step
        more = (function(shifted) * weights).sum()
        shifted[index] -= 2 * step
        less = (function(shifted) * weights).sum()
        result[index] = (more - less) / (2 * step)
    return result


def gradient_of(layer, x, weights):
    layer.build(x.shape)
    return gradients(lambda v: ops.sum(layer(v) * weights), x)[0]


@every_case
@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_gradient_of_lrn(case, data_format):
    x = responses((1, 2, 2, case[-1]), scale=60.0)
    weights = responses(x.shape, scale=1.0, seed=4)
    expected = differences(lambda v: lrn_by_loops(v, *case[:-1]), x, weights)
    layer = layer_of(case, data_format=data_format)
    if data_format == "channels_first":
        x, weights = (a.transpose(0, 3, 1, 2) for a in (x, weights))
        expected = expected.transpose(0, 3, 1, 2)
    found = gradient_of(layer, x, weights)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    "size,k,alpha,beta",
    [
        (5, 1.0, 4e-5, 0.75),
        (3, 2.0, 1e-3, 0.75),
        (1, 1.0, 1e-3, 0.75),
        (15, 1.0, 1e-4, 0.6),
    ],
)
@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_spatial_norm_and_its_gradient(size, k, alpha, beta, data_format):
    x = responses((2, 4, 5, 3))
    weights = responses(x.shape, scale=1.0, seed=4)
    layer = SpatialResponseNormalization(
        size, k, alpha, beta, data_format=data_format
    )

    def reference(v):
        return spatial_by_loops(v, size, k, alpha, beta)

    np.testing.assert_allclose(applied(layer, x), reference(x), rtol=2e-5)

    expected = differences(reference, x, weights)
    if data_format == "channels_first":
        x, weights = (a.transpose(0, 3, 1, 2) for a in (x, weights))
        expected = expected.transpose(0, 3, 1, 2)
    found = gradient_of(layer, x, weights)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_spatial_defaults_are_those_of_the_2012_files_at_any_size():
    inputs = keras.Input((None, None, 3))
    layer = SpatialResponseNormalization(data_format="channels_last")
    model = keras.Model(inputs, layer(inputs))
    x = responses((2, 7, 8, 3))
    expected = spatial_by_loops(x, 5, 1, 1e-3 / 25, 0.75)
    for found in to_numpy(layer(x)), model.predict(x, verbose=0):
        np.testing.assert_allclose(found, expected, rtol=2e-5)


BOTH = {
    "lrn": (LocalResponseNormalization, (5, 2, 1e-4, 0.75, 1)),
    "spatial": (SpatialResponseNormalization, (5, 1, 4e-5, 0.75)),
}
both = pytest.mark.parametrize("kind", BOTH)


@both
@pytest.mark.parametrize(
    "dtype,tolerance", [("float16", 1e-3), ("bfloat16", 4e-3)]
)
def test_half_precision_neither_overflows_nor_drifts(kind, dtype, tolerance):
    cls, arguments = BOTH[kind]
    sign = np.where(np.arange(12) % 3, 1, -1)
    x = np.random.default_rng(0).uniform(300, 1000, (2, 6, 6, 12)) * sign
    x = ops.cast(ops.convert_to_tensor(x.astype("float32")), dtype)
    layer = cls(*arguments, dtype=dtype)
    found = layer(x)
    assert keras.backend.standardize_dtype(found.dtype) == dtype
    loops = lrn_by_loops if kind == "lrn" else spatial_by_loops
    expected = loops(to_numpy(x), *arguments)
    np.testing.assert_allclose(to_numpy(found), expected, rtol=tolerance)

    (gradient,) = gradients(
        lambda v: ops.sum(ops.cast(layer(ops.cast(v, dtype)), "float32")),
        to_numpy(x),
    )
    assert np.isfinite(gradient).all() and abs(gradient).max() > 0


@both
@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
def test_xla_computes_the_same(kind, dtype):
    if keras.backend.backend() != "tensorflow":
        pytest.skip("jit_compile is TensorFlow's")
    import tensorflow as tf

    cls, arguments = BOTH[kind]
    layer = cls(*arguments, dtype=dtype)
    x = tf.cast(responses((2, 6, 6, 12), scale=300.0), dtype)
    plain = layer(x)
    compiled = tf.function(layer, jit_compile=True)(x)
    assert compiled.dtype == plain.dtype == dtype
    rounding = {"float32": 1e-5, "float16": 1e-3, "bfloat16": 8e-3}[dtype]
    np.testing.assert_allclose(
        to_numpy(compiled), to_numpy(plain), rtol=rounding
    )
