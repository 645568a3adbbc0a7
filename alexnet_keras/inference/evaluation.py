"""How good a trained network is: validation images, one view or ten."""

import math
import sys
from collections import Counter
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from keras import ops

from alexnet_keras import classifier
from alexnet_keras import metrics
from alexnet_keras import validation
from alexnet_keras.data import preprocessing
from alexnet_keras.utils import extras
from alexnet_keras.utils.printing import printable
from alexnet_keras.weights import names as imagenet_names

NAMED = 5  # class names that a message lists
# What the loss takes for a probability of 0: ln of it is −87.3.
SMALLEST = float(np.finfo("float32").tiny)


@dataclass(frozen=True, eq=False)
class Evaluation:
    """What a network makes of images; printed, it is a summary.

    Args:
        class_names: in the order of the network's outputs.
        labels: integers `(images,)`, each the number of an output.
        probabilities: float32 `(images, classes)`.

    Raises:
        ValueError: if there is no image, no row for each label, no column
            for each class, or a label is no class.

    >>> scores = np.array([[0.7, 0.3], [0.6, 0.4], [0.5, 0.5]], "float32")
    >>> evaluation = Evaluation(("cat", "dog"), np.array([0, 1, 1]), scores)
    >>> evaluation.confusion.tolist(), evaluation.undecided
    ([[1, 0], [1, 0]], 1)
    >>> print(evaluation)
    top-1 33.3 % (1 of 3), chance 50.0 %
    top-5 says nothing of 2 classes
    loss 0.655 nats, chance 0.693
    undecided: 1 of 3 have no best class, but a tie or NaN; no hits
    """

    class_names: tuple[str, ...]
    labels: np.ndarray
    probabilities: np.ndarray

    def __post_init__(self):
        for name in ("labels", "probabilities"):
            object.__setattr__(self, name, np.asarray(getattr(self, name)))
        shape, classes = self.labels.shape, len(self.class_names)
        if not self.labels.size or self.probabilities.shape != shape + (
            classes,
        ):
            raise ValueError(
                "`probabilities` must have a row for each label, one at least, "
                f"and a column for each of {classes} classes. Received: labels "
                f"of shape {shape}, probabilities of shape "
                f"{self.probabilities.shape}"
            )
        check_labels(self.labels, classes)

    @property
    def images(self):
        """How many there are."""
        return len(self.labels)

    @property
    def top_1(self):
        """Share of images whose one best score is their class's."""
        return float(self._hits(1).mean(dtype="float64"))

    @property
    def top_5(self):
        """Share with their class among the best five, ties excluded."""
        return float(self._hits(5).mean(dtype="float64"))

    @property
    def loss(self):
        """Mean of −ln(probability of the true class), in nats.

        A probability of 0 counts as 1.2e-38, so that an image adds at most
        87.3. NaN if any score is not finite.
        """
        own = self.probabilities[np.arange(self.images), self.labels]
        own = np.where(self._finite, np.maximum(own, SMALLEST), np.nan)
        return float(-np.log(own, dtype="float64").mean())

    @property
    def undecided(self):
        """How many images have no one best score: a tie, or NaN."""
        return self.images - int(self.confusion.sum())

    @cached_property
    def confusion(self):
        """Integers `(classes, classes)`: images of the row's true class that
        the network takes for the column's. Undecided ones are in no cell.
        """
        best = self.probabilities.max(axis=-1, keepdims=True)
        decided = (self.probabilities == best).sum(axis=-1) == 1
        guesses = self.probabilities.argmax(axis=-1)
        chosen = decided & self._finite
        counts = np.zeros((len(self.class_names),) * 2, "int64")
        np.add.at(counts, (self.labels[chosen], guesses[chosen]), 1)
        return counts

    def per_class(self):
        """Returns a pandas table with a row for each class, in order.

        The columns are images, top-1 and, of more than five classes, top-5
        (shares; NaN for a class without images), undecided, and what the
        others are mostly mistaken for.
        """
        extras.require("train", "pandas")
        import pandas as pd

        names = self.class_names
        hits = {f"top-{k}": self._hits(k) for k in (1, 5) if k < len(names)}
        means = pd.DataFrame(hits).groupby(self.labels).mean()
        table = means.reindex(range(len(names)))
        images = np.bincount(self.labels, minlength=len(names))
        table.insert(0, "images", images)
        table["undecided"] = images - self.confusion.sum(axis=1)
        mistakes = self.confusion - np.diag(self.confusion.diagonal())
        table["mostly mistaken for"] = [
            f"{printable(names[row.argmax()])} ({row.max():,})"
            if row.any()
            else ""
            for row in mistakes
        ]
        table.index = pd.Index(names, name="class")
        return table

    def __str__(self):
        classes, of = len(self.class_names), f"of {self.images:,}"
        lines = []
        for k, share in ((1, self.top_1), (5, self.top_5)):
            lines.append(
                f"top-{k} {100 * share:.1f} % ({self._hits(k).sum():,.0f} "
                f"{of}), chance {100 * k / classes:.1f} %"
                if k < classes
                else f"top-{k} says nothing of {classes} classes"
            )
        lines.append(
            f"loss {self.loss:.3f} nats, chance {math.log(classes):.3f}"
        )
        if self.undecided:
            lines.append(
                f"undecided: {self.undecided:,} {of} have no best class, but "
                "a tie or NaN; no hits"
            )
        return "\n".join(lines)

    @cached_property
    def _finite(self):
        return np.isfinite(self.probabilities).all(axis=-1)

    def _hits(self, k):
        hits = metrics.top_k_hits(self.labels, self.probabilities, k)
        return ops.convert_to_numpy(hits)


