"""Whole networks against the same networks written in PyTorch.

The PyTorch side is written from the paper, Caffe's prototxt, torchvision's and
D2L's code, not from our tables. Both get the same random weights.
"""

import gc
import math

import numpy as np
import pytest
from support import pixels
from support import to_numpy

from alexnet_keras import build_alexnet

torch = pytest.importorskip("torch", reason="compares with PyTorch")
nn = torch.nn

pytestmark = [pytest.mark.extra, pytest.mark.usefixtures("free_memory")]


class HalveAtTest(nn.Module):
    """§4.2: "at test time, we use all the neurons but multiply by 0.5"."""

    def forward(self, x):
        assert not self.training
        return x * 0.5


def after_224():
    """The zeros that the 2012 code found right of and below 224 pixels."""
    return nn.ZeroPad2d((0, 3, 0, 3))


def paper(fc6):
    def norm():
        # PyTorch divides alpha by the 5 maps; the paper does not.
        return nn.LocalResponseNorm(5, alpha=5 * 1e-4, beta=0.75, k=2.0)

    return nn.Sequential(
        after_224(),
        *(nn.Conv2d(3, 96, 11, stride=4), nn.ReLU(), norm()),
        nn.MaxPool2d(3, 2),
        *(nn.Conv2d(96, 256, 5, padding=2, groups=2), nn.ReLU(), norm()),
        nn.MaxPool2d(3, 2),
        *(nn.Conv2d(256, 384, 3, padding=1), nn.ReLU()),
        *(nn.Conv2d(384, 384, 3, padding=1, groups=2), nn.ReLU()),
        *(nn.Conv2d(384, 256, 3, padding=1, groups=2), nn.ReLU()),
        nn.MaxPool2d(3, 2),
        nn.Flatten(),
        *(nn.Linear(fc6, 4096), nn.ReLU(), HalveAtTest()),
        *(nn.Linear(4096, 4096), nn.ReLU(), HalveAtTest()),
        nn.Linear(4096, 1000),
    )


def caffe(fc6):
    def norm():
        # Caffe divides as PyTorch does; the prototxt leaves k at 1.
        return nn.LocalResponseNorm(5, alpha=1e-4, beta=0.75, k=1.0)

    def pool():
        return nn.MaxPool2d(3, 2, ceil_mode=True)

    return nn.Sequential(
        *(nn.Conv2d(3, 96, 11, stride=4), nn.ReLU(), norm(), pool()),
        *(nn.Conv2d(96, 256, 5, padding=2, groups=2), nn.ReLU()),
        *(norm(), pool()),
        *(nn.Conv2d(256, 384, 3, padding=1), nn.ReLU()),
        *(nn.Conv2d(384, 384, 3, padding=1, groups=2), nn.ReLU()),
        *(nn.Conv2d(384, 256, 3, padding=1, groups=2), nn.ReLU(), pool()),
        nn.Flatten(),
        *(nn.Linear(fc6, 4096), nn.ReLU(), nn.Dropout(0.5)),
        *(nn.Linear(4096, 4096), nn.ReLU(), nn.Dropout(0.5)),
        nn.Linear(4096, 1000),
    )


def torchvision(fc6):
    return nn.Sequential(
        *(nn.Conv2d(3, 64, 11, stride=4, padding=2), nn.ReLU()),
        nn.MaxPool2d(3, 2),
        *(nn.Conv2d(64, 192, 5, padding=2), nn.ReLU()),
        nn.MaxPool2d(3, 2),
        *(nn.Conv2d(192, 384, 3, padding=1), nn.ReLU()),
        *(nn.Conv2d(384, 256, 3, padding=1), nn.ReLU()),
        *(nn.Conv2d(256, 256, 3, padding=1), nn.ReLU()),
        nn.MaxPool2d(3, 2),
        nn.AdaptiveAvgPool2d((6, 6)),
        nn.Flatten(),
        *(nn.Dropout(0.5), nn.Linear(fc6, 4096), nn.ReLU()),
        *(nn.Dropout(0.5), nn.Linear(4096, 4096), nn.ReLU()),
        nn.Linear(4096, 1000),
    )


