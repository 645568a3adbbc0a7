"""The folder of a run: held against other processes, and for this run only."""

import contextlib
import json
import os
import pathlib
from dataclasses import asdict

import numpy as np

from alexnet_keras.data import image_files
from alexnet_keras.data import split_folders
from alexnet_keras.data import statistics
from alexnet_keras.training import checkpoints
from alexnet_keras.training import distribution
from alexnet_keras.utils import atomic
from alexnet_keras.utils import locking
from alexnet_keras.utils.fingerprint import fingerprint
from alexnet_keras.utils.fingerprint import former_fingerprint

FILE = "settings.json"
STATISTICS = "statistics.npz"
LOCK = ".lock"
HASH = "table_and_recipe"
CONTENTS = "contents"  # of the data set; files of earlier runs have none
NUMERICS = "numerics"
DICTS = (CONTENTS, NUMERICS)
# All that a run writes, besides checkpoints.
FILES = (
    *(FILE, STATISTICS, "history.csv"),
    *("model.keras", "curves.png", "results.json"),
)


def claim(output, dataset=None):
    """Checks that the folder of a run can be made or written.

    Returns:
        The `pathlib.Path`, or `None` for `None`.
    """
    if output is None:
        return None
    if not str(output):
        raise ValueError("`output` must name a folder. Received: output=''")
    folder = pathlib.Path(output).expanduser()
    root = dataset is not None and pathlib.Path(dataset).expanduser()
    places = split_folders.find(root).values() if root and root.is_dir() else ()
    if any(folder.resolve().is_relative_to(x.resolve()) for x in places):
        raise ValueError(
            "`output` must not lie among the images of `dataset`: what a run "
            "writes would be taken for classes and images. Name a folder "
            f"elsewhere. Received: output={str(output)!r}, "
            f"dataset={str(dataset)!r}"
        )
    # `os.path.exists` is false, and no error, in a folder that is locked.
    there = next(p for p in (folder, *folder.parents) if os.path.exists(p))
    if not there.is_dir() or not os.access(there, os.W_OK):
        raise ValueError(
            f"`output` cannot be written: {str(there)!r} is no folder, or is "
            f"not yours to write. Received: output={str(output)!r}"
        )
    return folder


@contextlib.contextmanager
def hold(folder):
    """Makes the folder of a run, and keeps other processes out of it.

    What a process that was killed was writing is removed; so is, in the end,
    a new folder into which nothing came.

    Raises:
        ValueError: if another process is at work in it.
    """
    if folder is None:
        yield
        return
    new = not folder.exists()
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with only_here(folder / LOCK, folder):
            checkpoints.remove_parts(folder, FILES)
            yield
    finally:
        if new:
            with contextlib.suppress(OSError):  # it is not empty
                folder.rmdir()


@contextlib.contextmanager
def only_here(lock, output):
    """Holds a lock, or says that another process writes the same `output`."""
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(locking.locked(lock))
        except BlockingIOError:
            raise ValueError(
                "`output` is being written by another process. Wait until it "
                f"ends, or name another. Received: output={str(output)!r}"
            ) from None
        yield


def describe(config, table, recipe, data, folder=None):
    """Returns all that defines a run as a dict for JSON.

    The table, the recipe and the data set go in by their contents, since
    their names do not say all.

    Args:
        folder: of the run. If one is there that was begun when the hash was
            made otherwise, it keeps that one. Defaults to `None`.
    """
    made = fingerprint(table, recipe)
    former = former_fingerprint(table, recipe)
    if folder is not None and (folder / FILE).exists():
        if former in (folder / FILE).read_text("utf-8", "replace"):
            made = former
    return {
        **asdict(config),
        HASH: made,
        "train_size": data.train_size,
        "validation_size": data.validation_size,
        "class_names": list(data.class_names),
        CONTENTS: data.contents,
    }


