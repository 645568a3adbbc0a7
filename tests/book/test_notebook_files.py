"""The committed notebooks as files; and that each rule catches its fault."""

import copy
import json
import re

import pytest
from notebook_rules import find_faults
from support import ROOT
from support import load_tool

notebooks = load_tool("notebooks")

NOTEBOOKS = notebooks.find_notebooks()
TOP = sorted((ROOT / "notebooks").glob("*.ipynb"))
every_notebook = pytest.mark.parametrize(
    "path", NOTEBOOKS, ids=lambda path: str(path.relative_to(ROOT))
)


@every_notebook
def test_a_notebook_keeps_the_rules(path):
    repository, ref = notebooks.read_setting()
    badge = notebooks.expected_badge(path, repository, ref)
    install = notebooks.expected_install(repository, ref)
    assert find_faults(path, badge, install) == []


@every_notebook
def test_links_into_the_repository_lead_somewhere(path):
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    text = "\n".join(
        "".join(cell["source"])
        for cell in cells
        if cell["cell_type"] == "markdown"
    )
    for link in re.findall(r"\]\((?!https?:|#)([^)#]+)[^)]*\)", text):
        assert (path.parent / link).exists(), link


@pytest.mark.parametrize("path", TOP, ids=lambda path: path.name)
def test_a_notebook_has_its_solutions(path):
    assert path.name[:2].isdigit() and path.name[2] == "_"
    assert (path.parent / "solutions" / path.name).is_file()


def test_solutions_belong_to_a_notebook():
    solutions = sorted((ROOT / "notebooks" / "solutions").glob("*.ipynb"))
    assert [path.name for path in solutions] == [path.name for path in TOP]


BADGE = "\n\n[![Open in Colab](https://a/b.svg)](https://a/b.ipynb)"
INSTALL = 'PACKAGE = "git+https://a/b@main"  # written by `make badges`'


def code(source, *outputs, count=None, tags=()):
    return {
        "cell_type": "code",
        "execution_count": count,
        "metadata": {"tags": list(tags)} if tags else {},
        "source": source.splitlines(keepends=True),
        "outputs": list(outputs),
    }


def stream(name="stdout"):
    return {"output_type": "stream", "name": name, "text": ["1\n"]}


def value(kind="text/plain", output_type="execute_result"):
    data = {kind: "1"}
    if kind != "text/plain":
        data["text/plain"] = "<Figure>"
    return {"output_type": output_type, "data": data, "metadata": {}}


def good(badge=BADGE):
    """A notebook without a fault: three cells print, and two figures do not."""
    figure = value("image/png", "display_data")
    cells = [
        {
            "cell_type": "markdown",
            "metadata": {},
            "source": f"# 1. Title{badge}\n\nText.",
        },
        code(f"{INSTALL}\nimport sys\n", count=1),
        code("print(1)", stream(), count=2),
        code("1", value(), count=3),
        code("table", value("text/html"), count=4, tags=["other"]),
        code("show()", figure, count=5, tags=["nbval-ignore-output"]),
        code("show()", figure, count=6, tags=["nbval-ignore-output"]),
        code("print(1)", stream(), count=7),
    ]
    return {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}


def faults_of(notebook, folder, badge=BADGE):
    path = folder / "broken.ipynb"
    path.write_text(json.dumps(notebook), encoding="utf-8")
    return find_faults(path, badge, INSTALL)


@pytest.mark.parametrize("badge", [BADGE, ""])
def test_a_good_notebook_has_no_faults(tmp_path, badge):
    assert faults_of(good(badge), tmp_path, badge) == []


def broken(change):
    notebook = copy.deepcopy(good())
    change(notebook["cells"], notebook)
    return notebook


def set_key(place, key, new):
    return lambda cells, _: cells[place].update({key: new})


def tag(*places, by="nbval-ignore-output"):
    def change(cells, _):
        for place in places:
            cells[place]["metadata"] = {"tags": [by]}

    return change


