"""Trains the networks of the README's table and stores what came out.

    TFDS_DATA_DIR=… python tools/results.py [RUN …]

Each run goes on where it was stopped (`runs/imagenette-RUN`), and one that is
complete is not repeated. Then each network is measured with one view and
with ten, and `assets/results` gets a file for each and the figure of all.
"""

import argparse
import dataclasses
import json
import pathlib

import matplotlib

matplotlib.use("agg")

from alexnet_keras.data import datasets  # noqa: E402
from alexnet_keras.figures import training  # noqa: E402
from alexnet_keras.inference import evaluation  # noqa: E402
from alexnet_keras.training import recipes  # noqa: E402
from alexnet_keras.training import trainer  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parent.parent
RESULTS = ROOT / "assets" / "results"
DATASET = "imagenette/320px-v2"
EPOCHS = 40
QUICK = recipes.RECIPES["quick"]
WITHOUT_COLOR_NOISE = dataclasses.replace(
    QUICK,
    name="quick_without_color_noise",
    stages=tuple(
        dataclasses.replace(stage, color_noise=0.0) for stage in QUICK.stages
    ),
)
WITHOUT_CROPS = dataclasses.replace(
    QUICK, name="quick_without_crops", random_crops=False
)
# A name, and in what the run differs from the others.
RUNS = {
    "original": {},
    "paper": {"variant": "paper"},
    "caffe": {"variant": "caffe"},
    "torchvision": {"variant": "torchvision"},
    "single_tower": {"variant": "single_tower"},
    "original_seed_1": {"seed": 1},
    "original_seed_2": {"seed": 2},
    "original_without_color_noise": {"recipe": WITHOUT_COLOR_NOISE},
    "original_without_crops": {"recipe": WITHOUT_CROPS},
}
MEASURED = ("top_1", "top_5", "images", "undecided", "loss")


def make(name):
    """Trains a network, or goes on, measures it and stores its record."""
    folder = ROOT / "runs" / f"imagenette-{name}"
    options = {"variant": "original", "recipe": QUICK, **RUNS[name]}
    result = trainer.train(
        DATASET,
        epochs=EPOCHS,
        output=folder,
        save_every=20,
        verbose=2,
        **options,
    )
    record = json.loads((folder / "results.json").read_text(encoding="utf-8"))
    if options["recipe"] is not QUICK:  # which has no name on the command line
        record["command"] = f"python tools/results.py {name}"
    data = datasets.load_dataset(DATASET)
    record["train_size"] = data.train_size
    record["evaluation"] = {}
    for views, ten_crop in (("center", False), ("ten_crop", True)):
        measured = evaluation.evaluate(result.model, data, ten_crop=ten_crop)
        print(f"{name}, {views}: {measured}")
        record["evaluation"][views] = describe(measured)
    store(f"imagenette_{name}.json", record)


def describe(measured):
    """Returns an `Evaluation` as a dict for JSON."""
    return {name: getattr(measured, name) for name in MEASURED}


def store(name, record):
    """Writes a record to `assets/results`."""
    RESULTS.mkdir(parents=True, exist_ok=True)
    text = json.dumps(record, indent=2) + "\n"
    (RESULTS / name).write_text(text, encoding="utf-8")


def draw():
    """Draws the curves of all stored runs into one figure."""
    records = {}
    for name in RUNS:
        path = RESULTS / f"imagenette_{name}.json"
        if path.exists():
            records[name] = json.loads(path.read_text(encoding="utf-8"))
    ax = training.plot_comparison(records)
    ax.figure.savefig(RESULTS / "imagenette.png", dpi=110)


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


if __name__ == "__main__":
    main()
