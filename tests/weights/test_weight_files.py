"""Files of PyTorch and ONNX into narrow networks, and what does not fit."""

import functools

import keras
import numpy as np
import pytest
from onnx_networks import bvlc_alexnet
from support import message_of
from support import narrow
from support import pixels
from support import to_numpy

from alexnet_keras import build_alexnet
from alexnet_keras.weights import loading
from alexnet_keras.weights import torch_format

SHAPE = (224, 224, 3)
NARROW = {"divisor": 8, "units": 24, "classes": 7}
MISFIT = (
    "`weights` does not fit this network (same variant, same classes, same "
    "input size?): "
)


failing = functools.partial(message_of, build_alexnet)


@pytest.fixture(scope="module")
def onnx_file(tmp_path_factory):
    onnx = pytest.importorskip("onnx", reason="reads ONNX files")
    path = tmp_path_factory.mktemp("onnx") / "narrow.onnx"
    onnx.save(bvlc_alexnet(onnx, **NARROW), path)
    return path


@pytest.fixture(scope="module")
def torch_file(tmp_path_factory):
    """A narrow torchvision network's file."""
    torch = pytest.importorskip("torch", reason="writes with PyTorch")
    nn = torch.nn
    torch.manual_seed(0)
    network = nn.Sequential(
        *(nn.Conv2d(3, 8, 11, 4, 2), nn.ReLU(), nn.MaxPool2d(3, 2)),
        *(nn.Conv2d(8, 24, 5, 1, 2), nn.ReLU(), nn.MaxPool2d(3, 2)),
        *(nn.Conv2d(24, 48, 3, 1, 1), nn.ReLU()),
        *(nn.Conv2d(48, 32, 3, 1, 1), nn.ReLU()),
        *(nn.Conv2d(32, 32, 3, 1, 1), nn.ReLU(), nn.MaxPool2d(3, 2)),
        *(nn.AdaptiveAvgPool2d((6, 6)), nn.Flatten()),
        *(nn.Linear(32 * 36, 24), nn.ReLU(), nn.Linear(24, 24), nn.ReLU()),
        nn.Linear(24, 7),
    )
    folder = tmp_path_factory.mktemp("torch")
    torch.save(network.state_dict(), folder / "narrow.pth")
    images = pixels((2, 100, 130, 3)) / 60
    with torch.no_grad():
        logits = network(torch.tensor(images.transpose(0, 3, 1, 2))).numpy()
    return folder / "narrow.pth", images, logits


@pytest.mark.extra
def test_pytorchs_file(torch_file):
    path, images, logits = torch_file
    ours = build_alexnet(
        weights=path,
        input_shape=images.shape[1:],
        classifier_activation=None,
        variant=narrow("torchvision"),
    )
    np.testing.assert_allclose(to_numpy(ours(images)), logits, atol=1e-5)


@pytest.mark.extra
@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_both_data_formats_get_the_same_weights(
    torch_file, data_format, monkeypatch
):
    path, *_ = torch_file
    first = data_format == "channels_first"
    shape = (3, 224, 224) if first else SHAPE
    before = keras.config.image_data_format()
    keras.config.set_image_data_format(data_format)
    try:
        found = build_alexnet(
            weights=path, input_shape=shape, variant=narrow("torchvision")
        ).get_weights()
    finally:
        keras.config.set_image_data_format(before)
    expected = build_alexnet(
        weights=path, variant=narrow("torchvision")
    ).get_weights()
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_onnx_file_in_onnx_runtime(onnx_file):
    runtime = pytest.importorskip("onnxruntime", reason="compares with it")
    images = pixels((2, *SHAPE))
    session = runtime.InferenceSession(
        onnx_file, providers=["CPUExecutionProvider"]
    )
    batch = np.ascontiguousarray(images[..., ::-1].transpose(0, 3, 1, 2))
    (expected,) = session.run(["fc8"], {"data_0": batch})
    ours = build_alexnet(
        weights=onnx_file,
        input_shape=SHAPE,
        classifier_activation=None,
        variant=narrow("caffe"),
    )
    np.testing.assert_allclose(to_numpy(ours(images)), expected, atol=1e-4)


