"""`build_alexnet()`: a table in, a `keras.Model` out."""

import dataclasses
import math
import os

import keras
from keras import initializers
from keras import layers

from alexnet_keras import layers as own_layers
from alexnet_keras import shapes
from alexnet_keras import validation
from alexnet_keras import variants
from alexnet_keras.weights import imagenet as published_weights
from alexnet_keras.weights import loading


def build_alexnet(
    include_top=True,
    weights=None,
    input_tensor=None,
    input_shape=None,
    pooling=None,
    classes=None,
    classifier_activation="softmax",
    name="alexnet",
    *,
    variant="paper",
):
    """Instantiates an AlexNet.

    The default is the network of the 2012 paper, with its two towers as
    grouped convolutions. The arguments are those of `keras.applications`, in
    the same order; `variant` chooses among the networks that go by the name.
    Every layer is called what the table calls it: `conv1`, `norm1`, `pool1`,
    …, `fc7`, `predictions`.

    The network takes pixels from 0 to 255 with the mean of the training
    images subtracted, times the variant's `pixel_scale` (1 but for
    `torchvision` and `d2l`). It holds no preprocessing of its own.

    For a start on some hundred pictures of few classes: `variant="original"`
    at 80×80 pixels with `keras.optimizers.Adam(1e-4)`, as in the README. Of
    the held-out pictures 50 to 65 % were right after six epochs (three
    folders of 1,000 pictures in five classes, three seeds; chance 20 %).

    References:
    - [ImageNet Classification with Deep Convolutional Neural Networks](
      https://papers.nips.cc/paper/2012/hash/c399862d3b9d6b76c8436e924a68c45b-Abstract.html)
    - The 2012 source, layers/layers-145.cfg (`variant="original"`).

    Args:
        include_top: whether to include everything after the last pooling
            layer. Defaults to `True`.
        weights: `None` (random initialization, as the table says),
            `"imagenet"` (`torchvision` and `caffe`: the published weights,
            downloaded once, 233 MiB; prepare images with `preprocess_input`),
            or the path of a `.weights.h5` or `.keras` file, of a PyTorch
            `.pth` (read without PyTorch, without running its code) or of an
            `.onnx` file. Of another variant, a `.keras` file is refused; the
            others are by their shapes, `.weights.h5` also by the kinds of
            layers, but do not tell, say, the constants of a normalizer: name
            the variant that they are of. Defaults to `None`.
        input_tensor: a Keras tensor (the output of `keras.Input()` or of a
            layer) to build on. Defaults to a new input.
        input_shape: shape of one image without the batch, in the order of
            `keras.config.image_data_format()`. Any size from the smallest up;
            `fc6` adapts. Height and width may be `None` without the top.
            Defaults to the variant's own.
        pooling: what follows the last pooling layer when `include_top` is
            `False`: `None` (the feature map itself), `"avg"` or `"max"` over
            each map. Defaults to `None`.
        classes: number of classes when `include_top` is `True`. Defaults to
            the variant's own: 1000, for `d2l` 10.
        classifier_activation: activation of `predictions`; `None` gives
            logits. Defaults to `"softmax"`.
        name: name of the model. Defaults to `"alexnet"`.
        variant: a name in `VARIANTS`, or a `variants.Variant` table of your
            own. Defaults to `"paper"`.

    Returns:
        A `keras.Model` from `(batch, height, width, channels)` to
        `(batch, classes)`, or without the top to a feature map, or with
        `pooling` to `(batch, channels)`.

    Raises:
        ValueError: if an argument is not one of the above, if the image runs
            out of pixels on the way (the message names the layer and the
            smallest size), or if the weights do not fit.

    >>> build_alexnet().count_params()
    60965224
    >>> build_alexnet(include_top=False, input_shape=(96, 128, 3)).output_shape
    (None, 2, 3, 256)
    """
    variant = variants.get_variant(variant)
    check(weights, input_tensor, pooling)
    published_weights.check(weights, variant, include_top, classes)
    input_shape = resolve_input_shape(variant, input_tensor, input_shape)
    if not include_top:
        variant = _without_top(variant)
    typed = "input_shape" if input_tensor is None else "input_tensor"
    rows = _derive(variant, input_shape, classes, include_top, typed)
    if weights == "imagenet":
        weights = published_weights.fetch(variant.name)

    if input_tensor is None:
        inputs = x = keras.Input(input_shape, name="images")
    else:
        inputs, x = keras.utils.get_source_inputs(input_tensor), input_tensor
        if len(inputs) == 1:  # a list of one would make lists of the inputs
            (inputs,) = inputs
    for layer, row in zip(variant.layers, rows):
        x = _apply(layer, row, x, variant, classifier_activation)
    if not include_top and pooling == "avg":
        x = layers.GlobalAveragePooling2D(name="avg_pool")(x)
    elif not include_top and pooling == "max":
        x = layers.GlobalMaxPooling2D(name="max_pool")(x)
    model = keras.Model(inputs, x, name=name)

    if weights is not None:
        loading.load(model, variant, weights)
    return model


