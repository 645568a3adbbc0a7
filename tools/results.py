"""Trains the networks of the tables of results and stores what came out.

    TFDS_DATA_DIR=… python tools/results.py [RUN …]

Each run goes on where it was stopped (`runs/RUN`), and one that is
complete is not repeated. Then each network is measured with one view and with
ten. `assets/results` gets a file for each and the figure of all; the tables
are printed.
"""

import argparse
import dataclasses
import json
import pathlib
import re

import keras
import matplotlib
import numpy as np

matplotlib.use("agg")

from alexnet_keras.data import datasets  # noqa: E402
from alexnet_keras.figures import training  # noqa: E402
from alexnet_keras.inference import evaluation  # noqa: E402
from alexnet_keras.training import config  # noqa: E402
from alexnet_keras.training import recipes  # noqa: E402
from alexnet_keras.training import trainer  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parent.parent
RESULTS = ROOT / "assets" / "results"
DATASET = "imagenette/320px-v2"
EPOCHS = 40
SEEDS = (2012, 1, 2, 3, 4)
QUICK = recipes.RECIPES["quick"]


def augmented(name, color_noise=True, **choices):
    """Returns `quick` with other ways to vary the training images."""
    stages = QUICK.stages
    if not color_noise:
        stages = tuple(dataclasses.replace(s, color_noise=0.0) for s in stages)
    return dataclasses.replace(
        QUICK, name=f"quick_{name}", stages=stages, **choices
    )


# By name: what is trained, and how its row of a table begins.
NETWORKS = ("original", "paper", "caffe", "torchvision", "single_tower")
AUGMENTATIONS = {
    "original_without_color_noise": (
        "no colour noise",
        augmented("without_color_noise", color_noise=False),
    ),
    "original_without_crops": (
        "no crops, no mirrors",
        augmented("without_crops", random_crops=False),
    ),
    "original_crops_only": (
        "crops only",
        augmented("crops_only", color_noise=False, random_flips=False),
    ),
    "original_not_augmented": (
        "none of the three",
        augmented("not_augmented", color_noise=False, random_crops=False),
    ),
}
IMAGENETTE = {
    **{name: {"variant": name, "recipe": QUICK} for name in NETWORKS},
    **{
        name: {"variant": "original", "recipe": recipe}
        for name, (_, recipe) in AUGMENTATIONS.items()
    },
}
EMBEDDED = "photo_patches"


def with_seeds(name, options, seeds):
    """Returns a run for each seed; the first needs no mention."""
    return {
        name + (f"_seed_{seed}" if seed != seeds[0] else ""): {
            **options,
            "seed": seed,
        }
        for seed in seeds
    }


RUNS = with_seeds(EMBEDDED, {"dataset": EMBEDDED}, SEEDS)
for name, options in IMAGENETTE.items():
    options = {"dataset": DATASET, "epochs": EPOCHS, **options}
    RUNS |= with_seeds(f"imagenette_{name}", options, SEEDS[:3])
MEASURED = ("top_1", "top_5", "images", "undecided", "loss")


def make(name):
    """Trains a network, or goes on, measures it and stores its record."""
    folder = ROOT / "runs" / name
    dataset = RUNS[name]["dataset"]
    result = trainer.train(**RUNS[name], output=folder, verbose=2)
    record = json.loads((folder / "results.json").read_text(encoding="utf-8"))
    backend = keras.backend.backend()
    if result.config.recipe not in recipes.RECIPES:
        # It has no name on the command line.
        record["command"] = config.with_backend(
            f"python tools/results.py {name}"
        )
    data = datasets.load_dataset(dataset)
    record["train_size"] = data.train_size
    record["evaluation"] = {}
    for views, ten_crop in (("center", False), ("ten_crop", True)):
        measured = evaluation.evaluate(result.model, data, ten_crop=ten_crop)
        print(f"{name}, {views}: {measured}")
        record["evaluation"][views] = describe(measured)
    # Of the same seed other backends draw other numbers: another run.
    suffix = "" if backend == "tensorflow" else f"_{backend}"
    store(f"{name}{suffix}.json", record)


def describe(measured):
    """Returns an `Evaluation` as a dict for JSON."""
    return {name: getattr(measured, name) for name in MEASURED}


def store(name, record):
    """Writes a record to `assets/results`."""
    RESULTS.mkdir(parents=True, exist_ok=True)
    text = json.dumps(record, indent=2) + "\n"
    (RESULTS / name).write_text(text, encoding="utf-8")


def load(name):
    """Returns the stored records of a run, whatever the seed and backend."""
    run = re.compile(rf"{name}(_seed_\d+)?(_jax|_torch)?")
    files = sorted(RESULTS.glob(f"{name}*.json"))
    return [
        json.loads(path.read_text(encoding="utf-8"))
        for path in files
        if run.fullmatch(path.stem)
    ]


def draw():
    """Draws the curves of the stored networks into one figure."""
    records = {name: load(f"imagenette_{name}") for name in NETWORKS}
    there = {name: runs for name, runs in records.items() if runs}
    ax = training.plot_comparison(there)
    ax.figure.savefig(RESULTS / "imagenette.png", dpi=110)


def table(rows):
    """Returns a table in Markdown: accuracies in %, the range over the runs.

    Args:
        rows: dict from how a row begins to the records of its runs.
    """
    lines = [
        "| | top-1 | top-5 | ten views: top-1 | top-5 | runs |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for name, records in rows.items():
        cells = [name]
        for views in ("center", "ten_crop"):
            found = [r["evaluation"].get(views) for r in records]
            found = [measured for measured in found if measured]
            cells += [
                spread([100 * measured[top] for measured in found])
                for top in ("top_1", "top_5")
            ]
        lines.append(f"| {' | '.join(cells)} | {len(records)} |")
    return "\n".join(lines)


def spread(values):
    """Returns the mean and, of several, the range as text."""
    if not values:
        return "–"
    mean = f"{np.mean(values):.1f}"
    if len(values) == 1:
        return mean
    return f"{mean} ({min(values):.1f}–{max(values):.1f})"


def tables():
    """Returns the tables of the networks and of the augmentations."""
    rows = [
        {f"`{name}`": load(f"imagenette_{name}") for name in NETWORKS},
        {
            "all three": load("imagenette_original"),
            **{
                words: load(f"imagenette_{name}")
                for name, (words, _) in AUGMENTATIONS.items()
            },
        },
    ]
    return [table({k: v for k, v in there.items() if v}) for there in rows]


def main():
    """Runs the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("runs", nargs="*", default=list(RUNS), metavar="RUN")
    runs = parser.parse_args().runs
    for name in runs:
        if name not in RUNS:
            parser.error(f"{name!r} is none of {', '.join(RUNS)}")
    for name in runs:
        make(name)
    draw()
    print(*tables(), sep="\n\n")


if __name__ == "__main__":
    main()