def test_only_caffes_channels_are_turned(onnx_file):
    """A merged network of another name takes the file as it is."""
    import dataclasses

    arguments = {"weights": onnx_file, "input_shape": SHAPE}
    table = narrow("caffe")
    turned = build_alexnet(variant=table, **arguments).get_weights()
    other = dataclasses.replace(table, name="mine")
    plain = build_alexnet(variant=other, **arguments).get_weights()
    np.testing.assert_array_equal(turned[0], plain[0][:, :, ::-1])
    for ours, theirs in zip(turned[1:], plain[1:], strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.extra
def test_features_from_a_whole_file(torch_file, onnx_file):
    for path, name in ((torch_file[0], "torchvision"), (onnx_file, "caffe")):
        table = narrow(name)
        whole = build_alexnet(weights=path, input_shape=SHAPE, variant=table)
        features = build_alexnet(include_top=False, weights=path, variant=table)
        for layer in features.layers:
            for mine, theirs in zip(
                layer.get_weights(), whole.get_layer(layer.name).get_weights()
            ):
                np.testing.assert_array_equal(mine, theirs)


@pytest.mark.extra
def test_layers_in_front_do_not_confuse(torch_file):
    """Keras counts layers by class; ours are found by name."""
    table = narrow("torchvision")
    whole = build_alexnet(weights=torch_file[0], variant=table)
    inputs = keras.Input((224, 224, 3))
    x = keras.layers.Conv2D(3, 1, name="mine")(inputs)
    model = build_alexnet(input_tensor=x, classes=7, variant=table)
    before = model.get_layer("mine").get_weights()[0]
    loading.load(model, table, torch_file[0])
    np.testing.assert_array_equal(
        model.get_layer("mine").get_weights()[0], before
    )
    for layer in whole.layers:
        for mine, theirs in zip(
            model.get_layer(layer.name).get_weights() if layer.weights else (),
            layer.get_weights(),
        ):
            np.testing.assert_array_equal(mine, theirs)


@pytest.mark.extra
@pytest.mark.parametrize(
    "changes,reason",
    [
        (
            {"classes": 10},
            "predictions has 24×7 and 7 in the file, 24×10 and 10 in the "
            "network",
        ),
        (
            {"variant": narrow("torchvision", units=16)},
            "fc6 has 1152×24 and 24 in the file, 1152×16 and 16 in the network",
        ),
        (
            {"variant": narrow("single_tower"), "input_shape": (227, 227, 3)},
            "conv1 has 11×11×3×8 and 8 in the file, 11×11×3×12 and 12 in the "
            "network",
        ),
        (
            {"input_shape": (224, 224, 1)},
            "conv1 has 11×11×3×8 and 8 in the file, 11×11×1×8 and 8 in the "
            "network",
        ),
    ],
)
def test_a_file_of_another_network(torch_file, changes, reason):
    path, *_ = torch_file
    arguments = {"variant": narrow("torchvision"), **changes}
    assert failing(weights=path, **arguments) == (
        f"{MISFIT}{reason}. Received: weights={str(path)!r}"
    )


def test_another_input_size_and_towers(onnx_file):
    reason = "fc6 has 1152×24 and 24 in the file, 1568×24 and 24 in the network"
    message = failing(
        weights=onnx_file, input_shape=(256, 256, 3), variant=narrow("caffe")
    )
    assert message == f"{MISFIT}{reason}. Received: weights={str(onnx_file)!r}"
    message = failing(
        weights=onnx_file,
        input_shape=(227, 227, 3),
        variant=narrow("single_tower"),
    )
    assert "conv2 has 5×5×6×32 and 32 in the file, 5×5×12×32" in message


@pytest.mark.extra
def test_more_and_fewer_layers(tmp_path):
    torch = pytest.importorskip("torch", reason="writes with PyTorch")
    state = {}
    for index in range(3):
        state[f"{index}.weight"] = torch.zeros(8, 3, 11, 11)
        state[f"{index}.bias"] = torch.zeros(8)
    path = tmp_path / "short.pth"
    torch.save(state, path)
    assert failing(weights=path, variant=narrow("torchvision")) == (
        f"{MISFIT}the file has 3 layers with weights, the network 8. "
        f"Received: weights={str(path)!r}"
    )


@pytest.mark.extra
def test_other_names_in_pytorch(tmp_path):
    torch = pytest.importorskip("torch", reason="writes with PyTorch")
    path = tmp_path / "resnet.pth"
    torch.save(
        {
            "conv1.weight": torch.zeros(8, 3, 7, 7),
            "bn1.weight": torch.zeros(8),
        },
        path,
    )
    assert failing(weights=path, variant=narrow("torchvision")) == (
        f"{MISFIT}an AlexNet in PyTorch has a `.weight` and a `.bias` for "
        "each layer, one after the other, the file has 'conv1.weight' and "
        f"'bn1.weight'. Received: weights={str(path)!r}"
    )


def test_broken_onnx_files(onnx_file, tmp_path):
    content = onnx_file.read_bytes()
    for name, broken in (
        ("cut", content[: len(content) // 2]),
        ("text", b"This is no model."),
    ):
        path = tmp_path / f"{name}.onnx"
        path.write_bytes(broken)
        message = failing(weights=path, variant=narrow("caffe"))
        assert message.startswith(
            "`weights` is no whole ONNX file with its tensors inside (Decode"
        )
        assert message.endswith(f" Received: weights={str(path)!r}")
    path = tmp_path / "empty.onnx"
    path.write_bytes(b"")
    assert failing(weights=path, variant=narrow("caffe")) == (
        "`weights` has no layer of the types Conv and Gemm, so it is no "
        f"AlexNet in ONNX. Received: weights={str(path)!r}"
    )


def test_onnx_tensors_in_other_files(onnx_file, tmp_path):
    import onnx

    path = tmp_path / "outside.onnx"
    onnx.save(
        onnx.load(onnx_file),
        path,
        save_as_external_data=True,
        location="data.bin",
        size_threshold=0,
    )
    message = failing(weights=path, variant=narrow("caffe"))
    assert message.startswith(
        "`weights` is no whole ONNX file with its tensors inside ("
    )


@pytest.mark.extra
def test_nothing_is_half_loaded(torch_file):
    path, *_ = torch_file
    table = narrow("torchvision")
    model = build_alexnet(classes=10, variant=table)
    before = model.get_weights()
    with pytest.raises(ValueError):
        loading.load(model, table, path)
    for now, then in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(now, then)


@pytest.mark.extra
def test_what_does_not_fit_is_not_read(torch_file, monkeypatch):
    monkeypatch.delattr(torch_format.Tensor, "read")
    message = failing(
        weights=torch_file[0], classes=10, variant=narrow("torchvision")
    )
    assert "predictions has 24×7 and 7 in the file" in message
    with pytest.raises(AttributeError, match="read"):
        build_alexnet(weights=torch_file[0], variant=narrow("torchvision"))
