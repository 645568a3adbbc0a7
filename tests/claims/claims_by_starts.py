"""Proofs of claims about normalization, pooling and initialization."""

import pytest
from claim_registry import proof
from claim_registry import settle_readings
from claims_by_record import ONE_2012
from stored_figures import last
from stored_figures import load
from stored_figures import spread

pytest.importorskip("tensorflow")

from alexnet_keras import variants  # noqa: E402
from alexnet_lab.experiments import definitions  # noqa: E402

CIFAR10 = "normalization_and_pooling_cifar10"
PHOTOGRAPHS = "normalization_and_pooling_imagenette"
STARTS = "initialization_imagenette"

# Notes in the released source, top-1 and top-5 errors in % on the validation
# images of 2012: all normalizers removed (#148), pools of 2/2 (#147).
NO_NORMALIZERS_2012 = (42.034, 19.362)
POOLS_2_2_2012 = (41.058, 18.510)


@proof
def normalization_lowers_the_error():
    """At one rate, with the alpha of the paper and of the code."""
    table = variants.VARIANTS["original"]
    normalizers = [row for row in table.layers if "norm" in row.name]
    readings, figures = [], []
    for name in (CIFAR10, PHOTOGRAPHS):
        rate = load(name).record["conditions"]["neither"]["learning_rate"]
        equal = [f"{lrn}, rate {rate:g}" for lrn in ("LRN", "LRN of 2012")]
        *with_it, without = _errors(name, *equal, "neither")
        readings.append(all(_lower((one, without)) for one in with_it))
        figures += map(spread, (*with_it, without))
        if name == CIFAR10:
            figures += map(spread, _errors(name, "LRN"))
    return settle_readings(
        readings,
        *_published(NO_NORMALIZERS_2012),
        len(normalizers),
        *figures,
    )


@proof
def overlapping_pools_lower_the_error():
    pairs = [
        _errors(n, "neither", "2/2 pooling") for n in (CIFAR10, PHOTOGRAPHS)
    ]
    return settle_readings(
        map(_lower, pairs),
        *_published(POOLS_2_2_2012),
        *(spread(errors) for pair in pairs for errors in pair),
    )


def _published(others):
    return [f"{other - one:.2f}" for other, one in zip(others, ONE_2012)]


def _errors(name, *conditions):
    """Validation errors at the end in %, for each condition, by seed."""
    errors = [last(load(name), part, "val_error") for part in conditions]
    assert min(map(len, errors)) >= 3, "at least three seeds"
    return errors


def _lower(pair):
    """Whether the first is lower in every seed."""
    return bool((pair[0] < pair[1]).all())


@proof
def biases_of_1_speed_up():
    """Sooner in every seed than biases of 0? A seed never there is late."""
    found = load(STARTS)
    target = found.record["settings"]["target"]
    readings, figures = [], [f"{100 * target:.0f} %"]
    for init, dropout in (
        ("0.01, conv3–5 0.03 (2012)", "2012"),
        ("Glorot", "2012"),
        ("0.01, conv3–5 0.03 (2012)", "inverted"),
    ):
        ones, zeros = (
            found.epochs_to(definitions.start_name(init, bias, dropout), target)
            for bias in (1.0, 0.0)
        )
        assert min(len(ones), len(zeros)) >= 2, "at least two seeds"
        pairs = zip(map(_or_never, ones), map(_or_never, zeros), strict=True)
        readings.append(all(one < zero for one, zero in pairs))
        figures += [_arrivals(ones), _arrivals(zeros)]
    return settle_readings(readings, *figures)


def _or_never(epochs):
    return float("inf") if epochs is None else epochs


def _arrivals(seeds):
    """Epochs by seed.

    >>> _arrivals([1.0, 2.26]), _arrivals([None, None])
    ('1.0 and 2.3', 'never')
    """
    if not any(seeds):
        return "never"
    return " and ".join("never" if e is None else f"{e:.1f}" for e in seeds)
