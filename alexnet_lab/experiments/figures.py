"""Figures of experiments: every seed seen, starts compared, signals by layer."""

import itertools

import matplotlib.pyplot as plt
import numpy as np

from alexnet_keras.figures.training import DASHES
from alexnet_keras.figures.training import MARKERS
from alexnet_keras.utils.printing import in_figure


def plot_curves(results, names, curve="train_error", target=None, ax=None):
    """Draws a curve by epoch: each seed thin, their mean thick.

    Args:
        results: an `ExperimentResults`.
        names: of the conditions to draw.
        curve: `"train_error"`, `"val_error"`, `"train_loss"` or
            `"val_loss"`. Defaults to `"train_error"`.
        target: an error from 0 to 1 to mark with a line. Defaults to `None`.
        ax: the Axes. Defaults to new ones.

    Returns:
        The Axes; the title is left to whoever knows the finding.
    """
    if ax is None:
        _, ax = plt.subplots(figsize=(8, 4), layout="constrained")
    part, kind = curve.split("_")
    scale, unit = {"error": (100, "%"), "loss": (1, "nats")}[kind]
    for name, marker, dash in zip(
        names, itertools.cycle(MARKERS), itertools.cycle(DASHES)
    ):
        curves = scale * results.curves(name, curve)
        # Where only some seeds still train, their mean would jump.
        shared = np.isfinite(curves).all(axis=0).sum()
        epochs = np.arange(curves.shape[1])
        (line,) = ax.plot(
            epochs[:shared],
            curves[:, :shared].mean(axis=0),
            marker=marker,
            markersize=4,
            linestyle=dash,
            label=in_figure(name),
        )
        for row in curves:
            ax.plot(epochs, row, color=line.get_color(), alpha=0.3)
    if target is not None:
        ax.axhline(scale * target, color="0.4", linestyle=":", linewidth=1)
    part = {"train": "training", "val": "validation"}[part]
    ax.set(xlabel="epoch", ylabel=f"{part} {kind} ({unit})", ylim=(0, None))
    ax.xaxis.get_major_locator().set_params(integer=True)
    ax.legend()
    return ax


def plot_final_errors(results, names=None):
    """Draws training and validation error at the end, a point for each seed.

    Args:
        results: an `ExperimentResults`.
        names: of the conditions, from top to bottom. Defaults to all.

    Returns:
        The Axes. The line between the two means is the gap. The axis need not
        begin at 0: points and gaps are compared, no lengths from there.
    """
    names = results.conditions if names is None else list(names)
    table = results.table()
    _, ax = plt.subplots(
        figsize=(8, 0.8 + 0.42 * len(names)), layout="constrained"
    )
    for place, name in enumerate(names):
        rows = table[table.condition == name]
        train, validation = 100 * rows.train_error, 100 * rows.val_error
        ax.plot([train.mean(), validation.mean()], [place] * 2, color="0.75")
        for errors, marker, color in (
            (train, "o", "C0"),
            (validation, "s", "C1"),
        ):
            ax.plot(errors, [place] * len(rows), marker, color=color, alpha=0.7)
    ax.plot([], [], "o", color="C0", label="training")
    ax.plot([], [], "s", color="C1", label="validation")
    ax.plot([], [], color="0.75", label="gap of the means")
    ax.set_yticks(range(len(names)), list(map(in_figure, names)))
    ax.set(xlabel="error (%)", ylim=(len(names) - 0.5, -0.5))
    # Beside the axes: inside it would hide points.
    ax.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    return ax


def plot_rates(results, names):
    """Draws the loss that the search found for each learning rate.

    Args:
        results: an `ExperimentResults` whose rates were searched.
        names: of the conditions.

    Returns:
        The Axes. The chosen rate has the larger marker.
    """
    _, ax = plt.subplots(figsize=(8, 3.6), layout="constrained")
    for name, marker, dash in zip(
        names, itertools.cycle(MARKERS), itertools.cycle(DASHES)
    ):
        part = results.record["conditions"][name]
        tried = {
            float(rate): loss
            for rate, loss in part["tried"].items()
            if loss is not None
        }
        (line,) = ax.plot(
            list(tried), list(tried.values()), marker=marker, linestyle=dash
        )
        ax.plot(
            part["learning_rate"],
            tried[part["learning_rate"]],
            marker,
            markersize=11,
            color=line.get_color(),
            label=f"{in_figure(name)}: {part['learning_rate']:g}",
        )
    ax.set(xscale="log", xlabel="learning rate", ylabel="training loss (nats)")
    ax.legend(title="chosen")
    return ax


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
        train are dark, those that should not by their ratio have a frame.
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
                frame = plt.Rectangle(
                    (x - 0.46, y - 0.44), 0.92, 0.88, fill=False, lw=4, ec="C1"
                )
                ax.add_patch(frame)
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


def plot_signals(traces):
    """Draws what reaches each layer, forward and back.

    Args:
        traces: dict from a name to a list of `gradients.Signal`, the
            same layers in each.

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
