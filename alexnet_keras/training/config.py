"""What a run was asked for, checked before it starts."""

import shlex
from dataclasses import asdict
from dataclasses import dataclass

import keras

from alexnet_keras import shapes
from alexnet_keras import specs
from alexnet_keras import validation
from alexnet_keras import variants
from alexnet_keras.training import distribution
from alexnet_keras.training import recipes
from alexnet_keras.utils.printing import printable

# The embedded photographs are small: so are the crops and the batches, and a
# CPU is done in two to four minutes. Other data sets get the recipe's sizes.
EMBEDDED = {"input_size": 83, "batch_size": 32, "epochs": 4}
PRECISIONS = ("float32", "mixed_float16", "mixed_bfloat16")


@dataclass(frozen=True)
class TrainConfig:
    """What defines a run; two runs with equal configs are the same run.

    The fields are arguments of `train`, with defaults filled in.
    """

    dataset: str
    variant: str
    recipe: str
    epochs: int
    batch_size: int
    replicas: int
    input_size: int
    learning_rate: float
    precision: str
    seed: int
    skip_bad: bool = False


def resolve(
    dataset,
    variant,
    recipe,
    *,
    epochs=None,
    batch_size=None,
    replicas=None,
    input_size=None,
    learning_rate=None,
    scale_rate=False,
    precision="float32",
    seed=2012,
    skip_bad=False,
    machines=1,
):
    """Checks what the caller typed and fills in what depends on the data.

    Args: as `train`, and how many `machines` train in step.

    Returns:
        `(config, table, recipe)`: a `TrainConfig`, the variant's table, and
        the recipe for the config's epochs and rates.
    """
    table = variants.get_variant(variant)
    recipe = recipes.get_recipe(recipe)
    trained = specs.Conv | specs.Dense
    recipe.check_layers(
        [x.name for x in table.layers if isinstance(x, trained)]
    )
    defaults = {
        "epochs": recipe.epochs,
        "batch_size": recipe.batch_size,
        "input_size": table.input_shape[0],
        **(EMBEDDED if dataset == "photo_patches" else {}),
        "replicas": machines * (distribution.count_gpus() or 1),
    }
    typed = {
        "epochs": epochs,
        "batch_size": batch_size,
        "input_size": input_size,
        "replicas": replicas,
    }
    epochs, batch_size, input_size, replicas = (
        validation.integer(name, defaults[name] if value is None else value)
        for name, value in typed.items()
    )
    first_rate = recipe.stages[0].rate
    if learning_rate is None:
        learning_rate = first_rate
    validation.number("learning_rate", learning_rate, positive=True)
    validation.choice("precision", precision, PRECISIONS)
    seed = validation.integer("seed", seed, 0, 2**32 - 1)  # NumPy's limit
    least = shapes.smallest_size(table)
    if input_size < least:
        raise ValueError(
            f"`input_size` must be at least {least} for variant "
            f"{table.name!r}. Received: input_size={input_size}"
        )
    if machines > 1 and typed["batch_size"] and batch_size % replicas:
        raise ValueError(
            f"`batch_size` must be a multiple of the {replicas} replicas on "
            f"{machines} machines. Received: batch_size={batch_size}"
        )
    # Equal shares for all replicas.
    batch_size = -(-batch_size // replicas) * replicas
    if scale_rate:
        learning_rate *= batch_size / recipe.batch_size
    config = TrainConfig(
        str(dataset),
        table.name,
        recipe.name,
        epochs,
        batch_size,
        replicas,
        input_size,
        float(learning_rate),
        precision,
        seed,
        bool(skip_bad),
    )
    if epochs != recipe.epochs:
        recipe = recipe.scaled(epochs)
    if learning_rate != first_rate:
        recipe = recipe.with_rates(learning_rate / first_rate)
    return config, table, recipe


def path_name(dataset):
    """Returns the name of a data set, or its path, as one word for a path.

    >>> path_name("imagenette/320px-v2")
    'imagenette_320px-v2'
    """
    return dataset.strip("/.").replace("/", "_")


def in_words(config, data):
    """Returns what is going to be trained, in a sentence or two."""
    device = "GPU" if distribution.count_gpus() else "CPU"
    xla = "XLA" if distribution.uses_xla() else "no XLA"
    return (
        f"{config.variant} at {config.input_size}×{config.input_size} on "
        f"{printable(data.name)}: {data.train_size} training and "
        f"{data.validation_size} validation images of "
        f"{len(data.class_names)} classes. Recipe {config.recipe}, "
        f"{config.epochs} epochs, batches of {config.batch_size} on "
        f"{config.replicas} replica(s) of {device}, {config.precision}, {xla}."
    )


def command(config, **options):
    """Returns the command line that repeats a run, or goes on with it.

    Args:
        config: a `TrainConfig`.
        **options: other arguments of `train`; `True` becomes a switch,
            `False` and `None` are left out.

    >>> command(TrainConfig("cifar10", "paper", "quick", 2, 128, 1, 224, 0.01,
    ...     "float32", 2012), output="my runs", tensorboard=True)
    "python -m alexnet_keras train --dataset cifar10 --variant paper
    --recipe quick --epochs 2 --batch-size 128 --replicas 1 --input-size 224
    --learning-rate 0.01 --precision float32 --seed 2012 --output 'my runs'
    --tensorboard"
    """
    words = ["python", "-m", "alexnet_keras", "train"]
    for name, value in {**asdict(config), **options}.items():
        if value is None or value is False:
            continue
        words.append("--" + name.replace("_", "-"))
        if value is not True:
            words.append(str(value))
    return with_backend(shlex.join(words))


def with_backend(command):
    """Returns a command line that computes with the backend of this process.

    >>> with_backend("python -m alexnet_keras train")
    'python -m alexnet_keras train'
    """
    if distribution.on_tensorflow():
        return command
    return f"KERAS_BACKEND={keras.backend.backend()} {command}"