def comment(cells, _):
    for place in 2, 3:
        cells[place]["source"] = "# NBVAL_IGNORE_OUTPUT\nprint(1)"


ERROR = {"output_type": "error", "ename": "KeyError", "traceback": []}
LONG = "\n\n".join(f"x = {i}" for i in range(26))
BROKEN = {
    "never run": (
        set_key(3, "execution_count", None),
        "not run once from top to bottom: [1, 2, None, 4, 5, 6, 7]",
    ),
    "run twice": (
        set_key(7, "execution_count", 9),
        "not run once from top to bottom: [1, 2, 3, 4, 5, 6, 9]",
    ),
    "an error": (
        set_key(2, "outputs", [ERROR]),
        "code cell 2 ended in KeyError",
    ),
    "stderr": (
        set_key(2, "outputs", [stream("stderr")]),
        "code cell 2 keeps stderr",
    ),
    "a long cell": (set_key(2, "source", LONG), "code cell 2 has 26 lines"),
    "a large file": (
        set_key(0, "attachments", "x" * 300_000),
        "301,556 bytes; at most 300,000 are allowed",
    ),
    "widget state": (
        lambda _, notebook: notebook["metadata"].update(widgets={}),
        "the metadata keep widgets",
    ),
    "a widget": (
        set_key(
            3, "outputs", [value("application/vnd.jupyter.widget-view+json")]
        ),
        "code cell 3 shows a widget",
    ),
    "no markdown first": (
        lambda cells, _: cells.pop(0),
        "the first cell is no markdown",
    ),
    "no title": (
        set_key(0, "source", f"Title{BADGE}\n\nText."),
        "the first line is no title: 'Title'",
    ),
    "a smaller title": (
        set_key(0, "source", f"## Title{BADGE}\n\nText."),
        "the first line is no title: '## Title'",
    ),
    "no badge": (
        set_key(0, "source", "# Title\n\nText."),
        "the badge is not the expected one",
    ),
    "another badge": (
        set_key(0, "source", "# Title" + BADGE.replace("b.ipynb", "c.ipynb")),
        "the badge is not the expected one",
    ),
    "two badges": (
        set_key(0, "source", f"# Title{BADGE}{BADGE}\n\nText."),
        "2 Colab badges instead of 1",
    ),
    "no set-up": (
        set_key(1, "source", "import sys"),
        "the set-up cell is not the second: []",
    ),
    "a late set-up": (
        lambda cells, _: cells.insert(1, cells[0] | {"source": "Text."}),
        "the set-up cell is not the second: [2]",
    ),
    "another address": (
        set_key(1, "source", 'PACKAGE = ""'),
        "the set-up line is not the expected one: 'PACKAGE = \"\"'",
    ),
    "ignored by tags": (tag(2, 3), "of 4 cells that print, 2 compared"),
    "skipped": (
        tag(3, 4, by="nbval-skip"),
        "of 4 cells that print, 2 compared",
    ),
    "ignored by comments": (comment, "of 4 cells that print, 2 compared"),
}


@pytest.mark.parametrize("fault", BROKEN)
def test_every_fault_is_caught(tmp_path, fault):
    change, sentence = BROKEN[fault]
    assert sentence in faults_of(broken(change), tmp_path)


def test_a_badge_is_a_fault_where_no_address_is_set(tmp_path):
    assert faults_of(good(), tmp_path, badge="") == [
        "1 Colab badges instead of 0"
    ]


def test_seven_of_ten_are_enough(tmp_path):
    notebook = good()
    for _ in range(6):
        cells = notebook["cells"]
        cells.append(code("print(1)", stream(), count=len(cells)))
    tag(2, 3, 4)(notebook["cells"], None)
    assert faults_of(notebook, tmp_path) == []
    tag(2, 3, 4, 7)(notebook["cells"], None)
    assert faults_of(notebook, tmp_path) == [
        "of 10 cells that print, 6 compared"
    ]
