"""What follows from trials, by hand."""

import math

import hypothesis
import numpy as np
import pytest
from example_results import DATA
from example_results import RELU
from example_results import TANH
from example_results import experiment
from example_results import filled
from hypothesis import strategies as st
from support import message_of

tf = pytest.importorskip("tensorflow")

from alexnet_lab.experiments import results  # noqa: E402
from alexnet_lab.experiments import results_file  # noqa: E402

# --- Epochs to an error ---


@hypothesis.given(
    falling=st.lists(st.integers(0, 1000), min_size=1, max_size=9, unique=True),
    error=st.integers(0, 1000),
)
def test_epochs_to_an_error_against_numpys_interpolation(falling, error):
    errors = sorted((value / 1000 for value in falling), reverse=True)
    error /= 1000
    found = results.epochs_to(errors, error)
    if error < errors[-1]:
        assert found is None
    else:
        # NumPy wants rising x, and gives the first epoch beyond the end: 0.
        expected = np.interp(error, errors[::-1], range(len(errors))[::-1])
        np.testing.assert_allclose(found, expected, atol=1e-9)


@pytest.mark.parametrize(
    "errors, error, expected",
    [
        ([0.5, 0.5, 0.5, 0.3], 0.4, 2.5),
        ([0.5, 0.2, 0.5, 0.1], 0.35, 0.5),  # the first time counts
        ([0.2, 0.5, 0.1], 0.3, 0.0),  # also where it is the start
        ([0.5, 0.3], 0.3, 1.0),
        ([0.3], 0.3, 0.0),
        ([0.3], 0.2, None),
        ([], 0.2, None),
    ],
)
def test_epochs_to_an_error_by_hand(errors, error, expected):
    assert results.epochs_to(errors, error) == pytest.approx(expected)


# --- Curves and table ---


def test_curves_have_a_row_a_trial_and_nan_behind_its_end():
    found = filled()
    nan = math.nan
    for curve, expected in {
        "train_error": [[0.75, 0.5, 0.25], [0.75, 0.25, nan]],
        "val_error": [[0.75, 0.25, 0.5], [0.5, 0.75, nan]],
        "train_loss": [[1.5, 1.0, 0.5], [1.5, 0.5, nan]],
        "val_loss": [[2.25, 0.75, 1.5], [1.5, 2.25, nan]],
    }.items():
        np.testing.assert_array_equal(found.curves("relu", curve), expected)
    np.testing.assert_array_equal(found.curves("tanh", "val_error"), [[1.0]])


def test_epochs_of_each_trial():
    found = filled()
    assert found.epochs_to("relu", 0.5) == [1.0, 0.5]
    assert found.epochs_to("relu", 0.375, "val_error") == [0.75, None]
    assert found.epochs_to("tanh", 0.5) == [None]


def test_the_table_has_a_row_a_trial():
    table = filled().table()
    assert list(table.columns) == [
        *("condition", "learning_rate", "seed", "epochs", "train_error"),
        *("val_error", "gap", "best_val_error", "seconds", "diverged"),
    ]
    assert table.to_numpy().tolist() == [
        ["relu", 0.03, 1, 2, 0.25, 0.5, 0.25, 0.25, 11.0, False],
        ["relu", 0.03, 2, 1, 0.25, 0.75, 0.5, 0.5, 12.0, False],
        ["tanh", 0.1, 1, 0, 0.75, 1.0, 0.25, 1.0, 11.0, True],
    ]


def test_before_the_first_trial_there_is_nothing():
    found = results_file.open_results(None, experiment(), DATA, 2)
    assert found.conditions == []
    assert found.trials("relu") == []
    assert found.curves("relu", "val_error").shape == (0, 0)
    assert (found.rate(RELU), found.rate(TANH)) == (None, 0.1)
    assert not found.has(RELU, 1)


def test_unknown_names():
    found = filled()
    expected = "`name` must be one of 'relu', 'tanh'. Received: name='gelu'"
    assert message_of(found.trials, "gelu") == expected
    assert message_of(found.curves, "gelu", "val_error") == expected
    expected = (
        "`curve` must be one of 'train_loss', 'train_error', 'val_loss', "
        "'val_error'. Received: curve='accuracy'"
    )
    assert message_of(found.curves, "relu", "accuracy") == expected
    assert message_of(found.epochs_to, "relu", 0.5, "accuracy") == expected


def test_a_trial_in_a_line():
    first, _ = filled().trials("relu")
    assert results.describe_trial("relu", first) == (
        "relu, seed 1: training error 25.0 %, validation 50.0 % after 2 "
        "epochs (11 s)"
    )
    (diverged,) = filled().trials("tanh")
    assert results.describe_trial("tanh", diverged) == (
        "tanh, seed 1: the loss is no number any more after 0 epochs (11 s)"
    )
