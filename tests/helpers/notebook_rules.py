"""What a committed notebook must be like, as a function from file to faults.

Plain JSON, no nbformat: a fault that a library repairs when it reads is seen.
"""

import json
import re

MOST_LINES = 25
MOST_BYTES = 300_000
LEAST_COMPARED = 0.7
WIDGETS = "application/vnd.jupyter.widget"
IGNORED = {"nbval-ignore-output", "nbval-skip"}
BADGE = re.compile(r"\[!\[Open in Colab\]")


def find_faults(path, badge, install):
    """Returns a sentence for every rule that the notebook breaks.

    `badge` is what must follow the title (empty: nothing), `install` the
    first line of the set-up cell.
    """
    text = path.read_text(encoding="utf-8")
    notebook = json.loads(text)
    cells = notebook["cells"]
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    return [
        *_size(text),
        *_title(cells, badge),
        *_set_up(cells, install),
        *_counts(code),
        *_lengths(code),
        *_outputs(code),
        *_widgets(notebook, code),
        *_compared(code),
    ]


def _joined(lines):
    return lines if isinstance(lines, str) else "".join(lines)


def _size(text):
    size = len(text.encode())
    if size >= MOST_BYTES:
        yield f"{size:,} bytes; at most {MOST_BYTES:,} are allowed"


def _title(cells, badge):
    source = _joined(cells[0]["source"]) if cells else ""
    if not cells or cells[0]["cell_type"] != "markdown":
        yield "the first cell is no markdown"
        return
    title, _, rest = source.partition("\n")
    if not re.fullmatch(r"# \S.*", title):
        yield f"the first line is no title: {title!r}"
    if badge and not f"\n{rest}\n".startswith(f"{badge}\n"):
        yield "the badge is not the expected one"
    badges = sum(len(BADGE.findall(_joined(c["source"]))) for c in cells)
    if badges != bool(badge):
        yield f"{badges} Colab badges instead of {int(bool(badge))}"


def _set_up(cells, install):
    places = [
        place
        for place, cell in enumerate(cells)
        if cell["cell_type"] == "code"
        and _joined(cell["source"]).startswith("PACKAGE = ")
    ]
    if places != [1]:
        yield f"the set-up cell is not the second: {places}"
    for place in places:
        line = _joined(cells[place]["source"]).partition("\n")[0]
        if line != install:
            yield f"the set-up line is not the expected one: {line!r}"


def _counts(code):
    counts = [cell["execution_count"] for cell in code]
    if counts != list(range(1, len(code) + 1)):
        yield f"not run once from top to bottom: {counts}"


def _lengths(code):
    for number, cell in enumerate(code, 1):
        lines = _joined(cell["source"]).splitlines()
        count = sum(bool(line.strip()) for line in lines)
        if count > MOST_LINES:
            yield f"code cell {number} has {count} lines"


def _outputs(code):
    for number, cell in enumerate(code, 1):
        for output in cell["outputs"]:
            if output["output_type"] == "error":
                yield f"code cell {number} ended in {output['ename']}"
            if output.get("name") == "stderr":
                yield f"code cell {number} keeps stderr"


def _widgets(notebook, code):
    if "widgets" in notebook["metadata"]:
        yield "the metadata keep widgets"
    for number, cell in enumerate(code, 1):
        for output in cell["outputs"]:
            if any(kind.startswith(WIDGETS) for kind in output.get("data", ())):
                yield f"code cell {number} shows a widget"


def prints_something(cell):
    """Whether nbval has words to compare: stdout, or a value, no figure."""
    for output in cell["outputs"]:
        if output["output_type"] == "stream" and output["name"] == "stdout":
            return True
        kinds = set(output.get("data", ()))
        figure = any(kind.startswith("image/") for kind in kinds)
        if kinds and not figure:
            return True
    return False


def is_ignored(cell):
    """Whether a tag or a comment tells nbval not to compare the output."""
    marks = set(cell["metadata"].get("tags", ()))
    for line in _joined(cell["source"]).splitlines():
        if line.lstrip().startswith("#"):
            marks.add(line.strip("# ").lower().replace("_", "-"))
    return bool(marks & IGNORED)


def _compared(code):
    printing = [cell for cell in code if prints_something(cell)]
    compared = [cell for cell in printing if not is_ignored(cell)]
    if len(compared) < LEAST_COMPARED * len(printing):
        yield f"of {len(printing)} cells that print, {len(compared)} compared"
