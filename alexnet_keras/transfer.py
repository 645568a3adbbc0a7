"""What a trained network knows, put to another use.

In stages, as is usual: cut behind a layer (`new_top`), train the new
classifier with all else frozen, then let go of more layers from the top down,
at a lower rate (`freeze_through`).
"""

import keras
from keras import initializers
from keras import layers

from alexnet_keras import layers as own_layers
from alexnet_keras.validation import is_int

TOP = "predictions"
NAMES = "class_names"


def features(model, layer, flat=False):
    """Cuts a network behind a layer.

    The layers are shared with `model`, not copied: to train one is to train
    the other.

    Args:
        model: a network of `build_alexnet()` or `build_classifier()`.
        layer: name of the layer whose output is wanted, such as `"pool5"` or
            `"fc7"`.
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
    _position(model, layer)
    output = model.get_layer(layer).output
    if flat and len(output.shape) > 2:
        output = layers.Flatten(name="features")(output)
    return keras.Model(model.input, output, name=f"{model.name}_{layer}")


def new_top(model, classes, layer=None, classifier_activation="softmax"):
    """Puts a new classifier on a network: other classes, same features.

    The layers in front are shared with `model`, weights and all. The new
    layer `predictions` begins with weights from a normal distribution with a
    standard deviation of 0.01 and biases of 0 (§5).

    Args:
        model: a network of `build_alexnet()` or `build_classifier()`, with
            weights loaded.
        classes: how many, or their names. Names travel in the saved file, in
            a layer `class_names` behind the new top.
        layer: name of the layer that the new classifier reads, such as
            `"pool5"`; a map is flattened. Defaults to what `predictions`
            reads now, in a network without it to the last layer.
        classifier_activation: activation of the new top; `None` gives logits.
            Defaults to `"softmax"`.

    Returns:
        A `keras.Model` from the images of `model` to `(batch, classes)`.

    Raises:
        ValueError: if there is no such layer, it lies behind the old top, or
            `classes` is neither a positive integer nor names.

    >>> from alexnet_keras import build_alexnet
    >>> network = build_alexnet(input_shape=(67, 67, 3))
    >>> ours = new_top(network, ["cat", "dog"])
    >>> ours.output_shape, ours.layers[-3].name
    ((None, 2), 'drop7')
    """
    names = None
    if isinstance(classes, (list, tuple)):
        names = tuple(classes)
        if not names or not all(isinstance(name, str) for name in names):
            raise ValueError(
                "`classes` must be a positive integer or names. "
                f"Received: classes={classes!r}"
            )
    elif not is_int(classes, 1):
        raise ValueError(
            "`classes` must be a positive integer or names. "
            f"Received: classes={classes!r}"
        )
    known = _names(model)
    if layer is None:
        read = known.index(TOP) - 1 if TOP in known else -1
        layer = known[read]
    elif TOP in known and _position(model, layer) >= known.index(TOP):
        raise ValueError(
            f"`layer` must come before {TOP}, whose place the new classifier "
            f"takes. Received: layer={layer!r}"
        )
    base = features(model, layer, flat=True)
    policy = keras.config.dtype_policy()
    mixed = policy.compute_dtype != policy.variable_dtype
    outputs = layers.Dense(
        len(names) if names else classes,
        activation=classifier_activation,
        kernel_initializer=initializers.RandomNormal(stddev=0.01),
        # Half precision is too coarse for a loss.
        dtype=policy.variable_dtype if mixed else None,
        name=TOP,
    )(base.output)
    if names:
        outputs = own_layers.ClassNames(names, name=NAMES)(outputs)
    return keras.Model(base.input, outputs, name=model.name)


def freeze_through(model, layer):
    """Freezes a network up to a layer, and lets go of all that is behind it.

    Compile the model afterwards: what it was compiled for stays as it was.
    A frozen `BatchNormalization` also keeps its running mean and variance and
    normalizes with them in training. Dropout drops whether frozen or not. The
    choice is saved with the model in a `.keras` file.

    Args:
        model: a network of `build_alexnet()`, `build_classifier()` or
            `new_top()`, or any other chain of layers.
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
    last = -1 if layer is None else _position(model, layer)
    for position, one in enumerate(model.layers):
        one.trainable = position > last
    return [one.name for one in model.layers if one.trainable_weights]


def _names(model):
    if not isinstance(model, keras.Model):
        raise ValueError(
            "`model` must be a `keras.Model`. "
            f"Received: model of type {type(model).__name__}"
        )
    return [layer.name for layer in model.layers]


def _position(model, layer):
    names = _names(model)
    if layer not in names:
        raise ValueError(
            f"`layer` must name a layer of the model: {', '.join(names)}. "
            f"Received: layer={layer!r}"
        )
    return names.index(layer)
