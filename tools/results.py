"""Trains the networks of the README's table and stores what came out.

    TFDS_DATA_DIR=… python tools/results.py [VARIANT …]

Each run goes on where it was stopped (`runs/imagenette-VARIANT`), and one that
is complete is not repeated. Then each network is measured with one view and
with ten, and `assets/results` gets a file for each and the figure of all.
"""

import argparse
import json
import pathlib

import matplotlib

matplotlib.use("agg")

from alexnet_keras.data import datasets  # noqa: E402
from alexnet_keras.figures import training  # noqa: E402
from alexnet_keras.inference import evaluation  # noqa: E402
from alexnet_keras.training import trainer  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parent.parent
RESULTS = ROOT / "assets" / "results"
DATASET = "imagenette/320px-v2"
EPOCHS = {"original": 12, "paper": 4, "caffe": 4, "torchvision": 4}
MEASURED = ("top_1", "top_5", "images", "undecided", "loss")


def make(variant):
    """Trains a variant, or goes on, measures it and stores its record."""
    folder = ROOT / "runs" / f"imagenette-{variant}"
    result = trainer.train(
        DATASET,
        variant,
        recipe="quick",
        epochs=EPOCHS[variant],
        output=folder,
        save_every=20,
        verbose=2,
    )
    record = json.loads((folder / "results.json").read_text(encoding="utf-8"))
    data = datasets.load_dataset(DATASET)
    record["train_size"] = data.train_size
    record["evaluation"] = {}
    for name, ten_crop in (("center", False), ("ten_crop", True)):
        measured = evaluation.evaluate(result.model, data, ten_crop=ten_crop)
        print(f"{variant}, {name}: {measured}")
        record["evaluation"][name] = describe(measured)
    store(f"imagenette_{variant}.json", record)


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
    for variant in EPOCHS:
        path = RESULTS / f"imagenette_{variant}.json"
        if path.exists():
            records[variant] = json.loads(path.read_text(encoding="utf-8"))
    ax = training.plot_comparison(records)
    ax.figure.savefig(RESULTS / "imagenette.png", dpi=110)


def main():
    """Runs the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument(
        "variants", nargs="*", default=list(EPOCHS), metavar="VARIANT"
    )
    variants = parser.parse_args().variants
    for variant in variants:
        if variant not in EPOCHS:
            parser.error(f"{variant!r} is none of {', '.join(EPOCHS)}")
    for variant in variants:
        make(variant)
    draw()


if __name__ == "__main__":
    main()
