"""Paddings that TensorFlow chooses by the size: tflearn's AlexNet, and pools."""

import keras
import numpy as np
import pytest
from keras import layers
from support import enliven
from support import pixels
from support import to_numpy

from alexnet_keras import build_alexnet
from alexnet_keras import derive_layers
from alexnet_keras import variants
from alexnet_keras.inference.fully_convolutional import as_convolutional
from alexnet_keras.inference.fully_convolutional import place_boxes
from alexnet_keras.shapes import smallest_size
from alexnet_keras.variants import Conv
from alexnet_keras.variants import Dense
from alexnet_keras.variants import MaxPool
from alexnet_keras.variants import Variant

SAME = {"padding": "same", "init": 0.02}


def tflearn(divisor=1):
    """examples/images/alexnet.py of TFLearn, narrower by a divisor."""
    return Variant(
        "tflearn",
        layers=(
            Conv("conv1", 96 // divisor, kernel=11, stride=4, **SAME),
            MaxPool("pool1", padding="same"),
            variants.LRN("norm1", k=1.0),
            Conv("conv2", 256 // divisor, kernel=5, **SAME),
            MaxPool("pool2", padding="same"),
            variants.LRN("norm2", k=1.0),
            Conv("conv3", 384 // divisor, kernel=3, **SAME),
            Conv("conv4", 384 // divisor, kernel=3, **SAME),
            Conv("conv5", 256 // divisor, kernel=3, bias=None, **SAME),
            MaxPool("pool5", padding="same"),
            variants.LRN("norm5", k=1.0),
            variants.Flatten(),
            Dense("fc6", 4096 // divisor, activation="tanh"),
            variants.Dropout("drop6"),
            Dense("fc7", 4096 // divisor, activation="tanh", bias=None),
            variants.Dropout("drop7"),
            Dense("predictions", None, activation=None),
        ),
        input_shape=(227, 227, 3),
        classes=17,
    )


def plain_keras(table, shape):
    """The same with Keras's layers and their own "same"."""
    stack = [keras.Input(shape)]
    for row in table.layers:
        match row:
            case Conv():
                stack.append(
                    layers.Conv2D(
                        row.filters,
                        row.kernel,
                        row.stride,
                        padding="same",
                        activation="relu",
                        use_bias=row.bias is not None,
                    )
                )
            case MaxPool():
                stack.append(layers.MaxPooling2D(3, 2, padding="same"))
            case variants.LRN():
                stack.append(layers.Lambda(normalize))
            case variants.Flatten():
                stack.append(layers.Flatten())
            case Dense():
                stack.append(
                    layers.Dense(
                        row.units or 17,
                        activation=row.activation,
                        use_bias=row.bias is not None,
                    )
                )
    return keras.Sequential(stack)


def normalize(x):
    import tensorflow as tf

    return tf.nn.local_response_normalization(x, 2, 1.0, 1e-4, 0.75)


@pytest.mark.parametrize("size", [(227, 227), (83, 64), (17, 40), (1, 1)])
def test_tflearns_alexnet_is_that_of_plain_keras(size):
    pytest.importorskip("tensorflow", reason="compares with TensorFlow's LRN")
    if keras.backend.backend() != "tensorflow":
        pytest.skip("TensorFlow's LRN needs its tensors")
    table, shape = tflearn(16), (*size, 3)
    images = pixels((2, *shape))
    model = build_alexnet(
        input_shape=shape, variant=table, classifier_activation=None
    )
    enliven(model, images)
    reference = plain_keras(table, shape)
    reference.set_weights(model.get_weights())
    expected = to_numpy(reference(images))
    np.testing.assert_allclose(to_numpy(model(images)), expected, atol=1e-4)
    rows = derive_layers(table, shape)
    assert sum(row.parameters for row in rows) == model.count_params()
    for row in rows:
        assert model.get_layer(row.name).output.shape[1:] == row.output_shape


def test_tflearns_sizes():
    sizes = [
        row.output_shape[0]
        for row in derive_layers(tflearn())
        if row.kind in ("conv", "max_pool")
    ]
    assert sizes == [57, 29, 29, 15, 15, 15, 15, 8]
    assert "+ 8" in derive_layers(tflearn())[0].formula
    assert smallest_size(tflearn()) == 1


def test_open_sizes_are_padded_when_they_are_known():
    table = tflearn(16)
    open_model = build_alexnet(
        include_top=False, input_shape=(None, None, 3), variant=table
    )
    for size in (83, 64), (40, 17):
        fixed = build_alexnet(
            include_top=False, input_shape=(*size, 3), variant=table
        )
        fixed.set_weights(open_model.get_weights())
        images = pixels((1, *size, 3))
        np.testing.assert_allclose(
            to_numpy(open_model(images)), to_numpy(fixed(images)), atol=1e-5
        )


def windows(x, size, stride, before, after):
    """The largest in each window, with minus infinity around."""
    pads = [(0, 0), (before, after), (before, after), (0, 0)]
    x = np.pad(x, pads, constant_values=-np.inf)
    view = np.lib.stride_tricks.sliding_window_view(x, (size, size), (1, 2))
    return view.max((-1, -2))[:, ::stride, ::stride]


@pytest.mark.parametrize("padding", [0, 1, (0, 1), (2, 1)])
@pytest.mark.parametrize("rounding", ["floor", "ceil"])
@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_padding_of_a_pool(padding, rounding, data_format, image_data_format):
    image_data_format(data_format)
    row = MaxPool("pool1", size=4, stride=2, padding=padding)
    table = Variant("pool", (row,), (9, 12, 3), pool_rounding=rounding)
    last = data_format == "channels_last"
    before, after = (padding,) * 2 if isinstance(padding, int) else padding
    for size in (9, 12), (10, 7):
        x = pixels((2, *size, 3)) - 200  # zeros around would win
        model = build_alexnet(
            include_top=False,
            input_shape=(*size, 3) if last else (3, *size),
            variant=table,
        )
        found = to_numpy(model(x if last else x.transpose(0, 3, 1, 2)))
        found = found if last else found.transpose(0, 2, 3, 1)
        more = rounding == "ceil"
        expected = windows(x, 4, 2, before, after + more)
        np.testing.assert_array_equal(found, expected)
        (derived,) = derive_layers(table, (*size, 3))
        assert derived.output_shape == found.shape[1:]


def test_a_class_map_keeps_the_paddings_of_the_size_it_was_built_for():
    """On a larger image "same" would begin elsewhere: its places shift."""
    table = Variant(
        "same",
        (
            Conv("conv1", 4, kernel=5, stride=2, padding="same"),
            MaxPool("pool1", padding="same"),
            variants.Flatten(),
            Dense("predictions", None, activation=None),
        ),
        (17, 17, 3),
        classes=5,
    )
    model = build_alexnet(variant=table, classifier_activation=None)
    # Away from the edges a place sees what the square alone shows, if its
    # outermost windows count for nothing.
    kernel, bias = model.get_layer("predictions").get_weights()
    kernel = kernel.reshape(5, 5, 4, 5)
    kernel[[0, -1]] = kernel[:, [0, -1]] = 0
    model.get_layer("predictions").set_weights([kernel.reshape(100, 5), bias])
    image = pixels((1, 30, 30, 3))
    scores = to_numpy(as_convolutional(model)(image))
    boxes = place_boxes(model, *scores.shape[1:3])
    checked = 0
    for place in np.ndindex(scores.shape[1:3]):
        top, left, bottom, right = boxes[place]
        if bottom <= 30 and right <= 30:
            alone = to_numpy(model(image[:, top:bottom, left:right]))[0]
            np.testing.assert_allclose(scores[0][place], alone, atol=1e-4)
            checked += 1
    assert checked >= 9
