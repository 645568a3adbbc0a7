"""Files of PyTorch: read as PyTorch reads them, and nothing is ever run."""

import functools
import zipfile

import numpy as np
import pytest
import support

from alexnet_keras.weights.torch_format import read_state_dict

message_of = functools.partial(support.message_of, read_state_dict)


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


@pytest.mark.extra
def test_numbers_of_other_kinds_are_refused_with_the_way_out(tmp_path):
    torch = pytest.importorskip("torch", reason="writes with PyTorch")
    path = tmp_path / "half.pth"
    torch.save({"a": torch.ones(3, dtype=torch.bfloat16)}, path)
    refused(path, "it has numbers of torch.BFloat16Storage; save them as ")
