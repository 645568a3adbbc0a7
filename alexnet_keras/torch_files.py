"""PyTorch's files of tensors, read without PyTorch and without running code.

A `.pth` file is a zip archive: a pickle that says which tensor lies where, and
the raw numbers. A pickle can call any function that it names. This reader
knows the few names that a dictionary of tensors needs, and refuses the rest.
"""

import collections
import io
import math
import pickle
import zipfile

import numpy as np

DTYPES = {
    "FloatStorage": np.dtype("<f4"),
    "DoubleStorage": np.dtype("<f8"),
    "HalfStorage": np.dtype("<f2"),
    "LongStorage": np.dtype("<i8"),
}


def read_state_dict(path):
    """Reads what `torch.save(model.state_dict(), path)` wrote.

    Args:
        path: of the file, in the zip format that PyTorch writes since 1.6.

    Returns:
        A dict from names to arrays, in the order of the file.

    Raises:
        ValueError: if the file is in another format, damaged or cut off,
            holds anything but tensors by name, or names a function that a
            dictionary of tensors does not need. Then nothing was run.

    >>> read_state_dict("README.md")
    Traceback (most recent call last):
    ValueError: `weights` is no zip archive: it is cut off, or not a file of
    PyTorch 1.6 or newer. Received: weights='README.md'
    """
    try:
        with zipfile.ZipFile(path) as archive:
            state = _read(archive, path)
    except zipfile.BadZipFile as error:
        raise _wrong(
            path,
            "is no zip archive: it is cut off, or not a file of PyTorch 1.6 "
            "or newer",
        ) from error
    named = isinstance(state, dict) and all(
        isinstance(name, str) and isinstance(value, np.ndarray)
        for name, value in state.items()
    )
    if not named or not state:
        raise _wrong(
            path,
            "must hold tensors by name and nothing else, as "
            "`torch.save(model.state_dict(), path)` writes them",
        )
    return dict(state)


def _wrong(path, why):
    return ValueError(f"`weights` {why}. Received: weights={str(path)!r}")


def _read(archive, path):
    damaged = archive.testzip()  # compares every checksum
    if damaged is not None:
        raise _wrong(path, f"is damaged in its part {damaged!r}")
    names = archive.namelist()
    pickles = [name for name in names if name.endswith("/data.pkl")]
    if len(pickles) != 1:
        raise _wrong(path, "has no part `data.pkl`, as files of PyTorch have")
    folder = pickles[0].removesuffix("data.pkl")
    order = f"{folder}byteorder"  # not there before PyTorch 2.1
    if order in names and archive.read(order) != b"little":
        raise _wrong(path, "was written on a big-endian machine")
    try:
        return _Reader(archive, folder).load()
    except Exception as error:
        # Bytes that are no pickle fail in every way there is.
        raise _wrong(path, f"cannot be read: {error}") from error


class _Reader(pickle.Unpickler):
    def __init__(self, archive, folder):
        super().__init__(io.BytesIO(archive.read(f"{folder}data.pkl")))
        self.archive, self.folder = archive, folder

    def find_class(self, module, name):
        known = {
            ("collections", "OrderedDict"): collections.OrderedDict,
            ("torch._utils", "_rebuild_tensor_v2"): self._tensor,
            ("torch._utils", "_rebuild_parameter"): _parameter,
        }
        if (module, name) in known:
            return known[module, name]
        if module == "torch" and name in DTYPES:
            return DTYPES[name]
        raise pickle.UnpicklingError(
            f"it asks for {module}.{name}, which tensors by name do not need; "
            "nothing was run"
        )

    def persistent_load(self, pid):
        kind, dtype, key, _, count = pid
        data = self.archive.read(f"{self.folder}data/{key}")
        if kind != "storage" or len(data) != count * dtype.itemsize:
            raise pickle.UnpicklingError(
                f"storage {key!r} has {len(data)} bytes"
            )
        return np.frombuffer(data, dtype)

    def _tensor(self, storage, offset, shape, strides, *_):
        size = storage.dtype.itemsize
        last = offset + sum(
            (count - 1) * stride for count, stride in zip(shape, strides)
        )
        if len(shape) != len(strides) or (
            math.prod(shape)
            and (
                min((offset, *shape, *strides)) < 0
                or last >= len(storage)
                # A stride of 0 makes a large tensor of a small file.
                or math.prod(shape) > len(storage)
            )
        ):
            raise pickle.UnpicklingError("a tensor exceeds its storage")
        view = np.lib.stride_tricks.as_strided(
            storage[offset:], shape, [stride * size for stride in strides]
        )
        return np.array(view)


def _parameter(tensor, *_):
    return tensor
