"""The derivation against known numbers, brute force and its own formulas."""

import dataclasses
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import NAMES
from support import SMALLEST

from alexnet_keras import VARIANTS
from alexnet_keras import derive_layers
from alexnet_keras import shapes
from alexnet_keras import variants

# Parameters, neurons, multiply-accumulates, counted by others or by hand.
TOTALS = {
    "paper": (60_965_224, 659_272, 724_406_816),
    "original": (60_965_224, 659_272, 724_406_816),
    "caffe": (60_965_224, 659_272, 724_406_816),
    "single_tower": (62_378_344, 659_272, 1_135_256_096),
    "torchvision": (61_100_840, 494_184, 714_188_480),
    "d2l": (46_764_746, 608_650, 938_146_176),
}
PAPER_COUNTS = {
    "conv1": (34_944, 290_400, 105_415_200),
    "conv2": (307_456, 186_624, 223_948_800),
    "conv3": (885_120, 64_896, 149_520_384),
    "conv4": (663_936, 64_896, 112_140_288),
    "conv5": (442_624, 43_264, 74_760_192),
    "fc6": (37_752_832, 4_096, 37_748_736),
    "fc7": (16_781_312, 4_096, 16_777_216),
    "predictions": (4_097_000, 1_000, 4_096_000),
}
# Sides after conv1, pool1, conv2, pool2, conv3, conv4, conv5, pool5.
SIDES = {
    "paper": [55, 27, 27, 13, 13, 13, 13, 6],
    "original": [55, 27, 27, 13, 13, 13, 13, 6],
    "caffe": [55, 27, 27, 13, 13, 13, 13, 6],
    "single_tower": [55, 27, 27, 13, 13, 13, 13, 6],
    "torchvision": [55, 27, 27, 13, 13, 13, 13, 6],
    "d2l": [54, 26, 26, 12, 12, 12, 12, 5],
}
FORMULAS = [
    ("paper", "conv1", "⌊(224 + 3 − 11) / 4⌋ + 1 = 55"),
    ("paper", "norm1", "as its input"),
    ("paper", "pool1", "⌊(55 − 3) / 2⌋ + 1 = 27"),
    ("paper", "conv2", "⌊(27 + 4 − 5) / 1⌋ + 1 = 27"),
    ("paper", "flatten", "6 · 6 · 256 = 9216"),
    ("paper", "fc6", "9216 → 4096"),
    ("paper", "drop6", "as its input"),
    ("paper", "predictions", "4096 → 1000"),
    ("original", "conv1", "⌈(224 − 11) / 4⌉ + 1 = 55"),
    ("original", "pool5", "⌈(13 − 3) / 2⌉ + 1 = 6"),
    ("caffe", "conv1", "⌊(227 − 11) / 4⌋ + 1 = 55"),
    ("caffe", "pool1", "⌈(55 − 3) / 2⌉ + 1 = 27"),
    ("torchvision", "conv1", "⌊(224 + 4 − 11) / 4⌋ + 1 = 55"),
    ("torchvision", "avgpool", "6×6 averaged to 6"),
    ("d2l", "conv1", "⌊(224 + 2 − 11) / 4⌋ + 1 = 54"),
    ("d2l", "flatten", "5 · 5 · 256 = 6400"),
]


def by_name(*arguments, **keywords):
    return {row.name: row for row in derive_layers(*arguments, **keywords)}


@pytest.mark.parametrize("name", NAMES)
def test_totals_are_the_published_ones(name):
    rows = derive_layers(name)
    counts = [(row.parameters, row.neurons, row.macs) for row in rows]
    assert tuple(map(sum, zip(*counts))) == TOTALS[name]


def test_paper_layer_by_layer():
    rows = derive_layers()
    counts = {r.name: (r.parameters, r.neurons, r.macs) for r in rows}
    assert {name: n for name, n in counts.items() if n[0]} == PAPER_COUNTS
    assert all(n == (0, 0, 0) for n in counts.values() if not n[0])


@pytest.mark.parametrize("name", NAMES)
def test_sides_of_the_maps(name):
    rows = derive_layers(name)
    maps = [r for r in rows if r.kind in ("conv", "max_pool")]
    assert [row.output_shape[0] for row in maps] == SIDES[name]
    assert [row.output_shape[1] for row in maps] == SIDES[name]


