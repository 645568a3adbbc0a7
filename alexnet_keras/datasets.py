"""Where images come from: embedded photographs, TFDS, or a folder.

Every source gives the same thing, `ImageData`: unbatched `(record, label)` for
training and validation, and a function that reads a record. A record is small
(a path, encoded bytes, a box), so that many can be shuffled in memory; the
image is `uint8` of any size with three channels. `batches.py` makes of it
what `fit` takes.
"""

import os
import pathlib
import random
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from alexnet_keras import photo_patches

IMAGE_FILES = (".jpg", ".jpeg", ".png", ".bmp", ".gif")


def identity(image):
    """Reads a record that is an image already."""
    return image


@dataclass(frozen=True)
class ImageData:
    """A data set for classification.

    Attributes:
        name: what the caller asked for.
        class_names: a name for each label, in order.
        train: unbatched `(record, label)` to learn from, always in the same
            order.
        validation: unbatched `(record, label)` to measure on.
        train_size: number of training images.
        validation_size: number of validation images.
        read: makes of a record the `uint8` image `(height, width, 3)`, with
            TensorFlow's operations only. Defaults to `identity`, for records
            that are images.
    """

    name: str
    class_names: tuple[str, ...]
    train: tf.data.Dataset
    validation: tf.data.Dataset
    train_size: int
    validation_size: int
    read: Callable = identity

    def images(self, split):
        """Reads the images of a split, several at a time, in order.

        Args:
            split: `"train"` or `"validation"`.

        Returns:
            A `tf.data.Dataset` of unbatched `(image, label)`, images `uint8`
            `(height, width, 3)`.
        """
        if split not in ("train", "validation"):
            raise ValueError(
                "`split` must be 'train' or 'validation'. "
                f"Received: split={split!r}"
            )
        return getattr(self, split).map(
            lambda record, label: (self.read(record), label),
            num_parallel_calls=tf.data.AUTOTUNE,
            deterministic=True,
        )


def load_dataset(name="photo_patches"):
    """Loads a data set by name.

    Args:
        name: `"photo_patches"` (embedded, no download), the path of a folder
            of class folders, or any TFDS name such as `"cifar10"` or
            `"imagenette/320px-v2"`; `TFDS_DATA_DIR` is honoured. A folder
            may hold `train` and `validation` (or `val`) with the classes
            inside; without them every fifth image of a class validates.

    Returns:
        An `ImageData`.

    Raises:
        ValueError: if nothing of that name can be read; the message says
            what was tried.
    """
    if name == "photo_patches":
        return _photo_patches()
    if pathlib.Path(name).is_dir():
        return _folder(pathlib.Path(name))
    if isinstance(name, os.PathLike) or str(name).startswith((".", "/", "~")):
        raise ValueError(
            "`dataset` names a folder that is not there. "
            f"Received: {str(name)!r}"
        )
    return _tfds(name)


def _photo_patches():
    photographs = [
        tf.constant(photo_patches.load_photograph(name))
        for name in photo_patches.PHOTOGRAPHS
    ]

    def cut(box):
        """Cuts `(label, top, left, side)` out of the photograph `label`."""
        label, top, left, side = tf.unstack(box)
        cuts = [
            lambda photograph=photograph: photograph[
                top : top + side, left : left + side
            ]
            for photograph in photographs
        ]
        patch = tf.switch_case(tf.cast(label, tf.int32), cuts)
        return tf.ensure_shape(patch, (None, None, 3))

    train, validation = (
        tf.data.Dataset.from_tensor_slices((boxes, boxes[:, 0]))
        for boxes in map(photo_patches.make_boxes, ("train", "validation"))
    )
    return ImageData(
        "photo_patches",
        photo_patches.PHOTOGRAPHS,
        train,
        validation,
        photo_patches.SIZES["train"],
        photo_patches.SIZES["validation"],
        cut,
    )


