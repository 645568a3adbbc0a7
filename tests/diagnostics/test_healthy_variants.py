"""Variants that are not accused, in any activation, size or rate."""

import keras
import numpy as np
import pytest
from keras import layers

from alexnet_keras import SGD2012
from alexnet_keras import VARIANTS
from alexnet_keras import build_alexnet
from alexnet_keras.data import photo_patches
from alexnet_keras.diagnostics import checklist
from alexnet_keras.layers import SubtractMean


def variant(name, activation, classes, size, optimizer):
    table = VARIANTS[name]
    inputs = keras.Input((size, size, 3))
    x = SubtractMean([120.0] * 3, table.pixel_scale)(inputs)
    if table.input_shape[-1] == 1:
        x = keras.ops.image.rgb_to_grayscale(x)
    model = build_alexnet(
        input_tensor=x,
        classes=classes,
        classifier_activation=activation,
        variant=name,
    )
    loss = keras.losses.SparseCategoricalCrossentropy(
        from_logits=not activation
    )
    model.compile(optimizer, loss, jit_compile=False)
    return model


def patches(size, count=64):
    whole = {
        n: photo_patches.load_photograph(n) for n in photo_patches.PHOTOGRAPHS
    }
    boxes = photo_patches.make_boxes("train")[:count]
    names = photo_patches.PHOTOGRAPHS
    images = [
        whole[names[label]][top : top + side, left : left + side]
        for label, top, left, side in boxes
    ]
    resized = [
        np.asarray(keras.ops.image.resize(i, (size, size))) for i in images
    ]
    return np.stack(resized).astype("float32"), boxes[:, 0]


@pytest.mark.slow
@pytest.mark.parametrize(
    "name, activation, classes, size",
    [
        ("paper", "softmax", 10, 83),
        ("paper", None, 1000, 83),
        ("original", "softmax", 100, 83),
        ("original", None, 10, 83),
        ("original", "softmax", 10, 224),
        ("caffe", "softmax", 10, 83),
        ("caffe", None, 10, 83),
        ("single_tower", "softmax", 10, 83),
        ("torchvision", "softmax", 1000, 83),
        ("torchvision", None, 10, 83),
        ("d2l", "softmax", 10, 83),
        ("d2l", None, 2, 83),
    ],
)
def test_the_variants_are_healthy(name, activation, classes, size):
    keras.utils.set_random_seed(1)
    model = variant(name, activation, classes, size, SGD2012(0.01))
    images, labels = patches(size)
    assert checklist.diagnose(model, images, labels % classes) == []


@pytest.mark.slow
@pytest.mark.parametrize("activation", ["softmax", None])
def test_without_momentum_nothing_is_said_about_the_weights(activation):
    """It is late, and with a spread of probabilities it looked faint."""
    keras.utils.set_random_seed(1)
    model = variant("caffe", activation, 10, 83, "sgd")
    assert checklist.diagnose(model, *patches(83)) == []


@pytest.mark.slow
@pytest.mark.parametrize("rate", ["sgd", "adam"])
def test_fresh_batch_normalization_is_healthy(rate):
    keras.utils.set_random_seed(1)
    base = keras.applications.MobileNetV2((96, 96, 3), 0.35, False, None)
    model = keras.Sequential(
        [
            layers.Rescaling(1 / 127.5, -1),
            base,
            layers.GlobalAveragePooling2D(),
            layers.Dense(10, "softmax"),
        ]
    )
    model.compile(rate, "sparse_categorical_crossentropy")
    assert checklist.diagnose(model, *patches(96)) == []
