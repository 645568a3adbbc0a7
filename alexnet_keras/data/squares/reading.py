"""Reading of what `prepare` has written: any square, by its number."""

import io
import json
import pathlib
import zlib

import numpy as np
import tensorflow as tf

from alexnet_keras.data import image_data
from alexnet_keras.data import statistics
from alexnet_keras.data.readers import Reader

FILE, BEGUN, STATISTICS = "prepared.json", "preparing.json", "statistics.npz"
VERSION = 1
IN_FILE = 1000  # squares
ADVICE = "Prepare it again, into another folder."


def is_prepared(folder):
    """Whether a folder is of `prepare`, complete or not."""
    return any((folder / name).is_file() for name in (FILE, BEGUN))


def load(folder):
    """Loads what `prepare` has written.

    Returns:
        An `ImageData` whose records are numbers of squares.

    Raises:
        ValueError: that names what is missing, damaged or of another version.
    """
    folder = pathlib.Path(folder)
    if not (folder / FILE).is_file():
        raise ValueError(
            "`dataset` is a folder that was not prepared to its end. Run the "
            f"same `prepare` again, which goes on. Received: {str(folder)!r}"
        )
    try:
        kept = json.loads((folder / FILE).read_text(encoding="utf-8"))
        version, description = kept["version"], kept["description"]
        files = {split: kept["files"][split] for split in image_data.SPLITS}
        with np.load(folder / STATISTICS) as arrays:
            measured = statistics.Measured.from_arrays(arrays)
    except Exception:  # whatever JSON, NumPy or zipfile raise on damage
        refuse(folder, f"{FILE} or {STATISTICS} is damaged. {ADVICE}")
    if version != VERSION:
        refuse(folder, f"it is of version {version}, not {VERSION}. {ADVICE}")
    size, form = description["size"], description["form"]
    reader = SquareReader(folder, form, size)
    indices = {
        split: _read_index(folder, split, there)
        for split, there in files.items()
    }
    train, validate = (
        tf.data.Dataset.from_tensor_slices(
            (reader.add(split, index), index[:, 0])
        )
        for split, index in indices.items()
    )
    return image_data.ImageData(
        str(folder),
        tuple(description["class_names"]),
        train,
        validate,
        *(len(index) for index in indices.values()),
        reader,
        tuple(description["skipped"]),
        {**description["contents"], "form": f"{form} {size}"},
        square=size,
        measured=measured,
    )


class SquareReader(Reader):
    """Records are `(split, number)` of squares in a prepared folder."""

    def __init__(self, folder, form, size):
        self.folder, self.form, self.size = folder, form, size
        self.ends, self.maps = [], {}

    def add(self, split, index):
        """Makes a split readable; returns its records."""
        number = len(self.ends)
        self.ends.append(index[:, 1])
        count = np.arange(len(index))
        return np.stack([np.full_like(count, number), count], axis=1)

    def __call__(self, record):
        """Returns the square `(size, size, 3)`."""
        if self.form == "jpeg":
            encoded = tf.numpy_function(
                self._take_bytes, [record], tf.string, stateful=False
            )
            square = tf.io.decode_jpeg(encoded, channels=3)
        else:
            square = tf.numpy_function(
                self._take_pixels, [record], tf.uint8, stateful=False
            )
        return tf.ensure_shape(square, (self.size, self.size, 3))

    def describe(self, split, index, record):
        """Names the file of a square."""
        path = self._path(*np.array(record, "int64").tolist())
        return f"{split} square {index} ({path.name} is damaged)"

    def _path(self, split, number):
        name = f"{image_data.SPLITS[split]}-{number // IN_FILE:05}.squares"
        return self.folder / name

    def _take(self, record):
        split, number = record.tolist()
        file = (split, number // IN_FILE)
        if file not in self.maps:
            path = self._path(split, number)
            self.maps[file] = np.memmap(path, "uint8", mode="r")
        ends = self.ends[split]
        start = ends[number - 1] if number % IN_FILE else 0
        return self.maps[file][start : ends[number]]

    def _take_bytes(self, record):
        return self._take(record).tobytes()

    def _take_pixels(self, record):
        return self._take(record).reshape(self.size, self.size, 3)


def _read_index(folder, split, files):
    """Returns labels and ends of a split, after a look at its files."""
    parts = [np.empty((0, 2), "int64")]
    for there in files:
        path = folder / there["name"]
        try:
            now = path.stat()
            index = path.with_suffix(".npy").read_bytes()
            parts.append(np.load(io.BytesIO(index)))
            whole = now.st_size == there["bytes"] == parts[-1][-1, 1]
            whole = whole and zlib.crc32(index) == there["index_crc32"]
            # Only a file that was touched or copied is read through.
            if whole and now.st_mtime_ns != there["changed"]:
                whole = zlib.crc32(path.read_bytes()) == there["crc32"]
        except Exception:  # whatever NumPy raises on damage
            whole = False
        if not whole:
            refuse(folder, f"{there['name']} is damaged or not there. {ADVICE}")
    return np.concatenate(parts)


def refuse(folder, reason, argument="dataset"):
    """Raises the `ValueError` of a prepared folder that is of no use."""
    raise ValueError(
        f"`{argument}` is a prepared folder that cannot be used: {reason} "
        f"Received: {str(folder)!r}"
    ) from None
