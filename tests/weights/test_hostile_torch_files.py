"""Files of PyTorch that mean harm, or are damaged: a `ValueError`, nothing run."""

import json
import os
import pathlib
import pickle
import subprocess
import sys
import zipfile

import damaged_pth_files
import pytest
from pth_files import Bytes
from pth_files import Call
from pth_files import Global
from pth_files import pickled
from pth_files import tensor
from pth_files import write
from test_torch_files import arrays
from test_torch_files import message_of
from test_torch_files import refused

from alexnet_keras.weights.torch_format import read_state_dict


class Malicious:
    def __reduce__(self):
        return os.mkdir, (self.folder,)


def test_a_malicious_pickle_is_refused(tmp_path):
    bomb = Malicious()
    bomb.folder = str(tmp_path / "owned")
    program = pickle.dumps({"conv1.weight": bomb})
    path = write(tmp_path / "evil.pth", [program])
    system = os.mkdir.__module__
    assert message_of(path) == (
        f"`weights` cannot be read: it asks for {system}.mkdir, which tensors "
        "by name do not need; nothing was run. "
        f"Received: weights={str(path)!r}"
    )
    assert not os.path.exists(bomb.folder)
    pickle.loads(pickle.dumps(bomb))  # it would have done
    assert os.path.exists(bomb.folder)


@pytest.mark.parametrize(
    "module,name",
    [
        ("builtins", "eval"),
        ("builtins", "getattr"),
        ("torch", "load"),
        ("torch._utils", "_rebuild_tensor_v3"),
        ("collections", "OrderedDict.fromkeys"),
        ("numpy", "FloatStorage"),
    ],
)
def test_names_that_are_not_on_the_list(tmp_path, module, name):
    path = write(tmp_path / "x.pth", pickled(Global(f"{module} {name}")))
    assert f"asks for {module}.{name}, which" in message_of(path)


@pytest.mark.parametrize(
    "why, places",
    {
        "a tensor exceeds": [
            (0, (5,), (1,)),
            (1, (2, 2), (2, 1)),
            (-1, (2,), (1,)),
            (0, (10**9,), (1,)),
            (2**62, (1,), (1,)),
            (2**64, (1,), (1,)),
        ],
        "a tensor is not contiguous": [
            (0, (5,), (2**62 + 1,)),
            (0, (2, 2), (3, 1)),
            (0, (2,), (-1,)),
            (0, (10**9,), (0,)),
            (0, (2**40, 2**40), (2**40, 0)),
        ],
        "a tensor is empty or of a strange shape": [
            (0, (2, 2), (1,)),
            (0, (2**40, 0), (1, 1)),
            (0, (-2, -2), (-2, 1)),
            (0, (1,) * 65, (1,) * 65),
        ],
        "it has ": [
            (0, (True,), (1,)),
            (None, (1,), (1,)),
            (0, {}, {}),
            (0, ((1,),), (1,)),
            (0, (tensor(),), (1,)),
            (tensor(), (1,), (1,)),
        ],
    }.items(),
)
def test_a_tensor_that_is_not_in_its_storage(tmp_path, why, places):
    for offset, shape, strides in places:
        value = tensor(offset, shape, strides)
        path = write(tmp_path / "x.pth", pickled({"w": value}), [bytes(16)])
        refused(path, why)


def test_a_storage_that_is_none(tmp_path):
    """A tensor of shape (2**40, 0) has a length and no bytes."""
    long = tensor(0, (2**40, 0), (1, 1))
    for storage in (tensor(), long, "0", (), ("storage", "x", "0", "cpu", 4)):
        place = (storage, 0, (2,), (1,), False, None)
        value = Call(Global("torch._utils _rebuild_tensor_v2"), place)
        path = write(tmp_path / "x.pth", pickled({"w": value}), [bytes(16)])
        message_of(path)
    # Tensors as offset, shape and strides: NumPy's arithmetic would wrap.
    half = tensor(0, (1,), (1,), 2, dtype="Double")
    path = write(
        tmp_path / "x.pth", pickled({"w": tensor(0, half, half)}), [bytes(16)]
    )
    refused(path, "it has Tensor where tuple must be")