def _without_top(variant):
    top = (variants.Flatten, variants.AdaptiveAveragePool, variants.Dense)
    count = 0
    for layer in variant.layers:
        if isinstance(layer, top):
            break
        count += 1
    return dataclasses.replace(variant, layers=variant.layers[:count])


def _derive(variant, input_shape, classes, include_top, argument):
    """Derives the rows; sizes left open are checked at the smallest size."""
    last = channels_last()
    shape = input_shape if last else (*input_shape[1:], input_shape[0])
    if None in shape and len(shape) == 3:
        if include_top or shape[-1] is None:
            raise ValueError(
                f"`{argument}` must name height, width and channels; only "
                "without the top may height and width be `None`. "
                f"Received: {argument}={input_shape}"
            )
        least = shapes.smallest_size(variant)
        shape = tuple(least if side is None else side for side in shape)
    try:
        return shapes.derive_layers(
            variant, shape, classes if include_top else None
        )
    except ValueError as error:
        # In the caller's words: the argument and the order that were typed.
        text = str(error).replace("`input_shape`", f"`{argument}`")
        text = text.replace(f"input_shape={shape}", f"{argument}={input_shape}")
        raise ValueError(text) from None


def _apply(layer, row, x, variant, classifier_activation):
    """Puts one line of the table behind `x`."""
    match layer:
        case variants.Conv():
            return _convolve(layer, row, x, variant.conv_rounding)
        case variants.MaxPool():
            return _pool(layer, x, variant.pool_rounding)
        case variants.LRN() | variants.SpatialNorm():
            norm = {
                variants.LRN: own_layers.LocalResponseNormalization,
                variants.SpatialNorm: own_layers.SpatialResponseNormalization,
            }[type(layer)]
            return norm(**dataclasses.asdict(layer))(x)
        case variants.BatchNorm():
            return layers.BatchNormalization(
                axis=-1 if channels_last() else 1,
                momentum=layer.momentum,
                epsilon=layer.epsilon,
                name=layer.name,
            )(x)
        case variants.AdaptiveAveragePool():
            return own_layers.AdaptiveAveragePooling2D(
                layer.output, name=layer.name
            )(x)
        case variants.Activation():
            return layers.Activation(layer.activation, name=layer.name)(x)
        case variants.Flatten():
            # Rows, columns, channels in both data formats: Keras transposes.
            return layers.Flatten(name=layer.name)(x)
        case variants.Dropout():
            dropout = {
                "train": layers.Dropout,
                "test": own_layers.Dropout2012,
            }[layer.rescale]
            return dropout(layer.rate, name=layer.name)(x)
        case variants.Dense():
            return _connect(layer, row, x, classifier_activation)


def _pool(layer, x, rounding):
    pads = _pads(layer, layer.size, x)
    if pads is None:
        return layers.MaxPooling2D(
            layer.size, layer.stride, padding="same", name=layer.name
        )(x)
    if any(map(any, pads)):
        x = own_layers.RepeatEdges2D(pads, name=f"{layer.name}_pad")(x)
    pool = layers.MaxPooling2D
    if rounding == "ceil" and layer.padding != "same":
        pool = own_layers.CeilMaxPooling2D
    return pool(layer.size, layer.stride, name=layer.name)(x)


def _pads(layer, window, x):
    """Pixels around `x` as pairs; `None` if they depend on an open size.

    Else those of `"same"` are laid down here, where the network's size is
    known, so that they stay when `as_convolutional` lets it go.
    """
    image = x.shape[1:3] if channels_last() else x.shape[2:4]
    if layer.padding == "same" and None in image:
        return None
    return tuple(
        shapes.sides(layer.padding, size, window, layer.stride)
        for size in image
    )


