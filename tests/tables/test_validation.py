"""One rule for integers and numbers, whoever asks."""

import json

import numpy as np
import pytest

from alexnet_keras import SGD2012
from alexnet_keras import LocalResponseNormalization
from alexnet_keras import build_alexnet
from alexnet_keras import output_size
from alexnet_keras import validation
from alexnet_keras import variants
from alexnet_keras.layers import SubtractMean
from alexnet_keras.training import config
from alexnet_keras.training import recipes

NO_INTEGERS = [True, np.bool_(True), 3.0, np.float32(3), "3", None, [3]]


@pytest.mark.parametrize("value", [3, np.int64(3), np.uint8(3)])
def test_what_passes_is_a_plain_integer(value):
    assert type(validation.integer("n", value)) is int
    assert type(validation.number("n", value)) is int


@pytest.mark.parametrize("value", [*NO_INTEGERS, 0, -1])
def test_what_is_no_positive_integer(value):
    with pytest.raises(ValueError, match="^`n` must be a positive integer"):
        validation.integer("n", value)


@pytest.mark.parametrize("value", [-1, np.nan, np.inf, True, "1", None])
def test_what_is_no_number(value):
    with pytest.raises(ValueError, match="^`r` must be a finite number"):
        validation.number("r", value)


def recipe(**changes):
    return recipes.Recipe(
        "mine",
        **{"epochs": 2, "stages": (recipes.Stage(0, 0.1, 0.1),), **changes},
    )


def run_settings(**changes):
    given = {
        "dataset": "photo_patches",
        "variant": variants.VARIANTS["caffe"],
        "recipe": recipe(),
        "epochs": 2,
        "batch_size": 4,
        "replicas": 1,
        "input_size": 83,
        "learning_rate": 0.1,
        "scale_rate": False,
        "precision": "float32",
        "seed": 0,
        "skip_bad": False,
    }
    return config.resolve(**{**given, **changes})


# Argument by argument, what takes it.
TAKES = {
    "epochs": recipe,
    "batch_size": run_settings,
    "input_size": run_settings,
    "crop_chunk": recipe,
    "patience": recipe,
    "size": lambda size: output_size(size + 11, size, size),
    "kernel": lambda kernel: variants.Conv("c", 4, kernel),
    "groups": lambda groups: LocalResponseNormalization(groups=groups),
}


@pytest.mark.parametrize("argument", TAKES)
def test_numpys_integers_pass_and_booleans_do_not(argument):
    value = 83 if argument == "input_size" else 3
    TAKES[argument](**{argument: np.int64(value)})
    with pytest.raises((ValueError, TypeError)):
        TAKES[argument](**{argument: True if argument != "size" else "3"})


def test_what_goes_into_files_is_plain():
    found, _, mine = run_settings(
        epochs=np.int64(2),
        batch_size=np.int32(4),
        input_size=np.int64(83),
        learning_rate=np.float32(0.5),
        seed=np.uint32(7),
    )
    json.dumps([vars(found), [vars(stage) for stage in mine.stages]])
    norm = LocalResponseNormalization(np.int64(3), np.float32(1), groups=1)
    mean = SubtractMean(shape=(np.int64(3),), scale=np.ones(3, "float32"))
    rate = SGD2012(np.float32(0.5), momentum=np.float64(0.5))
    for one in norm, mean, rate:
        json.dumps(one.get_config()["name"])
        assert not any(
            isinstance(value, np.generic) for value in one.get_config().values()
        )
    assert mean.get_config()["scale"] == [1, 1, 1]


def test_a_network_of_numpys_integers():
    shape = tuple(np.array([83, 83, 3]))
    model = build_alexnet(
        variant=variants.VARIANTS["d2l"].replace_layer(
            "fc6", units=np.int64(8)
        ),
        input_shape=shape,
        classes=np.int64(3),
    )
    assert model.output_shape == (None, 3)
    model.to_json()
