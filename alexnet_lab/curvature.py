"""How long a step may be: the curvature at the last layer, and its limit.

Why biases of 1 stop a network: the last layer reads thousands of values that
are large and nearly the same for all images, and along that direction the loss
bends so much that the usual learning rate overshoots.
"""

import numpy as np

ITERATIONS = 100


def curvature_limit(learning_rate=0.01, momentum=0.9):
    """Returns the largest curvature with which gradient descent settles.

    For a loss λw²/2 the update of 2012 (v ← μv − ελw, w ← w + v) shrinks w
    where λ < 2(1 + μ)/ε, and makes it grow without end where λ is larger.

    Args:
        learning_rate: ε. Defaults to 0.01.
        momentum: μ. Defaults to 0.9.

    >>> round(curvature_limit())
    380
    """
    return 2 * (1 + momentum) / learning_rate


def last_layer_curvature(features, classes, dropout=0.0, rescale="train"):
    """Returns the largest curvature of the loss in the last layer's weights.

    At the beginning, when each of K classes is about as likely: then the
    second derivative of the crossentropy in the logits is (I − 11ᵀ/K)/K,
    whose largest eigenvalue is 1/K, and the one in the weights is that times
    the largest eigenvalue of the mean of hhᵀ. With dropout h is what is left
    of the features, and the mean is over the masks too. The curvature in all
    weights of the network is at least this.

    Args:
        features: h, what the last layer reads when nothing is dropped,
            `(images, units)`.
        classes: K.
        dropout: share of the features that is dropped. Defaults to 0.
        rescale: `"train"` or `"test"`, as in `specs.Dropout`. Defaults to
            `"train"`.

    >>> ones = np.ones((8, 4096))
    >>> [round(last_layer_curvature(ones, 10, 0.5, rescale), 1)
    ...     for rescale in ("train", "test")]
    [409.7, 102.4]
    """
    features = np.asarray(features, "float64")
    keep = 1 - dropout
    scale = 1 / keep if rescale == "train" else 1.0
    # Of two different units both are kept with keep², of one alone with keep.
    alone = (keep - keep**2) * np.square(features).mean(0)
    direction = features.mean(0) + 1e-12
    for _ in range(ITERATIONS):
        direction /= np.linalg.norm(direction)
        together = features.T @ (features @ direction) / len(features)
        direction = keep**2 * together + alone * direction
    return float(scale**2 * np.linalg.norm(direction) / classes)