def _convolve(layer, row, x, rounding):
    pads = _pads(layer, layer.kernel, x)
    if pads and rounding == "ceil" and layer.padding != "same":
        # ⌈a / s⌉ = ⌊(a + s − 1) / s⌋: zeros for the overhanging window.
        pads = tuple(
            (before, after + layer.stride - 1) for before, after in pads
        )
    padding = "valid"
    centred = {((layer.kernel - 1) / 2,) * 2}
    if pads is None or (layer.stride == 1 and set(pads) == centred):
        padding = "same"
    elif any(map(any, pads)):
        x = layers.ZeroPadding2D(pads, name=f"{layer.name}_pad")(x)
    convolution = layers.Conv2D
    if layer.groups > 1:
        convolution = own_layers.GroupedConv2D
    return convolution(
        layer.filters,
        layer.kernel,
        strides=layer.stride,
        padding=padding,
        groups=layer.groups,
        activation=layer.activation,
        name=layer.name,
        **_initializers(layer, fan_in=row.macs // row.neurons),
    )(x)


def _connect(layer, row, x, classifier_activation):
    activation, dtype = layer.activation, None
    if layer.units is None:
        activation = classifier_activation
        # Under mixed precision the last layer stays in float32, as half
        # precision is too coarse for a loss.
        policy = keras.config.dtype_policy()
        if policy.compute_dtype != policy.variable_dtype:
            dtype = policy.variable_dtype
    return layers.Dense(
        row.output_shape[-1],
        activation=activation,
        dtype=dtype,
        name=layer.name,
        **_initializers(layer, fan_in=x.shape[-1]),
    )(x)


def _initializers(layer, fan_in):
    if layer.init == "fan_in_uniform":
        kernel = initializers.VarianceScaling(1 / 3, "fan_in", "uniform")
    elif isinstance(layer.init, str):
        kernel = initializers.get(layer.init)
    else:
        kernel = initializers.RandomNormal(stddev=layer.init)
    if layer.bias is None:
        return {"kernel_initializer": kernel, "use_bias": False}
    if layer.bias == "fan_in_uniform":
        limit = 1 / math.sqrt(fan_in)
        bias = initializers.RandomUniform(-limit, limit)
    else:
        bias = initializers.Constant(layer.bias)
    return {"kernel_initializer": kernel, "bias_initializer": bias}


def check(weights, input_tensor, pooling):
    """Raises a `ValueError` that names the first argument that is wrong."""
    if weights not in (None, "imagenet"):
        is_path = isinstance(weights, str | os.PathLike)
        path = os.fspath(weights) if is_path else weights
        if not is_path or not path.endswith(loading.SUFFIXES):
            raise ValueError(
                '`weights` must be `None`, "imagenet" or the path of a file '
                f"whose name ends in {', '.join(loading.SUFFIXES)}. "
                f"Received: weights={path!r}"
            )
        if not os.path.isfile(path):
            what = "a folder, not a file"
            if not os.path.isdir(path):
                what = "a file that is not there"
            raise ValueError(
                f"`weights` names {what}. Received: weights={path!r}"
            )
    if input_tensor is not None and not keras.utils.is_keras_tensor(
        input_tensor
    ):
        raise ValueError(
            "`input_tensor` must be a Keras tensor, such as the output of "
            "`keras.Input()`; call the built model on values. "
            f"Received: input_tensor of type {type(input_tensor).__name__}"
        )
    if pooling not in (None, "avg", "max"):
        raise ValueError(
            '`pooling` must be `None`, "avg" or "max". '
            f"Received: pooling={pooling!r}"
        )


def channels_last():
    """Whether `keras.config.image_data_format()` is `"channels_last"`."""
    return keras.config.image_data_format() == "channels_last"


def resolve_input_shape(variant, input_tensor, input_shape):
    """Settles the shape of one image, in the order of the data format."""
    if input_shape is not None:
        if not isinstance(input_shape, (tuple, list)) or len(input_shape) != 3:
            raise ValueError(
                "`input_shape` must have three entries: height, width and "
                "channels, in the order of the data format. "
                f"Received: input_shape={input_shape!r}"
            )
        input_shape = tuple(
            int(side) if validation.is_int(side, 0) else side
            for side in input_shape
        )
    if input_tensor is not None:
        tensor_shape = tuple(input_tensor.shape[1:])
        if input_shape not in (None, tensor_shape):
            raise ValueError(
                f"`input_shape` must agree with `input_tensor`, whose images "
                f"have {tensor_shape}. Received: input_shape={input_shape}"
            )
        return tensor_shape
    if input_shape is None:
        height, width, channels = variant.input_shape
        if channels_last():
            return (height, width, channels)
        return (channels, height, width)
    return input_shape
