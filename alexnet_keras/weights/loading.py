"""Weights from files of Keras, PyTorch or ONNX into a network, all or none."""

import os

import numpy as np

from alexnet_keras import variants
from alexnet_keras.weights import keras_format
from alexnet_keras.weights import onnx_format
from alexnet_keras.weights import torch_format

FOREIGN = (".pth", ".onnx")
SUFFIXES = (".weights.h5", ".keras", *FOREIGN)

# Networks whose weights, outside of Keras, read blue, green, red.
BGR = ("caffe",)


def check_argument(weights):
    """Raises a `ValueError` if `weights` can be no argument of a network."""
    if weights not in (None, "imagenet"):
        is_path = isinstance(weights, str | os.PathLike)
        path = os.fspath(weights) if is_path else weights
        if not is_path or not path.endswith(SUFFIXES):
            raise ValueError(
                '`weights` must be `None`, "imagenet" or the path of a file '
                f"whose name ends in {', '.join(SUFFIXES)}. "
                f"Received: weights={path!r}"
            )
        if not os.path.isfile(path):
            what = "a folder, not a file"
            if not os.path.isdir(path):
                what = "a file that is not there"
            raise ValueError(
                f"`weights` names {what}. Received: weights={path!r}"
            )


def load(model, variant, path):
    """Loads a file into a network that was built from a table.

    Args:
        model: a `keras.Model` with the layers of `variant`.
        variant: the table, with or without its top.
        path: a file whose name ends in one of `SUFFIXES`. What PyTorch and
            ONNX store is turned: kernels from (filters, channels, height,
            width), the inputs of `fc6` from channels, rows, columns, and for
            `caffe` the channels of `conv1` from blue, green, red. The network
            always takes red, green, blue.

    Raises:
        ValueError: if the file is damaged or is of another network, also one
            whose weights would fit but whose layers compute something else,
            as far as the file tells. Then no weight has changed.
    """
    path = os.fspath(path)
    if path.endswith(".onnx"):
        layers = onnx_format.read_layers(path)
        _assign(model, _turned(variant, layers, path), path)
        return
    if path.endswith(".pth"):
        pairs = _pairs(torch_format.read_state_dict(path), path)
        # Zeros first: what does not fit is not read.
        zeros = [(kernel.zeros(), bias.zeros()) for kernel, bias in pairs]
        fitting = _turned(variant, zeros, path)
        _check(model, fitting, path)
        layers = [(k.read(), b.read()) for k, b in pairs[: len(fitting)]]
        _assign(model, _turned(variant, layers, path), path)
        return
    whole = isinstance(variant.layers[-1], variants.Dense)
    reason = keras_format.load(model, whole, path)
    if reason:
        raise _misfit(reason, path)


def parameter_layers(variant):
    """Lists the layers of a table that have a kernel and a bias.

    >>> [layer.name for layer in parameter_layers(variants.VARIANTS["paper"])]
    ['conv1', 'conv2', 'conv3', 'conv4', 'conv5', 'fc6', 'fc7', 'predictions']
    """
    kinds = (variants.Conv, variants.Dense)
    return [layer for layer in variant.layers if isinstance(layer, kinds)]


def _pairs(state, path):
    """Puts the tensors of PyTorch together: `(kernel, bias)` of each layer."""
    names = list(state)
    for kernel, bias in zip(names[::2], [*names[1::2], None]):
        layer = kernel.removesuffix(".weight")
        if (kernel, bias) != (f"{layer}.weight", f"{layer}.bias"):
            raise _misfit(
                "an AlexNet in PyTorch has a `.weight` and a `.bias` for each "
                f"layer, one after the other, the file has {kernel!r} and "
                f"{bias!r}",
                path,
            )
    values = list(state.values())
    return list(zip(values[::2], values[1::2]))


def _turned(variant, layers, path):
    """Turns weights as PyTorch has them into those of Keras, by layer."""
    rows = parameter_layers(variant)
    whole = isinstance(rows[-1], variants.Dense)
    if len(layers) < len(rows) or (whole and len(layers) > len(rows)):
        raise _misfit(
            f"the file has {len(layers)} layers with weights, the network "
            f"{len(rows)}",
            path,
        )
    weights, maps = {}, None
    for row, (kernel, bias) in zip(rows, layers):
        if kernel.ndim == 4:
            maps = len(kernel)
            kernel = kernel.transpose(2, 3, 1, 0)
            if variant.name in BGR and not weights:
                kernel = kernel[:, :, ::-1]
        elif kernel.ndim == 2 and maps and kernel.shape[-1] % maps == 0:
            # fc6 reads maps, rows, columns there; rows, columns, maps here.
            units, inputs = kernel.shape
            kernel = kernel.reshape(units, maps, inputs // maps)
            kernel, maps = kernel.transpose(2, 1, 0).reshape(-1, units), None
        else:
            kernel = kernel.T
        weights[row.name] = [kernel, bias]
    return weights


def _check(model, weights, path):
    for name, values in weights.items():
        have = [np.shape(value) for value in values]
        need = [tuple(value.shape) for value in model.get_layer(name).weights]
        if have != need:
            raise _misfit(
                f"{name} has {_listed(have)} in the file, {_listed(need)} in "
                "the network",
                path,
            )


def _assign(model, weights, path):
    _check(model, weights, path)
    try:
        with np.errstate(over="ignore"):
            for values in weights.values():
                keras_format.check_finite(np.float32(value) for value in values)
    except ValueError as error:
        raise _misfit(str(error), path) from None
    for name, values in weights.items():
        model.get_layer(name).set_weights(values)


def _listed(shapes):
    return " and ".join("×".join(map(str, s)) for s in shapes) or "nothing"


def _misfit(reason, path):
    return ValueError(
        "`weights` does not fit this network (same variant, same classes, "
        f"same input size?): {reason}. Received: weights={path!r}"
    )
