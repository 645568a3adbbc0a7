"""tools/notebooks.py: addresses, badges written and rewritten, execution."""

import json
import shutil
import subprocess
import sys
import tomllib

import nbformat
import pytest
from nbformat import v4
from support import load_tool
from support import message_of

notebooks = load_tool("notebooks")

ADDRESS = "https://github.com/someone/some.alex-net"
PYPROJECT = """\
[project]
name = "repository"

[tool.notebooks]
repository = ""
ref = "main"
"""
SET_UP = 'PACKAGE = ""  # written by `make badges`'


@pytest.fixture
def root(tmp_path, monkeypatch):
    """A copy of the smallest repository, which the tool takes for its own."""
    (tmp_path / "pyproject.toml").write_text(PYPROJECT, encoding="utf-8")
    for name in "01_first.ipynb", "solutions/01_first.ipynb":
        path = tmp_path / "notebooks" / name
        path.parent.mkdir(exist_ok=True)
        cells = [
            v4.new_markdown_cell(
                "# 1. First\n\nWhat it is.\n\n**You will** see."
            ),
            v4.new_code_cell(f"{SET_UP}\n\nimport sys"),
            v4.new_code_cell('print("PACKAGE = ")'),
        ]
        nbformat.write(v4.new_notebook(cells=cells), path)
    hidden = tmp_path / "notebooks" / ".ipynb_checkpoints" / "01_first.ipynb"
    hidden.parent.mkdir()
    hidden.write_text("not a notebook", encoding="utf-8")
    monkeypatch.setattr(notebooks, "ROOT", tmp_path)
    return tmp_path


def sources(path):
    return [cell.source for cell in nbformat.read(path, as_version=4).cells]


def every_byte(root):
    files = sorted(path for path in root.rglob("*") if path.is_file())
    return {path: path.read_bytes() for path in files}


@pytest.mark.parametrize(
    "remote",
    [
        "https://github.com/someone/some.alex-net",
        "https://github.com/someone/some.alex-net/",
        "https://github.com/someone/some.alex-net.git",
        "https://github.com/someone/some.alex-net.git/",
        "http://github.com/someone/some.alex-net",
        "https://www.github.com/someone/some.alex-net",
        "https://user@github.com/someone/some.alex-net.git",
        "https://user:word@github.com/someone/some.alex-net.git",
        "git@github.com:someone/some.alex-net.git",
        "git@github.com:someone/some.alex-net",
        "ssh://git@github.com/someone/some.alex-net.git",
        "git://github.com/someone/some.alex-net.git",
        "github.com/someone/some.alex-net",
        "  git@github.com:someone/some.alex-net.git\n",
    ],
)
def test_every_form_of_a_remote_is_one_address(remote):
    assert notebooks.normalize_address(remote) == ADDRESS


@pytest.mark.parametrize(
    "remote",
    [
        "",
        "origin",
        "https://gitlab.com/someone/name",
        "https://notgithub.com/someone/name",
        "https://github.com.example.org/someone/name",
        "https://github.com/someone",
        "https://github.com/someone/name/tree/main",
        "git@github.com:name.git",
        "/home/someone/name.git",
    ],
)
def test_an_address_that_colab_cannot_open(remote):
    assert message_of(notebooks.normalize_address, remote) == (
        "Colab opens notebooks from GitHub: the address must look like "
        f"https://github.com/<owner>/<name>. Received: {remote!r}"
    )


def test_notebooks_are_found_and_checkpoints_are_not(root):
    folder = root / "notebooks"
    assert notebooks.find_notebooks() == [
        folder / "01_first.ipynb",
        folder / "solutions" / "01_first.ipynb",
    ]


@pytest.mark.parametrize("name", ["01_first.ipynb", "solutions/01_first.ipynb"])
def test_badges_are_written(root, name):
    notebooks.write_badges(ADDRESS, "v1")
    assert notebooks.read_setting() == (ADDRESS, "v1")
    assert sources(root / "notebooks" / name) == [
        "# 1. First\n\n"
        "[![Open in Colab]"
        "(https://colab.research.google.com/assets/colab-badge.svg)]"
        "(https://colab.research.google.com/github/someone/some.alex-net/"
        f"blob/v1/notebooks/{name})\n\n"
        "What it is.\n\n**You will** see.",
        f'PACKAGE = "git+{ADDRESS}@v1"  # written by `make badges`\n\nimport sys',
        'print("PACKAGE = ")',
    ]


