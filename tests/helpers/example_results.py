"""An experiment with three trials whose numbers are easy to check."""

import pytest
from tiny_arrays import condition
from tiny_arrays import make_arrays

tf = pytest.importorskip("tensorflow")

from alexnet_lab.experiments import results_file  # noqa: E402
from alexnet_lab.experiments import runner  # noqa: E402

DATA = make_arrays(4, 2, size=3)
RELU = condition("relu")
TANH = condition("tanh", "tanh", learning_rate=0.1)


def experiment(*conditions, **options):
    defaults = {"name": "test", "question": "Which?", "epochs": 2}
    return runner.Experiment(
        conditions=conditions or (RELU, TANH), **{**defaults, **options}
    )


def trial(seed, train_error, val_error, rate=0.03, diverged=False):
    return {
        "seed": seed,
        "learning_rate": rate,
        "diverged": diverged,
        "seconds": 10.0 + seed,
        "train_loss": [2 * error for error in train_error],
        "train_error": train_error,
        "val_loss": [3 * error for error in val_error],
        "val_error": val_error,
    }


def filled(output=None, **options):
    """Two trials of ReLU, one of them longer, and one of tanh, diverged."""
    found = results_file.open_results(output, experiment(**options), DATA, 2)
    found.add_rate(RELU, 0.03, {0.01: 1.5, 0.03: 1.0, 0.1: None})
    found.add_trial(RELU, trial(1, [0.75, 0.5, 0.25], [0.75, 0.25, 0.5]))
    found.add_trial(RELU, trial(2, [0.75, 0.25], [0.5, 0.75]))
    found.add_trial(TANH, trial(1, [0.75], [1.0], 0.1, True))
    return found
