"""What defines a run, from what the caller typed; checked before it starts."""

import shlex
from dataclasses import asdict
from dataclasses import dataclass

from alexnet_keras import devices
from alexnet_keras import shapes
from alexnet_keras import validation
from alexnet_keras.printing import printable

# The embedded photographs are small: so are the crops and the batches, and a
# CPU is done in about four minutes. Other data sets get the recipe's sizes.
EMBEDDED = {"input_size": 83, "batch_size": 32, "epochs": 4}
PRECISIONS = ("float32", "mixed_float16", "mixed_bfloat16")


@dataclass(frozen=True)
class Settings:
    """What defines a run; two runs with equal settings are the same run."""

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


def fill_in(
    dataset,
    table,
    recipe,
    *,
    epochs,
    batch_size,
    replicas,
    input_size,
    learning_rate,
    scale_rate,
    precision,
    seed,
    skip_bad,
):
    """Checks what the caller typed and fills in what depends on the data.

    Args: as `training.train`; `table` and `recipe` are no names any more.

    Returns:
        `(settings, recipe)`: `Settings`, and the recipe for its epochs and
        its rates.
    """
    small = EMBEDDED if dataset == "photo_patches" else {}
    if epochs is None:
        epochs = small.get("epochs", recipe.epochs)
    if batch_size is None:
        batch_size = small.get("batch_size", recipe.batch_size)
    if input_size is None:
        input_size = small.get("input_size", table.input_shape[0])
    epochs = validation.integer("epochs", epochs)
    batch_size = validation.integer("batch_size", batch_size)
    input_size = validation.integer("input_size", input_size)
    first_rate = recipe.stages[0].rate
    if learning_rate is None:
        learning_rate = first_rate
    validation.number("learning_rate", learning_rate, positive=True)
    if precision not in PRECISIONS:
        raise ValueError(
            f"`precision` must be one of {', '.join(PRECISIONS)}. "
            f"Received: precision={precision!r}"
        )
    seed = validation.integer("seed", seed, 0, 2**32 - 1)  # NumPy's limit
    least = shapes.smallest_size(table)
    if input_size < least:
        raise ValueError(
            f"`input_size` must be at least {least} for variant "
            f"{table.name!r}. Received: input_size={input_size}"
        )
    # Equal shares for all replicas.
    batch_size = -(-batch_size // replicas) * replicas
    if scale_rate:
        learning_rate *= batch_size / recipe.batch_size
    settings = Settings(
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
    return settings, recipe


def path_name(dataset):
    """Returns the name of a data set, or its path, as one word for a path.

    >>> path_name("imagenette/320px-v2")
    'imagenette_320px-v2'
    """
    return dataset.strip("/.").replace("/", "_")


def in_words(run, recipe, data):
    """Returns what is going to be trained, in a sentence or two."""
    return (
        f"{run.variant} at {run.input_size}×{run.input_size} on "
        f"{printable(data.name)}: "
        f"{data.train_size} training and {data.validation_size} validation "
        f"images of {len(data.class_names)} classes. Recipe {recipe.name}, "
        f"{recipe.epochs} epochs, batches of {run.batch_size} on "
        f"{run.replicas} replica(s) of "
        f"{'GPU' if devices.count_gpus() else 'CPU'}, {run.precision}, no XLA."
    )


def command(settings, **options):
    """Returns the command line that repeats a run, or goes on with it.

    Args:
        settings: a `Settings`.
        **options: other arguments of `train`; `True` becomes a switch,
            `False` and `None` are left out.

    >>> command(Settings("cifar10", "paper", "quick", 2, 128, 1, 224, 0.01,
    ...     "float32", 2012), output="my runs", tensorboard=True)
    "python -m alexnet_keras train --dataset cifar10 --variant paper
    --recipe quick --epochs 2 --batch-size 128 --replicas 1 --input-size 224
    --learning-rate 0.01 --precision float32 --seed 2012 --output 'my runs'
    --tensorboard"
    """
    words = ["python", "-m", "alexnet_keras", "train"]
    for name, value in {**asdict(settings), **options}.items():
        if value is None or value is False:
            continue
        words.append("--" + name.replace("_", "-"))
        if value is not True:
            words.append(str(value))
    return shlex.join(words)
