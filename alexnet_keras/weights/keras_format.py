"""Files of Keras: whether they are whole, and of this very network."""

import io
import json
import os
import re
import zipfile

import h5py
import numpy as np

from alexnet_keras.utils import graphs

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


def load(model, whole, path):
    """Loads a `.weights.h5` or `.keras` file, all of it or nothing.

    Args:
        model: a `keras.Model`.
        whole: whether it has its top.
        path: of the file.

    Returns:
        What does not fit, in words, or `None`.

    Raises:
        ValueError: if the file is damaged.
    """
    try:
        check_hdf5(path)
    except Exception as error:
        # Whatever zipfile or h5py raises, the file is of no use.
        raise ValueError(
            f"`weights` is no whole Keras file ({_first_line(error)}). "
            f"Received: weights={path!r}"
        ) from error
    reason = _other_computation(model, whole, path)
    if reason:
        return reason
    before = model.get_weights()
    try:
        model.load_weights(path)
        check_finite(model.get_weights())
    except Exception as error:
        # Keras assigns one layer after the other.
        graphs.copy_state(before, model)
        return _first_line(error)


def _first_line(error):
    reason = next(iter(str(error).strip().splitlines()), "")
    return f"{type(error).__name__}: {reason}"


def check_finite(arrays):
    """Raises a `ValueError` at the first array with NaN or an infinity."""
    for values in arrays:
        if not np.isfinite(values).all():
            raise ValueError("it has weights that are not finite")


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


def _other_computation(model, whole, path):
    """Says how a file whose weights may fit is of another network, or `None`."""
    ours = _computed(json.loads(model.to_json()))
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
            return None
    if reason:
        reason += (
            ". (To take them all the same, build without `weights`, then call "
            "the model's `load_weights`)"
        )
    return reason


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