def d2l(fc6):
    return nn.Sequential(
        *(nn.Conv2d(1, 96, 11, stride=4, padding=1), nn.ReLU()),
        nn.MaxPool2d(3, 2),
        *(nn.Conv2d(96, 256, 5, padding=2), nn.ReLU()),
        nn.MaxPool2d(3, 2),
        *(nn.Conv2d(256, 384, 3, padding=1), nn.ReLU()),
        *(nn.Conv2d(384, 384, 3, padding=1), nn.ReLU()),
        *(nn.Conv2d(384, 256, 3, padding=1), nn.ReLU()),
        nn.MaxPool2d(3, 2),
        nn.Flatten(),
        *(nn.Linear(fc6, 4096), nn.ReLU(), nn.Dropout(0.5)),
        *(nn.Linear(4096, 4096), nn.ReLU(), nn.Dropout(0.5)),
        nn.Linear(4096, 10),
    )


def set_random_weights(network, images):
    """Kernels that keep the size of the values; logits of deviation 1."""
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in network.parameters():
            fan_in = math.prod(parameter.shape[1:])
            if parameter.ndim == 1:
                parameter.uniform_(-0.5, 0.5, generator=generator)
            else:
                parameter.normal_(0, math.sqrt(2 / fan_in), generator=generator)
        *_, kernel, bias = network.parameters()
        spread = network(images).std()
        kernel /= spread
        bias /= spread
    return network


def for_keras(network, side):
    """PyTorch's weights in the layout and the order of Keras's."""
    weights = []
    for parameter in network.parameters():
        values = parameter.detach().numpy()
        if values.ndim == 4:  # filters, channels, rows, columns
            values = values.transpose(2, 3, 1, 0)
        elif values.ndim == 2:
            if values.shape[1] == 256 * side**2:
                # fc6: PyTorch flattens channels, rows, columns; Keras rows,
                # columns, channels.
                values = values.reshape(-1, 256, side, side)
                values = values.transpose(0, 2, 3, 1)
                values = values.reshape(len(values), -1)
            values = values.T
        weights.append(values)
    return weights


@pytest.mark.parametrize(
    "network,shape,side",
    [
        (paper, (224, 224, 3), 6),
        (caffe, (227, 227, 3), 6),
        (torchvision, (224, 224, 3), 6),
        (d2l, (224, 224, 1), 5),
        # From 103 pixels Caffe's pools get 24, 12 and 6, and round up.
        (caffe, (103, 103, 3), 3),
        # pool5 puts out 1×1 and 2×2, which are averaged to 6×6.
        (torchvision, (63, 63, 3), 6),
        (torchvision, (100, 100, 3), 6),
        (torchvision, (290, 290, 3), 6),
    ],
    ids=lambda value: getattr(value, "__name__", str(value)),
)
def test_logits(network, shape, side):
    images = pixels((2, *shape))
    theirs = network(256 * side**2).eval()
    channels_first = torch.tensor(images.transpose(0, 3, 1, 2))
    set_random_weights(theirs, channels_first)
    with torch.no_grad():
        expected = theirs(channels_first).numpy()
    assert 0.9 < expected.std() < 1.1
    assert abs(expected[0] - expected[1]).max() > 0.1

    ours = build_alexnet(
        input_shape=shape,
        classifier_activation=None,
        variant=network.__name__,
    )
    ours.set_weights(for_keras(theirs, side))
    del theirs
    gc.collect()
    found = to_numpy(ours(images, training=False))
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-4)


def test_the_comparison_is_sharp():
    """A normalizer with the other alpha, or a flattening in the other order,
    would be noticed: each moves the logits by far more than the tolerance."""
    images = pixels((2, 64, 64, 3))
    channels_first = torch.tensor(images.transpose(0, 3, 1, 2))
    network = set_random_weights(paper(256).eval(), channels_first)
    with torch.no_grad():
        before = network(channels_first)
        for module in network:
            if isinstance(module, nn.LocalResponseNorm):
                module.alpha /= 5
        after = network(channels_first)
    assert abs(before - after).max() > 0.1
