"""What a trained network knows, put to another use.

In stages, as is usual: cut after a layer (`new_top`), train the new
classifier with all else frozen, then unfreeze more layers from the top down,
at a lower rate (`freeze_through`).
"""

import keras
from keras import initializers
from keras import layers

from alexnet_keras import layers as own_layers
from alexnet_keras.utils import graphs
from alexnet_keras.validation import is_int
from alexnet_keras.weights import imagenet as published_weights

PUBLISHED = published_weights.PUBLISHED
# Layers that shift or scale pixels.
PREPARING = (
    own_layers.SubtractMean,
    layers.Normalization,
    layers.Rescaling,
)
TOP = "predictions"
NAMES = "class_names"


def features(model, layer, flat=False):
    """Cuts a network after a layer.

    The layers are shared with `model`, not copied: to train one is to train
    the other.

    Args:
        model: a network of `build_alexnet()` or `build_classifier()`, or a
            `Sequential` or other model that holds one.
        layer: name of the layer whose output is wanted, such as `"pool5"` or
            `"fc7"`, also of one in a model within `model`.
        flat: whether a map comes out as one vector: rows, columns, channels.
            Defaults to `False`.

    Returns:
        A `keras.Model` from the images of `model` to the output of `layer`.

    Raises:
        ValueError: if there is no such layer; the message lists those there
            are.

    >>> from alexnet_keras import build_alexnet
    >>> network = build_alexnet(input_shape=(67, 67, 3), classes=7)
    >>> features(network, "conv5").output_shape
    (None, 3, 3, 256)
    >>> features(network, "conv5", flat=True).output_shape
    (None, 2304)
    """
    found = _call_each(model)
    _position(list(found), layer)
    output = _cut(found, layer, flat)
    return keras.Model(
        graphs.input_of(model), output, name=f"{model.name}_{layer}"
    )


def new_top(
    model,
    classes,
    layer=None,
    classifier_activation="softmax",
    preprocess=None,
):
    """Puts a new classifier on a network: other classes, same features.

    The layers in front are shared with `model`, weights and all. The new
    layer `predictions` begins with weights from a normal distribution with a
    standard deviation of 0.01 and biases of 0 (§5).

    Args:
        model: a network of `build_alexnet()` or `build_classifier()`, with
            weights loaded, or a `Sequential` or other model that holds one.
        classes: how many, or their names. Names travel in the saved file, in
            a layer `class_names` after the new top.
        layer: name of the layer that the new classifier reads, such as
            `"pool5"`; a map is flattened. Defaults to what `predictions`
            reads now, in a network without it to the last layer.
        classifier_activation: activation of the new top; `None` gives logits.
            Defaults to `"softmax"`.
        preprocess: `"caffe"` or `"torchvision"` puts in front what
            `preprocess_input(variant=…)` does: the new model, in its file
            too, takes RGB images from 0 to 255, as the commands `evaluate`
            and `predict` feed them. Defaults to `None`: it takes what `model`
            takes.

    Returns:
        A `keras.Model` from images to `(batch, classes)`.

    Raises:
        ValueError: if there is no such layer, it lies after the old top,
            `classes` is neither a positive integer nor names, or `preprocess`
            is no such name or would prepare the images twice.

    >>> from alexnet_keras import build_alexnet
    >>> network = build_alexnet(input_shape=(67, 67, 3))
    >>> ours = new_top(network, ["cat", "dog"])
    >>> ours.output_shape, ours.layers[-3].name
    ((None, 2), 'drop7')
    """
    names = _class_names(classes)
    if preprocess is None:
        found = _call_each(model)
        inputs = graphs.input_of(model)
    else:
        inputs, prepared = _prepare(model, preprocess)
        found = _call_each(model, prepared)
    known = list(found)
    if layer is None:
        layer = known[known.index(TOP) - 1 if TOP in known else -1]
    elif _position(known, layer) >= [*known, TOP].index(TOP):
        raise ValueError(
            f"`layer` must come before {TOP}, whose place the new classifier "
            f"takes. Received: layer={layer!r}"
        )
    policy = keras.config.dtype_policy()
    mixed = policy.compute_dtype != policy.variable_dtype
    outputs = layers.Dense(
        len(names) if names else classes,
        activation=classifier_activation,
        kernel_initializer=initializers.RandomNormal(stddev=0.01),
        # Half precision is too coarse for a loss.
        dtype=policy.variable_dtype if mixed else None,
        name=TOP,
    )(_cut(found, layer, flat=True))
    if names:
        outputs = own_layers.ClassNames(names, name=NAMES)(outputs)
    return keras.Model(inputs, outputs, name=model.name)


