"""What features are worth: a linear classifier on them, and neighbours."""

import numpy as np

from alexnet_keras.utils import extras

# Shares of the mean squared length of a feature vector.
RIDGES = (1e-3, 1e-2, 1e-1, 1.0, 10.0)


def fit_probe(features, labels):
    """Fits a linear classifier by ridge regression to +1 and −1.

    It is solved at once, with no steps and no learning rate; the penalty is
    the one of `RIDGES` that errs least on examples left out one at a time.

    Args:
        features: `(number, features)`, float.
        labels: `(number,)`.

    Returns:
        A `sklearn.linear_model.RidgeClassifierCV`, fitted. With three classes
        or more `coef_.T` and `intercept_` are the weights of a `Dense`.

    >>> features = np.array([[0.0, 1.0], [0.2, 0.8], [1.0, 0.1], [0.9, 0.0]])
    >>> fit_probe(features, [0, 0, 1, 1]).score(features, [0, 0, 1, 1])
    1.0
    """
    extras.require("train", "sklearn")
    from sklearn.linear_model import RidgeClassifierCV

    features = np.asarray(features, "float64")
    lengths = np.square(features - features.mean(axis=0)).sum(axis=1)
    penalties = np.array(RIDGES) * (lengths.mean() or 1.0)
    return RidgeClassifierCV(penalties).fit(features, labels)


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
