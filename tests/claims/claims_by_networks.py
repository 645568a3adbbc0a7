"""Proofs of claims that a built network, layer or optimizer settles."""

import dataclasses
import functools
import itertools

import keras
import numpy as np
import pytest
from claim_registry import proof
from claim_registry import settle
from claim_registry import settle_readings
from claims_by_sizes import POOLS
from support import narrow
from support import to_numpy

tf = pytest.importorskip("tensorflow")

from alexnet_keras import SGD2012  # noqa: E402
from alexnet_keras import VARIANTS  # noqa: E402
from alexnet_keras import LocalResponseNormalization  # noqa: E402
from alexnet_keras import build_alexnet  # noqa: E402
from alexnet_keras import derive_layers  # noqa: E402

CONVOLUTIONS = ("conv1", "conv2", "conv3", "conv4", "conv5")


@functools.cache
def features():
    """The paper's network up to pool5, as Keras builds it."""
    return build_alexnet(include_top=False)


def kernel_of(name):
    return to_numpy(features().get_layer(name).kernel)


@proof
def kernels_in_pooling():
    pools = [features().get_layer(name) for name in POOLS]
    weights = [pool.count_params() for pool in pools]
    maps = {(pool.input.shape[-1], pool.output.shape[-1]) for pool in pools}
    assert all(into == out for into, out in maps)
    return settle(any(weights), sum(weights), *sorted(n for n, _ in maps))


@proof
def halves_meet_only_at_the_output():
    table = narrow("paper")
    for name in ("norm1", "norm2"):  # as on the two GPUs
        table = table.replace_layer(name, groups=2)
    model = build_alexnet(variant=table, input_shape=(67, 67, 3))
    behind = [
        layer
        for layer in model.layers
        if layer.weights and layer.name != "conv1"
    ]
    both = [layer.name for layer in behind if _reads_both_halves(layer)]
    return settle(
        both == ["predictions"],
        len(both),
        len(behind),
        ", ".join(both[:-1]),
    )


def _reads_both_halves(layer):
    """Whether changing either half of the input changes every output map."""
    shape = layer.input.shape[1:]
    channels = 2 * 16 if layer.name == "fc6" else shape[-1]  # pool5's maps
    generator = np.random.default_rng(0)
    inputs = generator.uniform(0, 1, (16, *shape)).astype("float32")
    changed = []
    for half in np.split(np.arange(channels), 2):
        other = inputs.reshape(16, -1, channels).copy()
        other[..., half] *= 0.5
        new, old = layer(other.reshape(inputs.shape)), layer(inputs)
        differs = to_numpy(new) != to_numpy(old)
        changed.append(differs.reshape(-1, differs.shape[-1]).any(0))
    return bool(np.all(changed))


@proof
def halves_are_the_same():
    same_shapes, equal, weights = [], 0, 0
    for name in ("conv1", "conv2", "conv4", "conv5"):
        first, second = np.split(kernel_of(name), 2, -1)
        same_shapes.append(first.shape == second.shape)
        equal += np.sum(first == second)
        weights += first.size
    return settle(all(same_shapes) and equal > weights / 2, int(equal), weights)


@proof
def parameters_of_a_convolution():
    exact = []
    for name in CONVOLUTIONS:
        row = VARIANTS["paper"].layer(name)
        layer = features().get_layer(name)
        depth = layer.input.shape[-1] // row.groups
        formula = row.filters * row.kernel**2 * depth + row.filters
        exact.append(formula == layer.count_params())
    conv2 = features().get_layer("conv2")
    depth, kernels = kernel_of("conv2").shape[2:]
    return settle(
        all(exact),
        f"{depth}",
        f"{depth * 2}",
        conv2.count_params(),
        2 * kernel_of("conv2").size + kernels,
        kernels * 5 * 5 + kernels,
    )


