"""Writing of squares, once for all epochs: `prepare`."""

import json
import os
import pathlib
import shutil
import sys
import zlib

import keras
import numpy as np
import tensorflow as tf
import tqdm

from alexnet_keras import validation
from alexnet_keras.data import image_data
from alexnet_keras.data import input_pipeline
from alexnet_keras.data import statistics
from alexnet_keras.data.squares import reading
from alexnet_keras.utils import atomic
from alexnet_keras.utils import locking
from alexnet_keras.utils.fingerprint import fingerprint
from alexnet_keras.utils.printing import printable

LOCK = ".lock"
FORMS = ("pixels", "jpeg")
QUALITY = 95
SAMPLE = 64  # squares by which the bytes of the others are estimated


def prepare(data, output, size=256, form="pixels", verbose=1):
    """Writes the squares of all images of a data set to a folder.

    Called again with the same arguments it goes on where it was stopped, by
    whatever; a folder that is complete is left as it is.

    Args:
        data: an `ImageData`, as of `load_dataset`.
        output: folder for the squares; made if it is not there.
        size: side of the squares in pixels. Defaults to 256, from which
            crops of 224 are cut; crops of 227 take 259.
        form: `"pixels"` or `"jpeg"`. Defaults to `"pixels"`.
        verbose: 1 shows on stderr how far it is. Defaults to 1.

    Returns:
        The prepared `ImageData`, as `load_dataset(output)` gives it.

    Raises:
        ValueError: before anything is written, if an argument is out of
            range, or `output` holds something else or is in use; later, if
            images cannot be read, all of which it names.
        OSError: if the disk has no room, which is looked at first.
    """
    size = validation.integer("size", size)
    validation.choice("form", form, FORMS)
    if data.square is not None:
        raise ValueError(
            "`dataset` is prepared already; name the one that it was made "
            f"of. Received: {data.name!r}"
        )
    folder, source = (
        pathlib.Path(path).expanduser() for path in (output, data.name)
    )
    if source.is_dir() and folder.resolve().is_relative_to(source.resolve()):
        raise ValueError(
            "`output` must not lie among the images of `dataset`: what is "
            "written would be taken for classes and images. Name a folder "
            f"elsewhere. Received: output={str(output)!r}"
        )
    try:
        return _go_on(data, folder, _describe(data, size, form), verbose)
    except BlockingIOError:
        raise ValueError(
            "`output` is being prepared by another process. "
            f"Received: output={str(output)!r}"
        ) from None


def prepare_in_cache(data, size, say=print, verbose=1):
    """Prepares a data set that is too large for memory, in Keras's cache.

    Args:
        data: an `ImageData`.
        size: side of the squares in pixels.
        say: a function that gets a sentence on what is written, and where.
        verbose: as for `prepare`.

    Returns:
        The prepared `ImageData`; `data` itself if it fits in memory or is
        prepared already, or if there is no room on the disk.
    """
    if data.square is not None or input_pipeline.fit_in_memory(data, size):
        return data
    description = _describe(data, size, FORMS[0])
    home = os.environ.get("KERAS_HOME", os.path.expanduser("~/.keras"))
    name = fingerprint(json.dumps(description, sort_keys=True))
    folder = pathlib.Path(home, "datasets", "alexnet_keras", name)
    gigabytes = 3 * size * size * sum(description["sizes"]) / 1e9
    about = f"The images, {gigabytes:,.1f} GB as squares, do not fit in memory"
    if not (folder / reading.FILE).is_file():
        say(f"{about}: they are cut once, into {printable(folder)}.")
    try:
        return _go_on(data, folder, description, verbose, wait=True)
    except OSError as error:
        say(f"{about}, and are cut in every epoch: {printable(error)}")
        return data


def _go_on(data, folder, description, verbose, wait=False):
    _check_output(folder, description)
    folder.mkdir(parents=True, exist_ok=True)
    with locking.locked(folder / LOCK, wait):
        if not (folder / reading.FILE).exists():
            _write_all(data, folder, description, verbose)
    return reading.load(folder)


def _describe(data, size, form):
    """All that the squares depend on, as a dict for JSON."""
    return {
        "dataset": data.name,
        "form": form,
        "size": size,
        "class_names": list(data.class_names),
        "sizes": [data.train_size, data.validation_size],
        "skipped": list(data.skipped),
        "contents": data.contents,
    }


