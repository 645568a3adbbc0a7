"""Stored results: found by name, complete, each with its command."""

import json

import pytest
from support import ROOT

from alexnet_lab import published_results

RESULTS = sorted((ROOT / "assets" / "results").glob("*.json"))


@pytest.mark.parametrize("path", RESULTS, ids=lambda path: path.stem)
def test_every_result_is_found_and_says_how_it_was_made(path):
    assert published_results.stored_result(path.stem) == path
    record = json.loads(path.read_text(encoding="utf-8"))
    command = record["command"].removeprefix("KERAS_BACKEND=jax ")
    packages = ("python -m alexnet_keras", "python -m alexnet_lab")
    trained = command.startswith(packages)
    measured = command.startswith("python tools/")
    assert measured or (trained and record["hardware"])
    for forbidden in ("/work", "/tmp", "/home", "http"):
        assert forbidden not in path.read_text(encoding="utf-8")


def test_an_unknown_name_is_answered_with_the_known_ones():
    with pytest.raises(ValueError) as caught:
        published_results.stored_result("tanh")
    known = ", ".join(path.stem for path in RESULTS)
    assert str(caught.value) == (
        f"`name` must be one of the stored results: {known}. "
        "Received: name='tanh'"
    )


def read(name):
    path = published_results.stored_result(name)
    return json.loads(path.read_text(encoding="utf-8"))


def test_each_step_of_fine_tuning_begins_where_the_one_before_ended():
    for found in read("fine_tuning")["results"].values():
        for probe, last, upper, dense in zip(*found.values(), strict=True):
            assert (last[0], upper[0]) == (probe[1], last[1])
            assert probe[0] < 0.2 and dense[0] < 0.2  # chance is 0.1


def test_the_probe_of_fine_tuning_is_that_of_the_transfer_tool():
    """The same examples, by another path to pool5; half of the queries."""
    record = read("fine_tuning")
    for ours, theirs in (("trained", "trained"), ("random", "random 0")):
        known = read("transfer")["results"]["imagenette/320px-v2"][theirs]
        expected = known["accuracies"][str(record["examples"])]
        found = [after for _, after in record["results"][ours]["probe"]]
        assert found == pytest.approx(expected[: record["draws"]], abs=0.03)
