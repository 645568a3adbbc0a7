"""PyTorch's files of tensors, read without PyTorch and without running code.

A `.pth` file is a zip archive: a pickle that says which tensor lies where, and
the raw numbers. A pickle is a program that may call any function it names.
Here its instructions are followed one by one and nothing is ever called: what
they build are dicts, tuples, and places in the file that have been checked.
"""

import math
import os
import pickletools
import zipfile
from typing import NamedTuple

import numpy as np

DTYPES = {
    "torch.FloatStorage": np.dtype("<f4"),
    "torch.DoubleStorage": np.dtype("<f8"),
    "torch.HalfStorage": np.dtype("<f2"),
    "torch.LongStorage": np.dtype("<i8"),
}
DICT = "collections.OrderedDict"
TENSOR = "torch._utils._rebuild_tensor_v2"
PARAMETER = "torch._utils._rebuild_parameter"
WANTED = (
    "it must hold tensors by name and nothing else, as "
    "`torch.save(model.state_dict(), path)` writes them"
)
LARGEST_PICKLE = 2**20  # bytes; AlexNet's has 2,000, ResNet-152's 100,000

# How many values an instruction of a pickle takes; `None`: since the mark.
TAKES = {
    **{"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3, "TUPLE": None},
    **{"SETITEM": 2, "SETITEMS": None, "STACK_GLOBAL": 2, "REDUCE": 2},
    **{"BINPERSID": 1, "BUILD": 1, "STOP": 1},
}


class _Storage(NamedTuple):
    """A part of the archive that has `count` numbers. No pickle can make one."""

    part: str
    dtype: np.dtype
    count: int


class Tensor(NamedTuple):
    """Where a tensor lies in a file: `shape` numbers from `start` on."""

    path: str
    storage: _Storage
    start: int
    shape: tuple[int, ...]

    def read(self):
        """Returns the numbers as an array."""
        size = self.storage.dtype.itemsize
        with zipfile.ZipFile(self.path) as archive:
            with archive.open(self.storage.part) as part:
                part.seek(self.start * size)
                data = part.read(math.prod(self.shape) * size)
        return np.frombuffer(data, self.storage.dtype).reshape(self.shape)

    def zeros(self):
        """Returns zeros of the shape, with one number in memory."""
        return np.broadcast_to(np.zeros((), "float32"), self.shape)


def read_state_dict(path):
    """Reads where `torch.save(model.state_dict(), path)` put the tensors.

    Args:
        path: of the file, in the zip format that PyTorch writes since 1.6.

    Returns:
        A dict from names to `Tensor`s, in the order of the file.

    Raises:
        ValueError: if the file is in another format, damaged or cut off,
            holds anything but contiguous tensors by name, or names a function
            that a dictionary of tensors does not need.

    >>> read_state_dict("README.md")
    Traceback (most recent call last):
    ValueError: `weights` is no zip archive: it is cut off, or not a file of
    PyTorch 1.6 or newer. Received: weights='README.md'
    """
    path = os.fspath(path)
    try:
        with zipfile.ZipFile(path) as archive:
            return _read(archive, path)
    except zipfile.BadZipFile as error:
        raise ValueError(
            "`weights` is no zip archive: it is cut off, or not a file of "
            f"PyTorch 1.6 or newer. Received: weights={path!r}"
        ) from error
    except Exception as error:
        # Bytes that are no pickle fail in every way there is.
        why = str(error)
        if not isinstance(error, ValueError):
            why = f"{type(error).__name__} {why}"
        raise ValueError(
            f"`weights` cannot be read: {why}. Received: weights={path!r}"
        ) from error


def _read(archive, path):
    parts = archive.infolist()
    # Before anything is read: a small file must not become a large one.
    if any(part.compress_type != zipfile.ZIP_STORED for part in parts):
        raise ValueError(
            "its parts are compressed, as in TorchScript; save `model.state_dict()`"
        )
    sizes = [max(part.file_size, part.compress_size) for part in parts]
    if sum(sizes) > os.path.getsize(path):
        raise ValueError("its parts are larger than the file")
    damaged = archive.testzip()  # compares every checksum
    if damaged is not None:
        raise ValueError(f"it is damaged in its part {damaged!r}")
    names = archive.namelist()
    pickles = [name for name in names if name.endswith("/data.pkl")]
    if len(pickles) != 1:
        raise ValueError("it has no part `data.pkl`, as files of PyTorch have")
    folder = pickles[0].removesuffix("data.pkl")
    order = f"{folder}byteorder"  # not there before PyTorch 2.1
    if order in names and archive.read(order) != b"little":
        raise ValueError("it was written on a big-endian machine")
    if archive.getinfo(pickles[0]).file_size > LARGEST_PICKLE:
        raise ValueError("its part `data.pkl` is too large for tensors by name")
    state = _follow(
        archive.read(pickles[0]),
        lambda place: _storage(archive, folder, *place),
        lambda *arguments: _tensor(path, *arguments),
    )
    values = list(state.values()) if type(state) is dict else ()
    if not values or not all(isinstance(value, Tensor) for value in values):
        raise ValueError(WANTED)
    return state


def _follow(program, storage, tensor):
    """Follows a pickle's instructions, those that tensors by name need.

    Args:
        program: the pickle's bytes.
        storage: makes a `_Storage` of a place.
        tensor: makes a `Tensor` of what PyTorch's function would be given.
    """
    stack, marks, memo = [], [], {}
    for instruction, value, _ in pickletools.genops(program):
        name, first = instruction.name, len(stack)
        if name in TAKES:
            first = marks.pop() if TAKES[name] is None else first - TAKES[name]
        taken = stack[first:]
        del stack[first:]
        match name:
            case "PROTO" | "FRAME" | "BUILD":
                pass  # a state is built with `_metadata`, which is not needed
            case "MARK":
                marks.append(len(stack))
            case "NONE" | "NEWTRUE" | "NEWFALSE":
                stack.append(None)
            case "BININT" | "BININT1" | "BININT2" | "LONG1":
                stack.append(value)
            case "BINUNICODE" | "SHORT_BINUNICODE":
                stack.append(value)
            case "EMPTY_DICT":
                stack.append({})
            case "EMPTY_TUPLE" | "TUPLE1" | "TUPLE2" | "TUPLE3" | "TUPLE":
                stack.append(tuple(taken))
            case "SETITEM" | "SETITEMS":
                for key, item in zip(taken[::2], taken[1::2], strict=True):
                    _check_type(str, key)
                    stack[-1][key] = item
            case "MEMOIZE":
                memo[len(memo)] = stack[-1]
            case "BINPUT" | "LONG_BINPUT":
                memo[value] = stack[-1]
            case "BINGET" | "LONG_BINGET":
                stack.append(memo[value])
            case "GLOBAL":
                stack.append(_known(*value.split(" ", 1)))
            case "STACK_GLOBAL":
                stack.append(_known(*taken))
            case "BINPERSID":
                stack.append(storage(*taken))
            case "REDUCE" if taken == [DICT, ()]:
                stack.append({})
            case "REDUCE" if taken[0] == TENSOR:
                stack.append(tensor(*taken[1]))
            case "REDUCE" if taken[0] == PARAMETER:
                stack.append(taken[1][0])
            case "STOP":
                return taken[0]
            case _:
                raise ValueError(f"{WANTED}; its pickle has a {name}")


def _known(module, name):
    _check_type(str, module, name)
    if (full := f"{module}.{name}") not in {*DTYPES, DICT, TENSOR, PARAMETER}:
        if full.startswith("torch.") and full.endswith("Storage"):
            raise ValueError(
                f"it has numbers of {full}; save them as `tensor.float()`"
            )
        raise ValueError(
            f"it asks for {full}, which tensors by name do not need; nothing "
            "was run"
        )
    return full


def _storage(archive, folder, kind, dtype, key, _, count):
    _check_type(str, kind, dtype, key)
    _check_type(int, count)
    part, dtype = archive.getinfo(f"{folder}data/{key}"), DTYPES[dtype]
    if kind != "storage" or part.file_size != count * dtype.itemsize:
        raise ValueError(f"storage {key!r} has {part.file_size} bytes")
    return _Storage(part.filename, dtype, count)


def _tensor(path, storage, offset, shape, strides, *_):
    _check_type(_Storage, storage)
    _check_type(tuple, shape, strides)
    _check_type(int, offset, *shape, *strides)
    if not len(shape) == len(strides) <= 8 or min(shape, default=1) < 1:
        raise ValueError("a tensor is empty or of a strange shape")
    count = 1
    for length, stride in zip(shape[::-1], strides[::-1]):
        if length != 1 and stride != count:
            raise ValueError(
                "a tensor is not contiguous; save it as `tensor.contiguous()`"
            )
        count *= length
    if offset < 0 or offset + count > storage.count:
        raise ValueError("a tensor exceeds its storage")
    return Tensor(path, storage, offset, shape)


def _check_type(kind, *values):
    for value in values:
        if type(value) is not kind:
            raise ValueError(
                f"it has {type(value).__name__} where {kind.__name__} must be"
            )
