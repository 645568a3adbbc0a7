"""Proofs of claims about parameters and neurons: the tables, and a pencil."""

import dataclasses
import math

from claim_registry import proof
from claim_registry import settle
from claim_registry import settle_readings
from claims_by_sizes import rows_of

from alexnet_keras import VARIANTS
from alexnet_keras import derive_layers
from alexnet_keras import variants


def total(count, network="paper"):
    return sum(getattr(row, count) for row in derive_layers(network))


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
    five, eight = _neurons_of_convolutions(), total("neurons")
    return settle_readings(
        [round(n, -4) == 650_000 for n in (five, eight)], five, eight
    )


def _neurons_of_convolutions():
    return sum(row.neurons for row in derive_layers() if row.kind == "conv")


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
def keras_counts_25_million():
    table = VARIANTS["single_tower"]
    kept = [row for row in table.layers if row.name != "flatten"]
    forgotten = dataclasses.replace(table, layers=tuple(kept))
    left, whole = total("parameters", forgotten), total("parameters", table)
    height, width, _ = derive_layers(forgotten)[-1].output_shape
    return settle(left == whole, left, whole - left, whole, height * width)


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
