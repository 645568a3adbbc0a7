"""Is it training, and if not, why: the check-list as a function.

Every line of it is shown at work in notebook 09. What can be read off a batch,
the weights and the settings is read off. For the rest a copy of the model is
trained on the batch for some steps, and again with one thing changed: what is
named as the cause is what made the difference.
"""

from dataclasses import dataclass

import keras
import numpy as np

from alexnet_keras import optimizers
from alexnet_keras.diagnostics import activations
from alexnet_keras.diagnostics import interventions
from alexnet_keras.diagnostics import static_checks
from alexnet_keras.utils.printing import printable

STEPS = 40  # of each training of a copy
IMAGES = 32  # on which it trains


@dataclass(frozen=True)
class Fault:
    """A reason why a network does not train.

    Attributes:
        check: the line of the check-list: `"images"`, `"labels"`,
            `"weights"`, `"frozen layers"`, `"softmax"`, `"dead units"`,
            `"input scale"`, `"initialization"`, `"biases"` or `"learning
            rate"`.
        text: what is wrong, by which figures, and what to do.
    """

    check: str
    text: str


def diagnose(model, images, labels, steps=STEPS):
    """Runs the check-list on a model and a batch.

    The model stays as it is. What is wrong with batch, weights or settings is
    said first and alone; training copies would only show its consequences.

    Args:
        model: a compiled `keras.Model` with one output, on any backend of
            Keras; models in it are looked into. A subclassed one needs a
            `get_config` that returns the arguments of its `__init__`.
        images: a batch as the model takes it, `(batch, height, width,
            channels)`. Copies of the model are trained on its first 32
            images; whether labels belong to images takes 64 to tell.
        labels: the labels of these images, as the loss takes them.
        steps: of each training of a copy. One that learns the batch is not
            accused; five times as many are tried before one that does not is.
            Defaults to 40.

    Returns:
        A list of `Fault`s, empty where nothing was found.

    Raises:
        ValueError: if the model is not compiled, cannot be copied, has
            several outputs or no layer with a kernel, or if there is not a
            label, a number, for every image.

    >>> import keras
    >>> model = keras.Sequential([keras.Input((2, 2, 3)),
    ...     keras.layers.Flatten(), keras.layers.Dense(2, "softmax")])
    >>> model.compile("sgd", "sparse_categorical_crossentropy")
    >>> for fault in diagnose(model, np.ones((4, 2, 2, 3)), [0, 1, 0, 1]):
    ...     print(f"{fault.check}: {fault.text}")
    images: All 4 images are the same. Look at what is read, and at what is
    done to it.
    """
    images, labels = _check_arguments(model, images, labels)
    if faults := _faults("images", static_checks.check_images(images)):
        return faults
    few = images[:IMAGES], labels[:IMAGES]
    lost = _faults("weights", static_checks.check_weights(model))
    start = _copy(model, fresh=bool(lost))
    faults = _read_off(model, start, few[0], labels)
    if not faults:
        config = optimizers.unwrap(model.optimizer).get_config()
        # A schedule may begin low.
        lasting = not isinstance(config["learning_rate"], dict)
        found = interventions.find_causes(
            start, *few, steps, bool(lost), lasting
        )
        faults = [Fault(*cause) for cause in found]
    if not lost + faults:
        faults = _faults(
            "labels", static_checks.check_belonging(images, labels)
        )
    return lost + faults


def report(faults):
    """Returns the outcome of `diagnose` in words.

    >>> print(report([Fault("labels", "They are sorted.")]))
    1. labels: They are sorted.
    >>> report([])
    'Nothing on the check-list was found.'
    """
    if not faults:
        return "Nothing on the check-list was found."
    return "\n".join(
        f"{number}. {fault.check}: {printable(fault.text)}"
        for number, fault in enumerate(faults, 1)
    )


def _check_arguments(model, images, labels):
    """Returns images and labels as arrays; the model is built afterwards."""
    if not getattr(model, "optimizer", None) or not model.loss:
        raise ValueError(
            "`model` must be compiled: its loss and its optimizer are looked "
            f"at too. Received: model={getattr(model, 'name', model)!r}"
        )
    try:
        images = np.atleast_1d(np.asarray(images, "float32"))
    except (TypeError, ValueError) as error:
        raise ValueError(
            "`images` must be one batch, an array of numbers; of a data set, "
            f"`next(iter(dataset))`. Received: {type(images).__name__}"
        ) from error
    labels = np.atleast_1d(np.asarray(labels))
    if labels.dtype.kind not in "biuf":
        raise ValueError(
            f"`labels` must be numbers. Received: labels of {labels.dtype}"
        )
    if not len(images) or len(images) != len(labels):
        raise ValueError(
            "`labels` must have one for each of the `images`, and there must "
            f"be some. Received: {len(images)} images, {len(labels)} labels"
        )
    outputs = keras.tree.flatten(activations.compute(model, images[:1]))
    if len(outputs) != 1 or not activations.weighted_layers(model):
        raise ValueError(
            "`model` must be made of layers of which some have a kernel, and "
            f"have one output. Received: model={model.name!r} with "
            f"{len(outputs)}"
        )
    if labels.dtype == bool:
        labels = labels.astype("int32")
    if labels.size == len(labels) * outputs[0].size:
        labels = labels.reshape(-1, *outputs[0].shape[1:])
    return images, labels


def _copy(model, fresh):
    try:
        return activations.copy_model(model, fresh)
    except Exception as error:
        raise ValueError(
            "`model` must be one that Keras can make again from its "
            "configuration, for it is copies that are trained: functional, "
            "sequential, or a subclass whose `get_config` returns the "
            "arguments of its `__init__`. Received: "
            f"model={model.name!r}, a {type(model).__name__}"
        ) from error


def _faults(check, sentences):
    return [Fault(check, sentence) for sentence in sentences]


def _read_off(model, twin, images, labels):
    """What shows without training."""
    outputs = activations.compute(twin, images)
    classes = outputs.shape[-1]
    return [
        *_faults("labels", static_checks.check_labels(model, labels, classes)),
        *_faults("softmax", static_checks.check_softmax(twin, images, outputs)),
        *_faults("frozen layers", static_checks.check_frozen(model)),
    ]
