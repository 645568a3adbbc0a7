"""The search for a learning rate, where the losses are known beforehand."""

import math

import hypothesis
import pytest
from hypothesis import strategies as st
from tiny_arrays import CLASSES
from tiny_arrays import condition
from tiny_arrays import make_arrays

tf = pytest.importorskip("tensorflow")

from alexnet_lab.experiments import trial  # noqa: E402

DATA = make_arrays(4, 2)
PLACES = range(len(trial.RATES))
PLACE = {rate: place for place, rate in enumerate(trial.RATES)}
GUESSING = math.log(len(CLASSES))


SHORT, LONG = 3, 12  # epochs of a search, and of the one that repeats it
LEARNED = 0.945 * GUESSING  # clearly less than guessing


def search(losses, longer=None):
    """Searches where the losses by place are known; `None` diverges.

    Returns:
        `(place, places)`: what was found, and what the last search tried.
    """
    by_epochs = {SHORT: losses, LONG: longer}
    asked, lines = {SHORT: [], LONG: []}, []

    def run_trial(tried, data, rate, seed, epochs, **settings):
        assert settings == {"batch_size": 7}
        assert tried.name == "relu"
        assert data is DATA
        assert seed == 0
        asked[epochs].append(rate)
        loss = by_epochs[epochs][trial.RATES.index(rate)]
        before = [GUESSING, 0.0]  # only the last counts
        return {
            "diverged": loss is None,
            "train_loss": before if loss is None else [*before, loss],
        }

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trial, "run_trial", run_trial)
        rate, tried = trial.find_rate(
            condition(), DATA, SHORT, lines.append, batch_size=7
        )
    expected_lines = []
    for epochs, rates in asked.items():
        assert len(rates) == len(set(rates))  # none twice
        if epochs == LONG and rates:
            expected_lines.append("relu: nothing learned yet; 12 epochs each")
        expected_lines += [
            f"relu: rate {r:g}, loss {by_epochs[epochs][PLACE[r]]}"
            for r in rates
        ]
    assert lines == expected_lines
    last = SHORT if longer is None else LONG
    assert list(tried) == sorted(asked[last])
    assert tried == {r: by_epochs[last][PLACE[r]] for r in asked[last]}
    return PLACE[rate], {PLACE[r] for r in tried}


@st.composite
def valleys(draw):
    """A place, and losses that fall up to it, then rise, then diverge."""
    best = draw(st.sampled_from(PLACES))
    before, behind = (draw(st.floats(1e-3, 0.1)) for _ in range(2))
    last = max(best, draw(st.sampled_from(PLACES)))
    losses = [
        0.05 + abs(place - best) * (behind if place > best else before)
        if place <= last
        else None
        for place in PLACES
    ]
    return best, losses


@hypothesis.given(valley=valleys())
def test_the_search_climbs_to_the_best_and_tries_its_neighbours(valley):
    best, losses = valley
    found, tried = search(losses)
    assert found == best
    assert {best - 1, best + 1} & set(PLACES) <= tried


def test_the_search_tries_no_more_than_it_must():
    start = PLACE[0.03]
    losses = [0.1 + 0.01 * abs(place - start) for place in PLACES]
    assert search(losses) == (start, {start - 1, start, start + 1})
    losses = [0.1 + 0.01 * abs(place - start - 2) for place in PLACES]
    assert search(losses)[1] == set(range(start - 1, start + 4))


@hypothesis.given(
    guessing=st.lists(
        st.none() | st.floats(0.955 * GUESSING, 2.0),
        min_size=len(PLACES),
        max_size=len(PLACES),
    ),
    valley=valleys(),
)
def test_where_nothing_learns_the_search_is_repeated_with_more_epochs(
    guessing, valley
):
    best, losses = valley
    found, tried = search(guessing, losses)
    assert found == best
    assert {best - 1, best + 1} & set(PLACES) <= tried


def test_a_search_is_not_repeated_where_one_rate_learns():
    losses = [GUESSING] * len(PLACES)
    losses[PLACE[0.1]] = LEARNED
    assert search(losses)[0] == PLACE[0.1]


def test_where_all_diverge_the_lowest_rate_is_taken():
    none = [None] * len(PLACES)
    expected = (0, set(range(PLACE[0.03] + 2)))
    assert search(none, none) == expected
