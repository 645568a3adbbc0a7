"""What others named cannot act on a terminal, nor break a table or a figure."""

import sys
import unicodedata

import matplotlib.pyplot as plt
import numpy as np
import pytest

from alexnet_keras.figures import evaluation
from alexnet_keras.figures import training
from alexnet_keras.inference.evaluation import Evaluation
from alexnet_keras.utils.printing import in_figure
from alexnet_keras.utils.printing import printable

EVERY = list(map(chr, range(sys.maxunicode + 1)))
# By Unicode's annex 9; whoever sees them sees other letters than are there.
BIDI = (
    "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
)
FORMULA = "$x^$"  # none: an exponent is missing


def test_every_letter_stays_and_everything_that_acts_goes():
    """Letters, marks, digits, punctuation and symbols, against the rest."""
    kinds = {character: unicodedata.category(character) for character in EVERY}
    seen = "".join(c for c, kind in kinds.items() if kind[0] in "LMNPS")
    seen += " \u200c\u200d"
    assert printable(seen) == seen
    for character, kind in kinds.items():
        if kind in ("Cc", "Cs", "Zl", "Zp") or character in BIDI:
            shown = printable(character)
            assert shown.startswith("\\") and shown.isascii()


def test_names_that_python_cannot_encode_are_printed(capsys):
    print(printable(b"caf\xe9"), printable("\ud83d"), printable("caf\udce9"))
    assert capsys.readouterr().out == "caf\\xe9 \\ud83d caf\\xe9\n"


def test_nothing_changes_twice():
    text = printable("a\x1b[2J\n\udce9 \\ {0} $1")
    assert printable(text) == text == "a\\x1b[2J\\n\\xe9 \\ {0} $1"


def drawn(ax):
    """All texts of a figure, in the order of their names, once it is drawn."""
    ax.figure.canvas.draw()
    texts = [*ax.get_xticklabels(), *ax.get_yticklabels(), ax.title]
    return [text.get_text() for text in texts]


def test_a_formula_in_a_figure_would_end_it():
    figure = plt.figure()
    figure.suptitle(FORMULA)
    with pytest.raises(ValueError):
        figure.canvas.draw()
    plt.close(figure)


def test_names_in_figures():
    names = (FORMULA, "$5 and $10", "a\x1b\n{0}")
    rows = np.eye(3, dtype="float32")[[1, 1, 1, 2]]
    result = Evaluation(names, np.array([0, 0, 1, 2]), rows)
    shown = drawn(evaluation.plot_confusion(result))
    assert shown[:3] == shown[3:6] == list(map(in_figure, names))
    axes = training.plot_predictions(
        np.zeros((3, 2, 2, 3)), [1, 1, 2], np.eye(3), names
    )
    titles = [drawn(ax)[-1] for ax in axes[0, :3]]
    assert titles == [
        "✗ \\$x^\\$ 100%\nis \\$5 and \\$10",
        "\\$5 and \\$10 100%",
        "a\\x1b\\n{0} 100%",
    ]
    record = {"history": {"val_top_1": [0.5]}, "train_size": 9}
    record["class_names"] = names
    drawn(training.plot_comparison({FORMULA: record}))
    plt.close("all")
