"""Our layers on TensorFlow, JAX and PyTorch: derivatives, and Keras's harness.

A process for each backend runs all checks and tells what it has found.
"""

import functools
import json
import traceback

import keras
import numpy as np
import pytest
from keras import ops
from support import gradients
from support import run_python
from support import to_numpy
from test_layers_normalization import differences
from test_layers_normalization import lrn_by_loops
from test_layers_normalization import responses
from test_layers_normalization import spatial_by_loops

from alexnet_keras import layers

BACKENDS = ("jax", "torch")
# The layer, and its formula in double precision.
NORMS = {
    "lrn": (
        functools.partial(
            layers.LocalResponseNormalization, 5, 2.0, 1e-3, 0.75, 2
        ),
        lambda x: lrn_by_loops(x, 5, 2.0, 1e-3, 0.75, 2),
    ),
    "lrn, beta 0.6": (
        functools.partial(layers.LocalResponseNormalization, 3, 1.0, 1e-3, 0.6),
        lambda x: lrn_by_loops(x, 3, 1.0, 1e-3, 0.6, 1),
    ),
    "spatial": (
        functools.partial(layers.SpatialResponseNormalization, 3, 1.0, 1e-3),
        lambda x: spatial_by_loops(x, 3, 1.0, 1e-3, 0.75),
    ),
}
INPUT = responses((1, 3, 3, 4), scale=60.0)
WEIGHTS = responses(INPUT.shape, scale=1.0, seed=4)
DIRECTION = responses(INPUT.shape, scale=1.0, seed=5)
LAST = {"data_format": "channels_last"}
# Layer, arguments, shape in, shape out, weights that train, others, seeds.
HARNESS = {
    "AdaptiveAveragePooling2D": (
        {"output_size": 6, **LAST},
        (2, 7, 13, 3),
        (2, 6, 6, 3),
    ),
    "CeilMaxPooling2D": (
        {"pool_size": 3, "strides": 2, **LAST},
        (2, 8, 7, 3),
        (2, 4, 3, 3),
    ),
    "ClassNames": ({"class_names": ["cat", "dog"]}, (3, 2), (3, 2)),
    "Dropout2012": ({"rate": 0.3}, (4, 5), (4, 5), 0, 0, 1),
    "GroupedConv2D": (
        {"filters": 4, "kernel_size": 3, "groups": 2, **LAST},
        (2, 6, 6, 2),
        (2, 4, 4, 4),
        2,
    ),
    "LocalResponseNormalization": (
        {"groups": 2, **LAST},
        (2, 3, 4, 8),
        (2, 3, 4, 8),
    ),
    "RepeatEdges2D": (
        {"padding": ((1, 0), (2, 3)), **LAST},
        (2, 4, 4, 3),
        (2, 5, 9, 3),
    ),
    "SpatialResponseNormalization": (LAST, (2, 5, 4, 3), (2, 5, 4, 3)),
    "SubtractMean": (
        {"shape": (3,), "scale": [1.0, 2.0, 3.0]},
        (2, 4, 4, 3),
        (2, 4, 4, 3),
        0,
        1,
    ),
}


def second_derivative(layer):
    """The gradient of the gradient's component along `DIRECTION`."""

    def weighted(x):
        return ops.sum(ops.multiply(layer(x), WEIGHTS))

    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        def component(x):
            with tf.GradientTape() as tape:
                tape.watch(x)
                value = weighted(x)
            return tf.reduce_sum(tape.gradient(value, x) * DIRECTION)

    elif keras.backend.backend() == "jax":
        import jax

        def component(x):
            return ops.sum(jax.grad(weighted)(x) * DIRECTION)

    else:
        import torch

        def component(x):
            (found,) = torch.autograd.grad(weighted(x), x, create_graph=True)
            return (found * torch.tensor(DIRECTION)).sum()

    return gradients(component, INPUT)[0]


def forward_mode(layer):
    """How the output changes along `DIRECTION`, without going backward.

    On PyTorch, whose forward mode knows no custom gradient, by the jacobian.
    """
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        x = tf.constant(INPUT)
        with tf.autodiff.ForwardAccumulator(x, tf.constant(DIRECTION)) as ahead:
            y = layer(x)
        with tf.GradientTape() as tape:
            tape.watch(x)
            z = layer(x)
        jacobian = tape.jacobian(z, x)
        return [ahead.jvp(y), tf.tensordot(jacobian, DIRECTION, 4)]
    if keras.backend.backend() == "jax":
        import jax

        _, found = jax.jvp(layer, (INPUT,), (DIRECTION,))
        jacobians = jax.jacfwd(layer)(INPUT), jax.jacrev(layer)(INPUT)
        return [found, *(np.tensordot(one, DIRECTION, 4) for one in jacobians)]
    import torch

    jacobian = torch.autograd.functional.jacobian(layer, torch.tensor(INPUT))
    return [torch.tensordot(jacobian, torch.tensor(DIRECTION), 4)]


