"""What can be read off a batch, a loss and weights before any training.

Each check is a generator of sentences, none where nothing is wrong.
"""

import keras
import numpy as np

from alexnet_keras.diagnostics import activations

LEAST = 64  # images from which to tell whether labels belong to them
SHUFFLES = 99
NEAR = 0.3  # share of the median distance between two images
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
        for layer in activations.all_layers(model)
        if not all(np.isfinite(w).all() for w in layer.get_weights())
    ]
    if bad:
        yield (
            f"Weights of {_list(bad)} are not finite: the run has diverged, "
            "and nothing brings it back. Start anew."
        )


def check_frozen(model):
    """Does everything train that has not been trained?

    Models within the model that are frozen as a whole are left alone.
    """
    if not model.trainable_weights:
        yield "All layers are frozen: set `trainable = True` and compile again."
    meant = [
        inner
        for layer in activations.all_layers(model)
        if isinstance(layer, keras.Model) and not layer.trainable
        for inner in activations.all_layers(layer)
    ]
    layers = activations.weighted_layers(model)
    frozen = [
        layer.name
        for layer in layers
        if not layer.trainable and layer not in meant and _is_new(layer)
    ]
    if frozen:
        yield (
            f"{len(frozen)} of {len(layers)} layers with weights are frozen: "
            f"{_list(frozen)}. They still have the weights that were drawn "
            "for them. Load trained ones, or set `trainable = True` and "
            "compile again."
        )


def _is_new(layer):
    """Whether the kernel is what its initializer gives, value for value."""
    initializer = getattr(layer, "kernel_initializer", None)
    if initializer is None:
        return False
    kernel = keras.ops.convert_to_numpy(layer.kernel)
    drawn = initializer(kernel.shape, layer.variable_dtype)
    return np.array_equal(kernel, keras.ops.convert_to_numpy(drawn))


def check_softmax(model, images, outputs):
    """Does the loss expect what the model gives?"""
    layers = [*filter(activations.is_softmax, activations.all_layers(model))]
    if lone := [x.name for x in layers if getattr(x, "units", None) == 1]:
        yield (
            f"{_list(lone)} is a softmax over one output, which is 1 whatever "
            'the image. Use `activation="sigmoid"`, or two outputs.'
        )
        return
    kind, from_logits = _describe_loss(model.loss)
    if kind is None:
        return
    heard = activations.listen(model, images, layers)
    probable = _are_probable(outputs)
    if len(heard) > 1 and any(_are_probable(read) for _, read, _ in heard):
        yield (
            f"The model has {len(heard)} softmaxes. The second turns "
            "probabilities, which lie between 0 and 1, into nearly equal "
            "ones, and the gradient nearly vanishes. Leave one out."
        )
    elif from_logits and probable:
        yield (
            "The model gives probabilities, and the loss is told that they "
            "are logits (`from_logits=True`) and applies a softmax again. "
            "Leave out one of them."
        )
    elif not from_logits and (outputs.min() < 0 or not outputs.any()):
        yield (
            "The model gives logits (outputs from "
            f"{outputs.min():.3g} to {outputs.max():.3g}), and the loss takes "
            "them for probabilities. Say `from_logits=True` to the loss."
        )


def _are_probable(values):
    return values.min() >= 0 and np.allclose(values.sum(-1), 1, atol=1e-2)


def check_labels(model, labels, classes):
    """Are they in the form that the loss takes?"""
    kind, _ = _describe_loss(model.loss)
    shape = tuple(labels.shape)
    if bad := int((~np.isfinite(labels)).sum()):
        yield f"{bad} labels are not finite. Look at what is read."
    elif kind == SPARSE and labels.ndim == 2 and shape[1] == classes > 1:
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
    elif len(labels) >= 8 and not np.ptp(labels, 0).any():
        yield (
            f"All {len(labels)} images have the same label, "
            f"{numbers(labels)[0]}: the data are sorted by class. Shuffle "
            "them over a range that is longer than a class."
        )


def check_belonging(images, labels):
    """Do the labels have anything to do with the images?

    Each image that has a near neighbour, in the colours of 4×4 fields, is
    given its label. Where a quarter of the images have one, and that is right
    no more often than with shuffled labels, like images have unlike labels.
    In most photographs of objects few have one: then nothing is said.
    """
    labels = numbers(labels)
    enough = max(LEAST, 4 * len(np.unique(labels)))
    if images.ndim != 4 or not enough <= len(labels) == len(images):
        return
    fields = _fields(images)
    distance = np.sqrt(np.square(fields[:, None] - fields).sum(-1))
    usual = np.median(distance)
    np.fill_diagonal(distance, np.inf)
    near = distance.min(1) < NEAR * usual
    if near.mean() < 0.25:
        return
    generator = np.random.default_rng(0)

    def right(labels):
        return (labels == labels[distance.argmin(1)])[near].mean()

    chance = [right(generator.permutation(labels)) for _ in range(SHUFFLES)]
    if right(labels) <= np.quantile(chance, 0.95):
        yield (
            f"{near.sum()} of {len(labels)} images are nearly alike in colours "
            f"with another one, and {right(labels):.0%} of them have its label "
            f"({np.mean(chance):.0%} when labels are shuffled): the labels may "
            "not belong to the images. "
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


def _list(names):
    return ", ".join(names)
