"""Measures what each step of fine-tuning adds, from ten examples a class.

    python tools/fine_tuning.py ../shared/data/bvlc_alexnet_q7_partial.npz

The file is that of `tools/transfer.py`: convolutions of Caffe's `bvlc_alexnet`,
no fully connected layers. Ten photographs of each class of imagenette train,
500 others are asked, before and after each step. Ridge regression; its
weights as a softmax layer, trained on; conv3 and up trained with it; or, on
pool5, fc6 and fc7 from random weights. The same on random filters. Only numbers
go into `assets/results/fine_tuning.json`.
"""

import argparse
import json
import pathlib

import keras
import transfer as measured

from alexnet_keras import build_alexnet
from alexnet_keras.data import datasets
from alexnet_keras.inference import transfer
from alexnet_lab import linear_probe
from alexnet_lab.experiments import in_memory_data

STORED = measured.STORED.with_name("fine_tuning.json")
EXAMPLES, DRAWS, BATCH = 10, 3, 25
# Adam's rate, and passes over the hundred photographs.
STEPS = {
    "last layer": (1e-5, 20),
    "conv3 and up": (1e-5, 10),
    "fc6 and fc7": (1e-4, 10),
}


def after(model, layer):
    """Returns the part of a chain of layers after one, sharing the weights."""
    names = [one.name for one in model.layers]
    inputs = keras.Input(model.get_layer(layer).output.shape[1:])
    values = inputs
    for one in model.layers[names.index(layer) + 1 :]:
        values = one(values)
    return keras.Model(inputs, values)


def train(model, step, examples, queries, seed):
    """Trains what is not frozen; returns the accuracies before and after."""
    rate, epochs = STEPS[step]
    keras.utils.set_random_seed(seed)
    model.compile(
        keras.optimizers.Adam(rate),
        "sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    before = model.evaluate(*queries, batch_size=50, verbose=0)[1]
    model.fit(*examples, batch_size=BATCH, epochs=epochs, verbose=0)
    return before, model.evaluate(*queries, batch_size=50, verbose=0)[1]


def steps(base, examples, queries, seed):
    """Yields each step with its accuracies before and after.

    Args:
        base: `caffe` up to pool5.
        examples: pictures, as pool2 leaves them, and labels; to train on.
        queries: the same, to be asked.
        seed: of the new weights, the order and the masks.
    """
    from_pool5 = keras.Model(base.input, base.get_layer("pool5").output)
    from_pool5 = after(from_pool5, "pool2")
    pooled = [
        (from_pool5.predict(maps, batch_size=50, verbose=0), labels)
        for maps, labels in (examples, queries)
    ]
    keras.utils.set_random_seed(seed)
    top = transfer.new_top(base, 10, layer="pool5")
    (features, labels), (asked, truth) = pooled
    probe = linear_probe.fit_probe(features.reshape(len(labels), -1), labels)
    chance = after(top, "pool5").predict(asked, verbose=0).argmax(-1) == truth
    score = probe.score(asked.reshape(len(truth), -1), truth)
    yield "probe", (float(chance.mean()), score)

    top.get_layer("predictions").set_weights([probe.coef_.T, probe.intercept_])
    yield "last layer", train(after(top, "pool5"), "last layer", *pooled, seed)

    kept = base.get_weights()
    transfer.freeze_through(top, "pool2")
    part = after(top, "pool2")
    yield "conv3 and up", train(part, "conv3 and up", examples, queries, seed)
    base.set_weights(kept)

    keras.utils.set_random_seed(seed)
    whole = build_alexnet(variant="caffe", classes=10)
    dense = after(whole, "pool5")
    yield "fc6 and fc7", train(dense, "fc6 and fc7", *pooled, seed)


def base_of(path):
    """Builds `caffe` up to pool5 with the filters of a file, or random ones."""
    if path is None:
        model = measured.random_filters(0)
    else:
        model = measured.trained_filters(path)
    return keras.Model(model.input, model.get_layer("pool5").output)


def main():
    """Runs the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("path", help="an .npz file of filters")
    path = pathlib.Path(parser.parse_args().path)
    record = measured.made_by(f"python tools/fine_tuning.py …/{path.name}")
    record |= {"examples": EXAMPLES, "draws": DRAWS, "steps": STEPS}
    record["results"] = {}
    data = datasets.load_dataset("imagenette/320px-v2")
    squares = in_memory_data.load_arrays(data, measured.SIZE)
    (pictures, labels), (asked, truth) = squares.train, squares.validation
    asked, truth = asked[::2], truth[::2]  # half of them, of every class
    for name, filters in (("trained", path), ("random", None)):
        base = base_of(filters)
        front = keras.Model(base.input, base.get_layer("pool2").output)
        queries = measured.features_of(front, asked), truth
        found = record["results"].setdefault(name, {})
        for seed in range(DRAWS):
            chosen = measured.draw(labels, EXAMPLES, seed)
            maps = measured.features_of(front, pictures[chosen])
            examples = maps, labels[chosen]
            for step, pair in steps(base, examples, queries, seed):
                found.setdefault(step, []).append([round(x, 4) for x in pair])
                print(name, seed, step, *found[step][-1], flush=True)
        text = json.dumps(record, indent=1) + "\n"
        STORED.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
