"""The network with all that its use needs inside: mean and class names."""

import pathlib

import keras
import numpy as np
from keras import ops

from alexnet_keras import layers
from alexnet_keras import model
from alexnet_keras import variants
from alexnet_keras.utils import graphs
from alexnet_keras.utils.printing import printable
from alexnet_keras.weights import imagenet
from alexnet_keras.weights import keras_format
from alexnet_keras.weights import names as imagenet_names

FILE = "model.keras"  # in the output folder of a run
TOLERANCE = 0.01  # within which a softmax in bfloat16 adds up to 1
# Layers that leave the values of pixels, or their mean, as they are.
GEOMETRIC = (
    keras.layers.CenterCrop,
    keras.layers.Cropping2D,
    keras.layers.InputLayer,
    keras.layers.RandomCrop,
    keras.layers.RandomFlip,
    keras.layers.RandomRotation,
    keras.layers.RandomTranslation,
    keras.layers.RandomZoom,
    keras.layers.Resizing,
    keras.layers.ZeroPadding2D,
)


def build_classifier(
    variant,
    input_size,
    class_names,
    mean,
    classifier_activation="softmax",
    *,
    scale=None,
    weights=None,
):
    """Builds the network with all that its use needs inside.

    Args:
        variant: a name in `VARIANTS` or a table.
        input_size: side of the images in pixels.
        class_names: names of the outputs.
        mean: what to subtract: a value each for red, green and blue, or a
            mean image `(input_size, input_size, 3)`.
        classifier_activation: as in `build_alexnet`. Defaults to `"softmax"`.
        scale: what the rest is multiplied by, also one value each. Defaults
            to the variant's `pixel_scale`.
        weights: as in `build_alexnet`. Defaults to `None`.

    Returns:
        A `keras.Model` from RGB images `(batch, input_size, input_size, 3)`
        with values from 0 to 255 to `(batch, classes)`. Inside, the mean is
        subtracted, the rest scaled as the variant expects, and greyed for a
        variant that takes grey images.
    """
    table = variants.get_variant(variant)
    pixels = keras.Input((input_size, input_size, 3), name="images")
    scale = table.pixel_scale if scale is None else scale
    x = layers.SubtractMean(mean, scale, name="subtract_mean")(pixels)
    if table.input_shape[-1] == 1:
        x = keras.ops.image.rgb_to_grayscale(x)
    network = model.build_alexnet(
        weights=weights,
        input_tensor=x,
        classes=len(class_names),
        classifier_activation=classifier_activation,
        variant=table,
    )
    named = layers.ClassNames(class_names, name="class_names")
    return keras.Model(pixels, named(network.output), name=table.name)


def build_pretrained(variant):
    """Builds a classifier with the weights that were published.

    Args:
        variant: `"torchvision"` or `"caffe"`.

    Returns:
        A `keras.Model`, as of `build_classifier`, with the names of the 1,000
        classes, at the size at which the weights were trained.

    Raises:
        ValueError, ConnectionError, ImportError: as `weights="imagenet"`.
    """
    table = variants.get_variant(variant)
    published = imagenet.published(variant)
    return build_classifier(
        table,
        table.input_shape[0],
        imagenet_names.class_names(),
        published.mean,
        scale=published.scale,
        weights="imagenet",
    )


def load_classifier(path):
    """Loads the network that a training run has saved.

    Args:
        path: a `.keras` file, or the output folder of a run, which holds
            `model.keras`; or `"torchvision"` or `"caffe"`, for the weights
            that were published.

    Returns:
        A `keras.Model` that has passed `check()` and knows its class names.

    Raises:
        ValueError: if there is no such file, it is not a Keras model, or the
            model is no classifier with class names.
    """
    model = load_network(path)
    try:
        names = check(model)[1]
    except ValueError as error:
        raise ValueError(f"{error}, from {str(path)!r}") from error
    if names is None:
        raise ValueError(
            "`model` has no layer class_names, which training puts behind the "
            f"network. Received: model={str(path)!r}"
        )
    return model


def load_network(path):
    """Loads any network from a `.keras` file or the output folder of a run.

    Args:
        path: as for `load_classifier`.

    Returns:
        A `keras.Model`, not compiled.

    Raises:
        ValueError: if there is no such file or it is not a Keras model.
    """
    file = pathlib.Path(path)
    if str(path) in imagenet.PUBLISHED and not file.exists():
        return build_pretrained(str(path))
    if file.is_dir():
        file = file / FILE
        if not file.exists():
            raise ValueError(
                f"`model` names a folder without {FILE}, which a run writes "
                f"when it is done. Received: model={str(path)!r}"
            )
    if not file.is_file():
        what = (
            "must be a file"
            if file.exists()
            else "names a file that is not there"
        )
        raise ValueError(f"`model` {what}. Received: model={str(path)!r}")
    if file.suffix != ".keras":
        raise ValueError(
            "`model` must be a .keras file, the output folder of a run, or "
            f"one of {', '.join(imagenet.PUBLISHED)}. "
            f"Received: model={str(path)!r}"
        )
    try:
        keras_format.check_hdf5(file)
        return keras.models.load_model(file, compile=False)
    except Exception as error:
        # Whatever Keras, zipfile or h5py raises, the file is of no use.
        reason = printable(next(iter(str(error).strip().splitlines()), ""))
        raise ValueError(
            "`model` cannot be loaded as a Keras model "
            f"({type(error).__name__}: {reason}). "
            f"Received: model={str(path)!r}"
        ) from error


