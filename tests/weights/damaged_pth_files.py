"""Damaged `.pth` files, and what reading them gives.

    python tests/weights/damaged_pth_files.py FOLDER FIRST LAST

reads that many damaged files in this process, under a limit of memory, and
prints how often each kind was read or refused. It needs no Keras.
"""

import collections
import importlib.util
import itertools
import json
import math
import os
import pathlib
import pickletools
import random
import struct
import sys
import time

from pth_files import Bytes
from pth_files import Call
from pth_files import Global
from pth_files import pickled
from pth_files import push
from pth_files import tensor
from pth_files import write

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
MEMORY = 2**29  # bytes of address space
ITEM = {"FloatStorage": 4, "DoubleStorage": 8, "HalfStorage": 2}


EXTREMES = (
    *(0, 1, 2, 3, 5, -1, -2, 255, 2**31 - 1, 2**31, 2**32, 2**40, 2**62),
    *(2**62 + 1, 2**63 - 1, 2**63, 2**64, -(2**63), 2**200, True, None),
    *("3", (), (2, 2), {}, Bytes(b"G@\x08\0\0\0\0\0\0")),
)


def random_tensor(rng, storages):
    """A tensor as a state dict has it, of some part of a storage."""
    key = rng.randrange(len(storages))
    dtype = rng.choice(["Float", "Double", "Half"])
    count = len(storages[key]) // ITEM[f"{dtype}Storage"]
    shape = tuple(rng.randint(1, 3) for _ in range(rng.randint(0, 4)))
    shape = shape if math.prod(shape) <= count else (count,)
    strides = tuple(math.prod(shape[i + 1 :]) for i in range(len(shape)))
    offset = rng.randint(0, count - math.prod(shape))
    return [offset, shape, strides, count, str(key), dtype]


def change_number(rng, state):
    """Puts an extreme value in the place of one number of one tensor."""
    fields = rng.choice(list(state.values()))
    which, value = rng.randrange(4), rng.choice(EXTREMES)
    if which in (1, 2) and rng.random() < 0.9:
        values = list(fields[which])
        values.insert(rng.randint(0, len(values)), value)
        if rng.random() < 0.7 and len(values) > 1:
            values.pop(rng.randrange(len(values)))
        if which == 1 and rng.random() < 0.5:
            fields[2] = (*fields[2], rng.choice(EXTREMES))[: len(values)]
        value = tuple(values)
    fields[which] = value


def numbers_of(storages, offset, shape, strides, count, key, dtype):
    """The bytes of a tensor, by plain loops; `None` if it is to be refused."""
    size, data = ITEM[f"{dtype}Storage"], storages[int(key)]
    exact = type(shape) is type(strides) is tuple and all(
        type(number) is int for number in (offset, count, *shape, *strides)
    )
    if not exact or len(shape) != len(strides) or count * size != len(data):
        return None
    if min(shape, default=1) < 1 or math.prod(shape) > count:
        return None
    places = [
        offset + sum(i * stride for i, stride in zip(index, strides))
        for index in itertools.product(*map(range, shape))
    ]
    if places != list(range(offset, offset + len(places))):
        return None
    if places[0] < 0 or places[-1] >= count:
        return None
    return data[places[0] * size : (places[-1] + 1) * size]


POOL = [
    *pickled({"a": tensor(), "b": (1, True, None, 300, -1)}),
    *(b"0", b"1", b"2", b"a", b"e", b"]", b")", b"s", b"b", b"\x81", b"\x92"),
    *(
        b"\x85",
        b"\x86",
        b"\x87",
        b"\x93",
        b"\x94",
        b"o",
        b"\x8f",
        b"h\0",
        b"h\1",
    ),
    *(b"r\xff\xff\xff\xff", b"j\xff\xff\xff\xff", b"q\0", b"q\1", b"p9\n"),
    *(b"\x8e" + b"\xff" * 7 + b"\x0f", b"\x8d" + b"\xff" * 7 + b"\x0f"),
    *(b"\x96" + b"\0\0\0\0\0\1\0\0", b"\x95" + b"\xff" * 8, b"\x82\1", b"I9\n"),
    *(b"cos\nsystem\n", b"ccollections\nOrderedDict\n", b"F1\n", b"L9L\n"),
    *(b"ctorch._utils\n_rebuild_parameter\n", b"ctorch\nLongStorage\n"),
    *(
        b"\x8b\xff\xff\xff\x7f",
        b"X\xff\xff\xff\xff",
        b"\x8a\xff" + b"\x7f" * 255,
    ),
]


def change_instructions(rng, instructions):
    """Leaves out, doubles, exchanges and adds instructions."""
    for _ in range(rng.randint(1, 4)):
        place = rng.randrange(len(instructions))
        match rng.randrange(4):
            case 0:
                del instructions[place]
            case 1:
                instructions.insert(place, instructions[place])
            case 2:
                other = rng.randrange(len(instructions))
                instructions[place], instructions[other] = (
                    instructions[other],
                    instructions[place],
                )
            case 3:
                instructions.insert(place, rng.choice(POOL))


def change_bytes(rng, data):
    """Other values for a few bytes, or a part cut out or doubled."""
    data = bytearray(data)
    for _ in range(rng.randint(1, 3)):
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    if rng.random() < 0.2:
        first, last = sorted(rng.choices(range(len(data)), k=2))
        data[first:last] = rng.choice([b"", data[first:last] * 2])
    return bytes(data)


