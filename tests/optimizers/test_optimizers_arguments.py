"""Numbers and rates that an optimizer refuses."""

import re

import keras
import numpy as np
import pytest
from test_optimizers import built

from alexnet_keras import SGD2012

RANGE = "`{0}` must be a finite number, 0 or more. Received: {0}={1}"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"learning_rate": -1}, RANGE.format("learning_rate", -1)),
        ({"learning_rate": "0.1"}, RANGE.format("learning_rate", "'0.1'")),
        ({"learning_rate": np.nan}, RANGE.format("learning_rate", "nan")),
        ({"weight_decay": -0.5}, RANGE.format("weight_decay", -0.5)),
        ({"weight_decay": None}, RANGE.format("weight_decay", None)),
        ({"momentum": -0.1}, RANGE.format("momentum", -0.1)),
        (
            {"momentum": 1},
            "`momentum` must be less than 1, or velocities grow for ever. "
            "Received: momentum=1.0",
        ),
        ({"bias_learning_rate": -2}, RANGE.format("bias_learning_rate", -2)),
        (
            {"bias_learning_rate": np.inf},
            RANGE.format("bias_learning_rate", "inf"),
        ),
    ],
)
def test_numbers_out_of_range_are_refused(arguments, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        SGD2012(**arguments)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((-0.1,), RANGE.format("learning_rate", -0.1)),
        ((0.1, -0.1), RANGE.format("bias_learning_rate", -0.1)),
        ((0.1, None, {"fc7": -1}), RANGE.format("layers['fc7']", -1)),
        (
            (0.1, None, {"fc7": 0, "conv1": 0.1}),
            "`layers` must name layers that are trained: ['net', 'fc7', "
            "'fc8']. Not among them: ['conv1']. "
            "Received: layers={'fc7': 0, 'conv1': 0.1}",
        ),
        (
            (0.1, None, ["fc7"]),
            "`layers` must be a dict from names of layers to multipliers, "
            "such as {\"conv1\": 0.1}. Received: layers=['fc7']",
        ),
    ],
)
def test_wrong_rates_are_refused_before_any_is_set(arguments, message):
    optimizer = built(0.5, bias_learning_rate=0.25)
    optimizer.set_rates(0.5, 0.25, {"fc8": 0.5})
    before = [variable.numpy() for variable in optimizer.variables]
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        optimizer.set_rates(*arguments)
    for variable, value in zip(optimizer.variables, before):
        np.testing.assert_array_equal(variable.numpy(), value)


def test_rates_cannot_be_set_before_build_or_over_a_schedule():
    with pytest.raises(
        ValueError,
        match=re.escape(
            "`set_rates` needs to know the layers. Call "
            "`model.optimizer.build(model.trainable_variables)` first. "
            "Received: an optimizer, 'sgd_2012', that is not built"
        ),
    ):
        SGD2012().set_rates(0.1)
    schedule = keras.optimizers.schedules.CosineDecay(0.1, 10)
    with pytest.raises(
        ValueError,
        match=re.escape(
            "`set_rates` cannot replace a schedule. Make the optimizer with "
            "a number as `learning_rate`. Received: learning_rate=0.1, and "
            "an optimizer with a schedule (CosineDecay)"
        ),
    ):
        built(schedule).set_rates(0.1)
