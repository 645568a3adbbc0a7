"""The numbers that the README gives of the experiments are the stored ones."""

import re

import numpy as np
import pytest
from support import ROOT

pytest.importorskip("tensorflow")

from alexnet_keras import findings_files  # noqa: E402
from alexnet_keras.experiments import EXPERIMENTS  # noqa: E402
from alexnet_keras.stored import stored_result  # noqa: E402

README = (ROOT / "README.md").read_text(encoding="utf-8")
SEEDS = 3


def load(name):
    return findings_files.load_findings(stored_result(f"{name}_cifar10"))


def spread(values, digits=1):
    """Mean and range, as the README writes them."""
    mean, low, high = (
        f"{f(values):.{digits}f}" for f in (np.mean, np.min, np.max)
    )
    return f"{mean} ({low} to {high})"


def times_as_long(found, slow, fast, error):
    pairs = zip(found.epochs_to(slow, error), found.epochs_to(fast, error))
    return [a / b for a, b in pairs if a is not None]


def gaps(found, name, most=1.0):
    table = found.table()
    rows = table[(table.condition == name) & (table.train_error <= most)]
    return 100 * rows.gap


def claims():
    relu, dropout = load("relu"), load("dropout")
    return [
        spread(
            times_as_long(relu, "tanh, raw pixels", "relu, raw pixels", 0.5)
        ),
        spread(times_as_long(relu, "tanh", "relu", 0.25), 2),
        spread(gaps(relu, "relu", 0.25)),
        spread(gaps(relu, "tanh", 0.25)),
        spread(gaps(dropout, "nothing")),
        spread(gaps(dropout, "dropout 0.5")),
        spread(gaps(dropout, "all three")),
        spread(times_as_long(dropout, "dropout 0.5", "nothing", 0.3)),
        spread(times_as_long(dropout, "dropout of 2012", "nothing", 0.3)),
    ]


def test_the_experiments_table_holds_the_stored_numbers_in_order():
    section = README.split("### The experiments")[1].split("\n## ")[0]
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
    found = load(name)
    for condition in conditions:
        assert len(found.trials(condition)) >= SEEDS, condition


@pytest.mark.parametrize("name", ["relu", "dropout"])
def test_the_stored_conditions_are_those_of_the_code(name):
    """Or the command that the file names would refuse to go on with it."""
    found = load(name)
    now = findings_files.new_record(EXPERIMENTS[name], found_data(found), 1)
    for condition, part in now["conditions"].items():
        there = found.record["conditions"][condition]
        assert there["contents"] == part["contents"], condition


def found_data(found):
    from alexnet_keras.arrays import Arrays

    sizes = found.record["settings"]
    pairs = [
        (np.zeros((0, sizes["size"], 0, 0)), np.zeros(sizes[f"{split}_size"]))
        for split in ("train", "validation")
    ]
    return Arrays(sizes["dataset"], (), *pairs)
