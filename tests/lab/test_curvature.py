"""The limit against a simulated descent, the curvature against TensorFlow."""

import itertools

import hypothesis
import keras
import numpy as np
import pytest
from hypothesis import strategies as st

from alexnet_lab import curvature as stability


@hypothesis.given(
    rate=st.floats(1e-4, 10), momentum=st.floats(0, 0.95), share=st.floats(0, 2)
)
def test_below_the_limit_it_settles_and_above_it_grows(rate, momentum, share):
    hypothesis.assume(share < 0.95 or share > 1.05)
    hypothesis.assume(share > 0.01)
    curvature = share * stability.curvature_limit(rate, momentum)
    weight, velocity = 1.0, 0.0
    for _ in range(3000):
        velocity = momentum * velocity - rate * curvature * weight
        weight += velocity
        if abs(weight) > 1e6:
            break
    assert (abs(weight) > 1e6) == (share > 1)


@pytest.mark.parametrize("rescale, factor", [("train", 2.0), ("test", 1.0)])
@pytest.mark.parametrize("spread", [0.1, 1.0])
def test_against_the_second_derivative_of_the_loss(rescale, factor, spread):
    """All masks of five units, the Hessian by automatic differentiation."""
    tf = pytest.importorskip("tensorflow")
    classes, units = 3, 5
    generator = np.random.default_rng(0)
    features = 1 + spread * generator.standard_normal((4, units))
    masks = np.array(list(itertools.product([0, 1], repeat=units)))
    inputs = factor * (features[:, None] * masks[None]).reshape(-1, units)
    # Labels do not matter for the second derivative.
    labels = np.zeros(len(inputs), int)
    weights = tf.Variable(np.zeros((units, classes)))
    with tf.GradientTape() as outer:
        with tf.GradientTape() as inner:
            logits = tf.constant(inputs) @ weights
            loss = tf.reduce_mean(
                tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits)
            )
        gradient = tf.reshape(inner.gradient(loss, weights), [-1])
    hessian = outer.jacobian(gradient, weights).numpy()
    size = units * classes
    largest = np.linalg.eigvalsh(hessian.reshape(size, size)).max()
    found = stability.last_layer_curvature(features, classes, 0.5, rescale)
    assert found == pytest.approx(largest, rel=1e-6)


def test_no_dropout_is_the_largest_eigenvalue():
    features = np.random.default_rng(1).standard_normal((7, 4))
    largest = np.linalg.eigvalsh(features.T @ features / 7).max() / 10
    assert stability.last_layer_curvature(features, 10) == pytest.approx(
        largest
    )


def test_the_curvature_decides_whether_a_layer_learns():
    """Gradient descent with momentum on one layer, just under and over."""
    tf = pytest.importorskip("tensorflow")
    del tf
    generator = np.random.default_rng(2)
    features = 1 + 0.01 * generator.standard_normal((64, 32)).astype("float32")
    labels = generator.integers(0, 4, 64)
    curvature = stability.last_layer_curvature(features, 4)
    losses = {}
    for share in (0.8, 1.25):
        rate = share * stability.curvature_limit(1.0) / curvature
        keras.utils.set_random_seed(3)
        dense = keras.layers.Dense(4, kernel_initializer="zeros")
        model = keras.Sequential([keras.Input((32,)), dense])
        model.compile(
            keras.optimizers.SGD(rate, momentum=0.9),
            keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        )
        history = model.fit(features, labels, 64, 60, verbose=0).history
        losses[share] = max(history["loss"][20:])
    assert losses[0.8] < 1.45  # about ln(4), what equal images leave to learn
    assert losses[1.25] > 1.6
