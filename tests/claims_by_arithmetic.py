"""Proofs of claims about sizes and counts: the tables, and a pencil."""

import dataclasses
import itertools
import math

from claim_registry import proof
from claim_registry import settle
from claim_registry import settle_readings

from alexnet_keras import VARIANTS
from alexnet_keras import derive_layers
from alexnet_keras import output_size
from alexnet_keras import variants


def rows_of(name="paper", **arguments):
    return {row.name: row for row in derive_layers(name, **arguments)}


def total(count, network="paper"):
    return sum(getattr(row, count) for row in derive_layers(network))


def convolutions(count, network="paper"):
    rows = derive_layers(network)
    return [getattr(row, count) for row in rows if row.kind == "conv"]


def sides(network, side):
    channels = VARIANTS[network].input_shape[-1]
    rows = rows_of(network, input_shape=(side, side, channels))
    return [rows[name].output_shape[0] for name in ("conv1", *POOLS)]


POOLS = ("pool1", "pool2", "pool5")


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
    windows = rows_of("original")["conv1"].output_shape[0]
    end = 4 * (windows - 1) + 11
    reach_zeros = [4 * n + 11 > crop for n in range(windows)]
    inside = windows - sum(reach_zeros)
    return settle(
        published == 227 * 227 * 3,
        f"{crop}×{crop}",
        published,
        227 * 227 * 3,
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
def sixty_million_parameters():
    counts = [total("parameters", n) for n in ("paper", "single_tower")]
    sixty = [count // 10**6 == 60 for count in counts]
    return settle_readings(sixty, *counts, total("parameters", "torchvision"))


@proof
def six_thousand_trillion():
    thousand, ten_thousand, hundred_million = 10**3, 10**4, 10**8
    written = 6 * thousand * ten_thousand * hundred_million  # 六千万亿
    meant = 6 * thousand * ten_thousand  # 六千万
    real = total("parameters")
    return settle(
        math.isclose(written, real, rel_tol=0.1),
        written,
        f"{4 * written / 1e15:.0f} petabytes",
        meant,
        real,
    )


@proof
def neurons_650000():
    five, eight = sum(convolutions("neurons")), total("neurons")
    return settle_readings(
        [round(n, -4) == 650_000 for n in (five, eight)], five, eight
    )


@proof
def dense_layers_of_2048():
    widths = {rows_of()[name].output_shape[0] for name in ("fc6", "fc7")}
    (width,) = widths
    narrow = VARIANTS["paper"]
    for name in ("fc6", "fc7"):
        narrow = narrow.replace_layer(name, units=2048)
    readings = [width // 2 == 2048, width == 2048]
    counts = total("parameters", narrow), total("parameters")
    return settle_readings(readings, f"{width // 2}", f"{width}", *counts)


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
def neurons_of_conv1():
    published = [253_440, 186_624, 64_896, 64_896, 43_264, 4096, 4096, 1000]
    neurons = [row.neurons for row in derive_layers() if row.neurons]
    wrong = [a for a, b in zip(published, neurons, strict=True) if a != b]
    assert wrong == [55 * 48 * 96], "the paper's other entries are right"
    return settle(
        published[0] == neurons[0],
        "55·55·96 =",
        neurons[0],
        "55·48·96",
        sum(published),
        "650,000",
    )


@proof
def at_most_one_percent():
    whole = total("parameters")
    shares = {
        row.name: row.parameters / whole
        for row in derive_layers()
        if row.kind == "conv"
    }
    above = {name: share for name, share in shares.items() if share > 0.01}
    return settle(
        not above,
        *(f"{name} has {share:.2%}".replace("%", " %")
          for name, share in above.items()),
        f"{sum(shares.values()):.1%}".replace("%", " %"),
    )  # fmt: skip


@proof
def crops_2048():
    places = output_size(256, 224)
    crops = 2 * places**2
    return settle(
        crops == 2048, f"{places}", f"{places}·{places}·2 = {crops}",
        f"{places - 1}", f"{2 * (places - 1) ** 2}",
    )  # fmt: skip


@proof
def keras_counts_25_million():
    table = VARIANTS["single_tower"]
    kept = [row for row in table.layers if row.name != "flatten"]
    forgotten = dataclasses.replace(table, layers=tuple(kept))
    left, whole = total("parameters", forgotten), total("parameters", table)
    height, width, _ = derive_layers(forgotten)[-1].output_shape
    return settle(left == whole, left, whole - left, whole, height * width)


@proof
def values_of_a_picture():
    full, input_values = 1920 * 1080 * 3, 227 * 227 * 3
    return settle(
        (full, input_values) == (6_220_800, 154_587),
        full,
        input_values,
        f"{full / input_values:.0f} times",
    )


@proof
def far_more_than_lenet():
    conv, pool, dense = variants.Conv, variants.MaxPool, variants.Dense
    lenet = variants.Variant(
        "lenet5",
        (
            conv("C1", 6, kernel=5),
            pool("S2", size=2),
            conv("C3", 16, kernel=5),
            pool("S4", size=2),
            conv("C5", 120, kernel=5),
            variants.Flatten(),
            dense("F6", 84),
            dense("output", None),
        ),
        input_shape=(32, 32, 1),
        classes=10,
    )
    small, large = total("parameters", lenet), total("parameters")
    return settle(large > 100 * small, small, large, f"{large / small:.0f}")
