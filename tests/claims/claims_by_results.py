"""Proofs of claims that stored runs and trained weights settle."""

import json

import numpy as np
import pytest
from claim_registry import proof
from claim_registry import settle
from claim_registry import settle_readings

pytest.importorskip("tensorflow")

from stored_figures import last  # noqa: E402
from stored_figures import load  # noqa: E402
from stored_figures import ratios  # noqa: E402
from stored_figures import spread  # noqa: E402

from alexnet_keras.training.recipes import RECIPES  # noqa: E402
from alexnet_lab.published_results import stored_result  # noqa: E402

SEVERAL = 3  # times: half of the six that is claimed


@proof
def relu_six_times_faster():
    found = load("relu_cifar10")
    raw = ratios(found, "tanh, raw pixels", "relu, raw pixels", 0.5)
    scaled = ratios(found, "tanh", "relu", 0.25)
    return settle_readings(
        [np.mean(raw) > SEVERAL, np.mean(scaled) > SEVERAL],
        "0.01",
        spread(raw),
        "50 %",
        spread(scaled, 2),
        "25 %",
    )


@proof
def relu_prevents_overfitting():
    found = load("relu_cifar10")
    relu, tanh = (last(found, n, "gap", 0.25) for n in ("relu", "tanh"))
    return settle(
        max(relu) < np.mean(tanh) / 2, "25 %", spread(relu), spread(tanh)
    )


@proof
def relu_needs_no_scaled_input():
    found = load("relu_cifar10")
    relu, tanh = (
        last(found, f"{name}, raw pixels", "train_error")
        for name in ("relu", "tanh")
    )
    epochs = found.record["settings"]["epochs"]
    return settle(
        max(relu) < 30 < min(tanh),
        epochs,
        *(f"{f(values):.1f}" for values in (relu, tanh) for f in (min, max)),
    )


@proof
def dropout_instead_of_regularization():
    found = load("dropout_cifar10")
    gaps = [
        last(found, name, "gap")
        for name in ("nothing", "dropout 0.5", "all three")
    ]
    decay = RECIPES["paper"].weight_decay
    images = found.record["settings"]["train_size"]
    return settle(decay == 0, f"{decay}", images, *map(spread, gaps))


@proof
def dropout_doubles_the_iterations():
    found = load("dropout_cifar10")
    both = [
        ratios(found, name, "nothing", 0.3)
        for name in ("dropout 0.5", "dropout of 2012")
    ]
    return settle(
        all(round(np.mean(times)) == 2 for times in both),
        "30 %",
        *map(spread, both),
    )


@proof
def dropout_reduces_overfitting():
    found = load("dropout_cifar10")
    plain, dropped = (
        last(found, name, "gap") for name in ("nothing", "dropout 0.5")
    )
    at_30 = [_at_training_error(found, n) for n in ("nothing", "dropout 0.5")]
    return settle_readings(
        [max(dropped) < min(plain), max(at_30[1]) < min(at_30[0])],
        spread(plain),
        spread(dropped),
        "30 %",
        *map(spread, at_30),
    )


def _at_training_error(found, name, error=0.3):
    """Validation errors in %, where the training error gets to `error`."""
    return [
        100
        * np.interp(epoch, range(len(trial["val_error"])), trial["val_error"])
        for trial, epoch in zip(
            found.trials(name), found.epochs_to(name, error), strict=True
        )
        if epoch is not None
    ]


@proof
def augmentation_reduces_overfitting():
    found = load("dropout_cifar10")
    errors = [
        last(found, name, "val_error") for name in ("nothing", "augmentation")
    ]
    gaps = [last(found, name, "gap") for name in ("nothing", "augmentation")]
    return settle(
        all(max(new) < min(old) for old, new in (errors, gaps)),
        *map(spread, (*gaps, *errors)),
    )


@proof
def weight_decay_lowers_the_training_error():
    found = load("dropout_cifar10")
    plain, decayed = (
        last(found, name, "train_error")
        for name in ("nothing", "weight decay 0.0005")
    )
    return settle_readings(decayed < plain, spread(plain), spread(decayed))


@proof
def conv1_divides_colour():
    path = stored_result("conv1_colors")
    shares = json.loads(path.read_text(encoding="utf-8"))["color_shares"]
    colour, grey = sorted(np.split(np.array(shares), 2), key=np.mean)[::-1]
    return settle(
        np.median(colour) > 0.5 and np.median(grey) < 0.1,
        f"{np.median(colour):.2f}",
        f"{np.median(grey):.2f}",
        int(np.sum(grey < 0.2)),
        len(grey),
        int(np.sum(colour < 0.2)),
    )


@proof
def ten_views_are_better():
    gains = []
    for name in (
        *("", "_jax", "_without_color_noise_jax"),
        *("_without_crops_jax", "_crops_only_jax", "_not_augmented_jax"),
    ):
        path = stored_result(f"imagenette_original{name}")
        record = json.loads(path.read_text(encoding="utf-8"))["evaluation"]
        one, ten = record["center"], record["ten_crop"]
        assert one["images"] == ten["images"] == 1000
        gains.append(round(1000 * (ten["top_1"] - one["top_1"])))
    chance = np.sqrt(1000 * 0.3 * 0.7)  # of an error near 30 %
    one_view, ten_views = 39.0247, 37.4727  # notes of the source, 2010 test
    return settle(
        min(*gains, one_view - ten_views) > 0,
        f"{one_view:.1f}",
        f"{ten_views:.1f}",
        min(gains),
        max(gains),
        one["images"],
        f"{chance:.0f}",
    )
