"""Image files: found by name, checked by their bytes, read by TensorFlow.

TensorFlow's own words for a file that it cannot decode do not say which file,
and come hours into a run. So every file is checked before: its header says what
it is and how large, and its last bytes whether all of it is there. That is
quick, but damage in the middle shows only when the whole image is decoded, and
that of a JPEG not always then: its decoder patches over what it cannot read.

A small file can unfold to more pixels than the memory holds. What has more
than `PIL.Image.MAX_IMAGE_PIXELS` is refused before it is decoded: 89,478,485,
which take 268 MB, unless that is set to something else; `None` allows all.
"""

import errno
import io
import math
import os
import stat
import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import tensorflow as tf
from PIL import Image
from PIL import UnidentifiedImageError

from alexnet_keras.utils.printing import printable

IMAGE_FILES = (".jpg", ".jpeg", ".png", ".bmp", ".gif", ".webp")
# Pictures as well, which TensorFlow does not decode. They are looked at, to
# be refused by name: passed over, they would be missed by nobody.
OTHER_PICTURES = (
    *(".jpe", ".jfif", ".tif", ".tiff", ".avif", ".heic", ".heif", ".jxl"),
    *(".jp2", ".ppm", ".pgm", ".svg", ".ico", ".tga", ".psd"),
)
# First bytes: the name of the format and its last bytes.
FORMATS = {
    b"\xff\xd8\xff": ("JPEG", b"\xff\xd9"),
    b"\x89PNG\r\n\x1a\n": ("PNG", b"\0\0\0\0IEND\xaeB\x60\x82"),
    b"GIF8": ("GIF", b"\0;"),
}
THREADS = 16  # to wait for a disk or a network with
CHUNK = 256  # files in one piece of a thread's work
NAMED = 10  # names that a message lists


def decode(encoded):
    """Decodes the bytes of an image file, whatever the file was called.

    Grey becomes three equal channels, and CMYK and palettes become RGB; alpha
    is dropped; of 16 bits the upper 8 remain; of an animation the first
    picture. A camera's note that it was held upright (EXIF) is not followed.

    Args:
        encoded: scalar string tensor.

    Returns:
        A `uint8` tensor `(height, width, 3)`.
    """
    image = tf.io.decode_image(encoded, channels=3, expand_animations=False)
    return tf.ensure_shape(image, (None, None, 3))


def is_hidden(name):
    """Whether a file or folder is none of the user's, but of their system."""
    return name.startswith(".") or name == "__MACOSX"


def find(folder, without=()):
    """Finds the pictures in a folder and in those inside it, by their names.

    Args:
        folder: path. What is hidden is ignored.
        without: paths of folders inside it that are not gone into.

    Returns:
        Two sorted lists of paths: pictures, and everything else, links to
        folders included, which are not followed.

    Raises:
        ValueError: if a folder cannot be listed.
    """
    pictures, others = [], []
    without = set(map(os.path.normpath, without))
    for inside, folders, files in os.walk(folder, onerror=refuse_folder):
        folders[:] = [
            name
            for name in folders
            if not is_hidden(name)
            and os.path.normpath(os.path.join(inside, name)) not in without
        ]
        paths = [os.path.join(inside, name) for name in folders]
        others += filter(os.path.islink, paths)
        for name in files:
            if not is_hidden(name):
                is_picture = name.lower().endswith(IMAGE_FILES + OTHER_PICTURES)
                (pictures if is_picture else others).append(
                    os.path.join(inside, name)
                )
    return sorted(pictures), sorted(others)


def check(paths):
    """Looks at the header and the last bytes of files, many at a time.

    A file without its format's last bytes may still be fine (some cameras
    write more behind them), and so may be one of another format: TensorFlow
    is asked to decode those.

    Args:
        paths: list of paths.

    Returns:
        A dictionary from the path of each file that cannot be read to the
        reason, a few words.
    """
    chunks = [paths[i : i + CHUNK] for i in range(0, len(paths), CHUNK)]
    # Threads that undo their filters of warnings may undo each other's.
    with warnings.catch_warnings(), ThreadPoolExecutor(THREADS) as pool:
        found = pool.map(lambda chunk: list(map(_look_at, chunk)), chunks)
        reasons = [reason for chunk in found for reason in chunk]
    return {path: reason for path, reason in zip(paths, reasons) if reason}


def load(path):
    """Decodes an image file, or says why that is not possible.

    Args:
        path: of anything that is there. Nothing is read of pipes, devices
            and files that are too large.

    Returns:
        `(pixels, None)`, pixels as of `decode`, or `(None, reason)`.
    """
    try:
        with _open(path) as file:
            reason = _refuse_header(file)
            file.seek(0)
            encoded = b"" if reason else file.read()
    except OSError as error:
        return None, _say_system_error(path, error)
    return (None, reason) if reason else _decode(encoded)