def _check_output(folder, description):
    """Refuses a folder that holds anything but these squares."""
    if not folder.exists():
        return
    if not folder.is_dir():
        raise ValueError(
            f"`output` must be a folder. Received: output={str(folder)!r}"
        )
    for name in (reading.FILE, reading.BEGUN):
        if not (folder / name).is_file():
            continue
        try:
            there = json.loads((folder / name).read_text(encoding="utf-8"))
            there = there["description"]
        except (OSError, ValueError, TypeError, KeyError):
            reading.refuse(
                folder, f"its {name} is damaged. {reading.ADVICE}", "output"
            )
        differing = [x for x in description if there.get(x) != description[x]]
        if differing:
            reading.refuse(
                folder,
                f"it was prepared with other {' and '.join(differing)}. Name "
                "another folder.",
                "output",
            )
        return
    begun = (LOCK, f"{atomic.PART}{reading.BEGUN}")  # by one that was killed
    if any(path.name not in begun for path in folder.iterdir()):
        raise ValueError(
            "`output` must be an empty or a new folder, or one that was "
            f"prepared before. Received: output={str(folder)!r}"
        )


def _write_all(data, folder, description, verbose):
    splits = dict(zip(image_data.SPLITS, description["sizes"]))
    begun = {"version": reading.VERSION, "description": description}
    _write_json(folder / reading.BEGUN, begun)
    encode = _encoder(data, description["size"], description["form"])
    there = {split: _complete_files(folder, split) for split in splits}
    left = sum(
        max(count - reading.IN_FILE * len(there[split]), 0)
        for split, count in splits.items()
    )
    with data.naming_bad_images():
        _check_room(data, folder, encode, left)
        total = sum(splits.values())
        progress = tqdm.tqdm(
            total=total,
            initial=total - left,
            unit="image",
            unit_scale=True,
            mininterval=0.5 if sys.stderr.isatty() else 30,
            disable=not verbose,
        )
        for split, count in splits.items():
            files = there[split]
            squares = getattr(data, split).skip(len(files) * reading.IN_FILE)
            squares = image_data.without_autotune(
                squares.map(encode, num_parallel_calls=tf.data.AUTOTUNE)
            ).as_numpy_iterator()
            while len(files) * reading.IN_FILE < count:
                number = min(
                    reading.IN_FILE, count - len(files) * reading.IN_FILE
                )
                name = f"{split}-{len(files):05}"
                files.append(
                    _write_file(folder, name, squares, number, progress)
                )
        arrays = statistics.measure_all(data, description["size"]).to_arrays()
    atomic.write(
        folder / reading.STATISTICS, lambda part: np.savez(part, **arrays)
    )
    _write_json(
        folder / reading.FILE,
        {
            **begun,
            "versions": {
                "tensorflow": tf.__version__,
                "keras": keras.__version__,
            },
            "files": there,
        },
    )
    (folder / reading.BEGUN).unlink()
    progress.close()


def _encoder(data, size, form):
    def encode(record, label):
        square = data.cut(data.read(record), size)
        if form == "jpeg":
            square = tf.io.encode_jpeg(
                square, quality=QUALITY, chroma_downsampling=False
            )
        return square, label

    return encode


def _write_file(folder, name, squares, number, progress):
    """Writes the next squares and their index; returns what describes them."""
    index, checksum = [], 0

    def fill(part):
        nonlocal checksum
        with open(part, "wb") as file:
            for _ in range(number):
                square, label = next(squares)
                file.write(square)
                checksum = zlib.crc32(square, checksum)
                index.append((label, file.tell()))
                progress.update()

    def save(part):
        with open(part, "wb") as file:
            np.save(file, np.array(index, "int64"))

    path = folder / f"{name}.squares"
    atomic.write(path, fill)
    atomic.write(folder / f"{name}.npy", save)  # where it is, both are
    return _describe_file(path, checksum)


def _describe_file(path, checksum):
    about = path.stat()
    return {
        "name": path.name,
        "bytes": about.st_size,
        "changed": about.st_mtime_ns,
        "crc32": checksum,
        "index_crc32": zlib.crc32(path.with_suffix(".npy").read_bytes()),
    }


def _complete_files(folder, split):
    """Describes the files of a split that a stopped preparation has left."""
    found = []
    for path in sorted(folder.glob(f"{split}-?????.squares")):
        if not path.with_suffix(".npy").is_file():
            break
        found.append(_describe_file(path, zlib.crc32(path.read_bytes())))
    return found


def _check_room(data, folder, encode, left):
    """Estimates by the first squares whether the disk has room for all."""
    some = data.train.take(SAMPLE).map(encode).as_numpy_iterator()
    sizes = [len(memoryview(square).tobytes()) for square, _ in some]
    needed = int(left * np.mean(sizes))
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise OSError(
            f"The squares need about {needed / 1e9:,.1f} GB, and "
            f"{str(folder)!r} has {free / 1e9:,.1f} GB left. Make room, name "
            "another folder, or take the form 'jpeg'."
        )


def _write_json(path, contents):
    text = json.dumps(contents, indent=1) + "\n"
    atomic.write(path, lambda part: part.write_text(text, encoding="utf-8"))
