"""The measures behind the check-list, by hand."""

import keras
import numpy as np
import planted_faults
import pytest
from planted_faults import IMAGES
from planted_faults import LABELS

from alexnet_keras import SGD2012
from alexnet_keras.diagnostics import activations
from alexnet_keras.diagnostics import static_checks


def test_layer_statistics_by_hand():
    inputs = keras.Input((2,))
    hidden = keras.layers.Dense(3, "relu", name="hidden")(inputs)
    model = keras.Model(inputs, keras.layers.Dense(1, name="out")(hidden))
    kernel = np.array([[1.0, -1.0, 2.0], [0.0, 0.0, 2.0]])
    model.set_weights(
        [kernel, np.array([1.0, -9.0, 0.5]), np.ones((3, 1)), np.zeros(1)]
    )
    hidden, out = activations.layer_statistics(
        model, np.array([[1.0, 2.0], [3.0, 0.0]])
    )
    values = np.array([[2.0, 0.0, 6.5], [4.0, 0.0, 6.5]])  # ReLU of xW + b
    assert hidden.name == "hidden"
    assert hidden.entering == pytest.approx(np.sqrt((1 + 4 + 9 + 0) / 4))
    assert hidden.leaving == pytest.approx(np.sqrt((values**2).mean()))
    assert hidden.spread == pytest.approx((1 + 0 + 0) / 3)
    assert hidden.dead == pytest.approx(1 / 3)
    assert hidden.bias == pytest.approx(-2.5)
    assert out.entering == pytest.approx(hidden.leaving)
    assert out.spread == pytest.approx(1.0)  # 8.5 and 10.5


def test_a_fresh_copy_keeps_what_does_not_train():
    model = planted_faults.build(planted_faults.six_layer())
    twin = activations.copy_model(model, fresh=True)
    mean = twin.get_layer("subtract_mean").mean
    np.testing.assert_allclose(mean, IMAGES.mean((0, 1, 2)), rtol=1e-6)
    kernel = np.array(twin.get_layer("conv1").kernel)
    assert not np.allclose(kernel, model.get_layer("conv1").kernel)
    same = activations.copy_model(model).get_layer("conv1").kernel
    np.testing.assert_array_equal(same, model.get_layer("conv1").kernel)


def test_shuffled_labels_are_told_from_real_ones_in_most_draws():
    """One in twenty shuffles looks as if it belonged; that is the level."""
    suspected = [
        bool(
            list(
                static_checks.check_belonging(
                    IMAGES, np.random.default_rng(seed).permutation(LABELS)
                )
            )
        )
        for seed in range(20)
    ]
    assert sum(suspected) >= 15
    assert not list(static_checks.check_belonging(IMAGES, LABELS))
    assert not list(
        static_checks.check_belonging(IMAGES[:63], LABELS[::-1][:63])
    )


@pytest.mark.parametrize(
    "optimizer, rates",
    [
        (SGD2012(0.5), (0.05, None)),
        (SGD2012(0.5, bias_learning_rate=2.0), (0.05, 0.2)),
        (
            keras.optimizers.SGD(
                keras.optimizers.schedules.PiecewiseConstantDecay(
                    [9], [0.5, 1.0]
                )
            ),
            (0.05, None),
        ),
        (
            keras.optimizers.LossScaleOptimizer(keras.optimizers.Adam(0.5)),
            (0.05, None),
        ),
    ],
)
def test_a_copys_rates_are_scaled_together(optimizer, rates):
    inputs = keras.Input((2,))
    model = keras.Model(inputs, keras.layers.Dense(1)(inputs))
    model.compile(optimizer, "mse", jit_compile=False)
    twin = activations.copy_model(model, factor=0.1)
    assert activations.learning_rate(twin) == pytest.approx(rates[0])
    bias_rate = getattr(twin.optimizer, "bias_learning_rate", None)
    assert bias_rate == (rates[1] and pytest.approx(rates[1]))
    assert activations.learning_rate(model) == 0.5
