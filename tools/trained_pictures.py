"""Stores what trained filters look like and what they make of photographs.

    python tools/trained_pictures.py ../shared/data/bvlc_alexnet_q7_partial.npz

The file holds the convolutions of Caffe's `bvlc_alexnet` in steps of 1/128;
fully connected layers are drawn at random. Chapter 11 is executed with them as
its `WEIGHTS`, and what it makes of them goes into `assets/results`: pictures as
`.png`, numbers into `trained_pictures.json`. The weights themselves do not.
"""

import argparse
import json
import os
import pathlib
import tempfile

import keras
import matplotlib
import numpy as np
from PIL import Image

from alexnet_keras import build_alexnet

matplotlib.use("agg")

ROOT = pathlib.Path(__file__).resolve().parent.parent
STORED = ROOT / "assets" / "results"
CHAPTER = ROOT / "notebooks" / "11_pretrained.ipynb"
SOURCE = {
    "weights": "bvlc_alexnet (Caffe), conv1 to conv5 in 8 bits",
    "licence": "released for unrestricted use by BVLC; photographs of "
    "scikit-image",
}


def write_weights(source, target):
    """Writes a `.weights.h5` file of `caffe` with the filters of an `.npz`."""
    keras.utils.set_random_seed(0)
    network = build_alexnet(variant="caffe")
    with np.load(source) as file:
        for number in range(1, 6):
            kernel, bias = (file[f"conv{number}_{x}"] / 128 for x in "Wb")
            if number == 1:
                kernel = kernel[:, :, ::-1]  # stored blue first
            network.get_layer(f"conv{number}").set_weights([kernel, bias])
    network.save_weights(target)


def execute(weights):
    """Returns what the chapter makes of a file of weights, by name."""
    os.environ["ALEXNET_WEIGHTS"] = str(weights)
    scope = {}
    notebook = json.loads(CHAPTER.read_text(encoding="utf-8"))
    for cell in notebook["cells"]:
        text = "".join(cell["source"])
        if cell["cell_type"] == "code" and "%pip" not in text:
            exec(compile(text, "cell", "exec"), scope)
    return scope["made"]


def store(made, command, folder):
    """Writes pictures and numbers."""
    record = {"command": command, **SOURCE}
    for name, found in made.items():
        if found.dtype == "uint8":
            Image.fromarray(found).save(folder / f"{name}.png", optimize=True)
        else:
            record[name] = found.tolist()
    text = json.dumps(record) + "\n"
    (folder / "trained_pictures.json").write_text(text, encoding="utf-8")


def main():
    """Runs the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("path", type=pathlib.Path)
    parser.add_argument("--output", type=pathlib.Path, default=STORED)
    typed = parser.parse_args()
    path = typed.path
    with tempfile.TemporaryDirectory() as folder:
        weights = pathlib.Path(folder) / "caffe.weights.h5"
        write_weights(path, weights)
        made = execute(weights)
    command = f"python tools/trained_pictures.py …/{path.name}"
    store(made, command, typed.output)


if __name__ == "__main__":
    main()
