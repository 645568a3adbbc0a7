"""Values and gradients by layer, against finite differences and NumPy."""

import keras
import numpy as np
import pytest
from support import message_of

tf = pytest.importorskip("tensorflow")

from alexnet_keras.classifier import build_classifier  # noqa: E402
from alexnet_lab import gradients  # noqa: E402
from alexnet_lab.experiments.small_networks import four_layer  # noqa: E402

NAMES = ("a", "b", "c")


def tiny(activation):
    keras.utils.set_random_seed(3)
    return keras.Sequential(
        [
            keras.Input((4,)),
            keras.layers.Dense(5, activation=activation, name="first"),
            keras.layers.Dense(3, name="last"),
        ]
    )


def batch():
    generator = np.random.default_rng(0)
    inputs = generator.normal(size=(6, 4)).astype("float32")
    return inputs, np.array([0, 1, 2, 0, 1, 2])


def loss_behind_first(model, values, labels):
    """The summed loss as a function of what the first layer gives."""
    kernel, bias = model.get_layer("last").get_weights()
    scores = values @ kernel.astype("float64") + bias
    scores -= scores.max(axis=1, keepdims=True)
    logs = scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))
    return -logs[np.arange(len(labels)), labels].sum()


def test_values_are_those_of_the_layers():
    model, (inputs, labels) = tiny("tanh"), batch()
    first, last = gradients.trace(model, inputs, labels)
    kernel, bias = model.get_layer("first").get_weights()
    np.testing.assert_allclose(
        first.values, np.tanh(inputs @ kernel + bias), rtol=1e-5
    )
    np.testing.assert_allclose(last.values, model(inputs), rtol=1e-5)
    assert (first.name, last.name) == ("first", "last")


def test_gradients_are_finite_differences_of_the_summed_loss():
    model, (inputs, labels) = tiny("tanh"), batch()
    first, last = gradients.trace(model, inputs, labels)
    values, step = first.values.astype("float64"), 1e-5
    for place in np.ndindex(*values.shape):
        up, down = values.copy(), values.copy()
        up[place] += step
        down[place] -= step
        slope = (
            loss_behind_first(model, up, labels)
            - loss_behind_first(model, down, labels)
        ) / (2 * step)
        assert first.gradients[place] == pytest.approx(slope, abs=1e-4)
    shares = np.exp(last.values) / np.exp(last.values).sum(1, keepdims=True)
    expected = shares - np.eye(3)[labels]  # softmax and cross-entropy
    np.testing.assert_allclose(last.gradients, expected, atol=1e-5)


def test_dead_units_are_those_that_are_zero_for_every_image():
    model, (inputs, labels) = tiny("relu"), batch()
    layer = model.get_layer("first")
    kernel, bias = layer.get_weights()
    bias[[1, 4]] = -100
    layer.set_weights([kernel, bias])
    first, _ = gradients.trace(model, inputs, labels)
    expected = (np.maximum(inputs @ kernel + bias, 0) == 0).all(axis=0)
    assert first.dead.tolist() == expected.tolist()
    assert first.dead[[1, 4]].all()


def test_a_map_is_dead_only_where_all_its_places_are():
    values = np.zeros((2, 3, 3, 4), "float32")
    values[1, 2, 0, 2] = 1
    signal = gradients.Signal("conv", values, values)
    assert signal.dead.tolist() == [True, True, False, True]


def test_saturated_counts_both_ends():
    values = np.array([-1, -0.95, -0.93, 0, 0.93, 0.95, 1.0, 0.5])
    signal = gradients.Signal("tanh", values, values)
    assert signal.saturated(-1, 1) == 4 / 8  # within 0.06 of an end
    assert signal.saturated(-1, 1, within=0.04) == 6 / 8


def test_a_classifier_is_followed_from_its_pixels_on():
    model = build_classifier(four_layer(), 32, NAMES, [100.0] * 3, None)
    images = np.random.default_rng(1).integers(0, 256, (4, 32, 32, 3), "uint8")
    traced = gradients.trace(model, images, [0, 1, 2, 0])
    names = [signal.name for signal in traced]
    assert names == ["conv1", "conv2", "conv3", "predictions"]
    np.testing.assert_allclose(traced[-1].values, model(images), atol=1e-5)


def test_a_model_that_is_no_chain_is_refused():
    inputs = keras.Input((4,))
    first = keras.layers.Dense(4, name="first")(inputs)
    outputs = keras.layers.Add(name="add")([first, inputs])
    model = keras.Model(inputs, outputs, name="residual")
    assert message_of(gradients.trace, model, *batch()) == (
        "`model` must be a chain: each layer reads the one before. Received: "
        "a model 'residual' with the layer 'add', which reads 2"
    )


def test_a_model_with_a_side_branch_is_refused():
    inputs = keras.Input((4,))
    first = keras.layers.Dense(4, name="first")(inputs)
    beside = keras.layers.Dense(4, name="beside")(inputs)
    outputs = keras.layers.Dense(3, name="last")(first)
    model = keras.Model(inputs, [outputs, beside], name="two_ends")
    assert "which reads another than the one before" in message_of(
        gradients.trace, model, *batch()
    )
