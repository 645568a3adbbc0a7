"""Files of PyTorch: read as PyTorch reads them, and nothing is ever run."""

import io
import os
import pickle
import zipfile

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st

from alexnet_keras.torch_files import read_state_dict


def message_of(path):
    with pytest.raises(ValueError) as error:
        read_state_dict(path)
    return str(error.value)


def written(path, state, **options):
    torch = pytest.importorskip("torch", reason="writes with PyTorch")
    torch.save(state, path, **options)
    return path


def archive(path, pickled, **parts):
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("model/data.pkl", pickled)
        for name, content in parts.items():
            file.writestr(f"model/{name}", content)
    return path


def test_tensors_of_every_kind(tmp_path):
    torch = pytest.importorskip("torch", reason="writes with PyTorch")
    whole = torch.arange(24, dtype=torch.float32).reshape(2, 3, 4)
    state = {
        "whole": whole,
        "turned": whole.permute(2, 0, 1),
        "part": whole[1, 1:, ::2],  # an offset and strides
        "shared": whole[0],
        "parameter": torch.nn.Parameter(torch.rand(3, 2)),
        "double": torch.rand(2, dtype=torch.float64),
        "half": torch.rand(2).half(),
        "steps": torch.tensor(7),
        "empty": torch.zeros(0, 3),
    }
    found = read_state_dict(written(tmp_path / "state.pth", state))
    assert list(found) == list(state)
    for name, tensor in state.items():
        expected = tensor.detach().numpy()
        assert found[name].dtype == expected.dtype, name
        np.testing.assert_array_equal(found[name], expected, name)
    found["whole"][:] = 0
    assert found["shared"].any(), "each tensor has a memory of its own"


def test_the_state_of_a_module(tmp_path):
    torch = pytest.importorskip("torch", reason="writes with PyTorch")
    module = torch.nn.Sequential(
        torch.nn.Conv2d(3, 4, 2), torch.nn.Linear(4, 2)
    )
    found = read_state_dict(written(tmp_path / "m.pth", module.state_dict()))
    assert list(found) == ["0.weight", "0.bias", "1.weight", "1.bias"]
    for name, tensor in module.state_dict().items():
        np.testing.assert_array_equal(found[name], tensor.numpy())


class Malicious:
    def __reduce__(self):
        return os.mkdir, (self.folder,)


def test_a_malicious_pickle_is_refused(tmp_path):
    bomb = Malicious()
    bomb.folder = str(tmp_path / "owned")
    path = archive(tmp_path / "evil.pth", pickle.dumps({"conv1.weight": bomb}))
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
    text = f"c{module}\n{name}\n.".encode()
    path = archive(tmp_path / "x.pth", text)
    assert f"asks for {module}.{name}, which" in message_of(path)


def test_a_whole_module_is_refused(tmp_path):
    torch = pytest.importorskip("torch", reason="writes with PyTorch")
    path = written(tmp_path / "module.pth", torch.nn.Linear(2, 2))
    assert "asks for torch.nn.modules.linear.Linear, which" in message_of(path)


def test_other_contents(tmp_path):
    torch = pytest.importorskip("torch", reason="writes with PyTorch")
    contents = [{}, [torch.ones(2)], {"epoch": 3}, {"a": {"b": torch.ones(1)}}]
    for content in contents:
        path = written(tmp_path / "other.pth", content)
        assert message_of(path) == (
            "`weights` must hold tensors by name and nothing else, as "
            "`torch.save(model.state_dict(), path)` writes them. "
            f"Received: weights={str(path)!r}"
        )


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


def test_a_damaged_file(tmp_path):
    torch = pytest.importorskip("torch", reason="writes with PyTorch")
    path = written(tmp_path / "model.pth", {"weight": torch.full((50,), 3.0)})
    content = path.read_bytes()
    path.write_bytes(content.replace(b"\0\0\x40\x40", b"\0\0\x41\x40", 1))
    assert message_of(path) == (
        "`weights` is damaged in its part 'model/data/0'. "
        f"Received: weights={str(path)!r}"
    )


def test_no_file_of_pytorch(tmp_path):
    path = tmp_path / "other.pth"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("word/document.xml", "<w/>")
    assert message_of(path) == (
        "`weights` has no part `data.pkl`, as files of PyTorch have. "
        f"Received: weights={str(path)!r}"
    )


def test_big_endian(tmp_path):
    path = archive(tmp_path / "x.pth", b"}.", byteorder="big")
    assert message_of(path) == (
        "`weights` was written on a big-endian machine. "
        f"Received: weights={str(path)!r}"
    )


class Storage:
    """What stands for a storage in a pickle made by hand."""


def tensor_pickle(offset, shape, strides, count):
    """The pickle of one tensor on a storage, as PyTorch writes it."""

    class Pickler(pickle._Pickler):
        def persistent_id(self, value):
            if isinstance(value, Storage):
                return (
                    "storage",
                    Global("torch", "FloatStorage"),
                    "0",
                    "cpu",
                    count,
                )

    class Global:
        def __init__(self, module, name):
            self.line = f"c{module}\n{name}\n".encode()

    def save(pickler, value):
        pickler.write(value.line)

    class Tensor:
        pass

    def save_tensor(pickler, _):
        pickler.write(b"ctorch._utils\n_rebuild_tensor_v2\n")
        pickler.save((Storage(), offset, shape, strides, False, None))
        pickler.write(pickle.REDUCE)

    Pickler.dispatch = {
        **pickle._Pickler.dispatch,
        Global: save,
        Tensor: save_tensor,
    }
    buffer = io.BytesIO()
    Pickler(buffer, 2).dump({"weight": Tensor()})
    return buffer.getvalue()


@pytest.mark.parametrize(
    "offset,shape,strides,count",
    [
        (0, (5,), (1,), 4),  # one too many
        (1, (2, 2), (2, 1), 4),  # an offset too far
        (0, (2, 2), (3, 1), 4),  # strides too long
        (-1, (2,), (1,), 4),
        (0, (2,), (-1,), 4),
        (0, (10**9,), (0,), 4),  # a large tensor from a small file
        (0, (2, 2), (1,), 4),
    ],
)
def test_a_tensor_that_exceeds_its_storage(
    tmp_path, offset, shape, strides, count
):
    pickled = tensor_pickle(offset, shape, strides, count)
    path = archive(tmp_path / "x.pth", pickled, **{"data/0": bytes(4 * count)})
    assert message_of(path) == (
        "`weights` cannot be read: a tensor exceeds its storage. "
        f"Received: weights={str(path)!r}"
    )


def test_a_storage_of_another_length(tmp_path):
    pickled = tensor_pickle(0, (4,), (1,), 4)
    path = archive(tmp_path / "x.pth", pickled, **{"data/0": bytes(15)})
    assert message_of(path) == (
        "`weights` cannot be read: storage '0' has 15 bytes. "
        f"Received: weights={str(path)!r}"
    )
    path = archive(tmp_path / "y.pth", pickled, **{"data/0": bytes(16)})
    assert read_state_dict(path)["weight"].tolist() == [0, 0, 0, 0]


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_a_changed_pickle_gives_tensors_or_a_value_error(
    tmp_path_factory, data
):
    pickled = bytearray(tensor_pickle(0, (2, 2), (2, 1), 4))
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(pickled) - 1))
        pickled[place] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.getbasetemp() / "fuzz.pth"
    archive(path, bytes(pickled), **{"data/0": bytes(16)})
    try:
        found = read_state_dict(path)
    except ValueError as error:
        assert str(error).endswith(f"Received: weights={str(path)!r}")
    else:
        assert all(value.size <= 4 for value in found.values())
