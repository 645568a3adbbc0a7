"""ONNX files as exporters write them, and where their tensors may lie."""

import contextlib
import functools
import sys

import numpy as np
import pytest
from onnx_networks import bvlc_alexnet
from support import message_of
from support import narrow

from alexnet_keras import build_alexnet

SHAPE = (224, 224, 3)
NARROW = {"divisor": 8, "units": 24, "classes": 7}
failing = functools.partial(message_of, build_alexnet)


@contextlib.contextmanager
def opened():
    """Yields a list of the files that Python opens meanwhile."""
    names, active = [], True

    def hook(event, arguments):
        if active and event == "open":
            names.append(str(arguments[0]))

    sys.addaudithook(hook)  # there is no way to remove one
    try:
        yield names
    finally:
        active = False


def test_onnx_does_not_read_the_current_folder(tmp_path, monkeypatch):
    onnx = pytest.importorskip("onnx", reason="reads ONNX files")
    model = bvlc_alexnet(onnx, **NARROW)
    tensor = model.graph.initializer[1]
    data = onnx.numpy_helper.to_array(tensor)
    (tmp_path / "secret.bin").write_bytes(data.tobytes())
    monkeypatch.chdir(tmp_path)
    tensor.ClearField("raw_data")
    tensor.data_location = onnx.TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="secret.bin")
    path = tmp_path / "outside.onnx"
    path.write_bytes(model.SerializeToString())
    with opened() as names:
        message = failing(
            weights=path, input_shape=SHAPE, variant=narrow("caffe")
        )
    assert "'conv1_b_0' lies in another file" in message
    assert str(path) in names and "secret.bin" not in " ".join(names)


def test_onnx_kernels_of_other_kinds(tmp_path):
    onnx = pytest.importorskip("onnx", reason="reads ONNX files")
    for values, reason in (
        (np.array(["a"], dtype=object), "in floating point"),
        (np.float32(1), "conv1 has  and 12 in the file"),
        (np.ones((2, 3, 4), "float32"), "conv1 has 4×3×2 and 12 in the file"),
    ):
        model = bvlc_alexnet(onnx, **NARROW)
        tensor = model.graph.initializer[0]
        name = tensor.name
        tensor.CopyFrom(onnx.numpy_helper.from_array(np.asarray(values), name))
        path = tmp_path / "other.onnx"
        path.write_bytes(model.SerializeToString())
        message = failing(
            weights=path, input_shape=SHAPE, variant=narrow("caffe")
        )
        assert reason in message


def test_onnx_layers_without_a_bias_or_a_name(tmp_path):
    onnx = pytest.importorskip("onnx", reason="reads ONNX files")
    model = bvlc_alexnet(onnx, **NARROW)
    node = model.graph.node[0]
    del node.input[2]
    path = tmp_path / "nobias.onnx"
    path.write_bytes(model.SerializeToString())
    message = failing(weights=path, variant=narrow("caffe"))
    assert "a layer 'conv1' (Conv) without a kernel and a bias" in message
    assert message.endswith(f"Received: weights={str(path)!r}")
    del node.output[:]
    path.write_bytes(model.SerializeToString())
    message = failing(weights=path, variant=narrow("caffe"))
    assert "a layer '' (Conv) without a kernel and a bias" in message


def test_onnx_gemm_without_a_transposition(tmp_path):
    onnx = pytest.importorskip("onnx", reason="reads ONNX files")
    model = bvlc_alexnet(onnx, **NARROW)
    last = [node for node in model.graph.node if node.op_type == "Gemm"][-1]
    del last.attribute[:]
    (kernel,) = [
        tensor
        for tensor in model.graph.initializer
        if tensor.name == last.input[1]
    ]
    turned = onnx.numpy_helper.to_array(kernel).T.copy()
    kernel.CopyFrom(onnx.numpy_helper.from_array(turned, kernel.name))
    path = tmp_path / "plain.onnx"
    onnx.save(model, path)
    found = build_alexnet(
        weights=path, input_shape=SHAPE, variant=narrow("caffe")
    )
    np.testing.assert_array_equal(
        found.get_layer("predictions").get_weights()[0], turned
    )
