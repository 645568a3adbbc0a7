"""What defines a run, from what the caller typed; checked before it starts."""

import hashlib
import json
import os
import pathlib
import shlex
from dataclasses import asdict
from dataclasses import dataclass

from alexnet_keras import checkpoints
from alexnet_keras import shapes
from alexnet_keras import validation

# The embedded photographs are small: so are the crops and the batches, and a
# CPU is done in about four minutes. Other data sets get the recipe's sizes.
EMBEDDED = {"input_size": 83, "batch_size": 32, "epochs": 4}
PRECISIONS = ("float32", "mixed_float16", "mixed_bfloat16")
FILE = "settings.json"
HASH = "table_and_recipe"


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


def claim_folder(output):
    """Checks that the folder of a run can be made or written.

    Returns:
        The `pathlib.Path`, or `None` for `None`.
    """
    if output is None:
        return None
    folder = pathlib.Path(output)
    # `os.path.exists` is false, and no error, in a folder that is locked.
    there = next(p for p in (folder, *folder.parents) if os.path.exists(p))
    if not there.is_dir() or not os.access(there, os.W_OK):
        raise ValueError(
            f"`output` cannot be written: {str(there)!r} is no folder, or is "
            f"not yours to write. Received: output={str(output)!r}"
        )
    return folder


def describe(settings, table, recipe, data):
    """Returns all that defines a run as a dict for JSON.

    The table, the recipe and the data set go in by their contents, since
    their names do not say all.
    """
    contents = repr((table, recipe)).encode()
    return {
        **asdict(settings),
        HASH: hashlib.sha256(contents).hexdigest()[:12],
        "train_size": data.train_size,
        "validation_size": data.validation_size,
        "class_names": list(data.class_names),
    }


def write(folder, description):
    """Writes `settings.json`, the first file of a run."""
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(description, indent=2) + "\n"
    checkpoints.write_atomically(
        folder / FILE, lambda part: part.write_text(text, encoding="utf-8")
    )


def read_dataset(model):
    """Reads which data set a run was trained on.

    Args:
        model: path of the output folder of a run, or of a file in it.

    Returns:
        `(dataset, skip_bad)`, as for `training.train`.
    """
    path = pathlib.Path(model)
    file = (path if path.is_dir() else path.parent) / FILE
    try:
        there = dict(json.loads(file.read_text(encoding="utf-8")))
        return there["dataset"], there.get("skip_bad", False)
    except (OSError, ValueError, TypeError, KeyError):
        raise ValueError(
            f"`--dataset` must be named, as `model` has no {FILE} of a run "
            f"beside it that does. Received: model={str(model)!r}"
        ) from None


def check_same(folder, description):
    """Refuses a folder that holds a run with other settings.

    Raises:
        ValueError: that names what differs.
    """
    path = folder / FILE
    if not path.exists():
        return
    try:
        there = dict(json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, TypeError):
        raise ValueError(
            f"`output` holds a run whose {FILE} is damaged. Name another "
            "folder, or remove this file if you are sure of the settings. "
            f"Received: output={str(folder)!r}"
        ) from None
    differing = [
        name for name in description if there.get(name) != description[name]
    ]
    if differing == [HASH]:
        differences = (
            "the layers or the rates behind the names are not the same"
        )
    else:
        differences = "; ".join(
            # A thousand class names would bury the rest.
            "the classes are not the same"
            if name == "class_names"
            else f"{name} is {there.get(name)!r} there and "
            f"{description[name]!r} here"
            for name in differing
            if name != HASH
        )
    if differing:
        raise ValueError(
            f"`output` holds a run with other settings: {differences}. "
            "Name another folder, or the settings of that run. "
            f"Received: output={str(folder)!r}"
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
