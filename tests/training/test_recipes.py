"""Recipes against what the paper and the 2012 code say, typed in by hand.

The numbers are those of shared/reference/original_2012.md, §3 and §4.
"""

import dataclasses
import fractions
import math
import types

import hypothesis
import keras
import pytest
from hypothesis import strategies as st
from support import message_of

from alexnet_keras.training import recipes
from alexnet_keras.training.recipes import RECIPES
from alexnet_keras.training.recipes import Recipe
from alexnet_keras.training.recipes import Stage

# First and last epoch from 0; rates of weights and biases; what conv1's are
# multiplied by; colour noise. Run 145, then run 170, whose stages begin at
# 0, 1/4, 1/2 and 3/4 of 95 epochs.
TABLES = {
    "original": (
        (0, 24, 0.01, 0.02, 1, 0.1),
        (25, 50, 0.001, 0.002, 1, 0.1),
        (51, 66, 0.0001, 0.002, 1, 0.1),
        (67, 71, 0.0001, 0.002, 0.1, 0.0),
        (72, 78, 0.0001, 0.002, 0, 0.0),
        (79, 90, 0.00001, 0.002, 0, 0.0),
    ),
    "quick": (
        (0, 11, 0.01, 0.02, 1, 0.1),
        (12, 15, 0.001, 0.002, 1, 0.1),
        (16, 19, 0.0001, 0.002, 1, 0.0),
    ),
}


@pytest.mark.parametrize("name", TABLES)
def test_rates_by_epoch(name):
    recipe, table = RECIPES[name], TABLES[name]
    assert recipe.epochs == table[-1][1] + 1
    for first, last, rate, bias_rate, conv1, noise in table:
        for epoch in range(first, last + 1):
            stage = recipe.stage_at(epoch)
            assert stage.rate == pytest.approx(rate)
            assert stage.bias_rate == pytest.approx(bias_rate)
            assert dict(stage.layers).get("conv1", 1) == conv1
            assert set(dict(stage.layers)) <= {"conv1"}
            assert stage.color_noise == noise
    assert recipe.stage_at(recipe.epochs) is None


@pytest.mark.parametrize(
    "name, batch_size, mean, crop_chunk, last_offset, divisor, patience",
    [
        ("paper", 128, "image", 1, False, 1.0, 5),  # 2048 = 32·32·2 variants
        ("original", 128, "image", 32, True, 1.1, None),
        ("quick", 64, "pixel", 1, True, 1.1, None),
    ],
)
def test_what_else_a_recipe_says(
    name, batch_size, mean, crop_chunk, last_offset, divisor, patience
):
    recipe = RECIPES[name]
    assert recipe.name == name
    assert (recipe.momentum, recipe.weight_decay) == (0.9, 0.0005)
    assert recipe.batch_size == batch_size
    assert recipe.mean == mean
    assert recipe.crop_chunk == crop_chunk
    assert recipe.last_offset is last_offset
    assert recipe.noise_divisor == divisor
    assert recipe.patience == patience


def test_noise_is_switched_off():
    expected = (0.1,) * 67 + (0.0,) * 24
    assert RECIPES["original"].noise_by_epoch() == expected


# --- The paper's rule: ÷10 when the validation error stops improving ---


def rates(recipe, errors):
    """Rates by epoch until the run is over, each from the errors before it."""
    found = []
    for epoch in range(recipe.epochs + 1):
        stage = recipe.stage_at(epoch, errors[:epoch])
        if stage is None:
            return found
        assert stage.rate == stage.bias_rate  # "equal for all layers"
        assert (stage.layers, stage.color_noise) == ((), 0.1)
        found.append(stage.rate)
    raise AssertionError("the run did not end")


def test_three_drops_and_the_end():
    recipe = dataclasses.replace(RECIPES["paper"], patience=2)
    #         0    1    2    3    4    5    6    7     8     9    10   11   12
    errors = [0.9, 0.8, 0.8, 0.9, 0.7, 0.7, 0.7, 0.75, 0.69, 0.7, 0.7, 0.7, 0.7]
    assert rates(recipe, errors) == (
        [0.01] * 4 + [0.001] * 3 + [0.0001] * 4 + [0.00001] * 2
    )


def test_an_error_that_never_falls_again():
    assert rates(RECIPES["paper"], [0.5] * 90) == (
        [0.01] * 6 + [0.001] * 5 + [0.0001] * 5 + [0.00001] * 5
    )


def test_an_error_that_always_falls():
    errors = [1 / (1 + epoch) for epoch in range(90)]
    assert rates(RECIPES["paper"], errors) == [0.01] * 90


def test_errors_that_are_no_numbers_do_not_count_as_falling():
    recipe = dataclasses.replace(RECIPES["paper"], patience=3)
    assert recipe.stage_at(3, [math.nan] * 3).rate == 0.001


@hypothesis.given(
    errors=st.lists(st.sampled_from([0.1, 0.2, 0.3, 0.4, 0.5]), max_size=40),
    patience=st.integers(1, 5),
)
def test_drops_are_those_of_keras(errors, patience):
    """Keras's `ReduceLROnPlateau` with a factor of 0.1 keeps the same count."""
    recipe = dataclasses.replace(RECIPES["paper"], patience=patience)
    plateau = keras.callbacks.ReduceLROnPlateau(
        "error", factor=0.1, patience=patience, mode="min", min_delta=0
    )
    optimizer = types.SimpleNamespace(learning_rate=0.01)
    plateau.set_model(types.SimpleNamespace(optimizer=optimizer))
    plateau.on_train_begin()
    for epoch, error in enumerate(errors):
        plateau.on_epoch_end(epoch, {"error": error})
        stage = recipe.stage_at(epoch + 1, errors[: epoch + 1])
        if stage is None:
            assert float(optimizer.learning_rate) < 0.000002
            break
        assert stage.rate == pytest.approx(float(optimizer.learning_rate))


