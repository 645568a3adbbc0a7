"""Top-1, top-5 and confusions, counted so that a dead network cannot score."""

import math
from dataclasses import dataclass

import keras
import numpy as np
from keras import ops

register = keras.saving.register_keras_serializable(package="alexnet_keras")
# A loss this near to ln(classes) is that of guessing.
NEAR_CHANCE = 0.95
# What the loss takes for a probability of 0: ln of it is −87.3.
SMALLEST = float(np.finfo("float32").tiny)


def top_k_hits(labels, scores, k):
    """Whether each label is among its image's k best scores, ties excluded.

    A class that ties with the label counts as better. TensorFlow's
    `in_top_k` counts ties as hits, so that a network which says the same
    for every class reports a top-5 accuracy of 100 %.

    Args:
        labels: numbers of classes `(batch,)` or `(batch, 1)`, of any dtype,
            or one-hot `(batch, classes)`, of which the largest counts.
        scores: logits or probabilities of shape `(batch, classes)`.
        k: how many guesses count.

    Returns:
        A float tensor of shape `(batch,)`, 1 for a hit. Scores that are not
        finite are misses.

    Raises:
        ValueError: if `scores` has not two columns, or `labels` is of another
            shape.

    >>> import numpy as np
    >>> scores = np.array([[0.1, 0.6, 0.3], [0.2, 0.2, 0.2]], "float32")
    >>> np.asarray(top_k_hits(np.array([2, 0]), scores, k=2)).tolist()
    [1.0, 0.0]
    """
    scores = ops.convert_to_tensor(scores)
    labels = ops.convert_to_tensor(labels)
    if len(scores.shape) != 2 or scores.shape[-1] == 1:
        raise ValueError(
            "`scores` must be (batch, classes) of two classes at least; for "
            'one sigmoid Keras has the metric "binary_accuracy". '
            f"Received: scores of shape {tuple(scores.shape)}"
        )
    if len(labels.shape) == 2 and labels.shape[-1] == scores.shape[-1]:
        labels = ops.argmax(labels, axis=-1)
    elif len(labels.shape) > 1 and tuple(labels.shape[1:]) != (1,):
        raise ValueError(
            "`labels` must be (batch,) or (batch, 1), or one-hot (batch, "
            f"{scores.shape[-1]}). "
            f"Received: labels of shape {tuple(labels.shape)}"
        )
    labels = ops.reshape(ops.cast(labels, "int32"), (-1, 1))
    own = ops.take_along_axis(scores, labels, axis=-1)
    as_good = ops.sum(ops.cast(scores >= own, "int32"), axis=-1)
    finite = ops.all(ops.isfinite(scores), axis=-1)
    return ops.cast(ops.logical_and(as_good <= k, finite), "float32")


@register
def top_1(labels, scores):
    """Keras metric: share of images whose best score is the label's."""
    return top_k_hits(labels, scores, 1)


@register
def top_5(labels, scores):
    """Keras metric: share of images with the label among the best five."""
    return top_k_hits(labels, scores, 5)


@dataclass(frozen=True)
class ClassCounts:
    """What became of the images of one class.

    Attributes:
        name: of the class.
        images: how many there are.
        top_1_hits: of these, those whose one best score is the class's.
        top_5_hits: those with the class among the best five.
        undecided: those without one best score: a tie, or NaN.
    """

    name: str
    images: int
    top_1_hits: int
    top_5_hits: int
    undecided: int

    @property
    def top_1(self):
        """Share of top-1 hits; NaN for a class without images."""
        return self.top_1_hits / self.images if self.images else math.nan

    @property
    def top_5(self):
        """Share of top-5 hits; NaN for a class without images."""
        return self.top_5_hits / self.images if self.images else math.nan


