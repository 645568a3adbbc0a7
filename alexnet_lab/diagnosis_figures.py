"""Figures of networks that do not train: signals by layer, starts compared."""

import itertools

import matplotlib.pyplot as plt
import numpy as np

from alexnet_keras.figures.training import DASHES
from alexnet_keras.utils.printing import in_figure
from alexnet_lab.experiments.figures import MARKERS


def plot_signals(traces):
    """Draws what reaches each layer, forward and back.

    Args:
        traces: dict from a name to a list of `gradients.Signal`, the same
            layers in each.

    Returns:
        Two Axes: by how much values differ between images (standard deviation
        over the images, mean of the units), and how large gradients are (root
        of the mean square). Zeros are left out: the axes are logarithmic. The
        titles are left to whoever knows the finding.
    """
    figure, axes = plt.subplots(1, 2, figsize=(10, 4.2), layout="constrained")
    kinds = zip(itertools.cycle(MARKERS), itertools.cycle(DASHES))
    for number, ((name, trace), kind) in enumerate(zip(traces.items(), kinds)):
        marker, dash = kind
        # Each smaller than the one before, which it may lie upon.
        thinner = 0.8**number
        layers = [in_figure(signal.name) for signal in trace]
        forward = [signal.values.std(0).mean() for signal in trace]
        back = [np.sqrt(np.square(s.gradients).mean()) for s in trace]
        for ax, values in zip(axes, (forward, back)):
            shown = [value if value > 0 else np.nan for value in values]
            ax.plot(
                layers, shown, marker=marker, linestyle=dash, label=in_figure(name),
                markersize=11 * thinner, linewidth=3.5 * thinner,
            )  # fmt: skip
    for ax in axes:
        ax.set_yscale("log")
        ax.tick_params("x", rotation=45)
        ax.set_xlabel("layer")
    axes[0].set_ylabel("standard deviation over the images")
    axes[1].set_ylabel("gradient, root mean square")
    handles, names = axes[0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=3)
    return axes


def plot_starts(outcomes, ratios, rows, columns):
    """Draws which networks train, and which were to be expected not to.

    Args:
        outcomes: dict from a panel's title to a dict from `(row, column)` to
            a list of epochs, a seed each, until the network trains; `None`
            where it does not.
        ratios: the same with the curvature as a share of its limit.
        rows: names of the rows, in order.
        columns: names of the columns.

    Returns:
        The Axes, one a panel. A cell holds the mean of the epochs, or how
        many seeds train, and below it the ratio. Cells whose seeds never
        train are dark, those that should not by their ratio have a frame,
        black in white so that it shows on any of them.
    """
    _, axes = plt.subplots(
        1, len(outcomes), figsize=(10, 3.6), sharey=True, layout="constrained"
    )
    axes = np.atleast_1d(axes)
    for ax, (title, cells) in zip(axes, outcomes.items()):
        never = np.array(
            [
                [np.mean([e is None for e in cells[row, c]]) for c in columns]
                for row in rows
            ]
        )
        ax.imshow(never, cmap="Greys", vmin=0, vmax=1.6, aspect="auto")
        for (y, row), (x, column) in itertools.product(
            enumerate(rows), enumerate(columns)
        ):
            ratio = ratios[title][row, column]
            text = f"{_outcome(cells[row, column])}\n{_share(ratio)}"
            dark = never[y, x] > 0.5
            ax.text(
                x, y, text, ha="center", va="center", fontsize=8,
                color="white" if dark else "black",
            )  # fmt: skip
            if ratio > 1:
                place = (x - 0.46, y - 0.44)
                for color, width in (("white", 6), ("black", 2.5)):
                    ax.add_patch(
                        plt.Rectangle(
                            place, 0.92, 0.88, fill=False, lw=width, ec=color
                        )
                    )
        ax.set_xticks(range(len(columns)), columns)
        ax.set_yticks(range(len(rows)), rows)
        ax.set(title=title, xlabel="biases")
    return axes


def _share(ratio):
    if ratio < 0.005:
        return "<0.01 × limit"
    return f"{ratio:.{0 if ratio >= 9.995 else 2}f} × limit"


def _outcome(epochs):
    there = [epoch for epoch in epochs if epoch is not None]
    if not there:
        return "never"
    text = f"{np.mean(there):.1f} epochs"
    if len(there) < len(epochs):
        text = f"{len(there)} of {len(epochs)}: {text}"
    return text
