"""The tables say what the sources say: the paper, the 2012 code, Caffe, …"""

import dataclasses

import pytest
from support import NAMES
from support import message_of

from alexnet_keras import VARIANTS
from alexnet_keras import variants
from alexnet_keras.variants import LRN
from alexnet_keras.variants import Conv
from alexnet_keras.variants import Dense
from alexnet_keras.variants import Dropout
from alexnet_keras.variants import MaxPool
from alexnet_keras.variants import SpatialNorm

PAPER_ORDER = (
    "conv1 norm1 pool1 conv2 norm2 pool2 conv3 conv4 conv5 pool5 "
    "flatten fc6 drop6 fc7 drop7 predictions"
)
ORDERS = {
    "paper": PAPER_ORDER,
    "original": "conv1 norm1 pool1 relu1 conv2 norm2 spatial_norm2 pool2 "
    "conv3 conv4 conv5 pool5 relu5 "
    "flatten fc6 drop6 fc7 drop7 predictions",
    "caffe": PAPER_ORDER,
    "single_tower": PAPER_ORDER,
    "torchvision": "conv1 pool1 conv2 pool2 conv3 conv4 conv5 pool5 avgpool "
    "flatten drop6 fc6 drop7 fc7 predictions",
    "d2l": "conv1 pool1 conv2 pool2 conv3 conv4 conv5 pool5 "
    "flatten fc6 drop6 fc7 drop7 predictions",
}
# Input, rounding of convolutions, rounding of pools, classes.
SETTINGS = {
    "paper": ((224, 224, 3), "floor", "floor", 1000),
    "original": ((224, 224, 3), "ceil", "ceil", 1000),
    "caffe": ((227, 227, 3), "floor", "ceil", 1000),
    "single_tower": ((227, 227, 3), "floor", "floor", 1000),
    "torchvision": ((224, 224, 3), "floor", "floor", 1000),
    "d2l": ((224, 224, 1), "floor", "floor", 10),
}
# Filters of conv1 to conv5; (0, 3) is bottom and right only.
FILTERS = {
    "paper": (96, 256, 384, 384, 256),
    "original": (96, 256, 384, 384, 256),
    "caffe": (96, 256, 384, 384, 256),
    "single_tower": (96, 256, 384, 384, 256),
    "torchvision": (64, 192, 384, 256, 256),
    "d2l": (96, 256, 384, 384, 256),
}
CONV1_PADDING = {
    "paper": (0, 3),
    "original": 0,
    "caffe": 0,
    "single_tower": 0,
    "torchvision": 2,
    "d2l": 1,
}
TOWERS = {name: (1, 2, 1, 2, 2) for name in ("paper", "original", "caffe")}
# Standard deviations (or the name of the distribution) of conv1 to conv5,
# fc6, fc7, predictions; then the biases.
INITS = {
    "paper": [0.01] * 8,
    "original": [0.01, 0.01, 0.03, 0.03, 0.03, 0.01, 0.01, 0.01],
    "caffe": [0.01] * 5 + [0.005, 0.005, 0.01],
    "single_tower": [0.01] * 8,
    "torchvision": ["fan_in_uniform"] * 8,
    "d2l": ["glorot_uniform"] * 8,
}
BIASES = {
    "paper": [0, 1, 0, 1, 1, 1, 1, 0],
    "original": [0, 1, 0, 1, 1, 1, 1, 0],
    "caffe": [0, 0.1, 0, 0.1, 0.1, 0.1, 0.1, 0],
    "single_tower": [0, 1, 0, 1, 1, 1, 1, 0],
    "torchvision": ["fan_in_uniform"] * 8,
    "d2l": [0] * 8,
}
# k, alpha of the plain sum, groups.
NORMS = {
    "paper": (2.0, 1e-4, 1),
    "original": (2.0, 1e-4 / 5, 2),
    "caffe": (1.0, 1e-4 / 5, 1),
    "single_tower": (2.0, 1e-4, 1),
}


def rows(name, kind):
    return [row for row in VARIANTS[name].layers if isinstance(row, kind)]


