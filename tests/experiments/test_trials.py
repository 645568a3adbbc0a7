"""A trial is what a plain loop gives, and ends when it should."""

import math

import keras
import numpy as np
import pytest
from support import message_of
from tiny_arrays import CLASSES
from tiny_arrays import condition
from tiny_arrays import make_arrays
from tiny_arrays import thin

tf = pytest.importorskip("tensorflow")

from alexnet_keras.classifier import build_classifier  # noqa: E402
from alexnet_lab.experiments import in_memory_data  # noqa: E402
from alexnet_lab.experiments import small_networks  # noqa: E402
from alexnet_lab.experiments import trial as trials  # noqa: E402

BATCH, MEASURED, EPOCHS = 16, 32, 4
RATE = 0.03
DATA = make_arrays()


def train_network(*arguments, **options):
    """Four batches an epoch; errors are multiples of 1/32, exact in JSON."""
    return trials.train_network(
        *arguments, batch_size=BATCH, measured=MEASURED, **options
    )


def run_trial(*arguments, **options):
    return train_network(*arguments, **options)[1]


@pytest.fixture(scope="module")
def trial():
    return run_trial(condition(), DATA, RATE, seed=1, epochs=EPOCHS)


def curves(trial):
    return {name: trial[name] for name in trials.CURVES}


def measure(model):
    """Loss and error of both parts, in NumPy, from the logits."""
    found = {}
    parts = {
        "train": [array[:MEASURED] for array in DATA.train],
        "val": DATA.validation,
    }
    for name, (pictures, labels) in parts.items():
        logits = np.float64(model(pictures, training=False))
        chances = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
        right = chances[np.arange(len(labels)), labels]
        found[f"{name}_loss"] = -np.log(right).mean()
        found[f"{name}_error"] = (logits.argmax(1) != labels).mean()
    return found


def fresh(table, seed):
    keras.utils.set_random_seed(seed)
    return build_classifier(table, 16, CLASSES, DATA.mean, None)


def train_by_hand(model, rate, decay, seed, epochs):
    """§5 of the paper, for weights; biases without decay."""
    stream, steps = in_memory_data.training_stream(DATA, BATCH, epochs, seed)
    weights = model.trainable_variables
    velocities = [np.zeros(weight.shape) for weight in weights]
    measured = [measure(model)]
    for step, (pictures, labels) in enumerate(stream, 1):
        with tf.GradientTape() as tape:
            logits = model(pictures, training=True)
            losses = tf.nn.sparse_softmax_cross_entropy_with_logits(
                labels, logits
            )
            loss = tf.reduce_mean(losses)
        gradients = tape.gradient(loss, [weight.value for weight in weights])
        for index, (weight, gradient) in enumerate(zip(weights, gradients)):
            decayed = decay * weight.numpy() if weight.shape.rank > 1 else 0
            velocities[index] = 0.9 * velocities[index] - rate * (
                gradient.numpy() + decayed
            )
            weight.assign_add(velocities[index])
        if step % steps == 0:
            measured.append(measure(model))
    return measured


def norm(model):
    return math.sqrt(sum(np.sum(np.square(w)) for w in model.weights[1:]))


def test_a_trial_begins_with_new_weights_measured(trial):
    expected = measure(fresh(condition().table, seed=1))
    for name, value in expected.items():
        np.testing.assert_allclose(trial[name][0], value, atol=1e-5)


def test_a_trial_is_what_a_plain_loop_gives():
    decay = 0.1
    tried = condition(weight_decay=decay)
    model, trial = train_network(tried, DATA, RATE, seed=3, epochs=2)
    by_hand = fresh(tried.table, seed=3)
    expected = train_by_hand(by_hand, RATE, decay, seed=3, epochs=2)
    for name in trials.CURVES:
        np.testing.assert_allclose(
            trial[name], [values[name] for values in expected], atol=1e-4
        )
    for ours, theirs in zip(model.weights, by_hand.weights):
        np.testing.assert_allclose(ours, theirs, atol=1e-4)
    # And the decay is felt.
    without = fresh(tried.table, seed=3)
    train_by_hand(without, RATE, 0, seed=3, epochs=2)
    assert norm(model) < 0.95 * norm(without)


def test_what_a_trial_says_of_itself(trial):
    assert trial.keys() == {
        *("seed", "learning_rate", "diverged", "seconds", *trials.CURVES)
    }
    assert (trial["seed"], trial["learning_rate"]) == (1, RATE)
    assert trial["diverged"] is False
    assert 0 < trial["seconds"] < 600
    for curve in curves(trial).values():
        assert len(curve) == 1 + EPOCHS
        assert all(type(value) is float for value in curve)
    assert trial["train_error"][-1] < 0.2 < trial["train_error"][0]


def test_the_same_seed_gives_the_same_trial_with_dropout_and_crops():
    """And errors are measured with dropout off, on the images themselves."""
    table = thin(small_networks.six_layer(dropout=0.5))
    tried = trials.Condition("both", table, augment=True)

    def train(seed, target=None):
        return train_network(tried, DATA, RATE, seed, epochs=1, target=target)

    model, first = train(1)
    assert curves(train(1)[1]) == curves(first)
    other = train(2, target=1.0)[1]
    assert other["train_loss"][0] != first["train_loss"][0]
    for name, value in measure(model).items():
        np.testing.assert_allclose(first[name][-1], value, atol=2e-5)


def test_crops_change_what_is_learned_and_not_the_beginning(trial):
    cropped = run_trial(condition(augment=True), DATA, RATE, seed=1, epochs=1)
    assert cropped["train_loss"][0] == trial["train_loss"][0]
    assert cropped["train_loss"][1] != trial["train_loss"][1]


# --- The end ---


def test_a_trial_ends_with_the_first_epoch_that_reaches_the_target(trial):
    errors = trial["train_error"]
    target = errors[2]
    assert min(errors[:2]) > target > errors[EPOCHS]
    ended = run_trial(
        condition(), DATA, RATE, seed=1, epochs=EPOCHS, target=target
    )
    assert curves(ended) == {n: c[:3] for n, c in curves(trial).items()}
    assert ended["diverged"] is False


def test_a_target_that_is_reached_already_leaves_the_weights(trial):
    model, ended = train_network(
        condition(), DATA, RATE, seed=1, epochs=EPOCHS, target=1.0
    )
    assert curves(ended) == {n: c[:1] for n, c in curves(trial).items()}
    for ours, new in zip(model.weights, fresh(condition().table, 1).weights):
        np.testing.assert_array_equal(ours, new)


def test_a_loss_that_is_no_number_ends_a_trial(trial):
    ended = run_trial(condition(), DATA, 1e20, seed=1, epochs=EPOCHS)
    assert ended["diverged"] is True
    assert curves(ended) == {n: c[:1] for n, c in curves(trial).items()}


def test_errors_are_measured_on_the_first_images_of_both_splits():
    tried = {"seed": 1, "epochs": 1, "batch_size": BATCH}
    first = trials.run_trial(condition(), DATA, RATE, measured=8, **tried)
    pair = (array[:8] for array in DATA.validation)
    model = fresh(condition().table, seed=1)
    pictures, labels = pair
    error = (np.float64(model(pictures)).argmax(1) != labels).mean()
    assert first["val_error"][0] == error
    assert first["train_error"][0] in {n / 8 for n in range(9)}


def test_data_without_a_full_batch_are_refused():
    assert message_of(run_trial, condition(), make_arrays(15), RATE, 1, 1) == (
        "`dataset` must have at least 16 training images, a batch. "
        "Received: 'tiny' with 15"
    )
