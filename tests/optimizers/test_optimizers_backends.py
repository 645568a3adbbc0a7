"""SGD2012 on TensorFlow, JAX and PyTorch, against a plain NumPy loop.

Each backend runs the same 100 steps, whose rates change every few steps, in
its compiled form where it has one, and tells weights and velocities after
each step.
"""

import functools
import json

import keras
import numpy as np
import pytest
from support import run_python

from alexnet_keras import SGD2012
from alexnet_keras import GroupedConv2D

MOMENTUM, DECAY = 0.9, 0.02
SHAPES = {
    "conv1/kernel": (3, 3, 1, 4),
    "conv1/bias": (4,),
    "fc8/kernel": (6, 5),
    "fc8/bias": (5,),
}
STEPS = 100
FROZEN = range(30, 45)  # steps in which conv1 stands still
# First step: rate, bias rate, multipliers.
PLAN = {
    0: (0.1, None, {}),
    15: (0.02, 0.2, {}),
    30: (0.02, 0.2, {"conv1": 0}),
    45: (0.05, None, {"conv1": 0.5}),
    60: (0.05, 0.0, {"conv1": 0.5, "fc8": 2}),
    75: (0.0, 0.1, None),
    85: (0.3, 0.01, {"fc8": 0.1}),
}


def make_start():
    """Weights and velocities, with negative zeros among them."""
    random = np.random.default_rng(0)
    values = []
    for _ in range(2):
        for shape in SHAPES.values():
            value = random.standard_normal(shape, "float32")
            value.flat[0] = -0.0
            values.append(value)
    return values[: len(SHAPES)], values[len(SHAPES) :]


def make_gradients():
    """A list by step; in the frozen steps conv1's overflow."""
    random = np.random.default_rng(1)
    found = [
        [random.standard_normal(s, "float32") for s in SHAPES.values()]
        for _ in range(STEPS)
    ]
    for step in FROZEN:
        found[step][0][..., 0] = [np.inf, -np.inf, np.nan][step % 3]
        found[step][1][1] = np.inf
    return found


def plain_loop():
    """The rule as it is written, in float64: (weights, velocities) by step."""
    weights, velocities = (
        [value.astype("float64") for value in values] for values in make_start()
    )
    steps = []
    for step, gradients in enumerate(make_gradients()):
        if step in PLAN:
            rate, bias_rate, multipliers = PLAN[step]
        for i, name in enumerate(SHAPES):
            layer, kind = name.split("/")
            is_bias = kind == "bias"
            r = bias_rate if is_bias and bias_rate is not None else rate
            r *= (multipliers or {}).get(layer, 1)
            if r == 0:
                continue
            decay = 0 if is_bias else DECAY
            velocities[i] = MOMENTUM * velocities[i] - r * (
                gradients[i] + decay * weights[i]
            )
            weights[i] = weights[i] + velocities[i]
        steps.append((list(weights), list(velocities)))
    return steps


def build_layers():
    """The variables of `SHAPES`, in real layers, so under Keras's names."""
    conv = GroupedConv2D(4, 3, groups=2, name="conv1")
    conv.build((None, 8, 8, 2))
    dense = keras.layers.Dense(5, name="fc8")
    dense.build((None, 6))
    variables = conv.trainable_variables + dense.trainable_variables
    assert [variable.path for variable in variables] == list(SHAPES)
    return variables


def make_step(optimizer, variables):
    """A function that applies gradients, compiled where the backend can."""
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        apply = tf.function(lambda gradients: optimizer.apply(gradients))
        return lambda gradients: apply(list(map(tf.constant, gradients)))
    if keras.backend.backend() == "torch":
        import torch

        return lambda gradients: optimizer.apply(
            [torch.from_numpy(gradient) for gradient in gradients]
        )
    import jax

    stateless = jax.jit(optimizer.stateless_apply)

    def step(gradients):
        every = (optimizer.variables, variables)
        slots, weights = ([v.value for v in group] for group in every)
        weights, slots = stateless(slots, gradients, weights)
        for group, values in zip(every, (slots, weights)):
            for variable, value in zip(group, values):
                variable.assign(value)

    return step


