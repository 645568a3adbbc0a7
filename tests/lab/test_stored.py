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
    trained = record["command"].startswith("python -m alexnet_keras")
    measured = record["command"].startswith("python tools/")
    assert measured or (trained and record["hardware"])
    for forbidden in ("/work", "/tmp", "/home", "http"):
        assert forbidden not in path.read_text(encoding="utf-8")


def test_an_unknown_name_is_answered_with_the_known_ones(monkeypatch, tmp_path):
    for name in ("relu_cifar10", "dropout_cifar10"):
        (tmp_path / f"{name}.json").write_text("{}")
    monkeypatch.setattr(published_results, "PLACES", (tmp_path,))
    with pytest.raises(ValueError) as caught:
        published_results.stored_result("tanh")
    assert str(caught.value) == (
        "`name` must be one of the stored results: dropout_cifar10, "
        "relu_cifar10. Received: name='tanh'"
    )


def test_an_installed_package_finds_what_was_installed_with_it(
    monkeypatch, tmp_path
):
    there = tmp_path / "share"
    there.mkdir()
    (there / "relu.json").write_text("{}")
    monkeypatch.setattr(
        published_results, "PLACES", (tmp_path / "assets", there)
    )
    assert published_results.stored_result("relu") == there / "relu.json"


def test_the_place_is_where_pyproject_puts_the_files():
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    place = published_results.PLACES[1].as_posix()
    assert place.endswith("share/alexnet_keras/results")
    assert '"share/alexnet_keras/results" = ["assets/results/*.json"]' in text