def why_undecodable(encoded):
    """Returns why bytes cannot be decoded, or `None`; decodes all of them.

    >>> why_undecodable(b"a few words")
    'no image'
    """
    if not encoded:
        return "empty"
    return _refuse_header(io.BytesIO(encoded)) or _decode(encoded)[1]


def list_names(paths, root="", reasons=None):
    """Lists files for a message: the first few, and how many more.

    Args:
        paths: list of paths.
        root: path of the folder to which the names are relative.
        reasons: dictionary from paths to a few words, put in brackets.

    >>> list_names(["/d/a.jpg", "/d/b/c.jpg"], "/d", {"/d/a.jpg": "empty"})
    'a.jpg (empty), b/c.jpg'
    """
    names = []
    for path in paths[:NAMED]:
        name = printable(os.path.relpath(path, root) if root else path)
        reason = (reasons or {}).get(path)
        names.append(f"{name} ({reason})" if reason else name)
    more = len(paths) - len(names)
    return ", ".join(names) + (f" and {more} more" if more else "")


def count(things, name):
    """Returns how many there are, in words.

    >>> count([1, 2], "image")
    '2 images'
    """
    return f"{len(things)} {name}{'s' if len(things) > 1 else ''}"


def refuse_folder(error):
    """Raises a `ValueError` for a folder that cannot be listed."""
    raise ValueError(
        f"`dataset`: a folder cannot be listed ({error.strerror}). "
        f"Received: {error.filename!r}"
    ) from error


def _open(path):
    """Opens a file, or says in an `OSError` why it must not be read."""
    status = os.stat(path)
    if not stat.S_ISREG(status.st_mode):
        raise OSError(0, "not a file")
    if not status.st_size:
        raise OSError(0, "empty")
    # The largest pixels, four channels of 16 bits, have 8 bytes.
    if status.st_size > 8 * (Image.MAX_IMAGE_PIXELS or math.inf):
        raise OSError(0, f"too large: {status.st_size:,} bytes")
    return open(path, "rb")


def _look_at(path):
    try:
        with _open(path) as file:
            if reason := _refuse_header(file):
                return reason
            file.seek(0)
            first = file.read(8)
            file.seek(max(0, file.seek(0, os.SEEK_END) - 12))
            last = file.read()
    except OSError as error:
        return _say_system_error(path, error)
    for start, (_, end) in FORMATS.items():
        if first.startswith(start) and last.endswith(end):
            return None
    return load(path)[1]


def _say_system_error(path, error):
    if isinstance(error, FileNotFoundError) or error.errno == errno.ELOOP:
        return "broken link" if os.path.islink(path) else "not there any more"
    return error.strerror


def _refuse_header(file):
    """Why an image file is of no use, as far as its header says, or `None`."""
    limit = Image.MAX_IMAGE_PIXELS or math.inf
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # they do not say which file
            image = Image.open(file)
        pixels = image.width * image.height
        if image.format == "GIF":
            # TensorFlow unpacks all its pictures, at one byte a pixel.
            pixels *= max(1, image.n_frames / 3)
    except Image.DecompressionBombError:
        pixels = math.inf
    except Exception as error:
        # Pillow's readers raise errors of many types on damaged files.
        file.seek(0)
        if name := _known_format(file.read(8)):
            return f"{name}, damaged or cut short"
        unknown = isinstance(error, UnidentifiedImageError)
        return "no image" if unknown else "damaged or cut short"
    return f"more than {limit:,} pixels" if pixels > limit else None


def _known_format(start):
    known = (FORMATS[first][0] for first in FORMATS if start.startswith(first))
    return next(known, None)


def _decode(encoded):
    try:
        pixels = decode(tf.constant(encoded))
    except tf.errors.OpError:
        return None, _name_damage(encoded)
    # TensorFlow takes the palette's indices for greys, without a word.
    if encoded.startswith(b"BM") and not _pillow_agrees(encoded, pixels):
        return None, "BMP that TensorFlow reads wrongly"
    return pixels, None


def _name_damage(encoded):
    if name := _known_format(encoded):
        return f"{name}, damaged or cut short"
    image = Image.open(io.BytesIO(encoded))
    try:
        # Of other formats Pillow would unpack large ones, and run programs.
        if image.format in ("BMP", "WEBP"):
            image.load()
    except Exception:
        return f"{image.format}, damaged or cut short"
    return f"{image.format} that TensorFlow does not decode"


def _pillow_agrees(encoded, pixels):
    try:
        image = Image.open(io.BytesIO(encoded)).convert("RGB")
    except Exception:
        return False
    return np.array_equal(image, pixels)
