"""Weights from files of Keras, PyTorch or ONNX into a network, all or none."""

import io
import os
import zipfile

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
    if path.endswith(".onnx"):
        layers = onnx_files.read_layers(path)
        _assign(model, _turned(variant, layers, path), path)
        return
    if path.endswith(".pth"):
        pairs = _pairs(torch_files.read_state_dict(path), path)
        # Zeros first: what does not fit is not read.
        zeros = [(kernel.zeros(), bias.zeros()) for kernel, bias in pairs]
        fitting = _turned(variant, zeros, path)
        _check(model, fitting, path)
        layers = [(k.read(), b.read()) for k, b in pairs[: len(fitting)]]
        _assign(model, _turned(variant, layers, path), path)
        return
    before = model.get_weights()
    try:
        check_hdf5(path)
        model.load_weights(path)
    except Exception as error:
        # Keras assigns one layer after the other.
        model.set_weights(before)
        reason = next(iter(str(error).strip().splitlines()), "")
        raise _misfit(f"{type(error).__name__}: {reason}", path) from error


def check_hdf5(path):
    """Checks that the numbers of a `.weights.h5` or `.keras` are inside.

    HDF5 can name other files, whose bytes would be read as weights.

    Raises:
        ValueError: if there are links, external storage or virtual data.
            They have not been followed then.
    """
    path = os.fspath(path)
    if not path.endswith(".keras"):
        with h5py.File(path) as file:
            _check_inside(file)
        return
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            if name.endswith(".h5"):
                with h5py.File(io.BytesIO(archive.read(name))) as file:
                    _check_inside(file)


def _check_inside(file):
    def outside(name, link):
        if not isinstance(link, h5py.HardLink):
            return name
        item = file[name]
        if isinstance(item, h5py.Dataset):
            return name if item.external or item.is_virtual else None

    found = file.visititems_links(outside)
    if found is not None:
        raise ValueError(
            f"{found} lies somewhere else: a link, external storage or a "
            "virtual dataset"
        )


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
    for name, values in weights.items():
        model.get_layer(name).set_weights(values)


def _listed(shapes):
    return " and ".join("×".join(map(str, s)) for s in shapes) or "nothing"


def _misfit(reason, path):
    return ValueError(
        "`weights` does not fit this network (same variant, same classes, "
        f"same input size?): {reason}. Received: weights={path!r}"
    )
