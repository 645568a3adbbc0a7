"""The update rule of 2012: rate and decay inside the velocity.

Neither of the usual optimizers has it. `keras.optimizers.SGD` decays weights
outside the velocity, which is ten times weaker at momentum 0.9, and decays
biases too; `torch.optim.SGD` keeps the rate outside, which differs as soon as
the rate changes. Both have one rate where the paper's code has several.
"""

import math

import keras
import numpy as np
from keras import ops

from alexnet_keras import validation

# How the biases' rate is stored: below zero, it is as many times that of the
# weights, turned round; from zero up, it is the rate itself.
_FOLLOW = -1.0


@keras.saving.register_keras_serializable(package="alexnet_keras")
class SGD2012(keras.optimizers.Optimizer):
    """Momentum SGD as in the paper, section 5, and in its code (weights.cu).

    For a weight w with gradient g and rate r:

        v ← momentum · v − r · (g + weight_decay · w)
        w ← w + v

    Biases (variables that are named so, as in every Keras layer) have a rate
    of their own and no decay. Where a rate is 0, neither v nor w changes, by
    no bit: a frozen layer does not coast on its velocity, and goes on with it
    when its rate is back.

    All rates are variables: `set_rates`, or a callback that assigns
    `learning_rate`, takes effect in a compiled training step, and whatever
    saves `optimizer.variables` saves them. A callback or a schedule that
    changes `learning_rate` changes the biases' rate as many times. Runs on
    all backends and under `tf.distribute`.

    Args:
        learning_rate: r of the weights, or a schedule. Defaults to 0.01.
        momentum: from 0 up to, not including, 1. Defaults to 0.9.
        weight_decay: of all variables but biases, and those that
            `exclude_from_weight_decay` names. Defaults to 0.0005.
        bias_learning_rate: r of the biases at the beginning; from there on
            its ratio to `learning_rate` holds. Defaults to None: that of the
            weights. The runs of 2012 began with 0.01 and 0.02. Beside a
            `learning_rate` of 0 it is kept as it is.
        name: of the optimizer.
        **kwargs: as `keras.optimizers.Optimizer`: clipping, averaging and
            the like.

    Raises:
        ValueError: if a number is outside its range, or biases have a rate
            of their own beside a schedule that begins at 0.

    >>> model = keras.Sequential(
    ...     [keras.Input((2,)), keras.layers.Dense(1, name="fc")]
    ... )
    >>> optimizer = SGD2012(0.01, bias_learning_rate=0.02)
    >>> model.compile(optimizer, "mse")
    >>> optimizer.build(model.trainable_variables)
    >>> optimizer.set_rates(0.001, 0.002, layers={"fc": 0})
    """

    def __init__(
        self,
        learning_rate=0.01,
        momentum=0.9,
        weight_decay=0.0005,
        bias_learning_rate=None,
        name="sgd_2012",
        **kwargs,
    ):
        if not callable(learning_rate):  # else a schedule
            learning_rate = _not_negative("learning_rate", learning_rate)
        momentum = _not_negative("momentum", momentum)
        if momentum >= 1:
            raise ValueError(
                "`momentum` must be less than 1, or velocities grow for ever. "
                f"Received: momentum={momentum}"
            )
        super().__init__(
            learning_rate,
            weight_decay=_not_negative("weight_decay", weight_decay),
            name=name,
            **kwargs,
        )
        self.momentum = momentum
        self._bias_rate = None
        self._initial_bias_rate = self._as_stored(
            _bias_rate(bias_learning_rate)
        )

    def build(self, variables):
        """Creates a velocity for each variable, and the rates."""
        if self.built:
            return
        super().build(variables)
        self.velocities = self.add_optimizer_variables(variables, "velocity")
        # By initializers: `fit` builds inside of a traced function, where an
        # assignment would become a part of every step.
        self._bias_rate = self._add_rates(
            "bias_learning_rate", (), self._initial_bias_rate
        )
        self._multipliers = self._add_rates("multipliers", (len(variables),))
        self._is_bias = [variable.name == "bias" for variable in variables]
        self._decays = [
            self._use_weight_decay(variable) and not is_bias
            for variable, is_bias in zip(variables, self._is_bias)
        ]

    def _add_rates(self, name, shape, value=1.0):
        return self.add_variable(
            shape,
            keras.initializers.Constant(value),
            aggregation="only_first_replica",
            name=name,
        )

    def _as_stored(self, bias_rate):
        """What the constructor was given, as a ratio where there is one."""
        if bias_rate <= 0 or not (rate := self._first_rate()):
            if bias_rate > 0 and callable(self._learning_rate):
                raise ValueError(
                    "`bias_learning_rate` has no ratio to a schedule that "
                    "begins at 0: let the schedule begin a little above. "
                    f"Received: bias_learning_rate={bias_rate}"
                )
            return bias_rate
        # Rounded as the weights' rate is: of equal rates the ratio is 1.
        return -float(np.float32(bias_rate)) / rate

    def _first_rate(self):
        """The weights' rate; of a schedule that of its first step."""
        rate = self._learning_rate
        if isinstance(rate, keras.optimizers.schedules.LearningRateSchedule):
            rate = rate(0)
        elif callable(rate):
            rate = rate()
        return float(ops.convert_to_numpy(rate))

    @keras.optimizers.Optimizer.learning_rate.setter
    def learning_rate(self, learning_rate):
        """The rate of the weights; when it is set, the biases' keeps pace."""
        if self._bias_rate is not None and not callable(self._learning_rate):
            rate = ops.convert_to_tensor(self._learning_rate)
            stored = ops.convert_to_tensor(self._bias_rate)
            own = ops.logical_and(stored > 0, rate > 0)
            self._bias_rate.assign(ops.where(own, -stored / rate, stored))
        keras.optimizers.Optimizer.learning_rate.fset(self, learning_rate)

    @property
    def bias_learning_rate(self):
        """The rate of the biases now; None where it is the weights'."""
        return self._bias_rate_beside(self.learning_rate)

    def _bias_rate_beside(self, learning_rate):
        stored = self._initial_bias_rate
        if self._bias_rate is not None:
            stored = float(self._bias_rate.numpy())
        if stored == _FOLLOW:
            return None
        if stored >= 0:
            return stored
        return -stored * float(ops.convert_to_numpy(learning_rate))

    def set_rates(self, learning_rate, bias_learning_rate=None, layers=None):
        """Sets all rates; what is not given goes back to its default.

        Args:
            learning_rate: of the weights.
            bias_learning_rate: of the biases, to the bit, until
                `learning_rate` is set again: then the ratio holds. Defaults
                to None: that of the weights.
            layers: dict from names of layers to what the rates of their
                variables are multiplied by; 0 freezes. A name that holds
                other layers stands for all of them. Defaults to None: 1.

        Raises:
            ValueError: before a rate has changed: if the optimizer has not
                been built, if its rate is a schedule, if a rate is negative,
                if no variable belongs to a layer of this name.
        """
        if not self.built:
            raise ValueError(
                "`set_rates` needs to know the layers. Call "
                "`model.optimizer.build(model.trainable_variables)` first. "
                f"Received: an optimizer, {self.name!r}, that is not built"
            )
        if callable(self._learning_rate):
            raise ValueError(
                "`set_rates` cannot replace a schedule. Make the optimizer "
                "with a number as `learning_rate`. "
                f"Received: learning_rate={learning_rate}, and an optimizer "
                f"with a schedule ({type(self._learning_rate).__name__})"
            )
        learning_rate = _not_negative("learning_rate", learning_rate)
        bias_rate = _bias_rate(bias_learning_rate)
        multipliers = self._multipliers_of({} if layers is None else layers)
        self._learning_rate.assign(learning_rate)
        self._bias_rate.assign(bias_rate)
        self._multipliers.assign(multipliers)

    def _multipliers_of(self, layers):
        if not isinstance(layers, dict):
            raise ValueError(
                "`layers` must be a dict from names of layers to multipliers, "
                f'such as {{"conv1": 0.1}}. Received: layers={layers!r}'
            )
        owners = [v.path.split("/")[:-1] for v in self._trainable_variables]
        known = list(dict.fromkeys(name for names in owners for name in names))
        if unknown := [name for name in layers if name not in known]:
            raise ValueError(
                f"`layers` must name layers that are trained: {known}. "
                f"Not among them: {unknown}. Received: layers={layers}"
            )
        for name, value in layers.items():
            _not_negative(f"layers[{name!r}]", value)
        return [
            math.prod(layers[name] for name in layers if name in names)
            for names in owners
        ]

    def update_step(self, gradient, variable, learning_rate):
        """Updates one variable and its velocity."""
        index = self._get_variable_index(variable)
        rate = ops.cast(learning_rate, self._multipliers.dtype)
        # Which variable this is, is known when the step is traced; rates are not.
        if self._is_bias[index]:
            stored = ops.convert_to_tensor(self._bias_rate)
            rate = ops.abs(stored) * ops.where(stored < 0, rate, 1.0)
        rate = rate * self._multipliers[index]
        frozen = ops.equal(rate, 0)

        weights = ops.convert_to_tensor(variable)
        velocity = ops.convert_to_tensor(self.velocities[index])
        step = ops.cast(ops.convert_to_tensor(gradient), velocity.dtype)
        if self._decays[index]:
            step = step + self.weight_decay * weights
        moved = self.momentum * velocity - ops.cast(rate, step.dtype) * step
        # A selection, since 0 times a gradient that overflowed is not 0.
        self.assign(self.velocities[index], ops.where(frozen, velocity, moved))
        self.assign(variable, ops.where(frozen, weights, weights + moved))

    def _apply_weight_decay(self, variables):
        """Nothing: Keras would decay here, outside the velocity."""

    def get_config(self):
        """The arguments; rates as they are now, but for the multipliers.

        Beside a schedule, which begins again, the biases' rate is its first.
        """
        return {
            **super().get_config(),
            "momentum": self.momentum,
            "bias_learning_rate": self._bias_rate_beside(self._first_rate()),
        }


def unwrap(optimizer):
    """The optimizer itself where Keras has wrapped it to scale the loss.

    `compile` does so under the policy `mixed_float16`:
    `unwrap(model.optimizer).set_rates(…)` is right under any policy.
    """
    while isinstance(optimizer, keras.optimizers.LossScaleOptimizer):
        optimizer = optimizer.inner_optimizer
    return optimizer


def _not_negative(name, value):
    return float(validation.number(name, value))


def _bias_rate(value):
    return (
        _FOLLOW if value is None else _not_negative("bias_learning_rate", value)
    )