def test_a_place_in_the_recipe_follows_from_the_history_alone():
    recipe = dataclasses.replace(RECIPES["paper"], patience=1)
    errors = [0.5, 0.6, 0.4, 0.6]
    for epoch in range(5):
        assert recipe.stage_at(epoch, errors) == recipe.stage_at(
            epoch, errors[:epoch]
        )


# --- Other epochs, other batches ---


@hypothesis.given(
    name=st.sampled_from(sorted(TABLES)), epochs=st.integers(1, 400)
)
def test_stretched_stages_begin_where_exact_fractions_say(name, epochs):
    recipe = RECIPES[name]
    starts = [
        fractions.Fraction(stage.start) * epochs / recipe.epochs
        for stage in recipe.stages
    ]
    scaled = recipe.scaled(epochs)
    assert scaled.epochs == epochs
    for epoch in range(epochs):
        number = sum(start <= epoch for start in starts) - 1
        expected = dataclasses.replace(recipe.stages[number], start=0)
        found = dataclasses.replace(scaled.stage_at(epoch), start=0)
        assert found == expected
    assert scaled.stage_at(epochs) is None
    assert len(scaled.noise_by_epoch()) == epochs


@pytest.mark.parametrize(
    "epochs, patience", [(90, 5), (180, 10), (45, 2), (9, 1), (1, 1)]
)
def test_patience_is_stretched_too(epochs, patience):
    assert RECIPES["paper"].scaled(epochs).patience == patience


@pytest.mark.parametrize("name", RECIPES)
def test_the_linear_rule_changes_rates_and_nothing_else(name):
    recipe = RECIPES[name]
    doubled = recipe.with_rates(2)
    for stage, other in zip(recipe.stages, doubled.stages):
        assert other == dataclasses.replace(
            stage, rate=2 * stage.rate, bias_rate=2 * stage.bias_rate
        )
    assert dataclasses.replace(doubled, stages=recipe.stages) == recipe


# --- Errors ---


def test_a_recipe_is_found_by_its_name_or_is_one():
    assert list(RECIPES) == ["paper", "original", "quick"]
    for name, recipe in RECIPES.items():
        assert recipes.get_recipe(name) is recipe
        assert recipes.get_recipe(recipe) is recipe


@pytest.mark.parametrize("recipe", ["fast", None, 3])
def test_an_unknown_recipe(recipe):
    assert message_of(recipes.get_recipe, recipe) == (
        "`recipe` must be one of paper, original, quick, or a "
        f"`recipes.Recipe` of your own. Received: recipe={recipe!r}"
    )


ONE = (Stage(0, 0.1, 0.1),)


@pytest.mark.parametrize(
    "arguments, message",
    [
        (
            {"stages": (Stage(1, 0.1, 0.1),)},
            "`stages` must be in order, the first with start 0. "
            "Received: starts [1]",
        ),
        (
            {"stages": (*ONE, Stage(5, 0.1, 0.1), Stage(2, 0.1, 0.1))},
            "`stages` must be in order, the first with start 0. "
            "Received: starts [0, 5, 2]",
        ),
        (
            {"stages": ()},
            "`stages` must be in order, the first with start 0. "
            "Received: starts []",
        ),
        (
            {"stages": (*ONE, Stage(1, 1, 1, (), 0.0)), "patience": 2},
            "With `patience`, all stages must have the same `color_noise`. "
            "Received: [0.0, 0.1]",
        ),
        (
            {"mean": "grey"},
            '`mean` must be "image" or "pixel". Received: mean=\'grey\'',
        ),
        (
            {"epochs": 0},
            "`epochs` must be a positive integer. Received: epochs=0",
        ),
        (
            {"crop_chunk": 2.0},
            "`crop_chunk` must be a positive integer. Received: crop_chunk=2.0",
        ),
        (
            {"patience": 0},
            "`patience` must be a positive integer. Received: patience=0",
        ),
        (
            {"noise_divisor": 0},
            "`noise_divisor` must be a positive number. "
            "Received: noise_divisor=0",
        ),
    ],
)
def test_recipes_check_themselves(arguments, message):
    assert (
        message_of(
            Recipe, **{"name": "own", "epochs": 9, "stages": ONE, **arguments}
        )
        == message
    )


@pytest.mark.parametrize(
    "arguments, name",
    [
        ((7, -0.1, 0.1), "rate"),
        ((7, 0.1, -0.1), "bias_rate"),
        ((7, 0.1, 0.1, (("conv1", -0.1),)), "rate of conv1"),
        ((7, 0.1, 0.1, (), -0.1), "color_noise"),
    ],
)
def test_stages_check_themselves(arguments, name):
    assert message_of(Stage, *arguments) == (
        f"The {name} of a stage must be a finite number, 0 or more. "
        "Received: -0.1, in the stage from 7 on"
    )


def test_a_rate_for_a_layer_that_is_not_there():
    RECIPES["original"].check_layers(["conv1", "fc6"])
    assert message_of(RECIPES["original"].check_layers, ["conv2", "fc6"]) == (
        "`recipe` 'original' has a rate for conv1, and the variant has no "
        "such layer to train. Received: layers conv2, fc6"
    )
