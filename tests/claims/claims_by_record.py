"""Proofs of claims about 2012: published facts, set against each other.

Nothing is trained here. What was printed, and what the notes in the released
source say (comments at the end of its files layer-params-*.cfg), are data.
"""

import pytest
from claim_registry import proof
from claim_registry import settle
from claim_registry import settle_readings
from claims_by_counts import total

pytest.importorskip("tensorflow")

from alexnet_keras import VARIANTS  # noqa: E402
from alexnet_keras.data.color_noise import IMAGENET_COLORS  # noqa: E402
from alexnet_keras.training.recipes import RECIPES  # noqa: E402

# Top-1 and top-5 errors in %, ten views, from the notes of the source; for
# several networks top-5 on the test images, from the page of the results.
ONE_2010 = (37.4727, 16.9987)
ONE_2012 = (40.664, 18.210)
HALF_2010 = (39.168, 18.2287)
FIVE_2012, SEVEN_2012, SECOND_2012 = 16.422, 15.315, 26.172

FIRST_ON_A_GPU = {
    2005: "Steinkraus, Buck and Simard: training, two layers",
    2006: "Chellapilla, Puri and Simard: training, convolutional",
    2009: "Raina, Madhavan and Ng: training, deep belief networks",
    2010: "Cireşan and others: training, deep and fully connected",
    2011: "Cireşan and others: training, deep and convolutional",
}


@proof
def errors_as_published():
    claimed_2010, claimed_2012 = (37.5, 17.0), 15.3
    one = tuple(round(error, 1) for error in ONE_2010)
    return settle_readings(
        [
            one == claimed_2010 and round(SEVEN_2012, 1) == claimed_2012,
            round(ONE_2012[1], 1) == claimed_2012,
        ],
        *(f"{error}" for error in one),
        "2010",
        f"{SEVEN_2012:.1f} %",
        f"{ONE_2012[1]:.1f} %",
        f"{FIVE_2012:.1f} %",
    )


@proof
def accuracy_70_to_80():
    before, after = 100 - SECOND_2012, 100 - SEVEN_2012
    top_1 = 100 - ONE_2012[0]
    return settle_readings(
        [70 <= before < 80 <= after, top_1 >= 80],
        f"{before:.1f} %",
        f"{after:.1f} %",
        f"{top_1:.1f} %",
    )


@proof
def five_to_six_days():
    operations = total("macs") * 2 * 3 * 1_281_167 * 90
    peak = 2 * 512 * 1.544e9 * 2  # two cards, 512 cores, multiply and add
    days = operations / peak / 86_400
    return settle(
        days < 5,
        f"{operations / 1e17:.1f} · 10^17",
        f"{peak / 1e12:.2f} TFLOP/s",
        f"{days:.1f} days",
        f"{days / 6:.0%} to {days / 5:.0%}".replace("%", " %"),
    )


@proof
def first_on_a_gpu():
    assert list(FIRST_ON_A_GPU) == sorted(FIRST_ON_A_GPU)
    earlier = [year for year in FIRST_ON_A_GPU if year < 2012]
    return settle(not earlier, *map(str, earlier))


@proof
def two_gpus_lower_the_error():
    gains = [half - whole for half, whole in zip(HALF_2010, ONE_2010)]
    half = VARIANTS["paper"]
    for name, filters in zip(
        ("conv1", "conv2", "conv3", "conv4", "conv5"), (48, 128, 192, 192, 256)
    ):
        half = half.replace_layer(name, filters=filters, groups=1)
    work = total("macs", half) / total("macs")
    as_printed = [round(gain, 1) for gain in gains] == [1.7, 1.2]
    return settle_readings(
        [as_printed, as_printed and work > 0.9],
        *(f"{gain:.2f}" for gain in gains),
        f"{work:.0%}".replace("%", " %"),
    )


@proof
def weights_of_001_everywhere():
    table = VARIANTS["original"]
    others = {
        layer.name: layer.init
        for layer in table.layers
        if getattr(layer, "init", 0.01) != 0.01
    }
    (other,) = set(others.values())
    return settle(not others, f"{other}", ", ".join(others))


@proof
def one_rate_for_all_layers():
    recipe = RECIPES["original"]
    first = recipe.stages[0]
    slowed = [stage for stage in recipe.stages if stage.layers]
    frozen = [s for s in slowed if dict(s.layers).get("conv1") == 0]
    equal = first.rate == first.bias_rate and not slowed
    return settle(
        equal,
        f"{first.bias_rate}",
        f"{first.rate}",
        slowed[0].start,
        frozen[0].start,
        recipe.epochs,
    )


@proof
def noise_by_eigenvalues():
    deviation = IMAGENET_COLORS.deviations[0]
    literal, coded = 0.1 * deviation**2, 0.1 * deviation
    lighting = 0.1 * 0.2175 * 255  # eigenvalue of pixels 0–1, as a factor
    return settle(
        literal < 255,
        f"{literal:,.0f}",
        255,
        f"{coded:.1f}",
        f"{coded / lighting:.1f}",
    )
