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