@dataclass(frozen=True, eq=False)
class Evaluation:
    """What a network made of a set of images.

    Attributes:
        class_names: in the order of the network's outputs.
        images: how many there are, each counted once.
        top_1_hits: of these, those whose one best score is their class's.
        top_5_hits: those with their class among the best five; says nothing
            of five classes or fewer.
        undecided: those without one best score: a tie, or NaN.
        loss: mean of −ln(probability of the true class), in nats. Where that
            is below 1.2e-38, the smallest normal float32, this stands for
            it, so that one image adds at most 87.3. NaN if any score is not
            finite.
        confusion: integers `(classes, classes)`: how many images of the class
            of the row the network takes for the class of the column.
            Undecided images are in no cell, so that the diagonal adds up to
            the top-1 hits exactly.
        classes: a `ClassCounts` for each class.
    """

    class_names: tuple[str, ...]
    images: int
    top_1_hits: int
    top_5_hits: int
    undecided: int
    loss: float
    confusion: np.ndarray
    classes: tuple[ClassCounts, ...]

    @property
    def top_1(self):
        """Share of top-1 hits, from 0 to 1."""
        return self.top_1_hits / self.images

    @property
    def top_5(self):
        """Share of top-5 hits, from 0 to 1."""
        return self.top_5_hits / self.images

    def mistakes(self, index):
        """What the images of a class are wrongly taken for, commonest first.

        Args:
            index: of the class.

        Returns:
            A list of `(name, count)`, without counts of 0.
        """
        row = self.confusion[index]
        return [
            (self.class_names[guess], int(row[guess]))
            for guess in np.argsort(-row, kind="stable")
            if guess != index and row[guess]
        ]


class Tally:
    """Counts what a network makes of images, batch by batch.

    Args:
        class_names: a name for each class, in the order of the scores.

    >>> tally = Tally(("cat", "dog"))
    >>> scores = np.array([[0.7, 0.3], [0.6, 0.4], [0.5, 0.5]])
    >>> tally.add(np.array([0, 1, 1]), scores)
    >>> result = tally.result()
    >>> result.confusion.tolist(), result.undecided, result.top_1_hits
    ([[1, 0], [1, 0]], 1, 1)
    """

    def __init__(self, class_names):
        self._names = tuple(class_names)
        classes = len(self._names)
        self._confusion = np.zeros((classes, classes), "int64")
        # By true class: images, hits among the best one, the best five.
        self._images, self._top_1, self._top_5 = np.zeros((3, classes), "int64")
        self._losses = 0.0

    def add(self, labels, probabilities):
        """Counts the images of a batch.

        Args:
            labels: integers `(batch,)`.
            probabilities: `(batch, classes)`, compared in float32.

        Raises:
            ValueError: if there is no row for each label or no column for
                each class, or a label is no class.
        """
        labels = np.asarray(labels)
        scores = np.asarray(probabilities, "float32")
        classes = len(self._names)
        if labels.ndim != 1 or scores.shape != (len(labels), classes):
            raise ValueError(
                "`probabilities` must have a row for each label and a column "
                f"for each of {classes} classes. Received: labels of shape "
                f"{labels.shape}, probabilities of shape {scores.shape}"
            )
        check_labels(labels, classes)
        np.add.at(self._images, labels, 1)
        for counts, hit in ((self._top_1, top_1), (self._top_5, top_5)):
            hits = ops.convert_to_numpy(hit(labels, scores))
            np.add.at(counts, labels, hits.astype("int64"))
        finite = np.isfinite(scores).all(axis=-1)
        best = scores.max(axis=-1, keepdims=True)
        decided = finite & ((scores == best).sum(axis=-1) == 1)
        guesses = scores.argmax(axis=-1)
        np.add.at(self._confusion, (labels[decided], guesses[decided]), 1)
        own = scores[np.arange(len(labels)), labels].astype("float64")
        own = np.where(finite, np.maximum(own, SMALLEST), np.nan)
        self._losses -= float(np.log(own).sum())

    def result(self):
        """Returns the `Evaluation` of all batches so far.

        Raises:
            ValueError: if there was no image.
        """
        if not self._images.sum():
            raise ValueError("There must be images to count. Received: none")
        undecided = self._images - self._confusion.sum(axis=1)
        columns = (self._images, self._top_1, self._top_5, undecided)
        totals = [int(column.sum()) for column in columns]
        rows = zip(self._names, *(column.tolist() for column in columns))
        return Evaluation(
            self._names,
            *totals,
            self._losses / totals[0],
            self._confusion.copy(),
            tuple(ClassCounts(*row) for row in rows),
        )


def check_labels(labels, classes):
    """Raises a `ValueError` at the first label that is no class."""
    wrong = [int(label) for label in labels if not 0 <= label < classes]
    if wrong:
        raise ValueError(
            f"`labels` must be from 0 to {classes - 1}. Received: {wrong[0]}"
        )
