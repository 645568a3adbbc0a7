"""Which folders of a data set hold classes, and which hold splits of them.

Taken for classes, `Training` and `Testing` would train well on a wrong
question, on test images too. So they are known by many names, and refused
without one where the folders inside give them away.
"""

import os
import re
from collections import Counter

from alexnet_keras.data import image_files

# One of these words in its name makes a folder with folders inside a split:
# `Training`, `test_set`, `seg_train`, `val2017`.
WORDS = {
    "train": {"train", "training"},
    "validation": {"validation", "valid", "val", "dev", "eval"},
    "test": {"test", "testing"},
}


def find(root):
    """Finds the folder of classes of each split.

    Args:
        root: `pathlib.Path` of the data set.

    Returns:
        A dictionary with the path for `"train"` and, if there are splits, for
        `"validation"`: of the test images where there are no others.

    Raises:
        ValueError: if there are splits, but not both with class folders.
    """
    root = _unwrap(root)
    there = list_folders(root)
    splits = {}
    for name in sorted(there, key=len):  # `train` before `train_masks`
        folder = _unwrap(root / name)
        if _split_of(name) and list_folders(folder):
            splits.setdefault(_split_of(name), folder)
    held_out = splits.get("validation") or splits.get("test")
    if "train" in splits and held_out:
        return {"train": splits["train"], "validation": held_out}
    named = [name for name in there if _split_of(name)]
    if named and (len(named) == len(there) or (splits and len(named) > 1)):
        raise ValueError(
            "`dataset` must hold training and validation images in two "
            "folders, such as train and val, each with the class folders "
            "inside; or the class folders themselves: every fifth image then "
            f"validates. Received: {str(root)!r}, with only {', '.join(there)}"
        )
    return {"train": root}


def describe(root, folders):
    """Says which images a data set with splits leaves out.

    Args:
        root: `pathlib.Path` of the data set.
        folders: what `find` gave for it.

    Returns:
        A list of sentences: if test images validate, and how many images lie
        beside the folders, and where.
    """
    said = []
    used = [os.path.relpath(path, root) for path in folders.values()]
    splits = [_split_of(part) for part in used[-1].split(os.sep)]
    if len(used) == 2 and "test" in splits:
        said.append(
            f"There are no images to validate on but those in {used[1]}, so "
            "they are no test any more."
        )
    if used == ["."]:
        return said
    beside, _ = image_files.find(root, folders.values())
    if beside:
        places = Counter(
            os.path.relpath(path, root).split(os.sep)[0] for path in beside
        )
        listed = [f"{place} ({count})" for place, count in places.items()]
        said.append(
            f"Left out {image_files.count(beside, 'image')} beside "
            f"{' and '.join(used)}: {image_files.list_names(listed)}."
        )
    return said


def refuse_unnamed(folder, names, files):
    """Refuses classes that look like splits, or like a copy of all of them.

    Args:
        folder: `pathlib.Path` of the class folders.
        names: of the class folders.
        files: for each of them the paths of its images.

    Raises:
        ValueError: if every one of them holds the same two folders or more,
            or one of them folders with the names of all others.
    """
    inside = [
        _first_folders(paths, len(str(folder / name)) + 1)
        for name, paths in zip(names, files)
    ]
    same = set.intersection(*inside)
    if len(same) > 1:
        raise ValueError(
            f"`dataset`: {image_files.list_names(names)} all hold the folders "
            f"{image_files.list_names(sorted(same))}. If those are the "
            "classes, call two of the outer folders train and val, or name "
            "one of them as the data set; if they are none, move their "
            f"images out of them. Received: {str(folder)!r}"
        )
    for name, found in zip(names, inside):
        if found >= {*names} - {name}:
            raise ValueError(
                f"`dataset`: {name!r} holds folders called as all the others. "
                "Remove it if it is a copy of them, or name it as the data "
                f"set. Received: {str(folder)!r}"
            )


def list_folders(folder):
    """Returns the names of the folders in a folder, sorted."""
    try:
        with os.scandir(folder) as entries:
            return tuple(
                sorted(
                    entry.name
                    for entry in entries
                    if os.path.isdir(entry)
                    and not image_files.is_hidden(entry.name)
                )
            )
    except OSError as error:
        image_files.refuse_folder(error)


def _split_of(name):
    """Returns which split a folder is by its name, or `None`.

    >>> [_split_of(name) for name in ("seg_train", "Test-Set", "trains")]
    ['train', 'test', None]
    """
    words = re.findall("[a-z]+", name.lower())
    words = {word.removesuffix("set") for word in words}
    found = [split for split, known in WORDS.items() if words & known]
    return found[0] if len(found) == 1 else None


def _unwrap(folder):
    """Goes from `flowers` into `flowers/flowers`, as archives unpack."""
    while True:
        inside = list_folders(folder)
        if len(inside) != 1 or not list_folders(folder / inside[0]):
            return folder
        # A split that is alone is none, except in a folder of its own name.
        if _split_of(inside[0]) not in (None, _split_of(folder.name)):
            return folder
        folder = folder / inside[0]


def _first_folders(paths, start):
    """The folders in which files lie whose names begin at `start`."""
    return {
        path[start:].split(os.sep)[0]
        for path in paths
        if os.sep in path[start:]
    }