def write(folder, description):
    """Writes `settings.json`, the first file of a run."""
    there = {**description, NUMERICS: distribution.numerics()}
    text = json.dumps(there, indent=2) + "\n"
    atomic.write(
        folder / FILE, lambda part: part.write_text(text, encoding="utf-8")
    )


def measure_once(folder, description, data, mean):
    """Returns the `DataStatistics` of a run, measured or kept in its folder.

    Args:
        folder: of the run, or `None`.
        description: of the run, as of `describe`.
        data: its `ImageData`.
        mean: `"image"` or `"pixel"`.
    """
    measured = ("input_size", "train_size", "class_names", CONTENTS)
    of = fingerprint(mean, json.dumps([description[x] for x in measured]))
    path = folder and folder / STATISTICS
    if path and path.exists():
        with contextlib.suppress(Exception):  # damaged: measured again
            with np.load(path) as file:
                if str(file["of"]) == of:
                    return statistics.DataStatistics.from_arrays(file)
    found = statistics.measure(data, mean, description["input_size"])
    if path:
        arrays = {"of": np.array(of), **found.to_arrays()}
        atomic.write(path, lambda part: checkpoints.savez(part, arrays))
    return found


def read_dataset(model):
    """Reads which data set a run was trained on.

    Args:
        model: path of the output folder of a run, or of a file in it.

    Returns:
        `(dataset, skip_bad)`, as for `trainer.train`.
    """
    path = pathlib.Path(model)
    file = (path if path.is_dir() else path.parent) / FILE
    try:
        there = dict(json.loads(file.read_text(encoding="utf-8")))
        return there["dataset"], there.get("skip_bad", False)
    except (OSError, ValueError, TypeError, KeyError):
        raise ValueError(
            f"`--dataset` must be named, as `model` has no {FILE} of a run "
            f"beside it that does. Received: model={str(model)!r}"
        ) from None


def check_same(folder, description):
    """Refuses a folder that holds a run with other settings.

    Returns:
        A sentence if it was begun under other numerics, so that it cannot go
        on to the bit; otherwise `None`.

    Raises:
        ValueError: that names what differs.
    """
    path = folder / FILE
    if not path.exists():
        return None
    try:
        there = dict(json.loads(path.read_text(encoding="utf-8")))
        if not all(isinstance(there.get(x, {}), dict) for x in DICTS):
            raise ValueError
    except Exception:  # whatever JSON raises, and a folder
        raise ValueError(
            f"`output` holds a run whose {FILE} is damaged. Name another "
            "folder, or remove this file if you are sure of the settings. "
            f"Received: output={str(folder)!r}"
        ) from None
    there.setdefault(CONTENTS, description[CONTENTS])
    differing = [
        name for name in description if there.get(name) != description[name]
    ]
    if differing == [HASH]:
        differences = (
            "the layers or the rates behind the names are not the same"
        )
    else:
        differences = "; ".join(
            _difference(name, there.get(name), description[name])
            for name in differing
            if name != HASH
        )
    if differing:
        raise ValueError(
            f"`output` holds a run with other settings: {differences}. "
            "Name another folder, or the settings of that run. "
            f"Received: output={str(folder)!r}"
        )
    now = distribution.numerics()
    before = there.get(NUMERICS, now)
    changes = [
        f"{name} was {before.get(name)} and is {value}"
        for name, value in now.items()
        if before.get(name) != value
    ]
    return changes and (
        f"The machine computes otherwise than before: {'; '.join(changes)}. "
        "The weights may differ in their last digits from those of a run left "
        "alone."
    )


def _difference(name, there, here):
    if name == "class_names":  # a thousand would bury the rest
        return "the classes are not the same"
    if name == CONTENTS:
        parts = [
            part
            for part in {**there, **here}
            if there.get(part) != here.get(part)
        ]
        return (
            f"the images of {image_files.list_names(parts)} are not the same, "
            "by their names or sizes"
        )
    return f"{name} is {there!r} there and {here!r} here"
