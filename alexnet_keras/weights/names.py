"""What ImageNet's 1,000 classes are called: words, and WordNet ids."""

import re

import keras
import numpy as np

from alexnet_keras.validation import is_int
from alexnet_keras.weights import downloads
from alexnet_keras.weights import imagenet

WORDNET_ID = re.compile(r"n\d{8}")


def decode_predictions(predictions, top=5):
    """Names the classes of ImageNet; Keras's function, with its file.

    Args:
        predictions: `(batch, 1000)`, from a network with `weights="imagenet"`.
        top: how many to name of each image. Defaults to 5.

    Returns:
        For each image a list of `(WordNet id, name, score)`, the highest
        score first.

    Raises:
        ValueError: if `predictions` has another shape or is not made of
            numbers, or `top` is not positive.
        ConnectionError: if the file with the names (35 kB, kept in
            `~/.keras/models`) is neither there nor can be downloaded.
    """
    predictions = imagenet.to_array("predictions", predictions)
    if predictions.ndim != 2 or predictions.shape[1] != imagenet.CLASSES:
        raise ValueError(
            f"`predictions` must have the shape (batch, {imagenet.CLASSES}). "
            f"Received: predictions of shape {predictions.shape}"
        )
    if not is_int(top, 1):
        raise ValueError(
            f"`top` must be a positive integer. Received: top={top!r}"
        )
    with downloads.network(
        "the names of ImageNet's classes", "They are needed once."
    ):
        return keras.applications.imagenet_utils.decode_predictions(
            predictions, top
        )


def class_names():
    """Returns the names of ImageNet's 1,000 classes, in order.

    Raises:
        ConnectionError: as `decode_predictions`.
    """
    return tuple(name for _, name in _classes())


def _classes():
    """Pairs of WordNet id and name, in order."""
    each = decode_predictions(np.eye(imagenet.CLASSES, dtype="float32"), top=1)
    return [(wordnet_id, name) for ((wordnet_id, name, _),) in each]


def are_ids(names):
    """Whether all names are WordNet ids, as TFDS has them.

    >>> are_ids(["n01440764", "n01443537"]), are_ids(["tench"])
    (True, False)
    """
    return all(WORDNET_ID.fullmatch(name) for name in names)


def as_ids(names):
    """Returns names of ImageNet's classes as WordNet ids.

    Two pairs of classes share a name: the first of the two that is met stands
    for the first class. A name that is no class of ImageNet stays as it is.

    Raises:
        ConnectionError: as `decode_predictions`.
    """
    if are_ids(names):
        return tuple(names)
    ids = {}
    for wordnet_id, name in _classes():
        ids.setdefault(name, []).append(wordnet_id)
    return tuple(
        ids[plain].pop(0) if ids.get(plain := name.replace(" ", "_")) else name
        for name in names
    )


def with_words(names):
    """Returns names in which WordNet ids are followed by words.

    Raises:
        ConnectionError: as `decode_predictions`.
    """
    if not any(map(WORDNET_ID.fullmatch, names)):
        return tuple(names)
    words = dict(_classes())
    return tuple(f"{x} {words[x]}" if x in words else x for x in names)
