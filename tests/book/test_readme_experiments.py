"""The numbers that docs/results.md gives of experiments are the stored ones."""

import re

import pytest
from support import ROOT

pytest.importorskip("tensorflow")

from stored_figures import last  # noqa: E402
from stored_figures import load  # noqa: E402
from stored_figures import ratios  # noqa: E402
from stored_figures import spread  # noqa: E402

from alexnet_keras.utils.fingerprint import fingerprint  # noqa: E402
from alexnet_keras.utils.fingerprint import former_fingerprint  # noqa: E402
from alexnet_lab.experiments.definitions import EXPERIMENTS  # noqa: E402

PAGE = (ROOT / "docs" / "results.md").read_text(encoding="utf-8")
SEEDS = 3


def claims():
    relu, dropout = load("relu_cifar10"), load("dropout_cifar10")
    return [
        spread(ratios(relu, "tanh, raw pixels", "relu, raw pixels", 0.5)),
        spread(ratios(relu, "tanh", "relu", 0.25), 2),
        spread(last(relu, "relu", "gap", 0.25)),
        spread(last(relu, "tanh", "gap", 0.25)),
        spread(last(dropout, "nothing", "gap")),
        spread(last(dropout, "dropout 0.5", "gap")),
        spread(last(dropout, "all three", "gap")),
        spread(ratios(dropout, "dropout 0.5", "nothing", 0.3)),
        spread(ratios(dropout, "dropout of 2012", "nothing", 0.3)),
    ]


def test_the_experiments_table_holds_the_stored_numbers_in_order():
    section = PAGE.split("## The experiments")[1].split("\n## ")[0]
    written = re.findall(r"[\d.]+ \([\d.]+ to [\d.]+\)", section)
    assert written == claims()


@pytest.mark.parametrize(
    "name,conditions",
    [
        ("relu", ("relu", "tanh", "relu, raw pixels", "tanh, raw pixels")),
        ("dropout", ("nothing", "dropout 0.5", "dropout of 2012")),
    ],
)
def test_what_the_text_compares_has_three_seeds(name, conditions):
    found = load(f"{name}_cifar10")
    for condition in conditions:
        assert len(found.trials(condition)) >= SEEDS, condition


@pytest.mark.parametrize(
    "name,data,seeds",
    [
        ("relu", "cifar10", 3),
        ("relu_of_photographs", "imagenette", 3),
        ("dropout", "cifar10", 3),
        ("dropout_of_photographs", "imagenette", 3),
        ("normalization_and_pooling", "cifar10", 3),
        ("normalization_and_pooling_of_photographs", "imagenette", 3),
        ("initialization", "imagenette", 2),
    ],
)
def test_the_stored_conditions_are_those_of_the_code(name, data, seeds):
    """Or the command that the file names would refuse to go on with it."""
    found = load(f"{name.removesuffix('_of_photographs')}_{data}")
    assert found.record["experiment"] == name
    assert min(len(found.trials(n)) for n in found.conditions) >= seeds
    for condition in EXPERIMENTS[name].conditions:
        there = found.record["conditions"][condition.name]["contents"]
        assert there in (
            fingerprint(condition),
            former_fingerprint(condition),
        ), condition.name
