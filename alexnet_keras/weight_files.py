"""Weights from files of Keras, PyTorch or ONNX into a network, all or none."""

import os

import h5py
import numpy as np

from alexnet_keras import onnx_files
from alexnet_keras import torch_files
from alexnet_keras import variants

FOREIGN = (".pth", ".onnx")
SUFFIXES = (".weights.h5", ".keras", *FOREIGN)

# Networks whose weights, outside of Keras, read blue, green, red.
BGR = ("caffe",)


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
        ValueError: if the file is damaged or is of another network. Then no
            weight has changed.
    """
    path = os.fspath(path)
    if path.endswith(FOREIGN):
        _assign(model, variant, _foreign(variant, path), path)
        return
    before = model.get_weights()
    try:
        model.load_weights(path)
    except Exception as error:
        # Keras assigns one layer after the other.
        model.set_weights(before)
        reason = next(iter(str(error).strip().splitlines()), "")
        raise _misfit(f"{type(error).__name__}: {reason}", path) from error


def load_by_name(model, variant, path):
    """Loads, of a whole network's `.weights.h5`, the layers that `model` has.

    Keras itself looks weights up by class and count, so that a network
    without its top, or with layers in front, would get those of others.

    Args:
        model: as for `load`.
        variant: as for `load`.
        path: what `save_weights` wrote of `build_alexnet(variant=…)`.

    Raises:
        ValueError: if the file is damaged or does not fit.
    """
    path, found = os.fspath(path), {}

    def collect(place, group):
        if place.endswith("/vars") and "name" in group.attrs:
            values = [group[key][()] for key in sorted(group)]
            found[group.attrs["name"]] = values

    try:
        with h5py.File(path) as file:
            file.visititems(collect)
    except OSError as error:
        raise _misfit(str(error), path) from error
    _assign(model, variant, found, path)


def parameter_layers(variant):
    """Lists the layers of a table that have a kernel and a bias.

    >>> [layer.name for layer in parameter_layers(variants.VARIANTS["paper"])]
    ['conv1', 'conv2', 'conv3', 'conv4', 'conv5', 'fc6', 'fc7', 'predictions']
    """
    kinds = (variants.Conv, variants.Dense)
    return [layer for layer in variant.layers if isinstance(layer, kinds)]


def _foreign(variant, path):
    """Reads a file of PyTorch or ONNX as Keras has weights, by layer."""
    if path.endswith(".onnx"):
        layers = onnx_files.read_layers(path)
    else:
        layers = _pairs(torch_files.read_state_dict(path), path)
    rows = parameter_layers(variant)
    whole = isinstance(rows[-1], variants.Dense)
    if len(layers) < len(rows) or (whole and len(layers) > len(rows)):
        raise _misfit(
            f"the file has {len(layers)} layers with weights, the network "
            f"{len(rows)}",
            path,
        )
    return _turned(rows, layers, flip=variant.name in BGR)


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


def _turned(rows, layers, flip):
    """Turns kernels as PyTorch has them into those of Keras."""
    weights, maps = {}, None
    for row, (kernel, bias) in zip(rows, layers):
        if kernel.ndim == 4:
            maps = len(kernel)
            kernel = kernel.transpose(2, 3, 1, 0)
            if flip and not weights:
                kernel = kernel[:, :, ::-1]
        elif maps and kernel.shape[-1] % maps == 0:
            # fc6 reads maps, rows, columns there; rows, columns, maps here.
            units, inputs = kernel.shape
            kernel = kernel.reshape(units, maps, inputs // maps)
            kernel, maps = kernel.transpose(2, 1, 0).reshape(-1, units), None
        else:
            kernel = kernel.T
        weights[row.name] = [kernel, bias]
    return weights


def _assign(model, variant, weights, path):
    layers = [model.get_layer(row.name) for row in parameter_layers(variant)]
    for layer in layers:
        have = [np.shape(value) for value in weights.get(layer.name, ())]
        need = [tuple(value.shape) for value in layer.weights]
        if have != need:
            raise _misfit(
                f"{layer.name} has {_listed(have)} in the file, "
                f"{_listed(need)} in the network",
                path,
            )
    for layer in layers:
        layer.set_weights(weights[layer.name])


def _listed(shapes):
    return " and ".join("×".join(map(str, s)) for s in shapes) or "nothing"


def _misfit(reason, path):
    return ValueError(
        "`weights` does not fit this network (same variant, same classes, "
        f"same input size?): {reason}. Received: weights={path!r}"
    )
