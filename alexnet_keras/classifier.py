"""The network with all that its use needs inside: mean and class names."""

import keras

from alexnet_keras import layers
from alexnet_keras import model
from alexnet_keras import variants
from alexnet_keras import weights as published_weights


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

    It takes plain photographs, `(batch, size, size, 3)` from 0 to 255, and
    knows the names of its 1,000 classes: `predict`, `evaluate` and `export`
    take it as they take what `train` has saved.

    Args:
        variant: `"torchvision"` or `"caffe"`.

    Returns:
        A `keras.Model`, as of `build_classifier`, at the size at which the
        weights were trained.

    Raises:
        ValueError, ConnectionError, ImportError: as `weights="imagenet"`.
    """
    table = variants.get_variant(variant)
    published = published_weights.published(variant)
    return build_classifier(
        table,
        table.input_shape[0],
        published_weights.class_names(),
        published.mean,
        scale=published.scale,
        weights="imagenet",
    )