def along(function, x, step=1e-2):
    """The central difference of a function along `DIRECTION`."""
    ahead = step * DIRECTION.astype("float64")
    return (function(x + ahead) - function(x - ahead)) / (2 * step)


def check_derivatives(name):
    make, formula = NORMS[name]
    layer = make(**LAST)
    layer.build(INPUT.shape)
    expected = along(lambda x: differences(formula, x, WEIGHTS), INPUT)
    found = second_derivative(layer)
    np.testing.assert_allclose(
        found, expected, rtol=1e-4, atol=1e-5 * abs(expected).max()
    )
    expected = along(formula, INPUT)
    for found in forward_mode(layer):
        np.testing.assert_allclose(
            to_numpy(found), expected, rtol=1e-4, atol=1e-6
        )


def check_harness(name):
    from keras.src import testing

    arguments, given, expected, *counts = HARNESS[name]
    trained, others, seeds = (*counts, 0, 0, 0)[:3]
    testing.TestCase().run_layer_test(
        getattr(layers, name),
        init_kwargs=arguments,
        input_shape=given,
        expected_output_shape=expected,
        expected_num_trainable_weights=trained,
        expected_num_non_trainable_weights=others,
        expected_num_seed_generators=seeds,
        expected_num_non_trainable_variables=others + seeds,
        expected_num_losses=0,
        supports_masking=name.startswith(("Dropout", "Local", "Spatial")),
        run_mixed_precision_check=True,
    )


def weigh(function, weights, x):
    return ops.sum(ops.multiply(function(x), weights))


def check_ties(pool, strides):
    """Where pixels are equal, the gradient is that of minus infinity around."""
    random = np.random.default_rng(0)
    for size in range(max(2, pool - strides + 1), pool + 4):
        x = random.integers(-3, -1, (2, size, size + 1, 3)).astype("float32")
        layer = layers.CeilMaxPooling2D(pool, strides, **LAST)
        plain = keras.layers.MaxPooling2D(pool, strides, **LAST)
        after = [(pool - side) % strides for side in x.shape[1:3]]
        pads = [(0, 0), (0, after[0]), (0, after[1]), (0, 0)]

        def surrounded(v, pads=pads, plain=plain):
            return plain(ops.pad(v, pads, constant_values=-np.inf))

        found, expected = layer(x), surrounded(ops.convert_to_tensor(x))
        np.testing.assert_array_equal(to_numpy(found), to_numpy(expected))
        weights = random.standard_normal(found.shape).astype("float32")
        slopes = [
            gradients(functools.partial(weigh, f, weights), x)[0]
            for f in (layer, surrounded)
        ]
        np.testing.assert_allclose(*slopes, rtol=1e-6, atol=1e-7)


CHECKS = {
    **{f"derivatives of {n}": (check_derivatives, n) for n in NORMS},
    **{f"harness: {n}": (check_harness, n) for n in HARNESS},
    **{
        f"ties, {pool} / {strides}": (check_ties, pool, strides)
        for pool, strides in ((3, 2), (2, 2), (3, 3), (4, 3), (3, 1))
    },
}


def run_all():
    """Prints, for each check, `null` or how it failed."""
    found = {"backend": keras.backend.backend()}
    for name, (check, *arguments) in CHECKS.items():
        found[name] = None
        try:
            check(*arguments)
        except ImportError as error:
            found[name] = f"skip: {error}"
        except Exception:
            found[name] = traceback.format_exc()
    print(json.dumps(found))


@functools.cache
def report(backend):
    code = "import test_layers_backends\ntest_layers_backends.run_all()"
    return json.loads(run_python(code, backend=backend).splitlines()[-1])


@pytest.mark.parametrize("name", CHECKS)
def test_here(name):
    check, *arguments = CHECKS[name]
    try:
        check(*arguments)
    except ImportError as error:
        pytest.skip(f"Keras has moved its tests: {error}")


@pytest.mark.slow
@pytest.mark.extra
@pytest.mark.parametrize("name", CHECKS)
@pytest.mark.parametrize("backend", BACKENDS)
def test_on(backend, name):
    pytest.importorskip(backend, reason=f"needs the {backend} backend")
    found = report(backend)
    assert found["backend"] == backend
    if (found[name] or "").startswith("skip"):
        pytest.skip(f"Keras has moved its tests: {found[name]}")
    assert found[name] is None, found[name]


def test_every_layer_is_put_through_the_harness():
    assert {*HARNESS} == {*layers.__all__}
