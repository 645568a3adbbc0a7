"""Measures what filters trained on ImageNet are worth on other photographs.

    python tools/transfer.py ../shared/data/bvlc_alexnet_q7_partial.npz

The file holds the convolutions of Caffe's `bvlc_alexnet` (`conv1_W` and so on,
blue first, in steps of 1/128); `--published` takes the whole published file
instead, by download. A linear classifier on the maps of pool5 tells the ten
classes of imagenette, or the ten embedded photographs, from 1 to 400 examples
of each; the same with filters as they are before training, and with pixels.
Only numbers go into `assets/results/transfer.json`.
"""

import argparse
import importlib.metadata
import json
import pathlib
import time

import keras
import numpy as np

from alexnet_keras import SGD2012
from alexnet_keras import build_alexnet
from alexnet_keras import preprocess_input
from alexnet_keras.data import datasets
from alexnet_keras.training import results
from alexnet_lab import linear_probe
from alexnet_lab.experiments import in_memory_data

ROOT = pathlib.Path(__file__).resolve().parent.parent
STORED = ROOT / "assets" / "results" / "transfer.json"
SIZE = 227
PARTS = {"photo_patches": (1000, 500)}  # training, validation; others whole
EXAMPLES = (1, 2, 5, 10, 20, 50, 100, 200, 400)
DRAWS = 5
SCRATCH = {"examples": (10, 50), "draws": 3, "size": 83, "steps": 200}


def trained_filters(path):
    """Builds `caffe` up to pool5 with the filters of an `.npz` file.

    Args:
        path: the file, or `None` for the published weights.

    Returns:
        A `keras.Model` from `(batch, 227, 227, 3)`, as `preprocess_input`
        makes them, to the values of pool5, `(batch, 9216)`.
    """
    network = _up_to_pool5(weights=None if path else "imagenet")
    if path:
        with np.load(path) as file:
            for name in ("conv1", "conv2", "conv3", "conv4", "conv5"):
                kernel, bias = file[f"{name}_W"] / 128, file[f"{name}_b"] / 128
                if name == "conv1":
                    kernel = kernel[:, :, ::-1]  # stored blue first
                network.get_layer(name).set_weights([kernel, bias])
    return network


def random_filters(seed):
    """Builds `caffe` up to pool5 as it is before training."""
    keras.utils.set_random_seed(seed)
    return _up_to_pool5(weights=None)


def _up_to_pool5(weights):
    network = build_alexnet(
        include_top=False,
        weights=weights,
        input_shape=(SIZE, SIZE, 3),
        variant="caffe",
    )
    values = keras.layers.Flatten()(network.output)
    return keras.Model(network.input, values)


def features_of(network, pictures):
    """Returns `network`'s values for `uint8` images."""
    parts = [
        network.predict_on_batch(
            preprocess_input(pictures[start : start + 50], variant="caffe")
        ).astype("float32")
        for start in range(0, len(pictures), 50)
    ]
    return np.concatenate(parts)


def probe(train, validation):
    """Returns for each number of examples the accuracies of the draws."""
    (features, labels), (queries, truth) = train, validation
    accuracies = {}
    for examples in EXAMPLES:
        if examples > np.bincount(labels).min():
            break
        draws = DRAWS if examples < EXAMPLES[-1] else 1
        accuracies[examples] = [
            linear_probe.fit_probe(features[chosen], labels[chosen]).score(
                queries, truth
            )
            for chosen in (
                draw(labels, examples, seed) for seed in range(draws)
            )
        ]
    return accuracies


def draw(labels, examples, seed):
    """Draws the indices of so many examples of each class."""
    generator = np.random.default_rng(seed)
    return np.concatenate(
        [
            generator.permutation(np.flatnonzero(labels == label))[:examples]
            for label in np.unique(labels)
        ]
    )


def measure(data, network):
    """Measures the features of `network`, or pixels: probe, neighbours."""
    (pictures, labels), (queries, truth) = data.train, data.validation
    start = time.perf_counter()
    if network is None:
        train, validation = (
            array[:, ::7, ::7].reshape(len(array), -1).astype("float32")
            for array in (pictures, queries)
        )
    else:
        train = features_of(network, pictures)
        validation = features_of(network, queries)
    neighbours = linear_probe.nearest(train, validation)[:, 0]
    return {
        "accuracies": probe((train, labels), (validation, truth)),
        "nearest_neighbour": float(np.mean(labels[neighbours] == truth)),
        "seconds": round(time.perf_counter() - start, 1),
    }


def from_scratch(data):
    """Trains the whole network on a handful of examples, from the start."""
    return {
        examples: [
            _train(data, draw(data.train[1], examples, seed), seed)
            for seed in range(SCRATCH["draws"])
        ]
        for examples in SCRATCH["examples"]
    }


def _train(data, chosen, seed):
    keras.utils.set_random_seed(seed)
    size = SCRATCH["size"]
    model = build_alexnet(
        input_shape=(size, size, 3),
        classes=len(data.class_names),
        variant="original",
    )
    model.compile(
        SGD2012(0.01), "sparse_categorical_crossentropy", metrics=["accuracy"]
    )
    mean = data.train[0].mean((0, 1, 2))
    pictures, labels = (part[chosen] for part in data.train)
    generator = np.random.default_rng(seed)
    for _ in range(SCRATCH["steps"]):
        batch = generator.choice(len(labels), 32)
        model.train_on_batch(pictures[batch] - mean, labels[batch])
    pictures, labels = data.validation
    return model.evaluate(pictures - mean, labels, verbose=0)[1]


def main():
    """Runs the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("path", nargs="?", help="an .npz file of filters")
    parser.add_argument("--published", action="store_true")
    arguments = parser.parse_args()
    if (arguments.path is None) != arguments.published:
        parser.error("give the path of a file, or --published")
    networks = {"trained": trained_filters(arguments.path)}
    networks |= {f"random {seed}": random_filters(seed) for seed in range(3)}
    networks["pixels"] = None
    path = arguments.path and f"…/{pathlib.Path(arguments.path).name}"
    record = new_record(f"python tools/transfer.py {path or '--published'}")
    for name in ("photo_patches", "imagenette/320px-v2"):
        done = record["results"].setdefault(name, {})
        data = datasets.load_dataset(name)
        squares = in_memory_data.load_arrays(data, SIZE).part(
            *PARTS.get(name, ())
        )
        for features, network in networks.items():
            if features not in done:
                done[features] = measure(squares, network)
                store(record)
    if "from_scratch" not in record:
        data = datasets.load_dataset("photo_patches")
        small = in_memory_data.load_arrays(data, SCRATCH["size"])
        record["from_scratch"] = from_scratch(small)
        store(record)


def new_record(command):
    """Returns the stored record of the same command, to go on with, or a new
    one."""
    if STORED.exists():
        record = json.loads(STORED.read_text(encoding="utf-8"))
        if record["command"] == command:
            return record
    return made_by(command) | {
        "draws": DRAWS,
        "scratch": SCRATCH,
        "results": {},
    }


def made_by(command):
    """Returns how a record is made, from which filters, where and with what."""
    return {
        "command": command,
        "filters": "of bvlc_alexnet (Caffe)",
        "hardware": results.describe_hardware(),
        "versions": {
            package: importlib.metadata.version(package)
            for package in ("tensorflow", "keras", "numpy")
        },
    }


def store(record):
    """Writes the record; every step, as the whole takes half an hour."""
    text = json.dumps(record, indent=1) + "\n"
    STORED.write_text(text, encoding="utf-8")
    print(f"{STORED.name}: {len(text):,} bytes", flush=True)


if __name__ == "__main__":
    main()
