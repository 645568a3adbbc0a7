"""What the experiments compare: conditions, each a table and its training."""

import dataclasses
import itertools
from dataclasses import dataclass

from alexnet_keras import variants
from alexnet_lab.experiments import small_networks
from alexnet_lab.experiments import trial
from alexnet_lab.experiments.trial import Condition


@dataclass(frozen=True)
class Experiment:
    """A question, and the conditions that answer it.

    Attributes:
        name: in `EXPERIMENTS`.
        question: in words.
        conditions: `Condition`s, names all different.
        epochs: the most passes over the training images.
        target: training error at which a trial ends; `None`: never.
        train_size: training images, at most; `None`: all.
        size: side of the images, in pixels.
        batch_size: images in a batch.
        measured: images on which errors are measured, of each split, at most.
    """

    name: str
    question: str
    conditions: tuple[Condition, ...]
    epochs: int
    target: float | None = None
    train_size: int | None = None
    size: int = 32
    batch_size: int = trial.BATCH_SIZE
    measured: int = 5000

    def __post_init__(self):
        names = [condition.name for condition in self.conditions]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(
                "`conditions` must have a name each that no other has. "
                f"Received twice: {', '.join(twice)}"
            )


def _activations():
    shown = ("relu", "tanh", "sigmoid", "leaky_relu", "gelu", "silu")
    for activation in shown:
        yield Condition(activation, small_networks.four_layer(activation))
    for activation in ("relu", "tanh"):
        table = small_networks.four_layer(activation, "he_normal")
        yield Condition(f"{activation}, He", table)
    # Pixels and weights as in the code of 2012: nothing is scaled to fit.
    for activation in ("relu", "tanh"):
        table = small_networks.four_layer(activation, 0.01, pixel_scale=1.0)
        yield Condition(f"{activation}, raw pixels", table)


def _activations_of_alexnet():
    for activation in ("relu", "tanh"):
        table = small_networks.quarter_alexnet(activation)
        yield Condition(f"{activation}, raw pixels", table, augment=True)
        scaled = small_networks.quarter_alexnet(activation, "glorot_uniform")
        scaled = dataclasses.replace(
            scaled, pixel_scale=small_networks.PIXEL_SCALE
        )
        yield Condition(activation, scaled, augment=True)


def _against_overfitting():
    plain = small_networks.six_layer()
    half = small_networks.six_layer(dropout=0.5)
    same = {"learning_rate": 0.02}
    yield Condition("nothing", plain, **same)
    for rate in (0.25, 0.5, 0.75):
        table = small_networks.six_layer(dropout=rate)
        yield Condition(f"dropout {rate:g}", table, **same)
    of_2012 = small_networks.six_layer(dropout=0.5, rescale="test")
    yield Condition("dropout of 2012", of_2012, **same)
    for place in ("in front of fc4 and fc5", "after conv1 to conv3"):
        table = small_networks.six_layer(dropout=0.5, place=place)
        yield Condition(f"dropout 0.5 {place}", table, **same)
    for decay in (5e-4, 5e-3):
        name = f"weight decay {decay:g}"
        yield Condition(name, plain, weight_decay=decay, **same)
    yield Condition("augmentation", plain, augment=True, **same)
    yield Condition("all three", half, weight_decay=5e-4, augment=True, **same)


def _dropout_of_alexnet():
    for name, dropout in (("nothing", 0.0), ("dropout 0.5", 0.5)):
        table = small_networks.quarter_alexnet(dropout=dropout)
        yield Condition(name, table, learning_rate=0.001, augment=True)


def _normalizers_and_pools(plain, other_rates=(), **options):
    """Raw pixels: only large values let LRN do more than divide by k^0.75.

    Rates are searched for each. `other_rates` says at which others a network
    is trained as well, so that LRN is compared at equal rates.
    """
    yield Condition("neither", plain, **options)
    lrn = small_networks.normalized(plain, variants.LRN)
    yield Condition("LRN", lrn, **options)
    batch = small_networks.normalized(plain, variants.BatchNorm)
    yield Condition("batch normalization", batch, **options)
    pools = small_networks.with_pooling(plain, size=2, stride=2)
    yield Condition("2/2 pooling", pools, **options)
    of_2012 = small_networks.normalized(plain, variants.LRN, alpha=2e-5)
    yield Condition("LRN of 2012", of_2012, **options)
    tables = {"neither": plain, "LRN": lrn, "LRN of 2012": of_2012}
    for name, rate in other_rates:
        table = tables[name]
        name = f"{name}, rate {rate:g}"
        yield Condition(name, table, learning_rate=rate, **options)