def _folder(root):
    train = root / "train"
    validation = next(
        (
            root / name
            for name in ("validation", "val")
            if (root / name).is_dir()
        ),
        None,
    )
    if train.is_dir() and validation is not None:
        names, others = _class_names(train), _class_names(validation)
        if names != others:
            raise ValueError(
                f"`dataset`: train has the classes {', '.join(names)}, and "
                f"{validation.name} has {', '.join(others)}. "
                f"Received: {str(root)!r}"
            )
        files = {
            "train": _image_files(train, names),
            "validation": _image_files(validation, names),
        }
    else:
        names = _class_names(root)
        files = {"train": [], "validation": []}
        for label, paths in enumerate(_image_files(root, names)):
            files["validation"].append(paths[::5])
            files["train"].append(
                [path for i, path in enumerate(paths) if i % 5]
            )
            if not files["train"][-1]:
                raise ValueError(
                    f"`dataset`: class {names[label]!r} has one image, and "
                    "training and validation need one each. "
                    f"Received: {str(root)!r}"
                )
    splits, sizes = {}, {}
    for split, classes in files.items():
        pairs = [
            (str(path), label)
            for label, paths in enumerate(classes)
            for path in paths
        ]
        # Sorted by class until here, and the shuffle buffer may be smaller.
        random.Random(0).shuffle(pairs)
        paths, labels = zip(*pairs)
        sizes[split] = len(pairs)
        splits[split] = tf.data.Dataset.from_tensor_slices(
            (list(paths), np.array(labels, "int64"))
        )
    return ImageData(
        str(root),
        names,
        splits["train"],
        splits["validation"],
        sizes["train"],
        sizes["validation"],
        _read_file,
    )


def _class_names(folder):
    names = tuple(
        sorted(
            path.name
            for path in folder.iterdir()
            if path.is_dir() and not path.name.startswith(".")
        )
    )
    if len(names) < 2:
        raise ValueError(
            "`dataset` must be a folder with a folder for each class, at "
            f"least two. Received: {str(folder)!r}, with {len(names)}"
        )
    return names


def _image_files(folder, names):
    """Returns, for each class, its image files in the order of their names."""
    classes = []
    for name in names:
        paths = sorted(
            path
            for path in (folder / name).rglob("*")
            if path.suffix.lower() in IMAGE_FILES
        )
        if not paths:
            raise ValueError(
                f"`dataset`: class {name!r} has no image "
                f"({', '.join(IMAGE_FILES)}) in {str(folder / name)!r}. "
                "Remove its folder or add images. "
                f"Received: {str(folder)!r}"
            )
        classes.append(paths)
    return classes


def _read_file(path):
    return _decode(tf.io.read_file(path))


def _decode(encoded):
    image = tf.io.decode_image(encoded, channels=3, expand_animations=False)
    return tf.ensure_shape(image, (None, None, 3))


def _tfds(name):
    import tensorflow_datasets as tfds

    try:
        builder = tfds.builder(name)
        builder.download_and_prepare()
    except Exception as error:
        folder = os.environ.get("TFDS_DATA_DIR", "the default folder")
        raise ValueError(
            "`dataset` is neither photo_patches, nor a folder, nor a TFDS "
            f"name that can be read from {folder} or downloaded: "
            f"{str(error).splitlines()[0]} Received: {name!r}"
        ) from error
    info = builder.info
    image_key, label_key = (info.supervised_keys or (None, None))[:2]
    features = dict(info.features)
    labels = features.get(label_key)
    if not isinstance(labels, tfds.features.ClassLabel):
        raise ValueError(
            f"`dataset` has no labels to learn. Received: {name!r}"
        )
    feature = features.get(image_key)
    # Images of floats are kept bit by bit in PNG: they cannot be shown.
    if (
        not isinstance(feature, tfds.features.Image)
        or feature.np_dtype != np.uint8
    ):
        raise ValueError(
            f"`dataset` must hold uint8 images; {image_key!r} is {feature!r}. "
            f"Received: {name!r}"
        )
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
        tuple(labels.names),
        train,
        validation,
        info.splits["train"].num_examples,
        info.splits[held_out].num_examples,
        _decode,
    )