# By signature: where the numbers of a zip archive's headers are, and how long.
HEADERS = {
    b"PK\3\4": "4H 6H 8H 10H 14I 18I 22I 26H 28H",
    b"PK\1\2": "6H 8H 10H 16I 20I 24I 28H 30H 32H 34H 42I",
    b"PK\5\6": "4H 6H 8H 10H 12I 16I 20H",
}


def change_headers(rng, data):
    """Other numbers in a zip archive's headers."""
    data = bytearray(data)
    for _ in range(rng.randint(1, 3)):
        signature, fields = rng.choice(list(HEADERS.items()))
        starts = [
            i for i in range(len(data) - 50) if data[i : i + 4] == signature
        ] or [len(data) - 22]
        field = rng.choice(fields.split())
        place, form = rng.choice(starts) + int(field[:-1]), f"<{field[-1]}"
        (old,) = struct.unpack_from(form, data, place)
        limit = 256 ** struct.calcsize(form) - 1
        new = rng.choice([0, 1, 8, 12, old + 1, old - 1, old * 2, limit])
        struct.pack_into(form, data, place, min(max(new, 0), limit))
    return bytes(data)


KINDS = (
    "whole",
    "numbers",
    "shared",
    "instructions",
    "bytes",
    "zip",
    "headers",
)


def make(path, case):
    """Writes a file; returns its kind, its storages and what is to be read.

    The last is a dict from names to bytes, `None` where the file must be
    refused, and `...` where it is not known whether it can be read.
    """
    rng = random.Random(case)
    kind = KINDS[case % len(KINDS)]
    storages = [rng.randbytes(8 * rng.randint(1, 30)) for _ in range(3)]
    many = rng.randint(20, 100) if kind == "shared" else rng.randint(1, 4)
    state = {f"t{i}": random_tensor(rng, storages) for i in range(many)}
    if kind in ("numbers", "shared") and (kind == "numbers" or case % 2):
        change_number(rng, state)
    expected = {
        name: numbers_of(storages, *fields) for name, fields in state.items()
    }
    if None in expected.values():
        expected = None
    value = {name: tensor(*fields) for name, fields in state.items()}
    if rng.random() < 0.5:  # the form of an `OrderedDict`
        value = Bytes(
            b"".join(
                [*push(Call(Global("collections OrderedDict"), ()))]
                + [*push(value)[1:], *push({"_metadata": 1}), b"b"]
            )
        )
    instructions = pickled(value)
    if kind == "instructions":
        if isinstance(value, Bytes):
            program = b"".join(instructions)
            places = [at for _, _, at in pickletools.genops(program)]
            instructions = [
                program[a:b] for a, b in zip(places, [*places[1:], None])
            ]
        change_instructions(rng, instructions)
    elif kind == "bytes":
        instructions = [change_bytes(rng, b"".join(instructions))]
    deflated = kind == "zip" and rng.random() < 0.3
    write(path, instructions, storages, 8 if deflated else 0)
    if kind == "zip" and not deflated:
        path.write_bytes(change_bytes(rng, path.read_bytes()))
    elif kind == "headers":
        path.write_bytes(change_headers(rng, path.read_bytes()))
    if kind in ("instructions", "bytes", "zip", "headers"):
        expected = None if deflated else ...
    return kind, storages, expected


def check(read_state_dict, path, case):
    """Reads a damaged file; returns its kind and what became of it.

    Raises:
        AssertionError: unless it gives a `ValueError` or right weights.
    """
    kind, storages, expected = make(path, case)
    try:
        found = {
            name: (place.shape, place.read())
            for name, place in read_state_dict(path).items()
        }
    except ValueError as error:
        assert str(error).endswith(f"Received: weights={str(path)!r}"), error
        assert expected is None or expected is ..., error
        return kind, "refused"
    assert expected is not None, found
    for name, (shape, values) in found.items():
        assert values.shape == shape
        data = values.tobytes()
        # Nothing that does not stand in the file.
        assert any(data in storage for storage in storages), name
        assert expected is ... or expected[name] == data, name
    assert expected is ... or list(expected) == list(found)
    return kind, "read"


def main(folder, first, last):
    """Checks the cases from `first` to before `last`; prints JSON."""
    import resource

    specification = importlib.util.spec_from_file_location(
        "torch_files", ROOT / "alexnet_keras" / "weights" / "torch_format.py"
    )
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    folder, outcomes = pathlib.Path(folder), collections.Counter()
    started, slowest = time.monotonic(), 0
    current = os.open(folder / "case", os.O_CREAT | os.O_WRONLY)
    for case in range(int(first), int(last)):
        os.pwrite(current, b"%08d" % case, 0)  # if it crashes
        before = time.monotonic()
        kind, what = check(module.read_state_dict, folder / "x.pth", case)
        slowest = max(slowest, time.monotonic() - before)
        outcomes[f"{kind} {what}"] += 1
    report = {
        "outcomes": outcomes,
        "seconds": round(time.monotonic() - started, 1),
        "slowest": round(slowest, 3),
    }
    print(json.dumps(report))


if __name__ == "__main__":
    main(*sys.argv[1:])
