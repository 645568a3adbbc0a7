"""Other sizes, other classes: models against derived rows, narrow tables."""

import pytest
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st
from support import NAMES
from support import SMALLEST
from support import narrow

from alexnet_keras import build_alexnet
from alexnet_keras import derive_layers
from alexnet_keras import variants


def assert_model_equals_rows(model, rows):
    for row in rows:
        layer = model.get_layer(row.name)
        assert layer.output.shape == (None, *row.output_shape), row.name
        assert layer.count_params() == row.parameters, row.name


@settings(max_examples=60)
@given(data=st.data())
def test_any_size_channels_and_classes(data):
    name = data.draw(st.sampled_from(NAMES), "variant")
    side = st.integers(SMALLEST[name], 256)
    height, width = data.draw(side, "height"), data.draw(side, "width")
    shape = (height, width, data.draw(st.sampled_from([1, 3, 4]), "channels"))
    classes = data.draw(st.none() | st.integers(1, 20), "classes")
    include_top = data.draw(st.booleans(), "include_top")
    table = narrow(name)
    model = build_alexnet(
        include_top, input_shape=shape, classes=classes, variant=table
    )
    rows = derive_layers(table, shape, classes)
    if not include_top:
        names = [row.name for row in rows]
        rows = rows[
            : names.index("relu5" if name == "original" else "pool5") + 1
        ]
    assert_model_equals_rows(model, rows)
    assert model.output_shape == (None, *rows[-1].output_shape)
    assert model.count_params() == sum(row.parameters for row in rows)


@pytest.mark.usefixtures("free_memory")
@pytest.mark.parametrize("name", NAMES)
def test_the_smallest_image_builds_and_one_pixel_less_does_not(name):
    least = SMALLEST[name]
    channels = variants.VARIANTS[name].input_shape[-1]
    model = build_alexnet(
        input_shape=(least, least, channels), classes=2, variant=name
    )
    assert model.get_layer("pool5").output.shape == (None, 1, 1, 256)
    for height, width in (least - 1, least), (least, least - 1):
        for include_top in True, False:
            with pytest.raises(ValueError) as error:
                build_alexnet(
                    include_top,
                    input_shape=(height, width, channels),
                    variant=name,
                )
            pixels = " gets 1×2 pixels " if height < least else " gets 2×1 "
            if least > 60:  # windows rounded down: two pixels are too few
                pixels = pixels.replace("2", "3").replace("1", "2")
            message = str(error.value)
            assert pixels in message
            assert message.startswith(
                f"`input_shape` is too small for variant {name!r}: pool5"
            )
            assert message.endswith(
                f"The smallest image that works is {least}×{least}. "
                f"Received: input_shape={(height, width, channels)}"
            )


@pytest.mark.parametrize(
    "include_top,pooling,expected",
    [
        (True, None, (None, 7)),
        (False, None, (None, 2, 3, 32)),
        (False, "avg", (None, 32)),
        (False, "max", (None, 32)),
    ],
)
def test_what_the_model_ends_in(include_top, pooling, expected):
    model = build_alexnet(
        include_top,
        input_shape=(100, 130, 3),
        pooling=pooling,
        variant=narrow("paper"),
    )
    assert model.output_shape == expected


@pytest.mark.parametrize("name", NAMES)
def test_open_height_and_width_without_the_top(name):
    table = narrow(name)
    channels = table.input_shape[-1]
    model = build_alexnet(
        False, input_shape=(None, None, channels), variant=table
    )
    assert model.output_shape == (None, None, None, 32)
    assert model.get_layer("conv5").output.shape[1:3] == (None, None)


def test_own_table_with_every_kind_of_row():
    table = variants.Variant(
        "mine",
        (
            variants.Conv("conv1", 6, 4, stride=3, padding=(1, 2), groups=2),
            variants.LRN("norm1", size=3, groups=3),
            variants.SpatialNorm("spatial", size=3),
            variants.MaxPool("pool1", 2, 2),
            variants.Activation("tanh1", "tanh"),
            variants.AdaptiveAveragePool("avgpool", 3),
            variants.Dense("mix", 5),
            variants.Dropout("drop", 0.2, rescale="test"),
            variants.Flatten("vector"),
            variants.Dense("scores", None, activation=None),
        ),
        input_shape=(31, 24, 4),
        conv_rounding="ceil",
        pool_rounding="ceil",
        classes=4,
    )
    assert_model_equals_rows(build_alexnet(variant=table), derive_layers(table))


def test_a_changed_row_is_built():
    table = narrow("caffe").replace_layer("conv3", kernel=5, padding=1)
    assert_model_equals_rows(build_alexnet(variant=table), derive_layers(table))


@pytest.mark.parametrize("include_top", [True, False])
def test_channels_first_turns_every_shape_round(image_data_format, include_top):
    table = narrow("original")
    rows = derive_layers(table, (90, 120, 3))
    image_data_format("channels_first")
    model = build_alexnet(include_top, input_shape=(3, 90, 120), variant=table)
    for row in rows if include_top else rows[:13]:
        shape = row.output_shape
        if len(shape) == 3:
            shape = (shape[2], *shape[:2])
        assert model.get_layer(row.name).output.shape == (None, *shape)


@pytest.mark.usefixtures("free_memory")
def test_channels_first_default_input(image_data_format):
    image_data_format("channels_first")
    assert build_alexnet(False).input_shape == (None, 3, 224, 224)
