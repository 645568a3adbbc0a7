"""What features are worth: a linear classifier on them, and neighbours."""

from dataclasses import dataclass

import numpy as np

# Shares of the mean squared length of a feature vector.
RIDGES = (1e-3, 1e-2, 1e-1, 1.0, 10.0)


@dataclass(frozen=True, eq=False)
class LinearProbe:
    """A linear classifier: the weights of a `keras.layers.Dense`.

    Attributes:
        kernel: `(features, classes)`.
        bias: `(classes,)`.
        ridge: which of the `RIDGES` was chosen.
    """

    kernel: np.ndarray
    bias: np.ndarray
    ridge: float

    def scores(self, features):
        """Returns `(number, classes)` for features `(number, features)`."""
        return features @ self.kernel + self.bias

    def accuracy(self, features, labels):
        """Returns the share whose highest score is that of its label."""
        found = self.scores(features).argmax(axis=-1)
        return float(np.mean(found == labels))


def fit_probe(features, labels, classes):
    """Fits a linear classifier by ridge regression to +1 and −1.

    It is solved at once, with no steps and no learning rate; the penalty is
    the one of `RIDGES` that errs least on examples that are left out one at a
    time, for which ridge regression has a formula. All is computed in the
    space of the examples, so thousands of features cost nothing.

    Args:
        features: `(number, features)`, float.
        labels: `(number,)`, from 0 to `classes` − 1.
        classes: number of classes.

    Returns:
        A `LinearProbe`.

    Raises:
        ValueError: if there are not two examples, a label is no class, or a
            feature is not finite.

    >>> features = np.array([[0.0, 1.0], [0.2, 0.8], [1.0, 0.1], [0.9, 0.0]])
    >>> probe = fit_probe(features, np.array([0, 0, 1, 1]), 2)
    >>> probe.accuracy(features, [0, 0, 1, 1])
    1.0
    """
    features, labels = np.asarray(features), np.asarray(labels)
    if features.ndim != 2 or labels.shape != features.shape[:1]:
        raise ValueError(
            "`features` must be (number, features), with a label for each. "
            f"Received: features of shape {features.shape}, labels of shape "
            f"{labels.shape}"
        )
    if len(labels) < 2 or labels.min() < 0 or labels.max() >= classes:
        raise ValueError(
            f"`labels` must be two or more, from 0 to {classes - 1}. "
            f"Received: {len(labels)} labels"
            + (f" from {labels.min()} to {labels.max()}" if len(labels) else "")
        )
    if not np.isfinite(features).all():
        raise ValueError(
            "`features` must be finite. Received: "
            f"{np.sum(~np.isfinite(features)):,} values of "
            f"{features.size:,} that are not"
        )
    targets = np.where(labels[:, None] == np.arange(classes), 1.0, -1.0)
    mean, offset = features.mean(axis=0), targets.mean(axis=0)
    centred = features - mean
    gram = (centred @ centred.T).astype("float64")
    scale = np.trace(gram) / len(gram) or 1.0
    best = None
    for ridge in RIDGES:
        penalty = ridge * scale
        inverse = np.linalg.inv(gram + penalty * np.eye(len(gram)))
        dual = inverse @ (targets - offset)
        # What each example keeps of itself, by the weights and by the mean.
        own = 1 - penalty * np.diag(inverse) + 1 / len(gram)
        left_out = np.square(penalty * dual / (1 - own)[:, None]).mean()
        if best is None or left_out < best[0]:
            best = left_out, ridge, dual
    _, ridge, dual = best
    kernel = (centred.T @ dual).astype("float32")
    return LinearProbe(
        kernel, (offset - mean @ kernel).astype("float32"), ridge
    )


def nearest(features, queries, number=1):
    """Finds for each query the features at the smallest angle.

    Args:
        features: `(examples, features)`.
        queries: `(queries, features)`.
        number: how many to find. Defaults to 1.

    Returns:
        Indices `(queries, number)` of examples, the nearest first.

    >>> nearest(np.array([[1.0, 0.0], [0.0, 9.0]]), np.array([[1.0, 2.0]]))
    array([[1]])
    """
    angles = _directions(queries) @ _directions(features).T
    return np.argsort(-angles, axis=1, kind="stable")[:, :number]


def _directions(vectors):
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors / np.where(lengths > 0, lengths, 1)