def check_labels(labels, classes):
    """Raises a `ValueError` at the first label that is no class."""
    wrong = labels[(labels < 0) | (labels >= classes)]
    if wrong.size:
        raise ValueError(
            f"`labels` must be from 0 to {classes - 1}. Received: {wrong[0]}"
        )


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
        data: an `ImageData` with the classes of the model, in any order; one
            of them may have ImageNet's names and the other WordNet ids.
        ten_crop: whether to average over the corners, the centre and their
            mirrors. Defaults to `False`.
        batch_size: images in one call of the network. Defaults to 64.
        verbose: 1 counts the images on stderr. Defaults to 0.

    Returns:
        An `Evaluation`, its classes in the order of the network's outputs.

    Raises:
        ValueError: before anything is measured, if `model` is no such
            network, the classes differ, or there are no images; later, if
            a label is no class or an image cannot be decoded.
    """
    import tensorflow as tf

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
        square = data.cut(image, preprocessing.resize_for(size))
        return square if ten_crop else preprocessing.center_crop(
            square, size
        ), label

    views = data.images("validation").map(
        view, num_parallel_calls=tf.data.AUTOTUNE
    )
    numbers, answers = [], []
    size_of_batch = min(batch_size, data.validation_size)
    ask = _ten_crop_probabilities if ten_crop else _probabilities
    try:
        with data.naming_bad_images():
            for pictures, labels in views.batch(size_of_batch).prefetch(1):
                check_labels(labels.numpy(), len(names))
                numbers.extend(outputs[labels.numpy()])
                answers.extend(ask(model, pictures, size))
                if verbose:
                    done = f"{len(numbers):,} of {data.validation_size:,}"
                    print(
                        f"\r{done} images", end="", file=sys.stderr, flush=True
                    )
    finally:
        if verbose:
            print(file=sys.stderr)
    return Evaluation(
        tuple(names), np.array(numbers), np.array(answers, "float32")
    )


def _probabilities(model, pictures, size):
    return classifier.probabilities(model, pictures)


def _ten_crop_probabilities(model, pictures, size):
    """Probabilities `(batch, classes)`, averaged over the ten crops."""
    # Crop by crop: all at once would take ten times the memory.
    crops = preprocessing.ten_crops(pictures, size)
    answers = [
        classifier.probabilities(model, crops[:, i])
        for i in range(crops.shape[1])
    ]
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
    if imagenet_names.are_ids(names) != imagenet_names.are_ids(classes):
        names, classes = map(imagenet_names.as_ids, (names, classes))
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
