"""Proofs of claims about sizes: the tables, and a pencil."""

import itertools
import math

from claim_registry import proof
from claim_registry import settle
from claim_registry import settle_readings

from alexnet_keras import VARIANTS
from alexnet_keras import derive_layers
from alexnet_keras import output_size

POOLS = ("pool1", "pool2", "pool5")


def rows_of(name="paper", **arguments):
    return {row.name: row for row in derive_layers(name, **arguments)}


def sides(network, side):
    channels = VARIANTS[network].input_shape[-1]
    rows = rows_of(network, input_shape=(side, side, channels))
    return [rows[name].output_shape[0] for name in ("conv1", *POOLS)]


@proof
def formula_counts_windows():
    def count(size, kernel, stride, padding):
        places = range(-padding[0], size + padding[1], stride)
        return sum(p + kernel <= size + padding[1] for p in places)

    cases = [
        case
        for case in itertools.product(
            range(1, 31), range(1, 12), range(1, 6), [(0, 0), (1, 2), (2, 2)]
        )
        if case[0] + sum(case[3]) >= case[1]
    ]
    agree = [
        math.floor((size - kernel + sum(padding)) / stride) + 1
        == count(size, kernel, stride, padding)
        == output_size(size, kernel, stride, padding)
        for size, kernel, stride, padding in cases
    ]
    return settle(
        all(agree),
        len(cases),
        f"{(224 - 11 + 2 * 0) / 4 + 1}",
        output_size(224, 11, 4),
        output_size(224, 11, 4, rounding="ceil"),
    )


@proof
def three_zeros_give_55():
    before, after = VARIANTS["paper"].layer("conv1").padding
    splits = [(n, before + after - n) for n in range(before + after + 1)]
    found = {output_size(224, 11, 4, split) for split in splits}
    return settle((1, 2) in splits and found == {55}, 3, *found, before, after)


@proof
def padding_2_gives_55():
    padding = VARIANTS["torchvision"].layer("conv1").padding
    down = output_size(224, 11, 4, 2)
    up = output_size(224, 11, 4, 2, VARIANTS["original"].conv_rounding)
    exact = (224 - 11 + 2 * padding) / 4 + 1
    return settle_readings([down == 55, up == 55], f"{exact}", down, up)


@proof
def input_of_227():
    published = 150_528  # "the network's input is 150,528-dimensional", §3.5
    crop = math.isqrt(published // 3)
    code = rows_of("original", input_shape=(crop, crop, 3))
    windows = code["conv1"].output_shape[0]
    end = 4 * (windows - 1) + 11
    reach_zeros = [4 * n + 11 > crop for n in range(windows)]
    inside = windows - sum(reach_zeros)
    return settle(
        published == 227 * 227 * 3 or windows != 55,
        f"{crop}×{crop}",
        published,
        227 * 227 * 3,
        windows,
        end,
        end - crop,
        windows**2 - inside**2,
        windows**2,
    )


@proof
def d2l_has_6400():
    found, paper = rows_of("d2l")["flatten"], rows_of()["flatten"]
    return settle(
        found.output_shape == (6400,),
        *sides("d2l", 224),
        *found.output_shape,
        *sides("paper", 224)[:1],
        *paper.output_shape,
    )


@proof
def from_227_to_6400():
    found = rows_of("single_tower")["flatten"].output_shape[0]
    *others, last = sides("single_tower", 227)
    maps = f"{last}×{last}×256"
    return settle(found == 6400, 227, *others, last, maps, found)


@proof
def convolutions_change_the_depth():
    shapes = [row.output_shape for row in derive_layers()]
    steps = {
        row.name: (before, row.output_shape)
        for row, before in zip(derive_layers()[1:], shapes)
        if row.kind == "conv"
    }
    same_size = all(old[:2] == new[:2] for old, new in steps.values())
    same_depth = [n for n, (old, new) in steps.items() if old[2] == new[2]]
    return settle(
        same_size and not same_depth,
        ", ".join(same_depth),
        *(depth for name in same_depth for _, _, depth in steps[name]),
    )


@proof
def conv1_divides_by_5_6():
    values, out = 227 * 227 * 3, 55 * 55 * 96
    lost_a_digit = 55 * 55 * 9
    return settle(
        math.floor(10 * values / out) == 56,
        values,
        out,
        f"{out / values:.2f}",
        lost_a_digit,
        f"{values / lost_a_digit:.2f}",
    )


@proof
def crops_2048():
    places = output_size(256, 224)
    crops = 2 * places**2
    return settle(
        crops == 2048, f"{places}", f"{places}·{places}·2 = {crops}",
        f"{places - 1}", f"{2 * (places - 1) ** 2}",
    )  # fmt: skip


@proof
def values_of_a_picture():
    full, input_values = 1920 * 1080 * 3, 227 * 227 * 3
    return settle(
        (full, input_values) == (6_220_800, 154_587),
        full,
        input_values,
        f"{full / input_values:.0f} times",
    )
