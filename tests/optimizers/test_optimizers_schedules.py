"""The biases' rate keeps its ratio to the weights', whoever changes that."""

import keras
import numpy as np
import pytest
from keras import layers

from alexnet_keras import SGD2012
from alexnet_keras.diagnostics.activations import copy_model

schedules = keras.optimizers.schedules


def compiled(*arguments, **options):
    model = keras.Sequential([keras.Input((2,)), layers.Dense(1, name="fc")])
    model.compile(SGD2012(*arguments, momentum=0.0, **options), "mse")
    model.optimizer.build(model.trainable_variables)
    return model


def steps_of(model, count=1):
    """How far the kernel and the bias go, for gradients of 1."""
    optimizer, before = model.optimizer, model.get_weights()
    for _ in range(count):
        optimizer.apply([np.ones((2, 1), "float32"), np.ones(1, "float32")])
    return [float((a - b).max()) for a, b in zip(before, model.get_weights())]


PLAIN = {"weight_decay": 0.0, "bias_learning_rate": 0.02}
NOTHING = np.zeros((4, 2), "float32"), np.zeros((4, 1), "float32")


def test_reduce_on_plateau_and_scheduler_change_both():
    model = compiled(0.01, **PLAIN)
    plateau = keras.callbacks.ReduceLROnPlateau(
        monitor="loss", factor=0.1, patience=1, min_delta=1e9, min_lr=1e-7
    )
    model.fit(*NOTHING, epochs=9, verbose=0, callbacks=[plateau])
    weights, biases = steps_of(model)
    assert weights == pytest.approx(1e-7, rel=0.2)
    assert biases == pytest.approx(2 * weights, rel=0.2)
    scheduler = keras.callbacks.LearningRateScheduler(lambda epoch: 0.5)
    model.fit(*NOTHING, verbose=0, callbacks=[scheduler])
    assert steps_of(model) == pytest.approx([0.5, 1.0], rel=1e-6)


def test_a_schedule_changes_both_and_bias_rates_are_those_of_its_beginning():
    schedule = schedules.PiecewiseConstantDecay([0, 1], [0.01, 0.001, 0.0001])
    model = compiled(schedule, **PLAIN)
    for expected in (0.01, 0.001, 0.0001):
        assert model.optimizer.bias_learning_rate == pytest.approx(2 * expected)
        found = steps_of(model)
        assert found == pytest.approx([expected, 2 * expected], rel=1e-3)
    again = SGD2012.from_config(model.optimizer.get_config())
    assert again.bias_learning_rate == pytest.approx(0.02)
    copied = copy_model(model).optimizer
    assert copied.bias_learning_rate == pytest.approx(2e-4)


def test_a_rate_that_is_assigned_changes_both():
    model = compiled(0.01, **PLAIN)
    model.optimizer.learning_rate.assign(0.25)
    assert steps_of(model) == pytest.approx([0.25, 0.5], rel=1e-6)


def test_rates_that_are_set_are_so_to_the_bit_until_one_is_set_again():
    model = compiled(0.01, **PLAIN)
    optimizer = model.optimizer
    optimizer.set_rates(1e-4, 0.002)
    assert optimizer.bias_learning_rate == np.float32(0.002)
    optimizer.learning_rate = 1e-5
    assert steps_of(model, 100) == pytest.approx([1e-3, 0.02], rel=5e-3)
    optimizer.set_rates(0.1)
    optimizer.learning_rate = 0.5
    assert steps_of(model) == pytest.approx([0.5, 0.5], rel=1e-6)


def test_rates_of_zero():
    model = compiled(0.01, **PLAIN)
    optimizer = model.optimizer
    optimizer.learning_rate = 0.0
    assert steps_of(model) == [0, 0]
    optimizer.learning_rate = 0.25
    assert steps_of(model) == pytest.approx([0.25, 0.5], rel=1e-6)
    optimizer.set_rates(0.25, 0.0)
    optimizer.learning_rate = 0.5
    assert steps_of(model) == [0.5, 0]
    # No ratio follows from a rate of 0: the biases keep their own.
    optimizer.set_rates(0.0, 0.125)
    assert steps_of(model) == [0, 0.125]
    optimizer.learning_rate = 0.5
    assert steps_of(model) == [0.5, 0.125]
    alone = compiled(0.0, weight_decay=0.0, bias_learning_rate=0.125)
    assert steps_of(alone) == [0, 0.125]


def test_a_schedule_from_zero_gives_no_ratio():
    warm = schedules.CosineDecay(0.0, 10, warmup_target=0.1, warmup_steps=5)
    SGD2012(warm), SGD2012(warm, bias_learning_rate=0)
    with pytest.raises(ValueError) as error:
        SGD2012(warm, bias_learning_rate=0.02)
    assert "schedule" in str(error.value) and "begin" in str(error.value)
    assert str(error.value).endswith("Received: bias_learning_rate=0.02")


@pytest.mark.parametrize("stored,ratio", [(0.02, 2), (-1, 1), (0.0, 0)])
def test_what_earlier_versions_stored_means_the_same(stored, ratio):
    """They stored the rate itself, or −1 where it is that of the weights."""
    model = compiled(0.01, **PLAIN)
    optimizer = model.optimizer
    shapes = [tuple(variable.shape) for variable in optimizer.variables]
    assert shapes == [(), (), (2, 1), (1,), (), (2,)]
    values = [variable.numpy() for variable in optimizer.variables]
    values[4] = np.float32(stored)
    for variable, value in zip(optimizer.variables, values):
        variable.assign(value)
    assert steps_of(model) == pytest.approx([0.01, 0.01 * ratio], rel=1e-6)
    optimizer.learning_rate = 0.5
    assert steps_of(model) == pytest.approx([0.5, 0.5 * ratio], rel=1e-5)


def test_a_saved_model_resumes_with_the_ratio(tmp_path):
    model = compiled(0.01, **PLAIN)
    model.optimizer.learning_rate = 0.25
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    assert steps_of(again) == pytest.approx([0.25, 0.5], rel=1e-6)
    again.optimizer.learning_rate = 0.125
    assert steps_of(again) == pytest.approx([0.125, 0.25], rel=1e-6)
