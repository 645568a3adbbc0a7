"""Figures of an evaluation: what is taken for what."""

import matplotlib.pyplot as plt
import numpy as np

from alexnet_keras.utils import extras
from alexnet_keras.utils.printing import in_figure

# Beyond so many classes cells and edges have no room for text.
NUMBERED, NAMED = 20, 60
CELLS_PER_INCH = 80  # at most: at 110 dots an inch a cell is a dot or more


def plot_confusion(evaluation, ax=None):
    """Draws what the images of each class are taken for.

    A row is a true class, a column what the network calls it, both in the
    order of its outputs. The darker a cell, the larger its share of the row.
    Up to 20 classes have their counts in the cells, up to 60 their names at
    the edges.

    Args:
        evaluation: an `Evaluation`.
        ax: Axes to draw on. Defaults to a new figure that grows with the
            number of classes.

    Returns:
        The Axes. The title states the most frequent confusion.
    """
    extras.require("train", "sklearn")
    from sklearn.metrics import ConfusionMatrixDisplay

    names = [in_figure(name) for name in evaluation.class_names]
    confusion, classes = evaluation.confusion, len(names)
    if ax is None:
        side = max(min(3.5 + 0.4 * classes, 11), classes / CELLS_PER_INCH + 2)
        figure = plt.figure(figsize=(side + 1, side), layout="constrained")
        ax = figure.add_subplot()
    images = np.bincount(evaluation.labels, minlength=classes)
    shares = confusion / np.maximum(images, 1)[:, None]
    display = ConfusionMatrixDisplay(shares, display_labels=names)
    display.plot(
        ax=ax,
        cmap="Blues",
        xticks_rotation="vertical",
        include_values=classes <= NUMBERED,
        im_kw={"vmin": 0, "vmax": 1},
    )
    if classes <= NUMBERED:
        for text, count in zip(display.text_.flat, confusion.flat):
            text.set_text(f"{count:,}" if count else "")
    if classes > NAMED:
        ax.set(xticks=[], yticks=[])
    display.im_.colorbar.ax.yaxis.set_major_formatter("{x:.0%}")
    display.im_.colorbar.set_label("share of the images of the row")
    called = "the network calls it"
    if evaluation.undecided:
        called += (
            f" (undecided, in no cell: {evaluation.undecided:,} "
            f"of {evaluation.images:,})"
        )
    ax.set(xlabel=called, ylabel="true class")
    ax.set_title(_finding(names, images, confusion))
    return ax


def _finding(names, images, confusion):
    """The most frequent confusion in words; of several, the first one's."""
    mistakes = confusion - np.diag(confusion.diagonal())
    if not mistakes.any():
        return "No class is taken for another"
    row, column = np.unravel_index(mistakes.argmax(), mistakes.shape)
    return (
        f"Most frequent confusion:\n{mistakes[row, column]:,} of "
        f"{images[row]:,} {names[row]!r} are called {names[column]!r}"
    )