# Weights: a standard deviation for all layers and others for some, or a rule.
INITS = {
    "0.01": 0.01,
    "0.01, conv3–5 0.03 (2012)": {"conv3": 0.03, "conv4": 0.03, "conv5": 0.03},
    "0.01, fc6–7 0.005 (Caffe)": {"fc6": 0.005, "fc7": 0.005},
    "Glorot": "glorot_uniform",
    "He": "he_normal",
}
BIASES = (0.0, 0.1, 1.0)
DROPOUTS = {"2012": "test", "inverted": "train"}


def start_name(init, bias, dropout):
    """Returns the name of a condition of `initialization`.

    >>> start_name("He", 1.0, "inverted")
    'weights He; biases 1; dropout inverted'
    """
    return f"weights {init}; biases {bias:g}; dropout {dropout}"


def start_table(init, bias, dropout):
    """Returns the network of 2012 with another start.

    Args:
        init: a name in `INITS`.
        bias: of the layers whose biases are 1 in 2012: `conv2`, `conv4`,
            `conv5`, `fc6`, `fc7`. Those of the others stay 0.
        dropout: `"2012"` or `"inverted"`.

    >>> table = start_table("0.01, fc6–7 0.005 (Caffe)", 0.1, "inverted")
    >>> table.layer("fc6")
    Dense(name='fc6', units=4096, activation='relu', init=0.005, bias=0.1)
    """
    table = variants.VARIANTS["original"]
    chosen = INITS[init]
    for layer in table.layers:
        changes = {}
        if isinstance(layer, variants.Conv | variants.Dense):
            changes["init"] = chosen
            if isinstance(chosen, dict):
                changes["init"] = chosen.get(layer.name, 0.01)
            changes["bias"] = bias if layer.bias else 0.0
        elif isinstance(layer, variants.Dropout):
            changes["rescale"] = DROPOUTS[dropout]
        table = table.replace_layer(layer.name, **changes)
    return dataclasses.replace(table, classes=10)


def _starts():
    for start in itertools.product(INITS, BIASES, DROPOUTS):
        yield Condition(
            start_name(*start),
            start_table(*start),
            learning_rate=0.01,
            weight_decay=5e-4,
        )


EXPERIMENTS = {
    experiment.name: experiment
    for experiment in (
        Experiment(
            "relu",
            "Does ReLU learn faster than tanh and sigmoid, and how much?",
            tuple(_activations()),
            epochs=8,
            target=0.25,
        ),
        Experiment(
            "relu_of_photographs",
            "The same in a quarter of an AlexNet on photographs.",
            tuple(_activations_of_alexnet()),
            epochs=10,
            size=99,
            batch_size=64,
            measured=1000,
        ),
        Experiment(
            "dropout",
            "What do dropout, weight decay and augmentation do against "
            "overfitting, and what do they cost?",
            tuple(_against_overfitting()),
            epochs=20,
            train_size=5000,
        ),
        Experiment(
            "dropout_of_photographs",
            "The same in a quarter of an AlexNet on photographs.",
            tuple(_dropout_of_alexnet()),
            epochs=20,
            size=99,
            batch_size=64,
            measured=1000,
        ),
        Experiment(
            "normalization_and_pooling",
            "What do LRN, batch normalization and overlapping pooling do for "
            "the error, and what do they cost?",
            tuple(
                _normalizers_and_pools(
                    small_networks.four_layer("relu", 0.01, pixel_scale=1.0),
                    other_rates=(
                        ("neither", 0.01),
                        ("LRN", 0.003),
                        ("LRN of 2012", 0.003),
                    ),
                )
            ),
            epochs=10,
            train_size=20_000,
        ),
        Experiment(
            "normalization_and_pooling_of_photographs",
            "The same in a quarter of an AlexNet on photographs.",
            tuple(
                _normalizers_and_pools(
                    small_networks.quarter_alexnet(),
                    other_rates=(
                        ("neither", 0.003),
                        ("LRN", 0.001),
                        ("LRN of 2012", 0.001),
                    ),
                    augment=True,
                )
            ),
            epochs=10,
            size=99,
            batch_size=64,
            measured=1000,
        ),
        Experiment(
            "initialization",
            "With which weights, biases and dropout does an AlexNet train?",
            tuple(_starts()),
            epochs=4,
            target=0.75,
            train_size=2000,
            size=80,
            batch_size=64,
            measured=500,
        ),
    )
}


def get_experiment(name):
    """Returns the experiment of a name in `EXPERIMENTS`.

    >>> get_experiment("relu").target
    0.25
    """
    if isinstance(name, str) and name in EXPERIMENTS:
        return EXPERIMENTS[name]
    raise ValueError(
        f"`experiment` must be one of {', '.join(EXPERIMENTS)}, or an "
        f"`Experiment` of your own. Received: experiment={name!r}"
    )
