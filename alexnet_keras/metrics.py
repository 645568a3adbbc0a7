"""Top-1 and top-5, counted so that a dead network cannot score."""

import keras
from keras import ops

register = keras.saving.register_keras_serializable(package="alexnet_keras")
# A loss this near to ln(classes) is that of guessing.
NEAR_CHANCE = 0.95


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
