"""The AlexNets as tables, one row a layer, in the order in which data flows.

A table holds everything that distinguishes one AlexNet from another; the
shapes (`shapes.py`), the Keras model (`model.py`) and the numbers in the
notebooks are derived from it. Plain Python, no Keras: to change a network,
change its table, with `dataclasses.replace` or `Variant.replace_layer`.
"""

import dataclasses

from alexnet_keras.specs import LRN
from alexnet_keras.specs import Activation
from alexnet_keras.specs import AdaptiveAveragePool
from alexnet_keras.specs import BatchNorm
from alexnet_keras.specs import Conv
from alexnet_keras.specs import Dense
from alexnet_keras.specs import Dropout
from alexnet_keras.specs import Flatten
from alexnet_keras.specs import MaxPool
from alexnet_keras.specs import SpatialNorm
from alexnet_keras.specs import Variant

__all__ = [
    "LRN",
    "VARIANTS",
    "Activation",
    "AdaptiveAveragePool",
    "BatchNorm",
    "Conv",
    "Dense",
    "Dropout",
    "Flatten",
    "MaxPool",
    "SpatialNorm",
    "Variant",
    "get_variant",
]

# The 2012 paper's text. Two groups in conv2, conv4 and conv5 (figure 2), the
# ReLU before the normalizer, the normalizer's sum over all maps of the layer
# (§3.3 as printed), its own dropout (§4.2), and biases of 1 (§5). The three
# zero pixels that make 55 out of 224 are where the 2012 code put them.
PAPER = Variant(
    name="paper",
    layers=(
        Conv("conv1", 96, kernel=11, stride=4, padding=(0, 3)),
        LRN("norm1"),
        MaxPool("pool1"),
        Conv("conv2", 256, kernel=5, padding=2, groups=2, bias=1.0),
        LRN("norm2"),
        MaxPool("pool2"),
        Conv("conv3", 384, kernel=3, padding=1),
        Conv("conv4", 384, kernel=3, padding=1, groups=2, bias=1.0),
        Conv("conv5", 256, kernel=3, padding=1, groups=2, bias=1.0),
        MaxPool("pool5"),
        Flatten(),
        Dense("fc6", 4096, bias=1.0),
        Dropout("drop6", rescale="test"),
        Dense("fc7", 4096, bias=1.0),
        Dropout("drop7", rescale="test"),
        Dense("predictions", None, activation=None),
    ),
)

# The released 2012 source, layers-145.cfg and layer-params-145.cfg. Sizes are
# rounded up, so conv1 hangs three pixels over the edge. The file's scale of
# 1e-4 is divided by the window when it is read (layer.py): 1e-4 / 5 across
# maps, 1e-3 / 25 for the spatial normalizer.
ORIGINAL = Variant(
    name="original",
    conv_rounding="ceil",
    pool_rounding="ceil",
    layers=(
        Conv("conv1", 96, kernel=11, stride=4, activation=None),
        LRN("norm1", alpha=2e-5, groups=2),
        MaxPool("pool1"),
        Activation("relu1"),
        Conv("conv2", 256, kernel=5, padding=2, groups=2, bias=1.0),
        LRN("norm2", alpha=2e-5, groups=2),
        SpatialNorm("spatial_norm2"),
        MaxPool("pool2"),
        Conv("conv3", 384, kernel=3, padding=1, init=0.03),
        Conv("conv4", 384, 3, padding=1, groups=2, init=0.03, bias=1.0),
        Conv(
            "conv5",
            256,
            kernel=3,
            padding=1,
            groups=2,
            activation=None,
            init=0.03,
            bias=1.0,
        ),
        MaxPool("pool5"),
        Activation("relu5"),
        Flatten(),
        Dense("fc6", 4096, bias=1.0),
        Dropout("drop6", rescale="test"),
        Dense("fc7", 4096, bias=1.0),
        Dropout("drop7", rescale="test"),
        Dense("predictions", None, activation=None),
    ),
)