def keras_loop():
    """What SGD2012 makes of it on this process's backend: lists by step."""
    variables = build_layers()
    optimizer = SGD2012(0.7, MOMENTUM, DECAY)
    optimizer.build(variables)
    for targets, values in zip((variables, optimizer.velocities), make_start()):
        for target, value in zip(targets, values):
            target.assign(value)
    apply = make_step(optimizer, variables)
    steps = []
    for step, gradients in enumerate(make_gradients()):
        if step in PLAN:
            optimizer.set_rates(*PLAN[step])
        apply(gradients)
        groups = (variables, optimizer.velocities)
        steps.append([[v.numpy().tolist() for v in g] for g in groups])
    return steps


def fit_with_changing_rates():
    """Which of two layers `fit` moves in each epoch, by this backend."""
    random = np.random.default_rng(2)
    model = keras.Sequential(
        [
            keras.Input((6,)),
            keras.layers.Dense(5, activation="tanh", name="fc7"),
            keras.layers.Dense(1, name="fc8"),
        ]
    )
    model.compile(SGD2012(0.1), "mse")
    model.optimizer.build(model.trainable_variables)
    plan = [{}, {"fc7": 0}, {"fc7": 0, "fc8": 0}, {"fc8": 0}]
    moved = []

    class Rates(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            self.before = self.model.get_weights()
            self.model.optimizer.set_rates(0.1, layers=plan[epoch])

        def on_epoch_end(self, epoch, logs=None):
            pairs = zip(self.before, self.model.get_weights())
            moved.append([a.tobytes() != b.tobytes() for a, b in pairs])

    model.fit(
        random.standard_normal((8, 6), "float32"),
        random.standard_normal((8, 1), "float32"),
        batch_size=4,
        epochs=4,
        verbose=0,
        callbacks=[Rates()],
    )
    return moved


def report():
    return {
        "backend": keras.backend.backend(),
        "steps": keras_loop(),
        "moved": fit_with_changing_rates(),
    }


@functools.cache
def report_of(backend):
    if backend == keras.backend.backend():
        return report()
    code = "import json, test_optimizers_backends as t; print(json.dumps(t.report()))"
    return json.loads(run_python(code, backend=backend).splitlines()[-1])


@pytest.fixture(params=["tensorflow", "jax", "torch"])
def found(request):
    """What one backend reports."""
    pytest.importorskip(request.param, reason="needs this backend")
    found = report_of(request.param)
    assert found["backend"] == request.param
    return found


@pytest.mark.extra
def test_equals_a_plain_loop(found):
    expected = plain_loop()
    assert len(found["steps"]) == len(expected) == STEPS
    for step, (ours, plain) in enumerate(zip(found["steps"], expected)):
        for kind, of, those in zip(("weight", "velocity"), ours, plain):
            for name, one, other in zip(SHAPES, of, those, strict=True):
                np.testing.assert_allclose(
                    np.float64(one),
                    other,
                    rtol=2e-5,
                    atol=2e-5,
                    err_msg=f"{kind} of {name} after step {step}",
                )


def bits(values):
    return [np.float32(value).tobytes() for value in values]


@pytest.mark.extra
def test_a_frozen_layer_stays_equal_bit_by_bit(found):
    """Negative zeros too, whatever overflows in its gradients."""
    steps = found["steps"]
    weights, velocities = steps[FROZEN[0] - 1]
    for step in FROZEN:
        assert bits(steps[step][0][:2]) == bits(weights[:2])
        assert bits(steps[step][1][:2]) == bits(velocities[:2])
        assert bits(steps[step][0][2:]) != bits(steps[step - 1][0][2:])
    assert np.signbit(make_start()[0][0].flat[0])
    thawed = steps[FROZEN[-1] + 1]
    assert bits(thawed[0][:1]) != bits(weights[:1])


@pytest.mark.extra
def test_a_rate_of_0_stops_kernels_or_biases_alone(found):
    steps = found["steps"]
    for first, last, still in (60, 74, (1, 3)), (75, 84, (0, 2)):
        for i in range(4):
            for group in (0, 1):
                before = bits(steps[first - 1][group])[i]
                after = bits(steps[last][group])[i]
                assert (before == after) == (i in still)


@pytest.mark.extra
def test_rates_change_in_fit(found):
    assert found["moved"] == [
        [True, True, True, True],
        [False, False, True, True],
        [False, False, False, False],
        [True, True, False, False],
    ]
