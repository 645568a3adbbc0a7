"""Where images come from: embedded photographs, a folder, or TFDS.

Whatever the source, `load_dataset` gives an `ImageData`, or says before any
work starts why it cannot. `input_pipeline.py` makes of it what `fit` takes.
"""

import os
import pathlib
import zlib

import numpy as np
import tensorflow as tf

from alexnet_keras.data import class_folders
from alexnet_keras.data import image_data
from alexnet_keras.data import photo_patches
from alexnet_keras.data.image_data import ImageData
from alexnet_keras.data.readers import EncodedReader
from alexnet_keras.data.readers import FileReader
from alexnet_keras.data.readers import PatchReader
from alexnet_keras.data.squares import reading
from alexnet_keras.utils import extras
from alexnet_keras.utils.printing import printable


def load_dataset(name="photo_patches", skip_bad=False):
    """Loads a data set by name.

    Args:
        name: `"photo_patches"` (embedded, no download), the path of a folder
            of class folders, or any TFDS name such as `"cifar10"` or
            `"imagenette/320px-v2"`; `TFDS_DATA_DIR` is honoured. A folder
            may hold splits, such as `train` and `val`, with the classes
            inside (`class_folders.read_folder`); without them every fifth
            image of a class validates. Or one of `squares.writing.prepare`.
        skip_bad: whether to leave out of a folder the images that cannot be
            read, or have more than 89,478,485 pixels (see `image_files`).
            Defaults to `False`: they are refused. `ImageData.skipped` says
            what was left out.

    Returns:
        An `ImageData`.

    Raises:
        ValueError: if nothing of that name can be read, or not all of it;
            the message says what was tried.
    """
    if not isinstance(name, str | os.PathLike):
        raise ValueError(
            "`dataset` must be a name or the path of a folder. "
            f"Received: {name!r}"
        )
    if name == "photo_patches":
        return _photo_patches()
    path = pathlib.Path(name).expanduser()
    if path.is_dir():
        if reading.is_prepared(path):
            return reading.load(path)
        return _folder(path, skip_bad)
    if path.exists():
        raise ValueError(
            "`dataset` names a file; it must be a folder. "
            f"Received: {str(name)!r}"
        )
    if isinstance(name, os.PathLike) or name.startswith((".", "/", "~")):
        raise ValueError(
            "`dataset` names a folder that is not there. "
            f"Received: {str(name)!r}"
        )
    return _tfds(name)


def _photo_patches():
    reader = PatchReader()
    train, validation = (
        tf.data.Dataset.from_tensor_slices((boxes, boxes[:, 0]))
        for boxes in map(photo_patches.make_boxes, image_data.SPLITS)
    )
    names = photo_patches.PHOTOGRAPHS
    return ImageData(
        "photo_patches",
        names,
        train,
        validation,
        photo_patches.SIZES["train"],
        photo_patches.SIZES["validation"],
        reader,
        contents={
            name: image_data.summarize([zlib.crc32(photograph.numpy())])
            for name, photograph in zip(names, reader.photographs)
        },
    )


def _folder(root, skip_bad):
    found = class_folders.read_folder(root, skip_bad)
    train, validation = (
        tf.data.Dataset.from_tensor_slices(
            (
                # A name need not be UTF-8.
                [os.fsencode(path) for path, _ in pairs],
                np.array([label for _, label in pairs], "int64"),
            )
        )
        for pairs in (found.train, found.validation)
    )
    return ImageData(
        str(root),
        found.class_names,
        train,
        validation,
        len(found.train),
        len(found.validation),
        FileReader(),
        found.skipped,
        _contents(str(root), found),
    )


def _contents(root, found):
    """Summarizes the images of each class by split, place and size."""
    classes = {name: [] for name in found.class_names}
    for split in image_data.SPLITS:
        for path, label in sorted(getattr(found, split)):
            classes[found.class_names[label]].append(
                (split, path.removeprefix(root), os.path.getsize(path))
            )
    return {name: image_data.summarize(c) for name, c in classes.items()}


def _tfds(name):
    extras.require("train", "tensorflow_datasets")
    import tensorflow_datasets as tfds

    try:
        builder = tfds.builder(name)
    except Exception as error:
        raise ValueError(
            "`dataset` is neither 'photo_patches', nor a folder, nor a data "
            f"set that TFDS knows: {_first_line(error)} Received: {name!r}"
        ) from error
    try:
        builder.download_and_prepare()
    except Exception as error:
        raise ValueError(
            f"`dataset` is known to TFDS, but is not in {builder.data_dir!s} "
            f"and could not be downloaded and prepared there: "
            f"{type(error).__name__}: {_first_line(error)} Without a network, "
            "set TFDS_DATA_DIR to a folder that holds it. "
            f"Received: {name!r}"
        ) from error
    info = builder.info
    image_key, label_key = _keys(name, info)
    held_out = next(
        (split for split in ("validation", "test") if split in info.splits),
        None,
    )
    if "train" not in info.splits or held_out is None:
        raise ValueError(
            "`dataset` needs a train split and a validation or test split; "
            f"it has {', '.join(info.splits)}. Received: {name!r}"
        )
    train, validation = (
        builder.as_dataset(
            split=split,
            as_supervised=True,
            decoders={image_key: tfds.decode.SkipDecoding()},
        )
        for split in ("train", held_out)
    )
    return ImageData(
        name,
        tuple(info.features[label_key].names),
        train,
        validation,
        info.splits["train"].num_examples,
        info.splits[held_out].num_examples,
        EncodedReader(),
        contents={
            split: image_data.summarize(
                [(info.full_name, part.shard_lengths, part.num_bytes)]
            )
            for split, part in info.splits.items()
            if split in ("train", held_out)
        },
    )


def _keys(name, info):
    """Returns which features are the image and the label."""
    import tensorflow_datasets as tfds

    features = dict(info.features)
    keys = info.supervised_keys
    if (
        keys is None
        or len(keys) != 2
        or not isinstance(features.get(keys[1]), tfds.features.ClassLabel)
    ):
        raise ValueError(
            "`dataset` has no labels to learn: one class for each image. "
            f"Received: {name!r}"
        )
    image = features.get(keys[0])
    # Images of floats are kept bit by bit in PNG: they cannot be shown.
    if not isinstance(image, tfds.features.Image) or image.np_dtype != np.uint8:
        raise ValueError(
            f"`dataset` must hold uint8 images; {keys[0]!r} is {image!r}. "
            f"Received: {name!r}"
        )
    return keys


def _first_line(error):
    """What went wrong, without the long list of names that TFDS adds."""
    line = (str(error).splitlines() or [""])[0].split(" Here are ")[0].rstrip()
    line = printable(line)
    return line if line.endswith(".") else line + "."
