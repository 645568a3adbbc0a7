"""Every message of `derive_layers`, word for word."""

import pytest
from support import message_of

from alexnet_keras import VARIANTS
from alexnet_keras import derive_layers


@pytest.mark.parametrize(
    "shape",
    [224, (224, 224), (224, 224, 3, 1), (224, 0, 3), (224.0, 224, 3), "abc"],
)
def test_derive_layers_wants_height_width_and_channels(shape):
    assert message_of(derive_layers, "paper", shape) == (
        "`input_shape` must be three positive integers: height, width and "
        f"channels. Received: input_shape={shape!r}"
    )


@pytest.mark.parametrize("classes", [0, -3, 2.0, "10", True])
def test_derive_layers_wants_a_positive_number_of_classes(classes):
    assert message_of(derive_layers, "paper", None, classes) == (
        f"`classes` must be a positive integer. Received: classes={classes!r}"
    )


def test_derive_layers_names_the_known_variants():
    assert message_of(derive_layers, "vgg") == (
        "`variant` must be one of paper, original, caffe, single_tower, "
        "torchvision, d2l, or a `variants.Variant` table of your own. "
        "Received: variant='vgg'"
    )


@pytest.mark.parametrize(
    "name,shape,stop,least",
    [
        (
            "paper",
            (63, 63, 3),
            "pool5 gets 2×2 pixels for its window of 3×3.",
            64,
        ),
        (
            "paper",
            (10, 7, 3),
            "conv1 gets 10×7 pixels for its window of 11×11.",
            64,
        ),
        (
            "paper",
            (64, 32, 3),
            "pool5 gets 3×1 pixels for its window of 3×3.",
            64,
        ),
        (
            "original",
            (224, 35, 3),
            "pool5 gets 13×1 pixels for its window of 3×3.",
            36,
        ),
        (
            "caffe",
            (38, 38, 3),
            "pool5 gets 1×1 pixels for its window of 3×3.",
            39,
        ),
        (
            "single_tower",
            (66, 67, 3),
            "pool5 gets 2×3 pixels for its window of 3×3.",
            67,
        ),
        (
            "torchvision",
            (62, 62, 3),
            "pool5 gets 2×2 pixels for its window of 3×3.",
            63,
        ),
        (
            "d2l",
            (64, 64, 1),
            "pool5 gets 2×2 pixels for its window of 3×3.",
            65,
        ),
    ],
)
def test_an_image_that_runs_out_of_pixels(name, shape, stop, least):
    assert message_of(derive_layers, name, shape) == (
        f"`input_shape` is too small for variant '{name}': {stop} The "
        f"smallest image that works is {least}×{least}. "
        f"Received: input_shape={shape}"
    )


@pytest.mark.parametrize(
    "layer,changes,channels",
    [
        ("conv2", {"groups": 7}, 96),  # the input's channels
        ("conv2", {"filters": 255}, 255),  # its own filters
        ("conv1", {"groups": 2}, 3),
        ("norm1", {"groups": 5}, 96),
    ],
)
def test_groups_must_divide(layer, changes, channels):
    table = VARIANTS["paper"].replace_layer(layer, **changes)
    groups = table.layer(layer).groups
    assert message_of(derive_layers, table) == (
        f"{layer}: `groups` must divide its {channels} channels. "
        f"Received: groups={groups}"
    )
