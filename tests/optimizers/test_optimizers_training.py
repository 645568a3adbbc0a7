"""SGD2012 in `fit` on TensorFlow: compiled, replicated, in half, saved."""

import keras
import numpy as np
import pytest

from alexnet_keras import SGD2012
from alexnet_keras.optimizers import unwrap

tf = pytest.importorskip("tensorflow")

# NumPy's, on Keras's way of reading a variable that is on several devices.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation")

BATCH = 8
# By epoch: rate, bias rate, multipliers.
PLAN = [
    (0.1, 0.2, None),
    (0.05, 0.2, {"fc7": 0}),
    (0.05, None, {"fc8": 0.1}),
    (0.2, 0.0, {"fc7": 2}),
]
random = np.random.default_rng(0)
IMAGES = random.standard_normal((4 * BATCH, 6), "float32")
LABELS = random.integers(0, 3, 4 * BATCH)


class Rates(keras.callbacks.Callback):
    """Sets the rates of each epoch."""

    def on_epoch_begin(self, epoch, logs=None):
        unwrap(self.model.optimizer).set_rates(*PLAN[epoch])


def make_model(policy="float32", optimizer=None, **compile_options):
    keras.utils.set_random_seed(2012)
    model = keras.Sequential(
        [
            keras.Input((6,)),
            keras.layers.Dense(16, "tanh", name="fc7", dtype=policy),
            keras.layers.Dense(3, name="fc8", dtype=policy),
        ]
    )
    if optimizer is None:
        optimizer = SGD2012(0.7, weight_decay=0.02)
    model.compile(
        optimizer,
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        **compile_options,
    )
    model.optimizer.build(model.trainable_variables)
    return model


def train(model, epochs=4):
    model.fit(
        IMAGES,
        LABELS,
        batch_size=BATCH,
        epochs=epochs,
        shuffle=False,
        verbose=0,
        callbacks=[Rates()],
    )
    return state(model)


def state(model):
    """Weights, and what the optimizer holds, as arrays."""
    variables = unwrap(model.optimizer).variables
    return [v.numpy() for v in (*model.trainable_variables, *variables)]


def plain_training():
    """The same epochs in NumPy, gradients and all; returns the weights."""
    w7, b7, w8, b8 = weights = [
        weight.astype("float64") for weight in make_model().get_weights()
    ]
    velocities = [np.zeros_like(weight) for weight in weights]
    targets = np.eye(3)[LABELS]
    for rate, bias_rate, multipliers in PLAN:
        bias_rate = rate if bias_rate is None else bias_rate
        seven, eight = ((multipliers or {}).get(n, 1) for n in ("fc7", "fc8"))
        rates = (
            rate * seven,
            bias_rate * seven,
            rate * eight,
            bias_rate * eight,
        )
        for start in range(0, len(IMAGES), BATCH):
            x = IMAGES[start : start + BATCH]
            hidden = np.tanh(x @ w7 + b7)
            odds = np.exp(hidden @ w8 + b8)
            back = odds / odds.sum(1, keepdims=True)
            back = (back - targets[start : start + BATCH]) / BATCH
            through = (back @ w8.T) * (1 - hidden**2)
            gradients = (
                x.T @ through,
                through.sum(0),
                hidden.T @ back,
                back.sum(0),
            )
            for w, v, g, r in zip(weights, velocities, gradients, rates):
                if r:
                    decay = 0.02 if w.ndim == 2 else 0
                    v[:] = 0.9 * v - r * (g + decay * w)
                    w += v
    return weights


@pytest.fixture(scope="module")
def alone():
    """The state after training on one device."""
    return train(make_model())


@pytest.mark.parametrize("how", ["graph", "jit_compile", "eager"])
def test_fit_equals_numpy(how, alone):
    """In a compiled step, in which the callback's rates must arrive."""
    found = alone
    if how == "jit_compile":
        found = train(make_model(jit_compile=True))
    if how == "eager":
        found = train(make_model(run_eagerly=True))
    for ours, plain in zip(found, plain_training()):
        np.testing.assert_allclose(ours, plain, rtol=1e-4, atol=1e-5)


def test_two_replicas_equal_one_device(alone):
    with tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"]).scope():
        model = make_model()
    found = train(model)
    assert model.distribute_strategy.num_replicas_in_sync == 2
    for ours, theirs in zip(found, alone, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6)
    for variable in (*model.trainable_variables, *model.optimizer.variables):
        one, other = variable.value.values  # a copy on each device
        np.testing.assert_array_equal(one.numpy(), other.numpy())


def test_fit_that_builds_the_optimizer_itself_is_the_same():
    """It builds in a traced function, where nothing may be assigned."""
    found = []
    for build in (True, False):
        for bias_rate in (0.3, None):
            model = make_model()
            optimizer = SGD2012(0.3, bias_learning_rate=bias_rate)
            model.compile(optimizer, "mse")
            if build:
                optimizer.build(model.trainable_variables)
            assert optimizer.built == build
            model.fit(IMAGES, IMAGES[:, :3], BATCH, verbose=0, shuffle=False)
            found.append(model.get_weights())
    for weights in found[1:]:
        for one, other in zip(found[0], weights):
            np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(
    ("policy", "wrapped", "tolerance"),
    [("mixed_float16", True, 2e-3), ("mixed_bfloat16", False, 2e-2)],
)
@pytest.mark.parametrize("replicas", [1, 2])
def test_half_precision(
    policy, wrapped, tolerance, replicas, alone, dtype_policy
):
    dtype_policy(policy)
    strategy = tf.distribute.get_strategy()
    if replicas == 2:
        strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
    with strategy.scope():
        model = make_model(policy)
    is_wrapped = model.optimizer is not unwrap(model.optimizer)
    assert is_wrapped == wrapped and type(unwrap(model.optimizer)) is SGD2012
    found = train(model)
    assert {array.dtype.name for array in found} == {"float32", "int64"}
    assert found[4] == 4 * len(PLAN), "no step was left out"
    for ours, theirs in zip(found[:4], alone):
        np.testing.assert_allclose(ours, theirs, atol=tolerance)


@pytest.mark.parametrize("policy", ["float32", "mixed_float16"])
def test_a_saved_model_goes_on_as_if_never_saved(
    policy, tmp_path, dtype_policy
):
    """Velocities, rates and multipliers come back with the optimizer."""
    dtype_policy(policy)
    whole = make_model(policy)
    train(whole, epochs=2)
    whole.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert type(unwrap(loaded.optimizer)) is SGD2012
    for one, other in zip(state(whole), state(loaded), strict=True):
        np.testing.assert_array_equal(one, other)

    # A further epoch with the rates as they are: fc7 is still frozen.
    before = state(loaded)
    for model in (whole, loaded):
        model.fit(IMAGES, LABELS, BATCH, verbose=0, shuffle=False)
    after = state(loaded)
    for one, other in zip(state(whole), after, strict=True):
        np.testing.assert_array_equal(one, other)
    moved = [(a != b).any() for a, b in zip(before[:4], after)]
    assert moved == [False, False, True, True]


def test_kerass_own_callbacks_set_the_rate():
    model = make_model(optimizer=SGD2012(0.5, weight_decay=0.5))
    stop = keras.callbacks.LearningRateScheduler(lambda epoch, rate: 0.0)
    before = model.get_weights()
    model.fit(IMAGES, LABELS, BATCH, verbose=0, callbacks=[stop])
    assert float(model.optimizer.learning_rate) == 0
    for old, new in zip(before, model.get_weights()):
        np.testing.assert_array_equal(old, new)
