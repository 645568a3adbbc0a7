"""What the trained filters are worth: the stored figures, and the tool."""

import json
import re

import numpy as np
import pytest
from support import ROOT
from support import load_tool

pytest.importorskip("tensorflow")

from alexnet_lab.published_results import stored_result  # noqa: E402

README = (ROOT / "README.md").read_text(encoding="utf-8")
IMAGENETTE, EMBEDDED = "imagenette/320px-v2", "photo_patches"
EXAMPLES = (1, 10, 50, 400)


@pytest.fixture(scope="module")
def record():
    return json.loads(stored_result("transfer").read_text(encoding="utf-8"))


def accuracies(record, data, kind, examples):
    """All draws, of all the random networks."""
    results = record["results"][data]
    return [
        accuracy
        for name in results
        if name.startswith(kind)
        for accuracy in results[name]["accuracies"].get(str(examples), ())
    ]


def test_a_probe_on_the_real_filters_reaches_90_percent(record):
    """On all 4,000 and 1,000 photographs; random filters come nowhere near."""
    (trained,) = accuracies(record, IMAGENETTE, "trained", 400)
    assert trained >= 0.9
    assert max(accuracies(record, IMAGENETTE, "random", 400)) < 0.7


def test_more_examples_do_not_cost_accuracy(record):
    """They did, while the probe's penalty was chosen badly. (With one or two
    of each class the draws decide.)"""
    for data, results in record["results"].items():
        for name, result in results.items():
            means = list(map(np.mean, result["accuracies"].values()))
            falls = [a - b for a, b in zip(means[2:], means[3:])]
            assert max(falls) < 0.015, (data, name)


def test_the_draws_are_there(record):
    assert set(record["results"]) == {IMAGENETTE, EMBEDDED}
    for results in record["results"].values():
        names = ["trained", "random 0", "random 1", "random 2", "pixels"]
        assert list(results) == names
    for name, draws in (("1", 5), ("200", 5), ("400", 1)):
        found = record["results"][IMAGENETTE]["trained"]["accuracies"]
        assert len(found[name]) == draws
    assert {len(found) for found in record["from_scratch"].values()} == {3}


def percent(values):
    return f"{100 * np.mean(values):.0f}" if values else "–"


def test_the_readme_has_the_stored_figures(record):
    section = README.split("### What trained filters are worth")[1]
    section = section.split("\n### ")[0]
    rows = re.findall(r"^\| (\w+), (.+?) \|(.*)\|$", section, re.MULTILINE)
    assert len(rows) == 7
    data = {"imagenette": IMAGENETTE, "embedded": EMBEDDED}
    for where, kind, cells in rows:
        written = [cell.strip() for cell in cells.split("|")]
        if kind == "from scratch":
            scratch = record["from_scratch"]
            found = [scratch.get(str(n), ()) for n in EXAMPLES]
        else:
            word = kind.split()[0]
            found = [accuracies(record, data[where], word, n) for n in EXAMPLES]
        assert written == [percent(values) for values in found], (where, kind)


def test_a_draw_has_so_many_of_each_class():
    tool = load_tool("transfer")
    labels = np.repeat(np.arange(10), 30)
    chosen = tool.draw(labels, 7, seed=3)
    assert len(set(chosen)) == 70
    assert (np.bincount(labels[chosen]) == 7).all()
    assert (chosen == tool.draw(labels, 7, seed=3)).all()
    assert (chosen != tool.draw(labels, 7, seed=4)).any()