@pytest.mark.parametrize("name", NAMES)
def test_rows_follow_the_table_and_know_their_kind(name):
    kinds = {
        "conv": "conv",
        "norm": "lrn",
        "spat": "spatial_norm",
        "pool": "max_pool",
        "avgp": "average_pool",
        "relu": "activation",
        "flat": "flatten",
        "drop": "dropout",
        "fc6": "dense",
        "fc7": "dense",
        "pred": "dense",
    }
    rows = derive_layers(name)
    names = [layer.name for layer in VARIANTS[name].layers]
    assert [row.name for row in rows] == names
    assert [row.kind for row in rows] == [kinds[name[:4]] for name in names]


@pytest.mark.parametrize("name,layer,formula", FORMULAS)
def test_formulas_have_the_numbers_filled_in(name, layer, formula):
    assert by_name(name)[layer].formula == formula


def test_a_rectangle_shows_height_and_width():
    rows = by_name("torchvision", (100, 224, 3))
    assert rows["conv1"].formula == (
        "⌊(100 + 4 − 11) / 4⌋ + 1 = 24 × ⌊(224 + 4 − 11) / 4⌋ + 1 = 55"
    )
    assert rows["avgpool"].formula == "2×6 averaged to 6"


@given(
    name=st.sampled_from(NAMES),
    height=st.integers(67, 400),
    width=st.integers(67, 400),
)
def test_formulas_come_out_as_they_claim(name, height, width):
    shape = (height, width, 3)
    for row in derive_layers(name, shape):
        if row.kind in ("conv", "max_pool"):
            formulas = row.formula.split(" × ")
            for side, formula in zip(row.output_shape[:2], formulas * 2):
                assert side == _evaluate(formula, side)


def _evaluate(formula, side):
    left, right = formula.split(" = ")
    for symbol, python in ("⌊", "math.floor("), ("⌋", ")"), ("−", "-"):
        left = left.replace(symbol, python)
    left = left.replace("⌈", "math.ceil(").replace("⌉", ")")
    assert eval(left, {"math": math}) == int(right)
    return int(right)


@pytest.mark.parametrize("name", NAMES)
def test_the_smallest_image_works_and_one_pixel_less_does_not(name):
    least, channels = SMALLEST[name], VARIANTS[name].input_shape[-1]
    assert shapes.smallest_size(name) == least
    rows = by_name(name, (least, least, channels))
    assert rows["pool5"].output_shape == (1, 1, 256)
    for shape in (least - 1, least, channels), (least, least - 1, channels):
        with pytest.raises(ValueError, match="is too small for variant"):
            derive_layers(name, shape)


def test_classes():
    rows = derive_layers(classes=17)
    assert rows[-1].output_shape == (17,)
    assert rows[-1].parameters == 4097 * 17


def test_own_table_dense_on_maps_and_averages():
    table = variants.Variant(
        "mine",
        (
            variants.Conv("conv1", 4, 3, padding=[1, 2], groups=2),
            variants.AdaptiveAveragePool("avgpool", 3),
            variants.Dense("mix", 5),
            variants.Flatten(),
            variants.Dense("predictions", None),
        ),
        input_shape=(10, 7, 2),
        classes=6,
    )
    rows = derive_layers(table)
    assert [row.output_shape for row in rows] == [
        (11, 8, 4),
        (3, 3, 4),
        (3, 3, 5),
        (45,),
        (6,),
    ]
    # conv: 3·3·1 weights and a bias a filter; mix: 4 weights and a bias a unit.
    assert [row.parameters for row in rows] == [40, 0, 25, 0, 276]
    assert [row.macs for row in rows] == [9 * 11 * 8 * 4, 0, 180, 0, 270]
    assert [row.neurons for row in rows] == [352, 0, 45, 0, 6]


def test_format_table_aligns_and_adds_up():
    lines = shapes.format_table(derive_layers()).splitlines()
    assert lines[0].split() == (
        "layer kind output parameters neurons MACs field size from".split()
    )
    assert [line.split()[0] for line in lines[1:]] == [
        *(layer.name for layer in VARIANTS["paper"].layers),
        "total",
    ]
    assert lines[-1].split()[1:] == ["60,965,224", "659,272", "724,406,816"]
    ends = {line.index(" 60,965,224") + 11 for line in lines[-1:]}
    ends |= {lines[1].index(" 34,944") + 7, lines[0].index("parameters") + 10}
    assert len(ends) == 1  # numbers end in the same column


def test_derivation_does_not_depend_on_the_table_being_a_known_one():
    table = dataclasses.replace(VARIANTS["paper"], name="mine")
    assert derive_layers(table) == derive_layers("paper")
