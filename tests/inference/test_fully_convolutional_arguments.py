"""Models of which no fully convolutional one can be made."""

import dataclasses

import keras
import pytest
from support import message_of
from support import narrow
from test_fully_convolutional import build

from alexnet_keras import build_alexnet
from alexnet_keras import variants
from alexnet_keras.inference.fully_convolutional import as_convolutional
from alexnet_keras.inference.fully_convolutional import place_boxes


def test_wrong_models_are_refused():
    assert message_of(as_convolutional, "alexnet") == (
        "`model` must be a network of `build_alexnet()`. "
        "Received: model of type str"
    )
    table = narrow("single_tower")
    features = build_alexnet(
        include_top=False, input_shape=(67, 67, 3), variant=table
    )
    assert message_of(as_convolutional, features) == (
        "`model` must have one layer flatten and fully connected layers "
        "behind it: build it with its top. Received: model 'alexnet' with "
        "images, conv1, norm1, pool1, conv2, norm2, pool2, conv3, conv4, "
        "conv5, pool5"
    )
    images = keras.Input((9, 9, 3), name="images")
    vector = keras.Input((4,))
    flat = keras.layers.Flatten(name="flat")(images)
    for inputs, outputs, text in (
        (
            [images, vector],
            keras.layers.Concatenate()([flat, vector]),
            "`model` must take images and nothing else, and give scores and "
            "nothing else. Received: model with inputs (None, 9, 9, 3), "
            "(None, 4) and 1 output(s)",
        ),
        (
            images,
            flat,
            "`model` must have fully connected layers behind flatten. "
            "Received: model 'net' with images, flat",
        ),
        (
            images,
            keras.layers.LayerNormalization(name="norm")(flat),
            "`model` has a layer behind flatten that has no counterpart on a "
            "map: 'norm' (LayerNormalization). "
            "Received: model 'net' with images, flat, norm",
        ),
        (
            images,
            keras.layers.BatchNormalization(name="norm")(flat),
            "`model` has a layer behind flatten that has no counterpart on a "
            "map: 'norm' (BatchNormalization). "
            "Received: model 'net' with images, flat, norm",
        ),
    ):
        message = message_of(
            as_convolutional, keras.Model(inputs, outputs, name="net")
        )
        assert message.replace(images.name, "images") == text


def test_an_average_that_cannot_be_folded_is_refused():
    table = narrow("torchvision")
    place = [row.name for row in table.layers].index("flatten")
    rows = list(table.layers)
    rows.insert(place, variants.Activation("relu_after"))
    table = dataclasses.replace(table, layers=tuple(rows))
    model = build_alexnet(input_shape=(63, 63, 3), variant=table)
    assert message_of(as_convolutional, model) == (
        "`model` must have flatten right behind 'avgpool', which makes one "
        "size of all. Received: model 'alexnet' with images, conv1_pad, "
        "conv1, pool1, conv2, pool2, conv3, conv4, conv5, pool5, avgpool, "
        "relu_after, flatten, drop6, fc6, drop7, fc7, predictions"
    )


@pytest.mark.parametrize("value", [0, 2.0, True])
def test_places_are_counted_from_1(value):
    model = build("unpadded")
    assert message_of(place_boxes, model, value, 1) == (
        f"`rows` must be a positive integer. Received: rows={value!r}"
    )
    assert message_of(place_boxes, model, 1, value) == (
        f"`columns` must be a positive integer. Received: columns={value!r}"
    )
