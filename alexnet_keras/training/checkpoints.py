"""Everything that a run needs to go on, on disk, whatever happens to it.

Keras's `.keras` and `.weights.h5` leave out the state of random layers, and
`BackupAndRestore` begins an epoch that was broken off anew. Here all variables
are kept (weights, velocities, rates, states of dropout) with the number of the
step, from which the order of the data follows.

A file is written under another name, forced to disk, then renamed: it is
whole or it is not there. Two are kept, each with a checksum and the settings
of its run; one that is damaged or of another run falls back to the one before.
"""

import hashlib
import json
import pathlib
import re
from dataclasses import dataclass

import numpy as np

from alexnet_keras.utils import atomic
from alexnet_keras.utils.printing import printable

KEEP = 2
PROGRESS = "progress"
CHECKSUM = "checksum"
NAME = re.compile(r"checkpoint-(\d{8,})\.npz")  # not a user's checkpoint-best


@dataclass(frozen=True)
class Checkpoint:
    """What a file holds.

    Attributes:
        step: updates made so far.
        arrays: a dict from the place of a variable to its value.
        progress: a dict of plain values that go with it.
    """

    step: int
    arrays: dict
    progress: dict


def state_of(model):
    """Returns all variables of a compiled model with its optimizer, by place.

    Weights, states of random layers, and the optimizer's variables, which
    must have been built. Metrics are left out: they begin anew. Not by name,
    since Keras numbers what has none anew in each model of a process.
    """
    variables = [*model.variables, *model.optimizer.variables]
    return {f"{i:04}": variable for i, variable in enumerate(variables)}


def restore(model, checkpoint):
    """Gives a model and its optimizer the values of a checkpoint.

    Raises:
        ValueError: if the variables are not those of the model; nothing is
            changed then.
    """
    variables = state_of(model)
    arrays = checkpoint.arrays
    theirs = {name: array.shape for name, array in arrays.items()}
    ours = {name: tuple(v.shape) for name, v in variables.items()}
    if ours != theirs:
        differing = sorted(set(ours.items()) ^ set(theirs.items()))
        raise ValueError(
            "The checkpoint is not of this model: "
            f"{len(arrays)} variables there, {len(ours)} here, the first that "
            f"differs is number {int(differing[0][0])}. "
            f"Received: step {checkpoint.step}"
        )
    for name, variable in variables.items():
        variable.assign(arrays[name])


def save(folder, step, arrays, progress):
    """Writes a checkpoint, and removes all but the newest two.

    Args:
        folder: where to; it must be there.
        step: updates made so far.
        arrays: a dict of arrays, such as that of `state_of`.
        progress: a dict that JSON can hold; `settings`, if it is in it, are
            those of the run.

    Returns:
        The path of the file. One of the full network has 0.5 GB.

    Raises:
        atomic.NotSaved: if the disk is full or the folder cannot be written.
    """
    text = json.dumps(progress).encode()
    contents = {name: np.asarray(value) for name, value in arrays.items()}
    contents[PROGRESS] = np.frombuffer(text, "uint8")
    contents[CHECKSUM] = _checksum(contents)

    path = pathlib.Path(folder) / f"checkpoint-{step:08}.npz"
    atomic.write(path, lambda part: savez(part, contents))
    # Later ones were passed over: damaged, or of another run.
    until = [old for old in _files(folder) if _step(old) <= step]
    for old in until[:-KEEP]:
        old.unlink(missing_ok=True)
    return path


def load_newest(folder, say=print, settings=None):
    """Returns the newest checkpoint that is whole and of this run, or `None`.

    Args:
        folder: where from.
        say: a function that gets a sentence about each file that is passed
            over.
        settings: a dict, of the run. Defaults to `None`: of any.

    Raises:
        ValueError: if there are checkpoints and none can be used.
    """
    files = _files(folder)
    for path in reversed(files):
        try:
            arrays, progress = _load(path)
        except Exception:  # whatever zipfile, NumPy or JSON raise on damage
            name = printable(path.name)
            say(f"{name} is damaged; the one before it is taken.")
            continue
        theirs = progress.get("settings", {})
        others = [
            name
            for name, value in (settings or {}).items()
            if theirs.get(name, value) != value
        ]
        if others:
            say(
                f"{path.name} is of a run with another {', '.join(others)}; "
                "the one before it is taken."
            )
            continue
        return Checkpoint(_step(path), arrays, progress)
    if files:
        raise ValueError(
            f"All {len(files)} checkpoints are damaged or of another run. Name "
            "another folder, or remove this one. "
            f"Received: output={str(folder)!r}"
        )
    return None


def _load(path):
    """Returns arrays and progress of a file; any error means damage."""
    with np.load(path) as file:
        contents = {name: file[name] for name in file.files}
    checksum = contents.pop(CHECKSUM, None)
    progress = json.loads(contents[PROGRESS].tobytes())
    # Files of earlier versions have neither checksum nor settings.
    if checksum is not None or "settings" in progress:
        if not np.array_equal(checksum, _checksum(contents)):
            raise ValueError("not what was written")
    del contents[PROGRESS]
    return contents, progress


def _checksum(contents):
    """Over names and numbers: a file may be read wrongly without an error."""
    digest = hashlib.sha256()
    for name, array in sorted(contents.items()):
        digest.update(f"{name} {array.dtype} {array.shape} ".encode())
        digest.update(np.ascontiguousarray(array).reshape(-1).view("uint8"))
    return np.frombuffer(digest.digest(), "uint8")


def remove_all(folder):
    """Removes the checkpoints of a run that has come to its end."""
    for path in _files(folder):
        path.unlink(missing_ok=True)


def remove_parts(folder, names):
    """Removes what a process that was killed had begun to write.

    Args:
        folder: where from.
        names: of the files that may have been written, besides checkpoints.
    """
    for path in pathlib.Path(folder).glob(f"{atomic.PART}*"):
        name = path.name.removeprefix(atomic.PART)
        if name in names or NAME.fullmatch(name):
            path.unlink(missing_ok=True)


def _files(folder):
    """The checkpoints, oldest first."""
    there = pathlib.Path(folder).glob("checkpoint-*.npz")
    files = [path for path in there if _step(path) and path.is_file()]
    return sorted(files, key=_step)


def _step(path):
    """Returns the number in the name of a checkpoint; `None`: it is none."""
    found = NAME.fullmatch(path.name)
    return found and int(found[1])


def savez(path, contents):
    """Writes a dict of arrays to a file of exactly that name."""
    with open(path, "wb") as file:
        np.savez(file, **contents)
