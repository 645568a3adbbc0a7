"""One line of a table as layers of Keras."""

import dataclasses
import math

import keras
from keras import initializers
from keras import layers

from alexnet_keras import shapes
from alexnet_keras import specs
from alexnet_keras.layers.convolution import GroupedConv2D
from alexnet_keras.layers.dropout import Dropout2012
from alexnet_keras.layers.normalization import LocalResponseNormalization
from alexnet_keras.layers.normalization import SpatialResponseNormalization
from alexnet_keras.layers.pooling import AdaptiveAveragePooling2D
from alexnet_keras.layers.pooling import CeilMaxPooling2D
from alexnet_keras.layers.pooling import RepeatEdges2D


def channels_last():
    """Whether `keras.config.image_data_format()` is `"channels_last"`."""
    return keras.config.image_data_format() == "channels_last"


def apply_spec(layer, summary, x, variant, classifier_activation=None):
    """Puts one line of a table behind a tensor.

    Args:
        layer: the spec.
        summary: its `LayerSummary`, from `derive_layers`.
        x: a Keras tensor.
        variant: the table, which says how sizes are rounded.
        classifier_activation: of the layer whose units are the classes.

    Returns:
        A Keras tensor.
    """
    match layer:
        case specs.Conv():
            return _convolve(layer, summary, x, variant.conv_rounding)
        case specs.MaxPool():
            return _pool(layer, x, variant.pool_rounding)
        case specs.LRN() | specs.SpatialNorm():
            norm = {
                specs.LRN: LocalResponseNormalization,
                specs.SpatialNorm: SpatialResponseNormalization,
            }[type(layer)]
            return norm(**dataclasses.asdict(layer))(x)
        case specs.BatchNorm():
            return layers.BatchNormalization(
                axis=-1 if channels_last() else 1,
                momentum=layer.momentum,
                epsilon=layer.epsilon,
                name=layer.name,
            )(x)
        case specs.AdaptiveAveragePool():
            return AdaptiveAveragePooling2D(layer.output, name=layer.name)(x)
        case specs.Activation():
            return layers.Activation(layer.activation, name=layer.name)(x)
        case specs.Flatten():
            # Rows, columns, channels in both data formats: Keras transposes.
            return layers.Flatten(name=layer.name)(x)
        case specs.Dropout():
            dropout = {
                "train": layers.Dropout,
                "test": Dropout2012,
            }[layer.rescale]
            return dropout(layer.rate, name=layer.name)(x)
        case specs.Dense():
            return _connect(layer, summary, x, classifier_activation)


def _pool(layer, x, rounding):
    pads = _pads(layer, layer.size, x)
    if pads is None:
        return layers.MaxPooling2D(
            layer.size, layer.stride, padding="same", name=layer.name
        )(x)
    if any(map(any, pads)):
        x = RepeatEdges2D(pads, name=f"{layer.name}_pad")(x)
    pool = layers.MaxPooling2D
    if rounding == "ceil" and layer.padding != "same":
        pool = CeilMaxPooling2D
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


def _convolve(layer, summary, x, rounding):
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
        convolution = GroupedConv2D
    return convolution(
        layer.filters,
        layer.kernel,
        strides=layer.stride,
        padding=padding,
        groups=layer.groups,
        activation=layer.activation,
        name=layer.name,
        **_initializers(layer, fan_in=summary.macs // summary.neurons),
    )(x)


def _connect(layer, summary, x, classifier_activation):
    activation, dtype = layer.activation, None
    if layer.units is None:
        activation = classifier_activation
        # Under mixed precision the last layer stays in float32, as half
        # precision is too coarse for a loss.
        policy = keras.config.dtype_policy()
        if policy.compute_dtype != policy.variable_dtype:
            dtype = policy.variable_dtype
    return layers.Dense(
        summary.output_shape[-1],
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
