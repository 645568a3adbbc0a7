"""Published weights, from an address to logits, against PyTorch and ONNX.

The files are of the published form and size, their numbers random; a server
on this machine stands in for the publishers'.
"""

import collections
import gc
import os

import numpy as np
import pytest
from support import pixels
from support import to_numpy
from weight_servers import publish
from weight_servers import serving

from alexnet_keras import build_alexnet

pytestmark = pytest.mark.usefixtures("free_memory")


def like_torchvisions():
    """torchvision's modules, by its names for them."""
    torch = pytest.importorskip("torch", reason="compares with PyTorch")
    nn = torch.nn
    features = nn.Sequential(
        nn.Conv2d(3, 64, kernel_size=11, stride=4, padding=2),
        *(nn.ReLU(), nn.MaxPool2d(kernel_size=3, stride=2)),
        *(nn.Conv2d(64, 192, kernel_size=5, padding=2), nn.ReLU()),
        nn.MaxPool2d(kernel_size=3, stride=2),
        *(nn.Conv2d(192, 384, kernel_size=3, padding=1), nn.ReLU()),
        *(nn.Conv2d(384, 256, kernel_size=3, padding=1), nn.ReLU()),
        *(nn.Conv2d(256, 256, kernel_size=3, padding=1), nn.ReLU()),
        nn.MaxPool2d(kernel_size=3, stride=2),
    )
    classifier = nn.Sequential(
        *(nn.Dropout(), nn.Linear(9216, 4096), nn.ReLU()),
        *(nn.Dropout(), nn.Linear(4096, 4096), nn.ReLU()),
        nn.Linear(4096, 1000),
    )
    parts = {
        "features": features,
        "avgpool": nn.AdaptiveAvgPool2d((6, 6)),
        "flatten": nn.Flatten(),
        "classifier": classifier,
    }
    network = nn.Sequential(collections.OrderedDict(parts)).eval()
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in network.parameters():
            deviation = 0.5  # of a bias
            if parameter.ndim > 1:
                deviation = (2 / parameter[0].numel()) ** 0.5
            parameter.normal_(0, deviation, generator=generator)
        classifier[-1].weight /= 150  # of the order of the pixels
    return torch, network


def assert_equal_logits(network, images, expected):
    found = to_numpy(network(images, training=False))
    assert 0.3 < expected.std() < 3
    assert abs(expected[0] - expected[1]).max() > 0.1
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-4)


@pytest.mark.extra
def test_torchvision(tmp_path, monkeypatch):
    torch, theirs = like_torchvisions()
    file = tmp_path / "alexnet-owt-7be5be79.pth"
    torch.save(theirs.state_dict(), file)
    assert abs(os.path.getsize(file) - 244_408_911) < 10_000
    images = pixels((2, 224, 224, 3))
    with torch.no_grad():
        batch = torch.tensor(images.transpose(0, 3, 1, 2))
        expected = theirs(batch).numpy()
        maps = theirs.features(batch).numpy().transpose(0, 2, 3, 1)
    del theirs
    gc.collect()

    home = tmp_path / "home"
    arguments = {"weights": "imagenet", "variant": "torchvision"}
    with serving(tmp_path) as address:
        publish(monkeypatch, home, "torchvision", address, file)
        ours = build_alexnet(classifier_activation=None, **arguments)
    assert_equal_logits(ours, images, expected)

    # Without the server, from the file that is kept: and only that is left.
    (kept,) = os.listdir(home / "models")
    assert kept == file.name
    features = build_alexnet(include_top=False, **arguments)
    np.testing.assert_allclose(
        to_numpy(features(images)), maps, rtol=0, atol=1e-3
    )
    whole = build_alexnet(
        weights=home / "models" / kept,
        classifier_activation=None,
        variant="torchvision",
    )
    assert_equal_logits(whole, images, expected)


def test_caffe(tmp_path, monkeypatch):
    onnx = pytest.importorskip("onnx", reason="reads ONNX files")
    runtime = pytest.importorskip("onnxruntime", reason="compares with it")
    from onnx_networks import bvlc_alexnet

    file = tmp_path / "bvlcalexnet-12.onnx"
    onnx.save(bvlc_alexnet(onnx), file)
    assert abs(os.path.getsize(file) - 243_863_787) < 10_000
    session = runtime.InferenceSession(file, providers=["CPUExecutionProvider"])
    images = pixels((2, 224, 224, 3))
    blue_first = images[..., ::-1].transpose(0, 3, 1, 2)
    batch = {"data_0": np.ascontiguousarray(blue_first)}
    expected, probabilities = session.run(["fc8", "prob_1"], batch)
    del session
    gc.collect()

    shape = (224, 224, 3)
    with serving(tmp_path) as address:
        publish(monkeypatch, tmp_path / "home", "caffe", address, file)
        ours = build_alexnet(
            weights="imagenet",
            input_shape=shape,
            classifier_activation=None,
            variant="caffe",
        )
    assert_equal_logits(ours, images, expected)
    softmax = build_alexnet(weights=file, input_shape=shape, variant="caffe")
    np.testing.assert_allclose(
        to_numpy(softmax(images)), probabilities, rtol=0, atol=1e-5
    )
    # The same channels in the other order are other images.
    turned = to_numpy(ours(images[..., ::-1]))
    assert abs(turned - expected).max() > 0.1
