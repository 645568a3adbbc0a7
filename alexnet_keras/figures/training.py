"""Figures of training runs: curves, and what a network makes of images."""

import itertools
import math

import matplotlib.pyplot as plt
import numpy as np

from alexnet_keras.utils.printing import in_figure

DASHES, MARKERS = ("-", "--", "-.", (0, (1, 1))), "osD^vPX*"


def plot_history(history, classes):
    """Draws loss and top-1 by epoch, on training and validation data.

    Args:
        history: lists by epoch: `loss`, `top_1`, `val_loss`, `val_top_1`.
        classes: number of classes, for the lines of chance.

    Returns:
        The two Axes, loss and accuracy. The title states the last values.
    """
    _, axes = plt.subplots(1, 2, figsize=(10, 3.8), layout="constrained")
    for ax, name, chance in (
        (axes[0], "loss", math.log(classes)),
        (axes[1], "top_1", 1 / classes),
    ):
        for prefix, style, label in (
            ("", {"marker": "o", "linestyle": "-"}, "training"),
            ("val_", {"marker": "s", "linestyle": "--"}, "validation"),
        ):
            values = history.get(prefix + name, [])
            epochs = range(1, len(values) + 1)
            ax.plot(epochs, values, markersize=4, label=label, **style)
        ax.axhline(chance, color="0.5", linestyle=":", label="chance")
        ax.set(xlabel="epoch")
        ax.xaxis.get_major_locator().set_params(integer=True)
        ax.legend()
    axes[0].set(ylabel="cross-entropy (nats)", ylim=(0, None))
    axes[0].set_title(
        f"Validation loss {_last(history, 'val_loss'):.2f}; chance is "
        f"{math.log(classes):.2f}"
    )
    axes[1].set(ylabel="top-1 accuracy", ylim=(0, 1))
    axes[1].set_title(
        f"Validation top-1 {_last(history, 'val_top_1'):.0%}; chance is "
        f"{1 / classes:.1%}"
    )
    return axes


def _last(history, name):
    return history[name][-1] if history.get(name) else math.nan


def plot_comparison(records):
    """Draws the validation error of several networks by the images seen.

    Args:
        records: dict from a name to the record of a run, as in
            `assets/results` (`history`, `train_size`, `class_names`), or to
            a list of such, which differ in their seeds: their mean is drawn,
            and their range as a band.

    Returns:
        The Axes. The title states the errors after the fewest images that
        all have seen, of the best and of the worst network.
    """
    _, ax = plt.subplots(figsize=(8, 4.2), layout="constrained")
    runs = {
        name: found if isinstance(found, list) else [found]
        for name, found in records.items()
    }
    seen, errors = {}, {}
    for (name, found), marker, dash in zip(
        runs.items(), itertools.cycle(MARKERS), itertools.cycle(DASHES)
    ):
        length = min(len(one["history"]["val_top_1"]) for one in found)
        wrong = np.array(
            [
                [100 - 100 * x for x in one["history"]["val_top_1"][:length]]
                for one in found
            ]
        )
        errors[name] = wrong.mean(axis=0)
        seen[name] = np.arange(1, length + 1) * found[0]["train_size"]
        (line,) = ax.plot(
            seen[name],
            errors[name],
            marker=marker,
            markersize=4,
            linestyle=dash,
            label=f"{in_figure(name)} ({len(found)})"
            if len(found) > 1
            else in_figure(name),
        )
        ax.fill_between(
            seen[name],
            wrong.min(axis=0),
            wrong.max(axis=0),
            color=line.get_color(),
            alpha=0.2,
            linewidth=0,
        )
    common = min(images[-1] for images in seen.values())
    there = {
        name: float(np.interp(common, seen[name], errors[name]))
        for name in runs
    }
    best, worst = (f(there, key=there.get) for f in (min, max))
    ends = f"`{in_figure(best)}` has {there[best]:.0f} %"
    if worst != best:
        ends += f", `{in_figure(worst)}` {there[worst]:.0f} %"
    classes = len(next(iter(runs.values()))[0]["class_names"])
    chance = 100 - 100 / classes
    ax.axhline(chance, color="0.5", linestyle=":", label="chance")
    ax.set(
        xlabel="training images seen",
        ylabel="validation error, top-1 (%)",
        ylim=(0, None),
        title=f"Error after {common:,} images: {ends}",
    )
    ax.xaxis.set_major_formatter("{x:,.0f}")
    ax.legend(ncols=2)
    return ax


def plot_predictions(images, labels, probabilities, class_names, columns=5):
    """Draws images with what the network says of each; a cross marks errors.

    Args:
        images: `(number, height, width, 3)`, 0 to 255.
        labels: `(number,)` integers.
        probabilities: `(number, classes)`.
        class_names: a name for each class.
        columns: images in a row. Defaults to 5.

    Returns:
        The array of Axes.
    """
    images, labels = np.asarray(images), np.asarray(labels)
    rows = -(-len(images) // columns)
    figure, axes = plt.subplots(
        rows,
        columns,
        figsize=(2 * columns, 2.5 * rows),
        layout="constrained",
        squeeze=False,
    )
    for ax in axes.flat:
        ax.set_axis_off()
    names, right = [in_figure(name) for name in class_names], 0
    for ax, image, label, row in zip(axes.flat, images, labels, probabilities):
        guess = int(np.argmax(row))
        right += guess == label
        ax.imshow(image.astype("uint8"))
        text = f"{names[guess]} {row[guess]:.0%}"
        if guess != label:
            text = f"✗ {text}\nis {names[label]}"
        ax.set_title(text, fontsize=8)
    figure.suptitle(f"{right} of {len(images)} classified correctly")
    return axes
