"""Tables of one's own: what a line refuses, and what it makes equal."""

import dataclasses
import hashlib
import json

import keras
import numpy as np
import pytest

from alexnet_keras import VARIANTS
from alexnet_keras import derive_layers
from alexnet_keras import variants
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