def test_there_are_six_and_each_is_called_by_its_key():
    assert tuple(VARIANTS) == NAMES
    assert [variant.name for variant in VARIANTS.values()] == list(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_layers_stand_in_the_order_of_the_source(name):
    order = [layer.name for layer in VARIANTS[name].layers]
    assert order == ORDERS[name].split()


@pytest.mark.parametrize("name", NAMES)
def test_settings(name):
    table = VARIANTS[name]
    found = (
        table.input_shape,
        table.conv_rounding,
        table.pool_rounding,
        table.classes,
    )
    assert found == SETTINGS[name]


@pytest.mark.parametrize("name", NAMES)
def test_convolutions(name):
    found = [
        (conv.filters, conv.kernel, conv.stride, conv.padding, conv.groups)
        for conv in rows(name, Conv)
    ]
    windows = [
        (11, 4, CONV1_PADDING[name]),
        (5, 1, 2),
        (3, 1, 1),
        (3, 1, 1),
        (3, 1, 1),
    ]
    groups = TOWERS.get(name, (1,) * 5)
    assert found == [
        (filters, *window, group)
        for filters, window, group in zip(FILTERS[name], windows, groups)
    ]


@pytest.mark.parametrize("name", NAMES)
def test_pools_overlap(name):
    assert [(p.size, p.stride) for p in rows(name, MaxPool)] == [(3, 2)] * 3


@pytest.mark.parametrize("name", NAMES)
def test_dense_layers(name):
    assert [d.units for d in rows(name, Dense)] == [4096, 4096, None]


@pytest.mark.parametrize("name", NAMES)
def test_relu_follows_every_layer_but_the_last(name):
    found = [row.activation for row in rows(name, Conv | Dense)]
    expected = ["relu"] * 7 + [None]
    if name == "original":  # there relu1 and relu5 follow the pools
        expected[0] = expected[4] = None
    assert found == expected


@pytest.mark.parametrize("name", NAMES)
def test_initialization(name):
    weighted = rows(name, Conv | Dense)
    assert [row.init for row in weighted] == INITS[name]
    assert [row.bias for row in weighted] == BIASES[name]


@pytest.mark.parametrize("name", NAMES)
def test_normalizers(name):
    norms = rows(name, LRN)
    if name not in NORMS:
        assert norms == []
        return
    k, alpha, groups = NORMS[name]
    assert len(norms) == 2
    for norm in norms:
        assert (norm.size, norm.k, norm.beta) == (5, k, 0.75)
        assert (norm.alpha, norm.groups) == (pytest.approx(alpha), groups)


def test_only_the_original_has_the_spatial_normalizer():
    counts = {name: len(rows(name, SpatialNorm)) for name in NAMES}
    assert counts == {name: int(name == "original") for name in NAMES}
    (norm,) = rows("original", SpatialNorm)
    assert (norm.size, norm.k, norm.beta) == (5, 1.0, 0.75)
    assert norm.alpha == pytest.approx(1e-3 / 25)


@pytest.mark.parametrize("name", NAMES)
def test_dropout_of_2012_only_in_the_networks_of_2012(name):
    of_2012 = name in ("paper", "original", "single_tower")
    expected = [(0.5, "test" if of_2012 else "train")] * 2
    assert [(d.rate, d.rescale) for d in rows(name, Dropout)] == expected


@pytest.mark.parametrize("row", [VARIANTS["d2l"], *VARIANTS["paper"].layers])
def test_tables_cannot_be_changed_in_place(row):
    with pytest.raises(dataclasses.FrozenInstanceError):
        row.name = "other"


def test_replace_layer_changes_one_row_of_a_copy():
    paper = VARIANTS["paper"]
    changed = paper.replace_layer("conv2", filters=128, groups=4)
    differing = [
        (old.name, new.filters, new.groups)
        for old, new in zip(paper.layers, changed.layers)
        if old != new
    ]
    assert differing == [("conv2", 128, 4)]
    assert paper.layer("conv2").filters == 256


def test_get_variant_takes_a_name_or_a_table():
    table = dataclasses.replace(VARIANTS["d2l"], name="mine")
    assert variants.get_variant("caffe") is VARIANTS["caffe"]
    assert variants.get_variant(table) is table


@pytest.mark.parametrize("variant", ["Paper", "", None, 1, [], {"a": 1}])
def test_get_variant_refuses_anything_else(variant):
    assert message_of(variants.get_variant, variant) == (
        "`variant` must be one of paper, original, caffe, single_tower, "
        "torchvision, d2l, or a `variants.Variant` table of your own. "
        f"Received: variant={variant!r}"
    )


@pytest.mark.parametrize("method", ["layer", "replace_layer"])
def test_an_unknown_layer_is_named(method):
    assert message_of(getattr(VARIANTS["d2l"], method), "norm1") == (
        "Variant 'd2l' has no layer of that name. Its layers: conv1, pool1, "
        "conv2, pool2, conv3, conv4, conv5, pool5, flatten, fc6, drop6, fc7, "
        "drop7, predictions. Received: name='norm1'"
    )


@pytest.mark.parametrize("argument", ["conv_rounding", "pool_rounding"])
def test_rounding_is_floor_or_ceil(argument):
    assert message_of(
        dataclasses.replace, VARIANTS["paper"], **{argument: "up"}
    ) == (
        f'`{argument}` must be "floor" or "ceil". Received: {argument}=\'up\''
    )


def test_dropout_rescales_in_training_or_at_test():
    assert message_of(
        VARIANTS["paper"].replace_layer, "drop6", rescale="never"
    ) == ('`rescale` must be "train" or "test". Received: rescale=\'never\'')


def test_names_of_layers_are_unique():
    assert message_of(
        VARIANTS["paper"].replace_layer, "pool2", name="pool1"
    ) == (
        "`layers` must have a name each that no other has. "
        "Received twice: pool1"
    )
