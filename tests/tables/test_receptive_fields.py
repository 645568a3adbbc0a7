"""Receptive fields, measured on Keras models by which pixels have a gradient.

A value's gradient is zero, exactly, for every pixel that cannot influence it.
With random images and positive weights some path reaches every pixel that
can: pools pick a window's first and last row often enough.
"""

import keras
import numpy as np
import pytest
from keras import ops
from support import NAMES
from support import gradients
from support import narrow

from alexnet_keras import build_alexnet
from alexnet_keras import derive_layers
from alexnet_keras import variants

HEIGHT = 451  # room for a square of 227 around a value in the middle
LAYERS = "conv1 pool1 conv2 pool2 conv3 conv4 conv5 pool5".split()
FIELDS = dict(zip(LAYERS, (11, 19, 51, 67, 99, 131, 163, 195)))
# The spatial normalizer before pool2 reads two pixels more on either side,
# eight input pixels apart each: 4 · 8 = 32 from there on.
ORIGINAL = dict(zip(LAYERS, (11, 19, 51, 99, 131, 163, 195, 227)))


def measure(model, layer, row=None):
    """Returns the first and the last row of pixels that `layer` sees."""
    generator = np.random.default_rng(1)
    model.set_weights(
        [
            abs(generator.standard_normal(w.shape)) / np.prod(w.shape[:-1])
            if len(w.shape) > 1
            else np.zeros(w.shape)
            for w in model.weights
        ]
    )
    part = keras.Model(model.inputs, model.get_layer(layer).output)
    images = 100 * abs(generator.standard_normal((8, *model.input_shape[1:])))
    if row is None:
        row = part.output_shape[1] // 2

    def value(x):
        return ops.sum(part(x)[:, row, :, :])

    (gradient,) = gradients(value, images.astype("float32"))
    seen = np.flatnonzero(abs(gradient).sum(axis=(0, 2, 3)))
    return seen[0], seen[-1]


@pytest.mark.parametrize("name", NAMES)
def test_convolutions_and_pools(name):
    table = narrow(name, divisor=16)
    channels = table.input_shape[-1]
    shape = (HEIGHT, 99, channels)
    model = build_alexnet(False, input_shape=shape, variant=table)
    rows = {row.name: row for row in derive_layers(table, shape)}
    expected = ORIGINAL if name == "original" else FIELDS
    for layer in LAYERS:
        first, last = measure(model, layer)
        assert 0 < first and last < HEIGHT - 1, "not clipped by the edge"
        assert rows[layer].receptive_field == last - first + 1, layer
        assert rows[layer].receptive_field == expected[layer], layer


@pytest.mark.parametrize("name", NAMES)
def test_layers_in_between_see_what_their_input_sees(name):
    rows = derive_layers(name)
    between = ("lrn", "activation", "flatten", "dropout")
    for before, row in zip(rows, rows[1:]):
        if row.kind in between:
            assert row.receptive_field == before.receptive_field


@pytest.mark.parametrize(
    "name,field",
    # Six values of pool5, 32 pixels apart: 195 + 5 · 32. In d2l there are
    # five, in original each of them sees 227.
    [
        ("paper", 355),
        ("original", 387),
        ("caffe", 355),
        ("single_tower", 355),
        ("torchvision", 355),
        ("d2l", 323),
    ],
)
def test_dense_layers_see_all_that_pool5_sees(name, field):
    dense = [row for row in derive_layers(name) if row.kind == "dense"]
    assert [row.receptive_field for row in dense] == [field] * 3


def test_spatial_norm_sees_its_window():
    rows = {row.name: row for row in derive_layers("original")}
    assert rows["norm2"].receptive_field == 51
    assert rows["spatial_norm2"].receptive_field == 51 + 4 * 8


@pytest.mark.parametrize("height,bins", [(9, 3), (10, 3), (11, 3), (16, 6)])
def test_adaptive_average(height, bins):
    table = variants.Variant(
        "mine",
        (
            variants.Conv("conv1", 1, 3, stride=2),
            variants.AdaptiveAveragePool("avgpool", bins),
        ),
        input_shape=(2 * height + 1, 2 * height + 1, 1),
    )
    inputs = x = keras.Input(table.input_shape)
    x = keras.layers.Conv2D(1, 3, 2, name="conv1")(x)
    x = keras.layers.AdaptiveAveragePooling2D(bins, name="avgpool")(x)
    model = keras.Model(inputs, x)
    seen = [measure(model, "avgpool", row) for row in range(bins)]
    widest = max(last - first + 1 for first, last in seen)
    assert derive_layers(table)[-1].receptive_field == widest
