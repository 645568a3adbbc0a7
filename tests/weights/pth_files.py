"""`.pth` files made by hand, whole or as no PyTorch would write them."""

import collections
import itertools
import struct
import zipfile


class Global(str):
    """A function or class by its module and name: `"torch load"`."""


class Call(collections.namedtuple("Call", "function arguments")):
    """What the pickle would have called."""


class Place(collections.namedtuple("Place", "kind dtype key device count")):
    """A storage, which pickles name in their own way."""


class Bytes(bytes):
    """Instructions as they are."""


def push(value):
    """The instructions of a pickle that build a value, a list of bytes."""
    match value:
        case Bytes():
            return [value]
        case Global():
            return [f"c{value.replace(' ', chr(10))}\n".encode()]
        case Call(function, arguments):
            return [*push(function), *push(arguments), b"R"]
        case Place():
            return [*push(tuple(value)), b"Q"]
        case bool() | None:
            return [{True: b"\x88", False: b"\x89", None: b"N"}[value]]
        case int() if 0 <= value < 256:
            return [b"K" + bytes([value])]
        case int():
            data = value.to_bytes(
                value.bit_length() // 8 + 1, "little", signed=True
            )
            return [b"\x8a" + bytes([len(data)]) + data]
        case str():
            data = value.encode()
            return [b"X" + struct.pack("<I", len(data)) + data]
        case tuple():
            return [b"(", *itertools.chain(*map(push, value)), b"t"]
        case dict():
            items = itertools.chain(*value.items())
            return [b"}", b"(", *itertools.chain(*map(push, items)), b"u"]


def tensor(offset=0, shape=(4,), strides=(1,), count=4, key="0", dtype="Float"):
    """A tensor, as PyTorch writes it."""
    place = Place("storage", Global(f"torch {dtype}Storage"), key, "cpu", count)
    arguments = (place, offset, shape, strides, False, None)
    return Call(Global("torch._utils _rebuild_tensor_v2"), arguments)


def pickled(value):
    """A whole pickle, a list of instructions."""
    return [b"\x80\x02", *push(value), b"."]


def write(path, instructions, storages=(), compression=zipfile.ZIP_STORED):
    """Writes an archive in PyTorch's form.

    Args:
        path: of the file.
        instructions: of its pickle, a list of bytes.
        storages: the bytes of the storages "0", "1", …, or a dict by name.
        compression: of the parts.
    """
    if not isinstance(storages, dict):
        storages = {str(i): data for i, data in enumerate(storages)}
    with zipfile.ZipFile(path, "w", compression) as file:
        file.writestr("model/data.pkl", b"".join(instructions))
        for name, data in storages.items():
            file.writestr(f"model/data/{name}", data)
    return path
