"""What can be read off a batch, a loss and weights before any training.

Each check is a generator of sentences, none where nothing is wrong.
"""

import keras
import numpy as np

from alexnet_keras import probing

LEAST = 64  # images from which to tell whether labels belong to them
SHUFFLES = 99
SPARSE, DENSE = "sparse_categorical_crossentropy", "categorical_crossentropy"


def check_images(images):
    """Are they numbers, and do they differ?"""
    if bad := int((~np.isfinite(images)).any((*range(1, images.ndim),)).sum()):
        yield (
            f"{bad} of {len(images)} images hold values that are not finite. "
            "Look for a division by a standard deviation of 0, or for a file "
            "that was read wrongly."
        )
    elif len(images) > 1 and not np.ptp(images, 0).any():
        yield (
            f"All {len(images)} images are the same. Look at what is read, "
            "and at what is done to it."
        )


def check_weights(model):
    """Are they numbers?"""
    bad = [
        layer.name
        for layer in model.layers
        if not all(np.isfinite(w).all() for w in layer.get_weights())
    ]
    if bad:
        yield (
            f"Weights of {_list(bad)} are not finite: the run has diverged, "
            "and nothing brings it back. Start anew."
        )


def check_frozen(model):
    """Does everything train?"""
    layers = probing.weighted_layers(model)
    frozen = [layer.name for layer in layers if not layer.trainable_weights]
    if frozen:
        yield (
            f"{len(frozen)} of {len(layers)} layers with weights are frozen: "
            f"{_list(frozen)}. That is right only if theirs are trained ones; "
            "else set `trainable = True` and compile again."
        )


def check_softmax(model, outputs):
    """Does the loss expect what the model gives?"""
    kind, from_logits = _describe_loss(model.loss)
    count = sum(map(_is_softmax, model.layers))
    sums = outputs.sum(-1)
    probable = outputs.min() >= 0 and np.allclose(sums, 1, atol=1e-3)
    if kind is None:
        return
    if count > 1:
        yield (
            f"The model has {count} softmaxes. The second turns "
            "probabilities, which lie between 0 and 1, into nearly equal "
            "ones, and the gradient nearly vanishes. Leave one out."
        )
    elif from_logits and probable:
        yield (
            "The model gives probabilities, and the loss is told that they "
            "are logits (`from_logits=True`) and applies a softmax again. "
            "Leave out one of them."
        )
    elif not from_logits and not probable:
        yield (
            "The model gives logits (outputs from "
            f"{outputs.min():.3g} to {outputs.max():.3g}), and the loss takes "
            "them for probabilities. Say `from_logits=True` to the loss."
        )


def check_labels(model, labels, classes):
    """Are they in the form that the loss takes?"""
    kind, _ = _describe_loss(model.loss)
    shape = tuple(labels.shape)
    if kind == SPARSE and labels.ndim == 2 and shape[1] == classes > 1:
        yield (
            f"The labels are one-hot, {shape}, and the loss takes numbers, "
            f"({len(labels)},). Use CategoricalCrossentropy."
        )
    elif kind == DENSE and shape != (len(labels), classes):
        yield (
            f"The labels are numbers, {shape}, and the loss takes one-hot "
            f"ones, {(len(labels), classes)}. Use "
            "SparseCategoricalCrossentropy."
        )
    elif kind == SPARSE and ((labels < 0) | (labels >= classes)).any():
        yield (
            f"The labels go from {labels.min()} to {labels.max()}, and the "
            f"model has {classes} outputs: they must go from 0 to "
            f"{classes - 1}."
        )
    elif kind and len(labels) >= 8 and not np.ptp(numbers(labels)).any():
        yield (
            f"All {len(labels)} images have the same label, "
            f"{numbers(labels)[0]}: the data are sorted by class. Shuffle "
            "them over a range that is longer than a class."
        )


def check_belonging(images, labels):
    """Do the labels have anything to do with the images?

    An image is given the label to whose other images' mean it is nearest, in
    the colours of 4×4 fields. With labels that belong to the images that is
    right more often than with shuffled ones, by far in most data sets; where
    it is not, the labels may be fine and the task subtle, so it is only said
    where nothing else was found.
    """
    labels = numbers(labels)
    if len(labels) < LEAST:
        return
    fields = _fields(images)
    right = _nearest_mean(fields, labels)
    generator = np.random.default_rng(0)
    chance = [
        _nearest_mean(fields, generator.permutation(labels))
        for _ in range(SHUFFLES)
    ]
    if right <= np.quantile(chance, 0.95):
        yield (
            f"From their colours {right:.0%} of {len(labels)} images are "
            f"given their label, and {np.mean(chance):.0%} of them when "
            "labels are shuffled: the labels may not belong to the images. "
            "Look at some of both, as they enter `fit`."
        )


def numbers(labels):
    """Returns labels as numbers, `(batch,)`."""
    if labels.ndim == 2 and labels.shape[1] > 1:
        return labels.argmax(-1)
    return labels.reshape(-1)


def _fields(images):
    rows = np.array_split(np.arange(images.shape[1]), 4)
    columns = np.array_split(np.arange(images.shape[2]), 4)
    means = [images[:, r][:, :, c].mean((1, 2)) for r in rows for c in columns]
    fields = np.concatenate(means, 1, dtype="float64")
    return (fields - fields.mean(0)) / (fields.std(0) + 1e-9)


def _nearest_mean(fields, labels):
    """Share of the images that are nearest to the mean of their own label."""
    hot = labels[:, None] == np.unique(labels)
    sums, counts = hot.T.astype(float) @ fields, hot.sum(0)
    # An image does not count for the mean with which it is compared.
    others = counts[None] - hot
    means = (sums[None] - hot[:, :, None] * fields[:, None]) / np.maximum(
        others, 1
    )[:, :, None]
    distance = np.square(fields[:, None] - means).sum(-1)
    distance[others == 0] = np.inf
    return hot[np.arange(len(labels)), distance.argmin(1)].mean()


def _describe_loss(loss):
    """Returns `(kind, from_logits)` of a crossentropy, else `(None, False)`."""
    if isinstance(loss, str):
        loss = keras.losses.get(loss)
    config = loss.get_config() if isinstance(loss, keras.losses.Loss) else {}
    name = config.get("name") or getattr(loss, "__name__", None)
    for kind in (SPARSE, DENSE):
        class_name = "".join(map(str.capitalize, kind.split("_")))
        if name == kind or type(loss).__name__ == class_name:
            return kind, config.get("from_logits", False)
    return None, False


def _is_softmax(layer):
    activation = getattr(layer, "activation", None)
    return isinstance(layer, keras.layers.Softmax) or (
        activation is keras.activations.softmax
    )


def _list(names):
    return ", ".join(names)
