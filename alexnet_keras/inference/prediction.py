"""What a trained network says of image files."""

import os
from dataclasses import dataclass

import numpy as np

from alexnet_keras import classifier
from alexnet_keras import validation
from alexnet_keras.data import image_files
from alexnet_keras.data import preprocessing


@dataclass(frozen=True)
class Prediction:
    """What the network says of one file.

    Attributes:
        path: of the file, as the caller gave it.
        guesses: `(class name, probability)`, the most probable first; empty
            if the file could not be read.
        error: why the file could not be read, or `None`.
    """

    path: str
    guesses: tuple[tuple[str, float], ...] = ()
    error: str | None = None


def predict(model, paths, top=5):
    """Names what image files show.

    Each image is prepared as in `evaluation.evaluate`: made square, and its
    centre shown to the network. A file that is no image, or has more than
    89,478,485 pixels, does not stop the others; its prediction says why.

    Args:
        model: a `keras.Model` as training leaves it, see
            `classifier.load_classifier`.
        paths: a list of image files.
        top: how many guesses to give of each. Defaults to 5, or all classes
            if there are fewer.

    Returns:
        A list with a `Prediction` for each path.

    Raises:
        ValueError: before any file is read, if `model` is no such network or
            `paths` no list, or if its weights are not finite; later, if the
            network answers with NaN.
    """
    top = validation.integer("top", top)
    if isinstance(paths, str | os.PathLike):
        raise ValueError(
            f"`paths` must be a list of files. Received: paths={str(paths)!r}"
        )
    size, names = classifier.check(model)
    if names is None:
        raise ValueError(
            "`model` has no layer class_names, which training puts behind the "
            f"network. Received: model {model.name!r}"
        )
    # A ReLU may make numbers of NaN, and the answer looks like one.
    for weight, values in zip(model.weights, model.get_weights()):
        if not np.isfinite(np.float32(values)).all():
            raise ValueError(
                "`model` has weights that are not finite: it has diverged in "
                f"training. Received: model {model.name!r}, {weight.path}"
            )
    return [
        _predict(model, size, names, os.fsdecode(path), top) for path in paths
    ]


def _predict(model, size, names, path, top):
    pixels, error = None, "not there"
    if os.path.lexists(path):
        pixels, error = image_files.load(path)
    if error:
        return Prediction(path, error=error)
    square = preprocessing.center_square(pixels, preprocessing.resize_for(size))
    crop = preprocessing.center_crop(square, size)[None]
    (probabilities,) = classifier.probabilities(model, crop)
    if not np.isfinite(probabilities).all():
        raise ValueError(
            "`model` answers with values that are not finite: it has diverged "
            f"in training. Received: model {model.name!r}, image {path!r}"
        )
    best = np.argsort(-probabilities, kind="stable")[:top]
    guesses = tuple((names[i], float(probabilities[i])) for i in best)
    return Prediction(path, guesses)
