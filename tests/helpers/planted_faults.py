"""Networks that do not train, each for one reason, and healthy ones.

`python planted_faults.py` prints what `diagnose` says of each, as JSON, for
the backend that KERAS_BACKEND names.
"""

import dataclasses
import json
import sys

import keras
import numpy as np

from alexnet_keras import SGD2012
from alexnet_keras import classifier
from alexnet_keras import variants
from alexnet_keras.diagnostics import checklist
from alexnet_lab.experiments import small_networks

CLASSES = ("red", "green", "blue")
SIZE, STEPS = 32, 20


def draw(count=96):
    """Noise in which one of three channels is lighter: that is the class."""
    generator = np.random.default_rng(0)
    labels = generator.integers(0, len(CLASSES), count)
    pictures = generator.uniform(0, 150, (count, SIZE, SIZE, 3))
    pictures[np.arange(count), :, :, labels] += 60
    return pictures.astype("float32"), labels


IMAGES, LABELS = draw()


def six_layer(**changes):
    """Glorot's weights, pixels of the order of 1, dropout."""
    table = small_networks.six_layer(0.5)
    return dataclasses.replace(table, **changes)


def as_2012(init=0.03, bias=0.0, rescale="test", units=64, scale=1.0):
    """Raw pixels, weights from a normal distribution, biases where 2012 has."""
    table = small_networks.six_layer(0.5, rescale)
    for layer in table.layers:
        changes = {}
        if isinstance(layer, variants.Conv | variants.Dense):
            changes["init"] = init
        if layer.name in ("conv2", "conv3", "fc4", "fc5"):
            changes["bias"] = bias
        if layer.name in ("fc4", "fc5"):
            changes["units"] = units
        table = table.replace_layer(layer.name, **changes)
    return dataclasses.replace(table, pixel_scale=scale)


def build(table, rate=0.01, loss=None, activation=None, optimizer=None):
    keras.utils.set_random_seed(1)
    model = classifier.build_classifier(
        table, SIZE, CLASSES, IMAGES.mean((0, 1, 2)), activation
    )
    if loss is None:
        loss = keras.losses.SparseCategoricalCrossentropy(
            from_logits=activation is None
        )
    optimizer = optimizer or SGD2012(rate)
    model.compile(optimizer, loss, jit_compile=False)
    return model


def dead():
    model = build(six_layer())
    model.get_layer("fc5").bias.assign(np.full(512, -1e6))
    return model


def without_number():
    model = build(six_layer())
    model.get_layer("conv2").bias.assign(np.full(64, np.nan))
    return model


def frozen():
    model = build(six_layer())
    for name in ("conv1", "conv2", "fc4"):
        model.get_layer(name).trainable = False
    model.compile(model.optimizer, model.loss, jit_compile=False)
    return model


def two_softmaxes():
    model = build(six_layer(), activation="softmax")
    twice = keras.layers.Softmax(name="again")(model.output)
    model = keras.Model(model.input, twice)
    model.compile(SGD2012(0.01), "sparse_categorical_crossentropy")
    return model


def one_output():
    """The old mistake of two classes: a softmax over a single unit."""
    keras.utils.set_random_seed(1)
    layers = [keras.Input((SIZE, SIZE, 3)), keras.layers.Flatten()]
    layers.append(keras.layers.Dense(1, "softmax", name="answer"))
    model = keras.Sequential(layers)
    model.compile("sgd", "binary_crossentropy")
    return model


def in_a_chain():
    """Sequential, with a Rescaling, Adam, one-hot labels: nothing of ours."""
    keras.utils.set_random_seed(1)
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((SIZE, SIZE, 3)),
            layers.Rescaling(1 / 64, -1.5),
            layers.Conv2D(16, 5, 2, activation="relu"),
            layers.BatchNormalization(),
            layers.GlobalAveragePooling2D(),
            layers.Dense(3, "softmax"),
        ]
    )
    model.compile("adam", "categorical_crossentropy", jit_compile=False)
    return model


def with_nan():
    images = IMAGES.copy()
    images[3, 0, 0, 0] = np.nan
    return images


