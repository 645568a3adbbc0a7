"""Tables with the paddings of others: TFLearn's AlexNet; what a line refuses."""

import dataclasses
import hashlib
import json

import keras
import numpy as np
import pytest
from keras import layers
from support import enliven
from support import pixels
from support import to_numpy

from alexnet_keras import VARIANTS
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

# Stored results and unfinished runs are found by these texts.
REPR = {
    "paper": "02070659bcc0",
    "original": "ebdc94591733",
    "caffe": "2a6efca39e0e",
    "single_tower": "5e16768fbef0",
    "torchvision": "f1646ff7f492",
    "d2l": "3a6b6d79e590",
}


def test_the_texts_of_the_tables_are_those_of_the_stored_results():
    found = {
        name: hashlib.sha256(repr(table).encode()).hexdigest()[:12]
        for name, table in VARIANTS.items()
    }
    assert found == REPR


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


WRONG = {
    "name": [None, "", 3],
    "filters": [0, 1.0, True, "96"],
    "kernel": [(11, 11), 0, 3.0, None],
    "stride": [(4, 4), 0, None],
    "padding": ["valid", -1, (1, 2, 3), 1.5, None, (1, -1)],
    "groups": [0, 2.0, None],
    "activation": [0, "", keras.activations.relu],
    "init": [-0.1, None, "", np.nan, True],
    "bias": ["zeros", np.inf, [0.0], True],
    "units": [0, 10.0, True],
    "size": [(3, 3), 0, None],
    "k": [-1, "2", None, np.nan],
    "alpha": [-1, None],
    "beta": [-1, None],
    "momentum": [-0.1, 1.1, None],
    "epsilon": [-1, None],
    "output": [(6, 6), 0, None],
    "rate": [-0.1, 1.5, None, True],
    "rescale": ["both", None],
}
REQUIRED = {"name": "x", "filters": 4, "kernel": 3, "units": 5, "output": 6}
KINDS = [
    Conv,
    Dense,
    variants.LRN,
    variants.SpatialNorm,
    variants.BatchNorm,
    MaxPool,
    variants.AdaptiveAveragePool,
    variants.Activation,
    variants.Flatten,
    variants.Dropout,
]


def fields(kind):
    return [field.name for field in dataclasses.fields(kind)]


def make(kind, **changes):
    given = {n: v for n, v in REQUIRED.items() if n in fields(kind)}
    return kind(**{**given, **changes})


@pytest.mark.parametrize(
    "kind,argument", [(kind, name) for kind in KINDS for name in fields(kind)]
)
def test_every_field_of_every_line_is_checked(kind, argument):
    make(kind)
    for value in WRONG[argument]:
        with pytest.raises(ValueError) as error:
            make(kind, **{argument: value})
        assert f"`{argument}`" in str(error.value)
        assert str(error.value).endswith(f"Received: {argument}={value!r}")


@pytest.mark.parametrize(
    "changes",
    [
        {"name": ""},
        {"layers": None},
        {"layers": ("conv1",)},
        {"input_shape": (224, 224)},
        {"input_shape": 224},
        {"classes": 10.0},
        {"pixel_scale": 0},
        {"conv_rounding": "up"},
    ],
)
def test_every_field_of_a_table_is_checked(changes):
    ((argument, value),) = changes.items()
    with pytest.raises(ValueError, match=f"`{argument}`.*Received: "):
        dataclasses.replace(VARIANTS["paper"], **changes)


def test_a_pool_must_not_lie_outside_the_image():
    with pytest.raises(ValueError, match="`padding`.*Received: padding=3"):
        MaxPool("pool1", size=3, padding=3)
    wide = MaxPool("pool1", size=2, stride=2, padding=1)
    Variant("floor", (wide,))
    with pytest.raises(ValueError, match="`padding`.*Received: MaxPool"):
        Variant("ceil", (wide,), pool_rounding="ceil")


def test_numpys_numbers_make_the_same_lines():
    plain = Conv("c", 4, kernel=3, stride=2, padding=(0, 1), init=0.5, bias=1)
    row = Conv(
        "c",
        np.int64(4),
        kernel=np.int32(3),
        stride=np.int8(2),
        padding=[np.int64(0), np.int64(1)],
        init=np.float32(0.5),
        bias=np.int64(1),
    )
    assert row == plain and repr(row) == repr(plain)
    rows = derive_layers("d2l", (np.int64(67), np.int32(67), 1), np.int64(3))
    json.dumps([dataclasses.asdict(row) for row in rows])
    assert rows == derive_layers("d2l", (67, 67, 1), 3)


def test_no_biases():
    rows = derive_layers(VARIANTS["paper"].replace_layer("conv1", bias=None))
    assert rows[0].parameters == 11 * 11 * 3 * 96