def test_a_storage_of_another_length(tmp_path):
    path = write(tmp_path / "x.pth", pickled({"w": tensor()}), [bytes(15)])
    refused(path, "storage '0' has 15 bytes")
    for key in ("../data.pkl", "1", ""):
        value = {"w": tensor(key=key)}
        message_of(write(path, pickled(value), [bytes(16)]))
    write(path, pickled({"w": tensor()}), [bytes(16)])
    assert arrays(path)["w"].tolist() == [0, 0, 0, 0]


def test_a_small_file_does_not_become_a_large_one(tmp_path):
    state = {f"w{i}": tensor(0, (10**6,), (1,), 10**6) for i in range(200)}
    data = [bytes(4 * 10**6)]
    path = write(tmp_path / "x.pth", pickled(state), data, zipfile.ZIP_DEFLATED)
    assert path.stat().st_size < 10**5
    refused(path, "its parts are compressed")
    path = write(tmp_path / "y.pth", pickled(state), data)
    content = path.read_bytes()
    size = (4 * 10**6).to_bytes(4, "little")
    path.write_bytes(content.replace(size, b"\0\0\0\x7f"))
    refused(path, "its parts are larger than the file")
    # Twice named, a part is twice there, and no tensor has a copy.
    assert len(read_state_dict(write(path, pickled(state), data))) == 200
    path = write(tmp_path / "z.pth", [b"}0" * 2**20, b"}."])
    refused(path, "its part `data.pkl` is too large")


def test_attributes_are_not_set(tmp_path):
    """The instruction BUILD would put an `items` on a dictionary."""
    state = [*pickled(Call(Global("collections OrderedDict"), ()))[:-1]]
    state += [b"(", *pickled("w")[1:-1], *pickled(tensor())[1:-1], b"u"]
    state += [*pickled({"items": 3})[1:-1], b"b", b"."]
    path = write(tmp_path / "x.pth", state, [bytes(16)])
    assert list(arrays(path)) == ["w"]


def test_names_that_would_take_for_ever(tmp_path):
    """Twenty bytes a level: ((…), (…)) to a depth of 60, as a key."""
    deep = b")q\0" + b"h\0h\0\x86q\0" * 60
    for program in (
        [b"}", deep, b"K\1s"],  # hashed
        [deep, deep, b"\x93"],  # printed
        pickled({"w": tensor(key=Bytes(deep))})[:-1],
    ):
        path = write(tmp_path / "x.pth", [*program, b"."], [bytes(16)])
        message_of(path)


def fuzz(folder, first, last):
    """Reads damaged files in a process of its own; returns its report."""
    pytest.importorskip("resource", reason="limits memory")
    done = subprocess.run(
        [
            sys.executable,
            damaged_pth_files.__file__,
            folder,
            str(first),
            str(last),
        ],
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=1200,
    )
    case = pathlib.Path(folder, "case").read_text()
    assert done.returncode == 0, f"case {case}: {done.stderr[-2000:]}"
    report = json.loads(done.stdout)
    print(report)
    outcomes = report["outcomes"]
    assert sum(outcomes.values()) == last - first
    assert "whole refused" not in outcomes
    assert outcomes["whole read"] and outcomes["numbers read"]
    return outcomes


def test_damaged_files_give_right_weights_or_a_value_error(tmp_path):
    assert len(fuzz(tmp_path, 0, 300)) > 8


@pytest.mark.slow
def test_twenty_thousand_damaged_files(tmp_path):
    outcomes = fuzz(tmp_path, 1000, 21_000)
    assert (
        len(outcomes) == 2 * len(damaged_pth_files.KINDS) - 1
    )  # each both ways