LOGITS_LOSS = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
ONE_HOT = np.eye(3)[LABELS]
SHUFFLED = np.random.default_rng(1).permutation(LABELS)

# Name: what makes the model, images, labels, the checks that must be named.
HEALTHY = {
    "six layers": (lambda: build(six_layer()), IMAGES, LABELS, []),
    "as 2012": (lambda: build(as_2012()), IMAGES, LABELS, []),
    "biases of 1, dropout of 2012": (
        lambda: build(as_2012(0.01, 1.0, "test", 2048)),
        IMAGES,
        LABELS,
        [],
    ),
    "a chain": (in_a_chain, IMAGES, ONE_HOT, []),
}
READ_OFF = {
    "NaN input": (lambda: build(six_layer()), with_nan(), LABELS, ["images"]),
    "one image": (
        lambda: build(six_layer()),
        np.repeat(IMAGES[:1], 96, 0),
        LABELS,
        ["images"],
    ),
    "NaN weights": (without_number, IMAGES, LABELS, ["weights"]),
    "one-hot": (lambda: build(six_layer()), IMAGES, ONE_HOT, ["labels"]),
    "not one-hot": (in_a_chain, IMAGES, LABELS, ["labels"]),
    "from 1": (lambda: build(six_layer()), IMAGES, LABELS + 1, ["labels"]),
    "sorted": (lambda: build(six_layer()), IMAGES, 0 * LABELS, ["labels"]),
    "frozen": (frozen, IMAGES, LABELS, ["frozen layers"]),
    "two softmaxes": (two_softmaxes, IMAGES, LABELS, ["softmax"]),
    "one output": (one_output, IMAGES, LABELS > 0, ["softmax"]),
    "softmax and from_logits": (
        lambda: build(six_layer(), loss=LOGITS_LOSS, activation="softmax"),
        IMAGES,
        LABELS,
        ["softmax"],
    ),
    "logits for probabilities": (
        lambda: build(six_layer(), loss="sparse_categorical_crossentropy"),
        IMAGES,
        LABELS,
        ["softmax"],
    ),
}
TRIED_OUT = {
    "shuffled": (lambda: build(six_layer()), IMAGES, SHUFFLED, ["labels"]),
    "dead": (dead, IMAGES, LABELS, ["dead units"]),
    "rate too high": (
        lambda: build(six_layer(), 3.0),
        IMAGES,
        LABELS,
        ["learning rate"],
    ),
    "rate too low": (
        lambda: build(six_layer(), 1e-6),
        IMAGES,
        LABELS,
        ["learning rate"],
    ),
    "Adam's rate too high": (
        lambda: build(six_layer(), optimizer=keras.optimizers.Adam(0.3)),
        IMAGES,
        LABELS,
        ["learning rate"],
    ),
    "biases": (
        lambda: build(as_2012(0.01, 1.0, "train", 2048)),
        IMAGES,
        LABELS,
        ["biases"],
    ),
    "weights of 0": (
        lambda: build(as_2012("zeros")),
        IMAGES,
        LABELS,
        ["dead units", "initialization"],
    ),
    "weights too small": (
        lambda: build(as_2012(0.001)),
        IMAGES,
        LABELS,
        ["initialization"],
    ),
    "weights too large": (
        lambda: build(as_2012(0.3, scale=1 / 64)),
        IMAGES,
        LABELS,
        ["initialization"],
    ),
    "pixels too small": (
        lambda: build(as_2012(0.02, scale=1 / 255)),
        IMAGES,
        LABELS,
        ["input scale"],
    ),
    "pixels too large": (
        lambda: build(as_2012("he_normal")),
        IMAGES,
        LABELS,
        ["input scale"],
    ),
}
ALL = {**HEALTHY, **READ_OFF, **TRIED_OUT}


def find(name):
    make, images, labels, _ = ALL[name]
    return checklist.diagnose(make(), images, labels, steps=STEPS)


if __name__ == "__main__":
    print(
        json.dumps(
            {
                "backend": keras.backend.backend(),
                "found": {
                    name: [(f.check, f.text) for f in find(name)]
                    for name in sys.argv[1:] or ALL
                },
            }
        )
    )
