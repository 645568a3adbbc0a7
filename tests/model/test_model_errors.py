"""Every message of `build_alexnet`, word for word."""

import keras
import numpy as np
import pytest
from support import narrow

from alexnet_keras import VARIANTS
from alexnet_keras import build_alexnet

PAPER = narrow("paper")


def message_of(*arguments, **keywords):
    keywords.setdefault("variant", PAPER)
    with pytest.raises(ValueError) as error:
        build_alexnet(*arguments, **keywords)
    return str(error.value)


@pytest.mark.parametrize("path", ["", "imagenet21k", "old.h5", "/a/b.npz", 7])
def test_weights_of_another_kind(path):
    assert message_of(weights=path) == (
        '`weights` must be `None`, "imagenet" or the path of a file whose '
        "name ends in .weights.h5, .keras, .pth, .onnx. "
        f"Received: weights={path!r}"
    )


@pytest.mark.parametrize("name", ["gone.weights.h5", "gone.keras"])
def test_weights_that_are_not_there(tmp_path, name):
    path = tmp_path / name
    assert message_of(weights=path) == (
        "`weights` names a file that is not there. "
        f"Received: weights={str(path)!r}"
    )


@pytest.mark.parametrize("ending", [".weights.h5", ".keras", ".pth", ".onnx"])
def test_weights_that_are_a_folder(tmp_path, ending):
    path = tmp_path / f"folder{ending}"
    path.mkdir()
    assert message_of(weights=path) == (
        f"`weights` names a folder, not a file. Received: weights={str(path)!r}"
    )


def assert_does_not_fit(message, path):
    assert message.startswith(
        "`weights` does not fit this network (same variant, same classes, "
        "same input size?): "
    )
    assert message.endswith(f" Received: weights={str(path)!r}")


@pytest.mark.parametrize("ending", [".weights.h5", ".keras"])
def test_weights_in_a_broken_file(tmp_path, ending):
    path = tmp_path / f"broken{ending}"
    path.write_bytes(b"not what its name says")
    with pytest.raises(ValueError) as error:
        build_alexnet(weights=path, variant=PAPER)
    message = str(error.value)
    assert message.startswith("`weights` is no whole Keras file (")
    assert str(error.value.__cause__) in message
    assert message.endswith(f"Received: weights={str(path)!r}")


@pytest.mark.parametrize("ending", [".weights.h5", ".keras"])
@pytest.mark.parametrize(
    "keywords",
    [
        {"classes": 3},
        {"include_top": False},
        {"input_shape": (131, 131, 3)},
        {"variant": narrow("single_tower")},
        {"variant": narrow("torchvision")},
    ],
    ids=["classes", "no top", "input size", "single_tower", "torchvision"],
)
@pytest.mark.filterwarnings("ignore:Skipping nested container")
def test_weights_of_another_network(tmp_path, ending, keywords):
    path = tmp_path / f"other{ending}"
    other = build_alexnet(**{"variant": PAPER, **keywords})
    (other.save if ending == ".keras" else other.save_weights)(path)
    assert_does_not_fit(message_of(weights=path), path)


@pytest.mark.parametrize("value", [np.ones((1, 70, 70, 3)), "x", [1]])
def test_input_tensor_must_be_symbolic(value):
    assert message_of(input_tensor=value) == (
        "`input_tensor` must be a Keras tensor, such as the output of "
        "`keras.Input()`; call the built model on values. "
        f"Received: input_tensor of type {type(value).__name__}"
    )


def test_input_shape_must_agree_with_input_tensor():
    inputs = keras.Input((70, 70, 3))
    assert message_of(input_tensor=inputs, input_shape=(70, 71, 3)) == (
        "`input_shape` must agree with `input_tensor`, whose images have "
        "(70, 70, 3). Received: input_shape=(70, 71, 3)"
    )


@pytest.mark.parametrize("shape", [70, (70, 70), (1, 70, 70, 3), "abc"])
def test_input_shape_must_have_three_entries(shape):
    assert message_of(input_shape=shape) == (
        "`input_shape` must have three entries: height, width and channels, "
        f"in the order of the data format. Received: input_shape={shape!r}"
    )


@pytest.mark.parametrize("shape", [(70.0, 70, 3), (70, -70, 3), (70, 70, "3")])
def test_input_shape_must_be_positive_integers(shape):
    assert message_of(input_shape=shape) == (
        "`input_shape` must be three positive integers: height, width and "
        f"channels. Received: input_shape={shape!r}"
    )


@pytest.mark.parametrize(
    "include_top,shape",
    [(True, (None, None, 3)), (True, (70, None, 3)), (False, (70, 70, None))],
)
def test_open_sizes_with_the_top(include_top, shape):
    assert message_of(include_top, input_shape=shape) == (
        "`input_shape` must name height, width and channels; only without "
        f"the top may height and width be `None`. Received: input_shape={shape}"
    )


def test_too_few_pixels():
    assert message_of(input_shape=(63, 80, 3), variant="paper") == (
        "`input_shape` is too small for variant 'paper': pool5 gets 2×4 "
        "pixels for its window of 3×3. The smallest image that works is "
        "64×64. Received: input_shape=(63, 80, 3)"
    )


@pytest.mark.parametrize("pooling", ["sum", "", True, ["avg"]])
@pytest.mark.parametrize("include_top", [True, False])
def test_pooling(pooling, include_top):
    assert message_of(include_top, pooling=pooling) == (
        '`pooling` must be `None`, "avg" or "max". '
        f"Received: pooling={pooling!r}"
    )


@pytest.mark.parametrize("classes", [0, -1, 2.5, "ten", True])
def test_classes(classes):
    assert message_of(classes=classes) == (
        f"`classes` must be a positive integer. Received: classes={classes!r}"
    )


@pytest.mark.parametrize("variant", ["alexnet", None, PAPER.layers])
def test_variant(variant):
    assert message_of(variant=variant) == (
        f"`variant` must be one of {', '.join(VARIANTS)}, or a "
        "`variants.Variant` table of your own. "
        f"Received: variant={variant!r}"
    )


def test_groups_of_an_own_table():
    table = PAPER.replace_layer("norm1", groups=5)
    assert message_of(variant=table) == (
        "norm1: `groups` must divide its 12 channels. Received: groups=5"
    )


@pytest.mark.parametrize(
    "keywords", [{"include_top": False}, {"weights": None}, {"classes": 3}]
)
def test_nothing_is_refused_that_is_right(keywords):
    build_alexnet(variant=PAPER, **keywords)


def test_messages_name_the_argument_and_the_order_that_were_typed(
    image_data_format,
):
    assert message_of(input_tensor=keras.Input((20, 30, 3))) == (
        "`input_tensor` is too small for variant 'paper': pool2 gets 1×2 "
        "pixels for its window of 3×3. The smallest image that works is "
        "64×64. Received: input_tensor=(20, 30, 3)"
    )
    image_data_format("channels_first")
    assert message_of(input_shape=(3, 20, 30)).endswith(
        "Received: input_shape=(3, 20, 30)"
    )
