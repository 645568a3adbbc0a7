"""Weights from files of Keras, PyTorch or ONNX into a network, all or none."""

import io
import json
import os
import re
import zipfile

import h5py
import numpy as np

from alexnet_keras import variants
from alexnet_keras.utils import graphs
from alexnet_keras.weights import onnx_format
from alexnet_keras.weights import torch_format

FOREIGN = (".pth", ".onnx")
SUFFIXES = (".weights.h5", ".keras", *FOREIGN)

# What decides outputs beside weights. Not a size of the image or a padding,
# which follow the image, nor a rate of dropout, which fine-tuning changes.
SETTINGS = {
    "Conv2D": ("strides",),
    "Dense": (),
    "MaxPooling2D": ("pool_size", "strides"),
    "LocalResponseNormalization": ("size", "k", "alpha", "beta", "groups"),
    "SpatialResponseNormalization": ("size", "k", "alpha", "beta"),
    "BatchNormalization": ("epsilon",),
    "Dropout2012": (),
}
SAME_AS = {"GroupedConv2D": "Conv2D", "CeilMaxPooling2D": "MaxPooling2D"}
# Of these a `.weights.h5` knows how many there were, under these names.
COUNTED = {
    "LocalResponseNormalization": "local_response_normalization",
    "SpatialResponseNormalization": "spatial_response_normalization",
    "BatchNormalization": "batch_normalization",
    "Dropout2012": "dropout2012",
}

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
    try:
        check_hdf5(path)
    except Exception as error:
        # Whatever zipfile or h5py raises, the file is of no use.
        reason = next(iter(str(error).strip().splitlines()), "")
        raise ValueError(
            f"`weights` is no whole Keras file ({type(error).__name__}: "
            f"{reason}). Received: weights={path!r}"
        ) from error
    _check_computation(model, variant, path)
    before = model.get_weights()
    try:
        model.load_weights(path)
        _check_finite(model.get_weights())
    except Exception as error:
        # Keras assigns one layer after the other.
        graphs.copy_state(before, model)
        reason = next(iter(str(error).strip().splitlines()), "")
        raise _misfit(f"{type(error).__name__}: {reason}", path) from error


def check_hdf5(path):
    """Checks that the numbers of a `.weights.h5` or `.keras` are inside.

    HDF5 can name other files, whose bytes would be read as weights, and a
    zip archive can unfold to a thousand times its size.

    Raises:
        ValueError: if there are links, external storage or virtual data, or
            ten times as many bytes. They have not been read then.
    """
    path = os.fspath(path)
    if not path.endswith(".keras"):
        with h5py.File(path) as file:
            _check_inside(file)
        return
    with zipfile.ZipFile(path) as archive:
        size = sum(part.file_size for part in archive.infolist())
        if size > 10 * os.path.getsize(path) + 2**26:
            raise ValueError(f"it unfolds to {size:,} bytes")
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


def _check_computation(model, variant, path):
    """Refuses weights that fit, of a network that computes something else."""
    ours = _computed(json.loads(model.to_json()))
    whole = isinstance(variant.layers[-1], variants.Dense)
    try:
        if path.endswith(".keras"):
            with zipfile.ZipFile(path) as file:
                other = json.loads(file.read("config.json"))
            reason = _first_difference(_computed(other), ours)
        else:
            reason = _other_count(path, ours, whole)
    except Exception as error:
        reason = f"what the file computes cannot be read ({error!r})"
        if not path.endswith(".keras"):
            return
    if reason:
        raise _misfit(
            f"{reason}. (To take them all the same, build without `weights`, "
            "then call the model's `load_weights`)",
            path,
        )


def _computed(config):
    """Lists what a model computes: `(layer, kind, settings)`, from its config."""
    found = []
    for layer in config["config"].get("layers", ()):
        kind, settings = layer["class_name"], layer["config"]
        if "layers" in settings:
            found += _computed(layer)
            continue
        kind = SAME_AS.get(kind, kind)
        if kind in SETTINGS:
            kept = {key: settings[key] for key in SETTINGS[kind]}
            found.append((settings["name"], kind, kept))
        activation = settings.get("activation", "linear")
        if activation != "linear":
            found.append((settings["name"], f"activation {activation}", {}))
    return found


def _first_difference(theirs, ours):
    # The last activation, probabilities or logits, is the caller's to choose.
    for (_, kind, had), (name, wanted, has) in zip(theirs[:-1], ours[:-1]):
        if kind != wanted:
            return f"at {name} ({wanted}) of the network the file has {kind}"
        had, has = (
            ", ".join(f"{k} {v}" for k, v in one.items() if had[k] != has[k])
            for one in (had, has)
        )
        if had:
            return f"{name} has {had} in the file, {has} in the network"


def _other_count(path, ours, whole):
    names = []
    with h5py.File(path) as file:
        file.visit(names.append)
    names = [re.findall(r"(?:^|/)layers/(\w+?)(?:_\d+)?$", x) for x in names]
    names = [name for (name,) in filter(None, names)]
    if "input_layer" not in names:
        return None  # a writer that left out what has no weights
    for kind, written in COUNTED.items():
        had = names.count(written)
        has = sum(kind == one for _, one, _ in ours)
        if had != has and (whole or had < has):
            return f"the file has {had} layers {kind}, the network {has}"


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


def _check_finite(arrays):
    for values in arrays:
        if not np.isfinite(values).all():
            raise ValueError("it has weights that are not finite")


def _assign(model, weights, path):
    _check(model, weights, path)
    try:
        with np.errstate(over="ignore"):
            for values in weights.values():
                _check_finite(np.float32(value) for value in values)
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
