"""What the caller typed becomes the settings of a run, or an error in words."""

import math
import shlex

import pytest

pytest.importorskip("tensorflow")

from support import message_of  # noqa: E402
from toy_runs import fill_in  # noqa: E402

from alexnet_keras import __main__ as command_line  # noqa: E402
from alexnet_keras.training import config  # noqa: E402
from alexnet_keras.training import recipes  # noqa: E402

# --- Defaults ---


@pytest.mark.parametrize(
    "dataset, variant, recipe, epochs, batch_size, input_size",
    [
        ("cifar10", "paper", "paper", 90, 128, 224),
        ("cifar10", "caffe", "original", 91, 128, 227),
        ("some/folder", "original", "quick", 20, 64, 224),
        ("photo_patches", "original", "original", 4, 32, 83),
    ],
)
def test_what_is_not_given_comes_from_recipe_and_variant(
    dataset, variant, recipe, epochs, batch_size, input_size
):
    run, scaled = fill_in(dataset, variant, recipe)
    assert run == config.TrainConfig(
        dataset=dataset,
        variant=variant,
        recipe=recipe,
        epochs=epochs,
        batch_size=batch_size,
        replicas=1,
        input_size=input_size,
        learning_rate=0.01,
        precision="float32",
        seed=2012,
        skip_bad=False,
    )
    assert scaled == recipes.RECIPES[recipe].scaled(epochs)


@pytest.mark.parametrize(
    "batch_size, replicas, expected", [(8, 2, 8), (7, 2, 8), (1, 3, 3)]
)
def test_every_replica_gets_as_many_images(batch_size, replicas, expected):
    run, _ = fill_in(batch_size=batch_size, replicas=replicas)
    assert (run.batch_size, run.replicas) == (expected, replicas)


@pytest.mark.parametrize(
    "options, factor",
    [
        ({}, 1),
        ({"learning_rate": 0.02}, 2),
        ({"batch_size": 256}, 1),
        ({"batch_size": 256, "scale_rate": True}, 2),
        ({"batch_size": 64, "scale_rate": True}, 0.5),
        ({"batch_size": 63, "replicas": 64, "scale_rate": True}, 0.5),
        ({"batch_size": 512, "scale_rate": True, "learning_rate": 1}, 400),
    ],
)
def test_all_rates_keep_their_proportions(options, factor):
    """The linear rule is that of the batch that is used, rounding included."""
    run, recipe = fill_in(**options)
    assert run.learning_rate == pytest.approx(0.01 * factor)
    original = recipes.RECIPES["original"]
    for stage, theirs in zip(recipe.stages, original.stages, strict=True):
        assert stage.rate == pytest.approx(factor * theirs.rate)
        assert stage.bias_rate == pytest.approx(factor * theirs.bias_rate)
        assert stage.layers == theirs.layers
        assert stage.start == theirs.start


# --- The command line repeats the run ---


@pytest.mark.parametrize(
    "dataset, options",
    [
        ("photo_patches", {}),
        ("imagenette/320px-v2", {"recipe": "paper", "precision": "float32"}),
        (
            "my photographs/of 'cats' & dogs",
            {
                "variant": "caffe",
                "recipe": "original",
                "epochs": 7,
                "batch_size": 100,
                "replicas": 3,
                "scale_rate": True,
                "precision": "mixed_bfloat16",
                "seed": 0,
                "skip_bad": True,
            },
        ),
        ("cifar10", {"learning_rate": 1 / 3, "input_size": 99}),
    ],
)
def test_the_command_parses_back_to_the_same_run(dataset, options):
    run, recipe = fill_in(dataset, **options)
    text = config.command(
        run,
        output="runs/an output",
        save_every=50,
        tensorboard=False,
        no_prepare=True,
    )
    words = shlex.split(text)
    assert words[:4] == ["python", "-m", "alexnet_keras", "train"]
    parsed = vars(command_line._parser().parse_args(words[3:]))
    del parsed["run"], parsed["verbose"]
    assert parsed.pop("output") == "runs/an output"
    assert parsed.pop("save_every") == 50
    assert parsed.pop("tensorboard") is False
    assert parsed.pop("prepare") is False
    assert fill_in(**parsed) == (run, recipe)


# --- Errors in what was typed ---


@pytest.mark.parametrize("value", [0, -1, 2.5, "4", True])
@pytest.mark.parametrize("name", ["epochs", "batch_size", "input_size"])
def test_counts_are_positive_integers(name, value):
    assert message_of(fill_in, **{name: value}) == (
        f"`{name}` must be a positive integer. Received: {name}={value!r}"
    )


@pytest.mark.parametrize("value", [0, -0.1, math.inf, math.nan, "0.1", True])
def test_the_rate_is_a_positive_number(value):
    assert message_of(fill_in, learning_rate=value) == (
        "`learning_rate` must be a positive number. "
        f"Received: learning_rate={value!r}"
    )


@pytest.mark.parametrize("value", [-1, 2**32, 1.5, "x", None, True])
def test_the_seed_is_one_that_numpy_takes(value):
    assert message_of(fill_in, seed=value) == (
        "`seed` must be an integer from 0 to 4294967295. "
        f"Received: seed={value!r}"
    )


@pytest.mark.parametrize("value", ["float16", "bfloat16", None])
def test_precisions(value):
    assert message_of(fill_in, precision=value) == (
        '`precision` must be "float32" or "mixed_float16" or "mixed_bfloat16". '
        f"Received: precision={value!r}"
    )


def test_an_image_that_is_too_small():
    assert message_of(fill_in, input_size=63) == (
        "`input_size` must be at least 64 for variant 'paper'. "
        "Received: input_size=63"
    )