# BVLC's bvlc_alexnet, train_val.prototxt. Caffe divides its alpha of 1e-4 by
# the window of 5, leaves k at 1, and rounds pooling up but convolution down.
CAFFE = Variant(
    name="caffe",
    input_shape=(227, 227, 3),
    pool_rounding="ceil",
    layers=(
        Conv("conv1", 96, kernel=11, stride=4),
        LRN("norm1", k=1.0, alpha=2e-5),
        MaxPool("pool1"),
        Conv("conv2", 256, kernel=5, padding=2, groups=2, bias=0.1),
        LRN("norm2", k=1.0, alpha=2e-5),
        MaxPool("pool2"),
        Conv("conv3", 384, kernel=3, padding=1),
        Conv("conv4", 384, kernel=3, padding=1, groups=2, bias=0.1),
        Conv("conv5", 256, kernel=3, padding=1, groups=2, bias=0.1),
        MaxPool("pool5"),
        Flatten(),
        Dense("fc6", 4096, init=0.005, bias=0.1),
        Dropout("drop6"),
        Dense("fc7", 4096, init=0.005, bias=0.1),
        Dropout("drop7"),
        Dense("predictions", None, activation=None),
    ),
)


def _merge_towers(layer):
    return (
        dataclasses.replace(layer, groups=1)
        if isinstance(layer, Conv)
        else layer
    )


# What most blog posts call AlexNet: the paper's network with the two towers
# merged, on 227×227 real pixels.
SINGLE_TOWER = dataclasses.replace(
    PAPER,
    name="single_tower",
    input_shape=(227, 227, 3),
    layers=tuple(map(_merge_towers, PAPER.layers)),
).replace_layer("conv1", padding=0)

# torchvision.models.alexnet, after "One weird trick" (arXiv 1404.5997): one
# tower, no normalizer, PyTorch's default initialization, and dropout in front
# of fc6 and fc7 instead of behind them.
_TORCH = {"init": "fan_in_uniform", "bias": "fan_in_uniform"}
TORCHVISION = Variant(
    name="torchvision",
    pixel_scale=1 / (0.226 * 255),  # its transform divides by about 0.226
    layers=(
        Conv("conv1", 64, kernel=11, stride=4, padding=2, **_TORCH),
        MaxPool("pool1"),
        Conv("conv2", 192, kernel=5, padding=2, **_TORCH),
        MaxPool("pool2"),
        Conv("conv3", 384, kernel=3, padding=1, **_TORCH),
        Conv("conv4", 256, kernel=3, padding=1, **_TORCH),
        Conv("conv5", 256, kernel=3, padding=1, **_TORCH),
        MaxPool("pool5"),
        AdaptiveAveragePool("avgpool", output=6),
        Flatten(),
        Dropout("drop6"),
        Dense("fc6", 4096, **_TORCH),
        Dropout("drop7"),
        Dense("fc7", 4096, **_TORCH),
        Dense("predictions", None, activation=None, **_TORCH),
    ),
)

# Dive into Deep Learning, section 8.1: grey pictures, padding 1 in conv1, so
# 54 instead of 55 and 5×5×256 = 6400 values into fc6; ten classes.
_GLOROT = {"init": "glorot_uniform"}
D2L = Variant(
    name="d2l",
    input_shape=(224, 224, 1),
    classes=10,
    pixel_scale=1 / 255,
    layers=(
        Conv("conv1", 96, kernel=11, stride=4, padding=1, **_GLOROT),
        MaxPool("pool1"),
        Conv("conv2", 256, kernel=5, padding=2, **_GLOROT),
        MaxPool("pool2"),
        Conv("conv3", 384, kernel=3, padding=1, **_GLOROT),
        Conv("conv4", 384, kernel=3, padding=1, **_GLOROT),
        Conv("conv5", 256, kernel=3, padding=1, **_GLOROT),
        MaxPool("pool5"),
        Flatten(),
        Dense("fc6", 4096, **_GLOROT),
        Dropout("drop6"),
        Dense("fc7", 4096, **_GLOROT),
        Dropout("drop7"),
        Dense("predictions", None, activation=None, **_GLOROT),
    ),
)

VARIANTS = {
    variant.name: variant
    for variant in (PAPER, ORIGINAL, CAFFE, SINGLE_TOWER, TORCHVISION, D2L)
}


def get_variant(variant):
    """Returns the table for a name in `VARIANTS`, or the table itself.

    Raises:
        ValueError: if `variant` is neither a known name nor a `Variant`.

    >>> get_variant("d2l").input_shape
    (224, 224, 1)
    """
    if isinstance(variant, Variant):
        return variant
    if isinstance(variant, str) and variant in VARIANTS:
        return VARIANTS[variant]
    raise ValueError(
        f"`variant` must be one of {', '.join(VARIANTS)}, or a "
        f"`variants.Variant` table of your own. Received: variant={variant!r}"
    )
