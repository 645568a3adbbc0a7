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
        f"Validation loss {_last(history, 'val_loss'):.2f}; guessing has "
        f"{math.log(classes):.2f}"
    )
    axes[1].set(ylabel="top-1 accuracy", ylim=(0, 1))
    axes[1].set_title(
        f"Validation top-1 {_last(history, 'val_top_1'):.0%}; guessing has "
        f"{1 / classes:.1%}"
    )
    return axes


def _last(history, name):
    return history[name][-1] if history.get(name) else math.nan


def plot_comparison(records):
    """Draws validation top-1 of several runs against the images seen.

    Args:
        records: dict from a name to the record of a run, as in
            `assets/results`: `history`, `train_size`, `class_names`.

    Returns:
        The Axes. The title states which run is best after the fewest images
        that all have seen, and by how much.
    """
    _, ax = plt.subplots(figsize=(8, 4.2), layout="constrained")
    seen, accuracy = {}, {}
    for (name, record), marker, dash in zip(
        records.items(), itertools.cycle(MARKERS), itertools.cycle(DASHES)
    ):
        accuracy[name] = [100 * x for x in record["history"]["val_top_1"]]
        epochs = np.arange(1, len(accuracy[name]) + 1)
        seen[name] = epochs * record["train_size"]
        ax.plot(
            seen[name],
            accuracy[name],
            marker=marker,
            linestyle=dash,
            label=in_figure(name),
        )
    common = min(images[-1] for images in seen.values())
    there = {
        name: float(np.interp(common, seen[name], accuracy[name]))
        for name in records
    }
    best = max(there, key=there.get)
    classes = len(next(iter(records.values()))["class_names"])
    ax.axhline(100 / classes, color="0.5", linestyle=":", label="chance")
    ax.set(
        xlabel="training images seen",
        ylabel="validation top-1 (%)",
        ylim=(0, None),
        title=f"After {common:,} images `{in_figure(best)}` leads with "
        f"{there[best]:.0f} %",
    )
    ax.legend()
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
    figure.suptitle(f"{right} of {len(images)} named rightly")
    return axes
