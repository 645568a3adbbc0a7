"""Files that are whole or not there, whatever happens while they are written."""

import os
import pathlib

PART = ".part-"


class NotSaved(OSError):
    """A file could not be written; what was there before still is."""


def write(path, write):
    """Calls `write(path)` on a name beside `path`, then renames.

    Args:
        path: the file that is to be there, whole, or as it was before.
        write: a function that writes the file whose path it gets.

    Raises:
        NotSaved: if the disk is full or the folder cannot be written.
    """
    path = pathlib.Path(path)
    # The ending stays: Keras and Matplotlib choose the format by it.
    part = path.with_name(PART + path.name)
    try:
        write(part)
        with open(part, "rb") as file:
            os.fsync(file.fileno())
        os.replace(part, path)
        _force_to_disk(path.parent)
    except OSError as error:
        part.unlink(missing_ok=True)
        refuse(path, error.strerror or error, error)


def refuse(path, reason, error):
    """Raises `NotSaved` for a file or folder that could not be written."""
    raise NotSaved(
        f"{str(path)!r} could not be written: {reason}. Make room or choose "
        "another folder."
    ) from error


def _force_to_disk(folder):
    """So that the new name outlives a power failure; not on Windows."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