def check(model):
    """Checks that a model is a classifier, also by asking it.

    That its pixels range from 0 to 255 cannot be seen from outside: a network
    without its mean inside passes, and scores badly; see `remark`.

    Args:
        model: any object.

    Returns:
        `(input_size, class_names)`: the side of its images in pixels and the
        names of its outputs, or `None` for a model without that layer.

    Raises:
        ValueError: if it is no `keras.Model`, takes other images, gives
            other values than probabilities, such as logits, or has more or
            fewer class names than outputs.
    """
    if not isinstance(model, keras.Model):
        raise ValueError(
            "`model` must be a `keras.Model`. "
            f"Received: model of type {type(model).__name__}"
        )
    inputs, outputs = (
        [tuple(tensor.shape) for tensor in getattr(model, side, None) or ()]
        for side in ("inputs", "outputs")
    )
    if (
        len(inputs) != 1
        or len(inputs[0]) != 4
        or inputs[0][1] is None
        or inputs[0][1:] != (inputs[0][1], inputs[0][1], 3)
    ):
        raise ValueError(
            "`model` must take square RGB images (batch, size, size, 3). "
            f"Received: model with inputs {inputs or 'unknown'}"
        )
    if len(outputs) != 1 or len(outputs[0]) != 2:
        raise ValueError(
            "`model` must give probabilities (batch, classes). "
            f"Received: model with outputs {outputs or 'unknown'}"
        )
    size = inputs[0][1]
    try:
        black_and_white = np.zeros((2, size, size, 3), "float32")
    except MemoryError:
        raise ValueError(
            f"`model` takes images of {size}×{size} pixels, for which the "
            f"memory is too small. Received: model {model.name!r}"
        ) from None
    black_and_white[1] = 255
    probabilities(model, black_and_white)
    # A model within may have had other classes.
    named = [
        getattr(one, "class_names", ())
        for one in graphs.inside(model)
        if one.name == "class_names"
    ]
    fitting = [names for names in named if len(names) == outputs[0][1]]
    if named and not fitting:
        raise ValueError(
            "`model` must have a name in its layer class_names for each of "
            f"its {outputs[0][1]} outputs. Received: model with "
            f"{len(named[-1])} names"
        )
    return size, fitting[-1] if fitting else None


def remark(model):
    """Says so if a model surely leaves the preparation of images to others.

    Args:
        model: a `keras.Model` that has passed `check()`.

    Returns:
        A sentence if nothing before its first convolution can shift or scale
        pixels, else `None`. (A convolution of 1×1 can.)
    """
    for one in graphs.inside(model):
        if isinstance(one, keras.layers.Conv2D) and max(one.kernel_size) > 1:
            return (
                f"nothing in front of {one.name!r} in this model shifts or "
                "scales pixels, and it is fed 0 to 255. If it was trained on "
                "prepared images, what it says here is not what it has "
                "learned: put the preparation inside, as with "
                '`new_top(…, preprocess="caffe")`, or in front: '
                '`keras.Model(x, model(preprocess_input(x, variant="caffe")))`'
            )
        if not isinstance(one, GEOMETRIC):
            return None


def probabilities(model, crops):
    """Asks a model, in one call, and makes sure that it answers as it must.

    Args:
        model: a `keras.Model` that has passed `check()`.
        crops: RGB images `(batch, size, size, 3)`, 0 to 255, of any dtype.

    Returns:
        A float32 array `(batch, classes)`. Rows that are not finite, as a
        network that has diverged gives them, are passed on.

    Raises:
        ValueError: if a finite row has values below 0, or does not add up
            to 1.
    """
    outputs = model(ops.cast(crops, "float32"), training=False)
    outputs = ops.convert_to_numpy(ops.cast(outputs, "float32"))
    rows = outputs[np.isfinite(outputs).all(axis=-1)]
    sums = rows.sum(axis=-1, dtype="float64")
    if rows.size and (rows.min() < 0 or abs(sums - 1).max() > TOLERANCE):
        raise ValueError(
            "`model` must give probabilities, not logits: build it with "
            '`classifier_activation="softmax"`. Received: values from '
            f"{rows.min():z.3g} to {rows.max():z.3g}, which add up to "
            f"{sums[abs(sums - 1).argmax()]:.3g}"
        )
    return outputs
