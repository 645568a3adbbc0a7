"""How good a trained network is: validation images, one view or ten."""

import math
import sys
from collections import Counter

import numpy as np
import tensorflow as tf

from alexnet_keras import classifier
from alexnet_keras import metrics
from alexnet_keras import validation
from alexnet_keras.data import preprocessing
from alexnet_keras.utils.printing import printable

NAMED = 5  # class names that a message lists


def evaluate(model, data, *, ten_crop=False, batch_size=64, verbose=0):
    """Measures a network on the validation images of a data set.

    Each image is made square as for training (256×256 for a network that
    takes 224×224), and the network is shown the centre; or all ten crops, and
    the mean of its ten probabilities counts, as in the 2012 code
    (LogregCostLayer in src/worker.cu). Every image counts exactly once. Ties
    are no hits; the 2012 code splits the credit among those that tie.

    Args:
        model: a `keras.Model` as training leaves it: from RGB images 0–255 to
            probabilities, with a layer `class_names`. Without that layer its
            outputs are taken for the classes of `data`, in order.
        data: an `ImageData` with the classes of the model, in any order.
        ten_crop: whether to average over the corners, the centre and their
            mirrors. Defaults to `False`.
        batch_size: images in one call of the network. Defaults to 64.
        verbose: 1 counts the images on stderr. Defaults to 0.

    Returns:
        A `metrics.Evaluation`, its classes in the order of the network's outputs.

    Raises:
        ValueError: before anything is measured, if `model` is no such
            network, the classes differ, or there are no images; later, if
            a label is no class or an image cannot be decoded.
    """
    batch_size = validation.integer("batch_size", batch_size)
    size, names = classifier.check(model)
    outputs = _outputs_of_labels(model, names, data)
    names = names or data.class_names
    if not data.validation_size:
        raise ValueError(
            "`data` must have validation images. "
            f"Received: data={data.name!r} without"
        )

    def view(image, label):
        square = preprocessing.center_square(
            image, preprocessing.resize_for(size)
        )
        return square if ten_crop else preprocessing.center_crop(
            square, size
        ), label

    views = data.images("validation").map(
        view, num_parallel_calls=tf.data.AUTOTUNE
    )
    tally, counted = metrics.Tally(names), 0
    try:
        with data.naming_bad_images():
            size_of_batch = min(batch_size, data.validation_size)
            for pictures, labels in views.batch(size_of_batch).prefetch(1):
                metrics.check_labels(labels.numpy(), len(names))
                tally.add(
                    outputs[labels.numpy()],
                    _ten_crop_probabilities(model, pictures, size)
                    if ten_crop
                    else classifier.probabilities(model, pictures),
                )
                counted += len(labels)
                if verbose:
                    text = f"\r{counted:,} of {data.validation_size:,} images"
                    print(text, end="", file=sys.stderr, flush=True)
    finally:
        if verbose:
            print(file=sys.stderr)
    return tally.result()


def _ten_crop_probabilities(model, pictures, size):
    """Probabilities `(batch, classes)`, averaged over the ten crops."""
    # Crop by crop: all at once would take ten times the memory.
    crops = tf.unstack(preprocessing.ten_crops(pictures, size), axis=1)
    answers = [classifier.probabilities(model, crop) for crop in crops]
    return np.mean(answers, axis=0, dtype="float64")


def _outputs_of_labels(model, names, data):
    """The number of the model's output for each label of the data."""
    classes = tuple(data.class_names)
    if names is None and model.output_shape[-1] != len(classes):
        raise ValueError(
            "`model` has no layer class_names, so it must have an output for "
            f"each of the {len(classes)} classes of `data`. "
            f"Received: model with {model.output_shape[-1]} outputs"
        )
    if names in (None, classes):
        return np.arange(len(classes))
    only_model = Counter(names) - Counter(classes)
    only_data = Counter(classes) - Counter(names)
    if only_model or only_data:
        raise ValueError(
            "`data` must have the classes of `model`. "
            f"Only `model` has {_listed(only_model)}; "
            f"only `data` has {_listed(only_data)}. "
            f"Received: data={data.name!r}"
        )
    twice = [name for name, times in Counter(names).items() if times > 1]
    if twice:
        raise ValueError(
            "`data` has the classes of `model` in another order, in which "
            f"names that occur twice cannot be told apart: {_listed(twice)}. "
            f"Received: data={data.name!r}"
        )
    return np.array([names.index(name) for name in classes])


def _listed(names):
    names = [printable(name) for name in names]
    text = ", ".join(names[:NAMED]) or "none"
    more = len(names) - NAMED
    return f"{text} and {more} more" if more > 0 else text


def format_summary(evaluation):
    """Returns an evaluation in words, a line each, against chance.

    Args:
        evaluation: a `metrics.Evaluation`.

    >>> tally = scores.Tally("abcdefgh")
    >>> tally.add(np.arange(8), np.eye(8)[[0, 1, 2, 3, 4, 5, 5, 5]])
    >>> print(format_summary(tally.result()))
    top-1 75.0 % (6 of 8), chance 12.5 %
    top-5 75.0 % (6 of 8), chance 62.5 %
    loss 21.834 nats, chance 2.079
    """
    classes = len(evaluation.class_names)
    images = f"of {evaluation.images:,}"
    lines = [
        f"top-1 {_percent(evaluation.top_1)} ({evaluation.top_1_hits:,} "
        f"{images}), chance {_percent(1 / classes)}",
        f"top-5 {_percent(evaluation.top_5)} ({evaluation.top_5_hits:,} "
        f"{images}), chance {_percent(5 / classes)}"
        if classes > 5
        else f"top-5 says nothing of {classes} classes",
        f"loss {evaluation.loss:.3f} nats, chance {math.log(classes):.3f}",
    ]
    if evaluation.undecided:
        lines.append(
            f"undecided: {evaluation.undecided:,} {images} have no best "
            "class, but a tie or NaN; no hits"
        )
    return "\n".join(lines)


def format_classes(evaluation):
    """Returns a table with a row for each class, in the network's order.

    Args:
        evaluation: a `metrics.Evaluation`. Of five classes or fewer top-5 says
            nothing, and a dash stands for it.

    >>> tally = scores.Tally(("cat", "dog", "elk"))
    >>> tally.add([0, 0, 0, 2], np.eye(3)[[0, 1, 1, 2]])
    >>> print(format_classes(tally.result()))
    class  images    top-1    top-5  undecided  mostly mistaken for
    cat         3   33.3 %        –          0  dog (2)
    dog         0        –        –          0
    elk         1  100.0 %        –          0
    """
    enough = len(evaluation.classes) > 5
    width = max(5, *(len(printable(row.name)) for row in evaluation.classes))
    titles = "images    top-1    top-5  undecided  mostly mistaken for"
    lines = [f"{'class':<{width}}  {titles}"]
    for index, row in enumerate(evaluation.classes):
        shares = row.top_1, row.top_5 if enough else math.nan
        top_1_share, top_5_share = map(_percent, shares)
        line = (
            f"{printable(row.name):<{width}} {row.images:>7,} "
            f"{top_1_share:>8} "
            f"{top_5_share:>8} {row.undecided:>10,}"
        )
        for name, count in evaluation.mistakes(index)[:1]:
            line += f"  {printable(name)} ({count:,})"
        lines.append(line)
    return "\n".join(lines)


def _percent(share):
    return "–" if math.isnan(share) else f"{100 * share:.1f} %"
