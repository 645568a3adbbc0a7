"""Files of PyTorch: read as PyTorch reads them, and nothing is ever run."""

import json
import os
import pathlib
import pickle
import subprocess
import sys
import zipfile

import numpy as np
import pth_files
import pytest
from pth_files import Bytes
from pth_files import Call
from pth_files import Global
from pth_files import pickled
from pth_files import tensor
from pth_files import write

from alexnet_keras.weights.torch_format import read_state_dict


def message_of(path):
    with pytest.raises(ValueError) as error:
        read_state_dict(path)
    return str(error.value)


def written(path, state, **options):
    torch = pytest.importorskip("torch", reason="writes with PyTorch")
    torch.save(state, path, **options)
    return path


def refused(path, why):
    message = message_of(path)
    assert message.startswith(f"`weights` cannot be read: {why}"), message
    assert message.endswith(f"Received: weights={str(path)!r}")


def arrays(path):
    return {name: place.read() for name, place in read_state_dict(path).items()}


@pytest.mark.extra
def test_tensors_of_every_kind(tmp_path):
    torch = pytest.importorskip("torch", reason="writes with PyTorch")
    whole = torch.arange(24, dtype=torch.float32).reshape(2, 3, 4)
    state = {
        "whole": whole,
        "shared": whole[1],  # at an offset
        "turned": whole.permute(2, 0, 1).contiguous(),
        "one": whole[:1].transpose(0, 1),  # a stride that is never used
        "parameter": torch.nn.Parameter(torch.rand(3, 2)),
        "double": torch.rand(2, dtype=torch.float64),
        "half": torch.rand(2).half(),
        "steps": torch.tensor(7),
    }
    path = written(tmp_path / "state.pth", state)
    found = arrays(path)
    assert list(found) == list(state)
    for name, values in state.items():
        expected = values.detach().numpy()
        assert found[name].dtype == expected.dtype, name
        np.testing.assert_array_equal(found[name], expected, name)
        assert read_state_dict(path)[name].zeros().shape == expected.shape


@pytest.mark.extra
@pytest.mark.parametrize("protocol", [2, 4])
def test_the_state_of_a_module(tmp_path, protocol):
    torch = pytest.importorskip("torch", reason="writes with PyTorch")
    module = torch.nn.Sequential(
        torch.nn.Conv2d(3, 4, 2), torch.nn.BatchNorm2d(4), torch.nn.Linear(4, 2)
    )
    state = module.state_dict()
    path = written(tmp_path / "m.pth", state, pickle_protocol=protocol)
    found = arrays(path)
    assert list(found) == list(state)
    for name, values in state.items():
        np.testing.assert_array_equal(found[name], values.numpy())


@pytest.mark.extra
def test_other_forms_of_tensors_are_refused_in_words(tmp_path):
    torch = pytest.importorskip("torch", reason="writes with PyTorch")
    whole = torch.rand(2, 3, 4, 5)
    for values in (
        whole.permute(2, 0, 1, 3),
        whole[:, ::2],
        whole.to(memory_format=torch.channels_last),
        torch.ones(1).expand(5),
    ):
        path = written(tmp_path / "x.pth", {"weight": values})
        refused(path, "a tensor is not contiguous; save it as")
    path = written(tmp_path / "x.pth", {"weight": torch.zeros(0, 3)})
    refused(path, "a tensor is empty")


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


@pytest.mark.extra
def test_a_whole_module_is_refused(tmp_path):
    torch = pytest.importorskip("torch", reason="writes with PyTorch")
    path = written(tmp_path / "module.pth", torch.nn.Linear(2, 2))
    assert "asks for torch.nn.modules.linear.Linear, which" in message_of(path)


@pytest.mark.extra
def test_other_contents(tmp_path):
    torch = pytest.importorskip("torch", reason="writes with PyTorch")
    for content in (
        {},
        [torch.ones(2)],
        {"epoch": 3},
        {"loss": 0.5, "weight": torch.ones(1)},
        {"a": {"b": torch.ones(1)}},
    ):
        path = written(tmp_path / "other.pth", content)
        refused(path, "it must hold tensors by name and nothing else, as")


@pytest.mark.extra
def test_the_old_format_and_a_cut_file(tmp_path):
    torch = pytest.importorskip("torch", reason="writes with PyTorch")
    state = {"weight": torch.rand(50)}
    old = written(
        tmp_path / "old.pth", state, _use_new_zipfile_serialization=False
    )
    cut = written(tmp_path / "cut.pth", state)
    cut.write_bytes(cut.read_bytes()[:-100])
    for path in (old, cut):
        assert message_of(path) == (
            "`weights` is no zip archive: it is cut off, or not a file of "
            f"PyTorch 1.6 or newer. Received: weights={str(path)!r}"
        )


@pytest.mark.extra
def test_a_damaged_file(tmp_path):
    torch = pytest.importorskip("torch", reason="writes with PyTorch")
    path = written(tmp_path / "model.pth", {"weight": torch.full((50,), 3.0)})
    content = path.read_bytes()
    path.write_bytes(content.replace(b"\0\0\x40\x40", b"\0\0\x41\x40", 1))
    refused(path, "it is damaged in its part 'model/data/0'")


def test_no_file_of_pytorch(tmp_path):
    path = tmp_path / "other.pth"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("word/document.xml", "<w/>")
    refused(path, "it has no part `data.pkl`")
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("model/data.pkl", b"}.")
        file.writestr("model/byteorder", b"big")
    refused(path, "it was written on a big-endian machine")
    folder = tmp_path / "folder.pth"
    folder.mkdir()
    refused(folder, "IsADirectoryError")


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
        [sys.executable, pth_files.__file__, folder, str(first), str(last)],
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
    assert len(outcomes) == 2 * len(pth_files.KINDS) - 1  # each both ways


@pytest.mark.extra
def test_numbers_of_other_kinds_are_refused_with_the_way_out(tmp_path):
    torch = pytest.importorskip("torch", reason="writes with PyTorch")
    path = tmp_path / "half.pth"
    torch.save({"a": torch.ones(3, dtype=torch.bfloat16)}, path)
    refused(path, "it has numbers of torch.BFloat16Storage; save them as ")