@proof
def filters_as_published():
    # §3.5: number, height, width and depth of the kernels.
    published = {
        "conv1": (96, 11, 11, 3),
        "conv2": (256, 5, 5, 48),
        "conv3": (384, 3, 3, 256),
        "conv4": (384, 3, 3, 192),
        "conv5": (256, 3, 3, 192),
    }
    shapes = {name: kernel_of(name).shape for name in published}
    built = {name: (s[3], *s[:3]) for name, s in shapes.items()}
    return settle(
        built == published,
        *("×".join(map(str, built[name][1:])) for name in CONVOLUTIONS),
    )


@proof
def sides_of_the_maps():
    written = [55, 27, 27, 13, 13, 13, 13, 6]
    names = "conv1 pool1 conv2 pool2 conv3 conv4 conv5 pool5".split()
    built = [features().get_layer(name).output.shape[1] for name in names]
    return settle(built == written, *built)


@proof
def d2l_takes_colour_pictures():
    first = VARIANTS["d2l"].layers[:1]
    conv1 = dataclasses.replace(VARIANTS["d2l"], layers=first)
    model = build_alexnet(include_top=False, variant=conv1)

    def takes(channels):
        try:
            model(np.zeros((1, 224, 224, channels), "float32"))
        except ValueError:
            return False
        return True

    assert takes(1)
    colour = dataclasses.replace(conv1, input_shape=(224, 224, 3))
    weights = [
        sum(row.parameters for row in derive_layers(table)) - 96
        for table in (conv1, colour)
    ]
    return settle(takes(3), 1, "3×224×224", *weights)


@proof
def keras_sgd_is_the_rule_of_2012():
    lost = []
    for optimizer in (
        keras.optimizers.SGD(0.01, momentum=0.9, weight_decay=0.0005),
        SGD2012(0.01),
    ):
        weight = keras.Variable([1.0], name="kernel")
        bias = keras.Variable([1.0], name="bias")
        optimizer.build([weight, bias])
        zeros = [np.zeros(1, "float32")] * 2
        step = tf.function(
            functools.partial(optimizer.apply, zeros, [weight, bias])
        )
        for _ in range(300):
            step()
        lost.append([1 - to_numpy(v).item() for v in (weight, bias)])
    (keras_weight, keras_bias), (weight, bias) = lost
    same = np.allclose(lost[0], lost[1], rtol=0.1)
    return settle(
        same,
        300,
        *(f"{100 * x:.2f} %" for x in (keras_weight, weight)),
        *(f"{100 * x:.2f} %" if x else "0" for x in (keras_bias, bias)),
    )


@proof
def alpha_of_00001():
    rows = [VARIANTS[name].layer("norm1") for name in ("paper", "original")]
    maps = np.full((1, 1, 1, 11), 100, "float32")
    middle = [
        to_numpy(LocalResponseNormalization(alpha=row.alpha)(maps))[0, 0, 0, 5]
        for row in rows
    ]
    return settle_readings(
        [row.alpha == 1e-4 for row in rows],
        *(f"{row.alpha:.5f}".rstrip("0") for row in rows),
        100,
        *(f"{value:.1f}" for value in middle),
    )


@proof
def halving_is_the_geometric_mean():
    generator = np.random.default_rng(2012)
    units = generator.normal(size=6)
    weights = generator.normal(size=(6, 3))

    def softmax(scores):
        powers = np.exp(scores)
        return powers / powers.sum(-1, keepdims=True)

    masks = np.array(list(itertools.product((0, 1), repeat=6)))
    log_mean = np.log(softmax((masks * units) @ weights)).mean(0)
    halved = softmax(0.5 * units @ weights)
    one_layer = np.abs(softmax(log_mean) - halved).max()

    # Two layers with a ReLU between them, each with a mask of its own.
    second = generator.normal(size=(6, 6))
    hidden = np.maximum((masks * units) @ second, 0)
    scores = (masks[:, None] * hidden) @ weights  # mask 2, mask 1, class
    log_mean = np.log(softmax(scores)).mean((0, 1))
    halved = softmax(0.5 * np.maximum(0.5 * units @ second, 0) @ weights)
    two_layers = np.abs(softmax(log_mean) - halved).max()
    return settle(
        one_layer < 1e-12 and two_layers < 0.1,
        len(masks),
        len(masks) ** 2,
        f"{two_layers:.2f}",
    )
