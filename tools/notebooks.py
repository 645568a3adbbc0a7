"""Keeps the notebooks in order: run them, and tell them where they live.

    python tools/notebooks.py execute [NOTEBOOK ...]   run and store outputs
    python tools/notebooks.py badges [ADDRESS [REF]]   address into every one

Without names, `execute` runs every notebook. Without an address, `badges`
takes that of the git remote `origin`; what it finds is written to
`[tool.notebooks]` in pyproject.toml, the one setting, and from there into the
set-up cell and the Colab badge of every notebook.
"""

import argparse
import base64
import io
import pathlib
import re
import subprocess
import sys
import tomllib

import nbformat
from nbconvert.preprocessors import ExecutePreprocessor
from PIL import Image

ROOT = pathlib.Path(__file__).resolve().parent.parent
COLAB = "https://colab.research.google.com"
BADGE = re.compile(r"\n\n\[!\[Open in Colab\]\([^)]*\)\]\([^)]*\)")
SETTING = re.compile(r'^(repository|ref) = ".*"$', re.MULTILINE)


def find_notebooks():
    """Returns every notebook of the repository, solutions included."""
    return sorted(
        path
        for path in (ROOT / "notebooks").rglob("*.ipynb")
        if ".ipynb_checkpoints" not in path.parts
    )


def read_setting():
    """Returns `(repository, ref)`; the address is empty until it is set."""
    with open(ROOT / "pyproject.toml", "rb") as file:
        setting = tomllib.load(file)["tool"]["notebooks"]
    return setting["repository"], setting["ref"]


def normalize_address(remote):
    """Turns any form of a GitHub remote into its web address.

    >>> normalize_address("git@github.com:someone/alexnet.git")
    'https://github.com/someone/alexnet'
    >>> normalize_address("https://github.com/someone/alexnet/")
    'https://github.com/someone/alexnet'
    """
    found = re.search(
        r"(?:^|[/@.])github\.com[:/]+([\w.-]+)/([\w.-]+?)(\.git)?/?$",
        remote.strip(),
    )
    if not found:
        raise ValueError(
            "Colab opens notebooks from GitHub: the address must look like "
            f"https://github.com/<owner>/<name>. Received: {remote!r}"
        )
    return f"https://github.com/{found[1]}/{found[2]}"


def expected_badge(path, repository, ref):
    """Returns the badge that belongs to a notebook; empty without address."""
    if not repository:
        return ""
    place = path.relative_to(ROOT).as_posix()
    slug = repository.removeprefix("https://github.com/")
    return (
        f"\n\n[![Open in Colab]({COLAB}/assets/colab-badge.svg)]"
        f"({COLAB}/github/{slug}/blob/{ref}/{place})"
    )


def expected_install(repository, ref):
    """Returns the first line of every set-up cell."""
    address = f"git+{repository}@{ref}" if repository else ""
    return f'PACKAGE = "{address}"  # written by `make badges`'


def write_badges(repository, ref):
    """Writes the address into pyproject.toml and every notebook."""
    project = ROOT / "pyproject.toml"
    values = {"repository": repository, "ref": ref}
    text = project.read_text(encoding="utf-8")
    text = SETTING.sub(lambda m: f'{m[1]} = "{values[m[1]]}"', text)
    project.write_text(text, encoding="utf-8")
    for path in find_notebooks():
        notebook = nbformat.read(path, as_version=4)
        title = notebook.cells[0]
        head, _, rest = BADGE.sub("", title.source).partition("\n")
        title.source = head + expected_badge(path, repository, ref)
        title.source += f"\n{rest}" if rest else ""
        for cell in notebook.cells:
            if cell.source.startswith("PACKAGE = "):
                _, _, rest = cell.source.partition("\n")
                cell.source = f"{expected_install(repository, ref)}\n{rest}"
        nbformat.write(notebook, path)
        print(f"{path.relative_to(ROOT)}: {repository or 'no address'}")


def execute(path):
    """Runs a notebook on a fresh kernel; keeps outputs, drops the noise."""
    notebook = nbformat.read(path, as_version=4)
    runner = ExecutePreprocessor(
        timeout=600, kernel_name="python3", coalesce_streams=True
    )
    runner.preprocess(notebook, {"metadata": {"path": str(path.parent)}})
    for number, cell in enumerate(notebook.cells):
        cell.id = f"cell-{number:02d}"
        cell.metadata = {
            key: cell.metadata[key] for key in ("tags",) if key in cell.metadata
        }
        if cell.cell_type == "code":
            # TensorFlow's log lines carry times and are nobody's result.
            cell.outputs = [
                output
                for output in cell.outputs
                if output.get("name") != "stderr"
            ]
            for output in cell.outputs:
                _shrink_drawing(output.get("data", {}))
    notebook.metadata = {
        "kernelspec": {
            "display_name": "Python 3",
            "language": "python",
            "name": "python3",
        },
        "language_info": {"name": "python"},
    }
    nbformat.write(notebook, path)


def _shrink_drawing(data):
    """Halves a stored PNG and more: line drawings need few colours."""
    if "image/png" in data:
        stored = io.BytesIO(base64.b64decode(data["image/png"]))
        smaller = io.BytesIO()
        Image.open(stored).convert("RGB").quantize(64).save(
            smaller, "png", optimize=True
        )
        data["image/png"] = base64.b64encode(smaller.getvalue()).decode()


def main():
    """Runs the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("execute")
    run.add_argument("notebooks", nargs="*", type=pathlib.Path)
    badges = commands.add_parser("badges")
    badges.add_argument("address", nargs="?")
    badges.add_argument("ref", nargs="?", default="main")
    arguments = parser.parse_args()
    if arguments.command == "execute":
        for path in arguments.notebooks or find_notebooks():
            print(f"running {path}", flush=True)
            execute(path.resolve())
        return
    remote = arguments.address
    if remote is None:
        asked = subprocess.run(
            ["git", "-C", ROOT, "remote", "get-url", "origin"],
            capture_output=True,
            text=True,
        )
        if asked.returncode:
            sys.exit(
                "No git remote `origin` to take the address from. Add one, "
                "or name it: python tools/notebooks.py badges ADDRESS"
            )
        remote = asked.stdout
    try:
        write_badges(normalize_address(remote), arguments.ref)
    except ValueError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
