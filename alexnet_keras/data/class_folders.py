"""A folder of class folders: which image is of which class and which split.

Whatever is not used is counted and named: nobody should have to find out
from a poor result that half of the images were never seen.
"""

import itertools
import os
import pathlib
import random
from dataclasses import dataclass

from alexnet_keras.data import image_files
from alexnet_keras.data import split_folders
from alexnet_keras.utils.printing import printable


@dataclass(frozen=True)
class ClassFolders:
    """Image files with their labels.

    Attributes:
        class_names: names of the class folders, sorted; as `caf\\xe9` and
            `a\\nb` where they are not UTF-8 or have line breaks, which figures
            and files of names do not take.
        train: `(path, label)` of the training images, in random order.
        validation: `(path, label)` of the validation images, likewise.
        skipped: what was left out, with the count, and whether test images
            validate: a sentence each.
    """

    class_names: tuple[str, ...]
    train: tuple[tuple[str, int], ...]
    validation: tuple[tuple[str, int], ...]
    skipped: tuple[str, ...]


def read_folder(root, skip_bad=False):
    """Finds the images of a folder of class folders, and checks them all.

    Args:
        root: path of a folder that holds a folder for each class, or folders
            of splits with the classes inside: `train` and `val`, or, where
            there is none to validate, `test`; `split_folders.WORDS` has
            other names. Images beside them are counted. Without splits every
            fifth image of a class validates. A folder that is alone in its
            folder is gone into; folders inside a class belong to it. Names
            that begin with a dot, and `__MACOSX`, are ignored. A class may be
            a link to a folder that lies elsewhere; links inside a class are
            not followed.
        skip_bad: whether to leave out images that cannot be read. Defaults
            to `False`: they are refused.

    Returns:
        `ClassFolders`.

    Raises:
        ValueError: if there are fewer than two classes, a class without an
            image, splits of different classes, folders that look like splits
            and cannot be told apart, a link by which an image would be there
            twice, or, without `skip_bad`, an image that cannot be read.
    """
    root = pathlib.Path(root)
    folders = split_folders.find(root)
    names = _class_names(root, folders)
    _refuse_links(root, folders, names)
    files, others = _find(root, folders, names)
    bad = image_files.check(
        [
            path
            for classes in files.values()
            for paths in classes
            for path in paths
        ]
    )
    skipped = split_folders.describe(root, folders)
    if bad:
        listed = image_files.list_names(list(bad), root, bad)
        if not skip_bad:
            raise ValueError(
                f"`dataset`: {image_files.count(bad, 'image')} cannot be "
                f"read: {listed}. Replace or remove what is listed, or pass "
                "`skip_bad=True` (`--skip-bad`) to leave it out. "
                f"Received: {str(root)!r}"
            )
        skipped.append(
            f"Left out {image_files.count(bad, 'image')} that cannot be read: "
            f"{listed}."
        )
        files = _leave_out(bad, files, names, root)
    if others:
        skipped.append(
            f"Not read {image_files.count(others, 'file')} whose name or place "
            f"is no image's: {image_files.list_names(others, root)}."
        )
    if "validation" not in files:
        files = _hold_out(files["train"], names, root)
    return ClassFolders(
        tuple(map(printable, names)),
        _label_and_shuffle(files["train"]),
        _label_and_shuffle(files["validation"]),
        tuple(skipped),
    )


def _class_names(root, folders):
    classes = {
        split: split_folders.list_folders(path)
        for split, path in folders.items()
    }
    for split, names in classes.items():
        if len(names) < 2:
            raise ValueError(
                "`dataset` must be a folder with a folder for each class, at "
                f"least two. Received: {str(folders[split])!r}, with "
                f"{len(names)}"
            )
    names = classes["train"]
    validation = classes.get("validation", names)
    if names != validation:
        lone = {
            folders["train"].name: sorted({*names} - {*validation}),
            folders["validation"].name: sorted({*validation} - {*names}),
        }
        differences = "; ".join(
            f"only {name} has {image_files.list_names(found, '')}"
            for name, found in lone.items()
            if found
        )
        raise ValueError(
            "`dataset` must have the same classes for training and "
            f"validation: {differences}. Received: {str(root)!r}"
        )
    return names


def _refuse_links(root, folders, names):
    """Refuses links that lead nowhere, or to images that are there already."""
    lost = [
        path
        for folder in folders.values()
        for path in sorted(folder.iterdir())
        if path.is_symlink() and not os.path.exists(path)
    ]
    if lost:
        raise ValueError(
            "`dataset`: a link where a class may be leads nowhere: "
            f"{image_files.list_names(lost, root)}. Mend or remove what is "
            f"listed. Received: {str(root)!r}"
        )
    # In this order a folder is followed by what is inside it.
    places = sorted(
        (pathlib.Path(os.path.realpath(folder / name)), folder / name)
        for folder in folders.values()
        for name in names
    )
    for (outer, path), (inner, other) in itertools.pairwise(places):
        if inner.is_relative_to(outer):
            both = image_files.list_names([path, other], root)
            raise ValueError(
                f"`dataset`: by a link, two classes or splits have images in "
                f"common: {both}. Remove the link, or let it lead to a folder "
                f"that no other is in. Received: {str(root)!r}"
            )


def _find(root, folders, names):
    """Returns for each split the images of each class, and all other files."""
    files, others = {}, []
    for split, folder in folders.items():
        files[split] = []
        others += [
            entry.path
            for entry in sorted(
                os.scandir(folder), key=lambda entry: entry.name
            )
            if not entry.is_dir() and not image_files.is_hidden(entry.name)
        ]
        for name in names:
            pictures, rest = image_files.find(folder / name)
            if not pictures:
                listed = image_files.list_names(rest, folder / name)
                raise ValueError(
                    f"`dataset`: class {name!r} has no image "
                    f"({', '.join(image_files.IMAGE_FILES)}) in "
                    f"{str(folder / name)!r}"
                    f"{', but ' + listed if rest else ''}. Remove its folder "
                    f"or add images. Received: {str(root)!r}"
                )
            files[split].append(pictures)
            others += rest
        split_folders.refuse_unnamed(folder, names, files[split])
    return files, others


def _leave_out(bad, files, names, root):
    left = {
        split: [
            [path for path in paths if path not in bad] for paths in classes
        ]
        for split, classes in files.items()
    }
    for split, classes in left.items():
        for name, paths in zip(names, classes):
            if not paths:
                raise ValueError(
                    f"`dataset`: class {name!r} has no image for {split} that "
                    f"can be read. Received: {str(root)!r}"
                )
    return left


def _hold_out(classes, names, root):
    """Takes every fifth image of a class for validation."""
    for name, paths in zip(names, classes):
        if len(paths) == 1:
            raise ValueError(
                f"`dataset`: class {name!r} has one image, and training and "
                f"validation need one each. Received: {str(root)!r}"
            )
    return {
        "train": [
            [path for i, path in enumerate(paths) if i % 5] for paths in classes
        ],
        "validation": [paths[::5] for paths in classes],
    }


def _label_and_shuffle(classes):
    pairs = [
        (path, label) for label, paths in enumerate(classes) for path in paths
    ]
    # Sorted by class until here, and a shuffle buffer may be smaller.
    random.Random(0).shuffle(pairs)
    return tuple(pairs)
