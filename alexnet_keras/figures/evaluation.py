"""Figures of an evaluation: what is taken for what."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib import colors

from alexnet_keras.utils.printing import in_figure

# Beyond so many classes cells and edges have no room for text.
NUMBERED, NAMED = 20, 60
CELLS_PER_INCH = 80  # at most: at 110 dots an inch a cell is a dot or more


def plot_confusion(evaluation, ax=None):
    """Draws what the images of each class are taken for.

    A row is a true class, a column what the network calls it, both in the
    order of its outputs. The darker a cell, the larger its share of the row;
    the scale is stretched at the light end, where mistakes are. Up to 20
    classes have their counts in the cells (none for 0), up to 60 their names
    at the edges.

    Args:
        evaluation: a `metrics.Evaluation`.
        ax: Axes to draw on. Defaults to a new figure that grows with the
            number of classes.

    Returns:
        The Axes. The title states the most frequent confusion.
    """
    names = [in_figure(name) for name in evaluation.class_names]
    confusion = evaluation.confusion
    classes = len(names)
    if ax is None:
        side = max(min(3.5 + 0.4 * classes, 11), classes / CELLS_PER_INCH + 2)
        figure = plt.figure(figsize=(side + 1, side), layout="constrained")
        ax = figure.add_subplot()
    images = np.array([row.images for row in evaluation.classes])
    shares = confusion / np.maximum(images, 1)[:, None]
    # By the square root of the share: 4 % is a fifth of the way to dark.
    scale = colors.PowerNorm(0.5, vmin=0, vmax=1)
    picture = ax.imshow(shares, cmap="Blues", norm=scale)
    bar = ax.figure.colorbar(picture, ax=ax, shrink=0.8, pad=0.02)
    bar.set_ticks([0, 0.04, 0.16, 0.36, 0.64, 1])
    bar.ax.yaxis.set_major_formatter("{x:.0%}")
    bar.set_label("share of the images of the row")
    if classes <= NAMED:
        ax.set_xticks(range(classes), names, rotation=90)
        ax.set_yticks(range(classes), names)
    if classes <= NUMBERED:
        for row, column in np.argwhere(confusion):
            dark = scale(shares[row, column]) > 0.6
            ax.text(
                column,
                row,
                f"{confusion[row, column]:,}",
                color="white" if dark else "black",
                ha="center",
                va="center",
            )
    called = "the network calls it"
    if evaluation.undecided:
        called += (
            f" (undecided, in no cell: {evaluation.undecided:,} "
            f"of {evaluation.images:,})"
        )
    ax.set(xlabel=called, ylabel="true class")
    ax.set_title(_finding(evaluation))
    return ax


def _finding(evaluation):
    """The most frequent confusion in words; of several, the first one's."""
    found = [
        (row, mistakes[0])
        for row, mistakes in zip(
            evaluation.classes,
            map(evaluation.mistakes, range(len(evaluation.classes))),
        )
        if mistakes
    ]
    if not found:
        return "No class is taken for another"
    row, (called, count) = max(found, key=lambda item: item[1][1])
    name, called = in_figure(repr(row.name)), in_figure(repr(called))
    return (
        f"Most frequent confusion:\n{count:,} of {row.images:,} {name} are "
        f"called {called}"
    )