def test_nothing_else_in_pyproject_changes(root):
    notebooks.write_badges(ADDRESS, "v1")
    text = (root / "pyproject.toml").read_text(encoding="utf-8")
    expected = PYPROJECT.replace(
        'repository = ""', f'repository = "{ADDRESS}"'
    ).replace('ref = "main"', 'ref = "v1"')
    assert text == expected
    assert tomllib.loads(text)["project"] == {"name": "repository"}


def test_writing_twice_changes_nothing(root):
    notebooks.write_badges(ADDRESS, "main")
    once = every_byte(root)
    notebooks.write_badges(ADDRESS, "main")
    assert every_byte(root) == once


def test_badges_are_rewritten_not_added(root):
    notebooks.write_badges(ADDRESS, "main")
    once = every_byte(root)
    notebooks.write_badges("https://github.com/other/place", "v2")
    assert every_byte(root) != once
    text = (root / "notebooks" / "01_first.ipynb").read_text(encoding="utf-8")
    assert "someone" not in text
    assert text.count("Open in Colab") == 1
    notebooks.write_badges(ADDRESS, "main")
    assert every_byte(root) == once


def test_without_an_address_the_badges_go(root):
    before = every_byte(root)
    notebooks.write_badges(ADDRESS, "main")
    notebooks.write_badges("", "main")
    assert every_byte(root) == before


def test_a_title_without_text_gets_a_badge_too(root):
    path = root / "notebooks" / "01_first.ipynb"
    cells = [v4.new_markdown_cell("# 1. First")]
    nbformat.write(v4.new_notebook(cells=cells), path)
    notebooks.write_badges(ADDRESS, "main")
    badge = notebooks.expected_badge(path, ADDRESS, "main")
    assert sources(path) == [f"# 1. First{badge}"]


def run_main(monkeypatch, *arguments):
    monkeypatch.setattr(sys, "argv", ["notebooks.py", *arguments])
    notebooks.main()


def test_the_command_takes_an_address(root, monkeypatch):
    run_main(monkeypatch, "badges", f"{ADDRESS}.git", "v3")
    assert notebooks.read_setting() == (ADDRESS, "v3")


@pytest.mark.skipif(not shutil.which("git"), reason="needs git")
def test_the_command_asks_git(root, monkeypatch):
    with pytest.raises(SystemExit) as stop:
        run_main(monkeypatch, "badges")
    assert stop.value.code == (
        "No git remote `origin` to take the address from. Add one, or name "
        "it: python tools/notebooks.py badges ADDRESS"
    )
    git = ["git", "-C", str(root)]
    subprocess.run([*git, "init", "--quiet"], check=True)
    remote = "git@github.com:someone/some.alex-net.git"
    subprocess.run([*git, "remote", "add", "origin", remote], check=True)
    run_main(monkeypatch, "badges")
    assert notebooks.read_setting() == (ADDRESS, "main")


def test_the_command_explains_a_wrong_address(root, monkeypatch):
    before = every_byte(root)
    with pytest.raises(SystemExit) as stop:
        run_main(monkeypatch, "badges", "elsewhere")
    assert stop.value.code.endswith("Received: 'elsewhere'")
    assert every_byte(root) == before


def test_execute_stores_outputs_without_noise(root):
    path = root / "notebooks" / "01_first.ipynb"
    cells = [
        v4.new_markdown_cell("# 1. First"),
        v4.new_code_cell(
            "import sys\nprint('noise', file=sys.stderr)\nprint(1)\n2",
            metadata={"tags": ["kept"], "collapsed": True},
        ),
        v4.new_code_cell("import os\nprint(os.path.basename(os.getcwd()))"),
    ]
    other = {"name": "no-such-kernel", "display_name": "Another"}
    metadata = {"widgets": {}, "kernelspec": other}
    nbformat.write(v4.new_notebook(cells=cells, metadata=metadata), path)
    notebooks.execute(path)
    stored = json.loads(path.read_text(encoding="utf-8"))
    _, first, second = stored["cells"]
    assert [cell["id"] for cell in stored["cells"]] == [
        f"cell-0{number}" for number in range(3)
    ]
    assert first["metadata"] == {"tags": ["kept"]}
    assert [cell["execution_count"] for cell in (first, second)] == [1, 2]
    assert [output["output_type"] for output in first["outputs"]] == [
        "stream",
        "execute_result",
    ]
    assert first["outputs"][0]["text"] == ["1\n"]
    assert second["outputs"][0]["text"] == ["notebooks\n"]
    assert set(stored["metadata"]) == {"kernelspec", "language_info"}
    assert stored["metadata"]["kernelspec"]["name"] == "python3"