def freeze_through(model, layer):
    """Freezes a network up to a layer, and unfreezes all that comes after it.

    Compile the model afterwards: what it was compiled for stays as it was.
    A frozen `BatchNormalization` also keeps its running mean and variance and
    normalizes with them in training. Dropout drops whether frozen or not. The
    choice is saved with the model in a `.keras` file.

    Args:
        model: a network of `build_alexnet()`, `build_classifier()` or
            `new_top()`, or any other chain of layers; models within it are
            frozen layer by layer.
        layer: name of the last layer that does not train. `None` freezes
            nothing.

    Returns:
        The names of the layers with weights that train now, in order.

    Raises:
        ValueError: if there is no such layer; the message lists those there
            are.

    >>> from alexnet_keras import build_alexnet
    >>> network = build_alexnet(input_shape=(67, 67, 3), classes=7)
    >>> freeze_through(network, "conv5")
    ['fc6', 'fc7', 'predictions']
    >>> freeze_through(network, "drop7")
    ['predictions']
    """
    _check_model(model)
    chain = [x for x in graphs.inside(model) if isinstance(x, layers.Layer)]
    names = [one.name for one in chain]
    last = -1 if layer is None else _position(names, layer)
    # From the outside in: in a frozen model nothing trains, and to freeze one
    # is to freeze all within it.
    for one in (model, *reversed(chain)):
        one.trainable = True
    for one in chain[: last + 1]:
        one.trainable = False
    return [
        one.name
        for one in chain
        if one.trainable_weights and not isinstance(one, keras.Model)
    ]


def _prepare(model, preprocess):
    """Returns images from 0 to 255, and the same as `model` takes them."""
    if preprocess not in PUBLISHED:
        raise ValueError(
            f"`preprocess` must be `None`, {' or '.join(PUBLISHED)}. "
            f"Received: preprocess={preprocess!r}"
        )
    _check_model(model)
    for one in graphs.inside(model):
        if isinstance(one, PREPARING):
            raise ValueError(
                "`preprocess` must be `None` for a model that prepares its "
                f"images, here in {one.name}: it would be done twice. "
                f"Received: preprocess={preprocess!r}"
            )
    wanted = PUBLISHED[preprocess]
    images = keras.Input(_inputs(model)[0].shape[1:], name="images")
    offsets = [-mean * scale for mean, scale in zip(wanted.mean, wanted.scale)]
    if keras.config.image_data_format() == "channels_first":
        offsets = [[[offset]] for offset in offsets]  # Keras turns scales only
    rescaling = layers.Rescaling(
        wanted.scale, offsets, dtype="float32", name="preprocess"
    )
    return images, rescaling(images)


def _check_model(model):
    if not isinstance(model, keras.Model):
        raise ValueError(
            "`model` must be a `keras.Model`. "
            f"Received: model of type {type(model).__name__}"
        )


def _call_each(model, x=None):
    """As `graphs.call_each`, by default on the inputs that the model has."""
    inputs = _inputs(model)
    return graphs.call_each(model, inputs if x is None else [x])


def _inputs(model):
    _check_model(model)
    inputs = getattr(model, "inputs", None)
    if not inputs:
        raise ValueError(
            "`model` must be of layers that have been called on a "
            "`keras.Input`; a `Sequential` without one, once on images. "
            f"Received: model {model.name!r} of type {type(model).__name__}"
        )
    return inputs


def _position(names, layer):
    if layer not in names:
        raise ValueError(
            f"`layer` must name a layer of the model: {', '.join(names)}. "
            f"Received: layer={layer!r}"
        )
    return names.index(layer)


def _cut(found, layer, flat):
    output = found[layer]
    if flat and len(output.shape) > 2:
        output = layers.Flatten(name="features")(output)
    return output


def _class_names(classes):
    """The names in `classes`, or `None` for a number."""
    if is_int(classes, 1):
        return None
    names = tuple(classes) if isinstance(classes, (list, tuple)) else ()
    if (
        not names
        or not all(isinstance(name, str) and name for name in names)
        or len(set(names)) < len(names)
    ):
        raise ValueError(
            "`classes` must be a positive integer or names, each once. "
            f"Received: classes={classes!r}"
        )
    return names
