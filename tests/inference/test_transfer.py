"""A trained network put to another use: what trains, what stays, what it is worth."""

import dataclasses

import keras
import numpy as np
import pytest
from support import enliven
from support import message_of
from support import narrow
from support import pixels
from support import to_numpy

from alexnet_keras import build_alexnet
from alexnet_keras import variants
from alexnet_keras.classifier import build_classifier
from alexnet_keras.inference.transfer import features
from alexnet_keras.inference.transfer import freeze_through
from alexnet_keras.inference.transfer import new_top
from alexnet_lab.experiments import small_networks

SHAPE = (67, 67, 3)
ROWS = (
    "conv1, norm1, pool1, conv2, norm2, pool2, conv3, conv4, conv5, pool5, "
    "flatten, fc6, drop6, fc7, drop7, predictions"
)


def build(name="single_tower", **options):
    model = build_alexnet(input_shape=SHAPE, variant=narrow(name), **options)
    return enliven(model, pixels((2, *SHAPE)))


def gratings(count, angles, seed):
    """Noisy stripes of a few directions, anywhere, and which direction."""
    generator = np.random.default_rng(seed)
    labels = np.arange(count) % len(angles)
    angle = np.take(angles, labels)[:, None, None]
    phase, period = generator.uniform((0, 6), (2 * np.pi, 9), (count, 2)).T
    rows, columns = np.indices((32, 32))
    along = rows * np.sin(angle) + columns * np.cos(angle)
    waves = np.sin(
        2 * np.pi * along / period[:, None, None] + phase[:, None, None]
    )
    noise = generator.standard_normal((count, 32, 32))
    images = 40 * (waves + 1.5 * noise)[..., None]
    # The table scales nothing itself: pixel_scale is for what is in front.
    scaled = small_networks.PIXEL_SCALE * images.repeat(3, axis=-1)
    return scaled.astype("float32"), labels


def fit(model, images, labels, epochs, rate):
    """Trains the model and returns the names of the weights that changed."""
    before = {w.path: to_numpy(w) for w in model.weights}
    model.compile(
        keras.optimizers.Adam(rate),
        "sparse_categorical_crossentropy",
        metrics=["accuracy"],
        jit_compile=False,
    )
    model.fit(images, labels, epochs=epochs, batch_size=32, verbose=0)
    changed = {
        w.path.split("/")[-2]
        for w in model.weights
        if not np.array_equal(before[w.path], to_numpy(w))
    }
    return changed


@pytest.mark.parametrize(
    "layer, trains, weights",
    [
        (None, "conv1 conv2 conv3 conv4 conv5 fc6 fc7 predictions", 16),
        ("pool2", "conv3 conv4 conv5 fc6 fc7 predictions", 12),
        ("conv5", "fc6 fc7 predictions", 6),
        ("drop7", "predictions", 2),
        ("predictions", "", 0),
    ],
)
def test_what_is_frozen_does_not_change_and_the_rest_does(
    layer, trains, weights
):
    model = build()
    freeze_through(model, "predictions")
    assert freeze_through(model, layer) == trains.split()
    assert len(model.trainable_weights) == weights
    if layer in ("pool2", "drop7"):
        images, labels = pixels((8, *SHAPE)), np.arange(8) % 7
        assert fit(model, images, labels, 1, 1e-3) == set(trains.split())


def test_a_frozen_batch_normalization_keeps_its_statistics():
    table = small_networks.normalized(
        small_networks.four_layer(), variants.BatchNorm
    )
    model = build_alexnet(variant=table)
    assert freeze_through(model, "pool1") == [
        "conv2",
        "norm2",
        "conv3",
        "predictions",
    ]
    images, labels = gratings(32, (0, 1), seed=0)
    norm1 = [to_numpy(w) for w in model.get_layer("norm1").weights]
    fit(model, images, labels, 1, 1e-2)
    for old, new in zip(norm1, model.get_layer("norm1").weights):
        np.testing.assert_array_equal(new, old)
    mean = to_numpy(model.get_layer("norm2").moving_mean)
    assert abs(mean).min() > 0


def test_a_mean_never_trains():
    model = build_classifier(narrow("caffe"), 67, ["a", "b"], [1.0, 2.0, 3.0])
    assert "subtract_mean" not in freeze_through(model, None)


def test_what_is_frozen_is_so_in_the_saved_file(tmp_path):
    model = new_top(build("original"), ["ant", "bee"])
    freeze_through(model, "pool2")
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    # But for the input, of which there is nothing to train.
    trainable = [layer.trainable for layer in model.layers[1:]]
    assert [layer.trainable for layer in again.layers[1:]] == trainable
    assert len(again.trainable_weights) == 12
    assert again.get_layer("class_names").class_names == ("ant", "bee")


@pytest.mark.parametrize(
    "layer, shape, vector",
    [("conv5", (3, 3, 32), 288), ("pool5", (1, 1, 32), 32), ("fc7", (24,), 24)],
)
def test_features_are_what_the_layer_says(layer, shape, vector):
    model = build()
    images = pixels((2, *SHAPE), seed=3)
    x = images
    for one in model.layers[1:]:  # by hand, layer by layer
        x = one(x)
        if one.name == layer:
            break
    found = features(model, layer)
    assert found.output_shape == (None, *shape)
    np.testing.assert_allclose(found(images), x, rtol=1e-6)
    flat = features(model, layer, flat=True)
    assert flat.output_shape == (None, vector)
    np.testing.assert_allclose(
        flat(images), to_numpy(x).reshape(2, -1), rtol=1e-6
    )


@pytest.mark.parametrize(
    "name, layer, reads, units",
    [
        ("single_tower", None, "drop7", 24),
        ("torchvision", None, "fc7", 24),  # whose drop7 is in front of fc7
        ("original", "fc6", "fc6", 24),
        ("original", "conv5", "features", 32 * 9),
    ],
)
def test_a_new_top_reads_what_it_should(name, layer, reads, units):
    model = build(name)
    new = new_top(model, 3, layer)
    top = new.get_layer("predictions")
    assert new.layers[-2].name == reads
    assert top.kernel.shape == (units, 3)
    assert new.name == model.name
    images = pixels((2, *SHAPE), seed=3)
    cut = features(model, layer or reads, flat=True)
    logits = to_numpy(cut(images)) @ to_numpy(top.kernel)
    expected = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    np.testing.assert_allclose(new(images), expected, rtol=1e-4)
    # The rest is the old network's, not a copy.
    assert new.get_layer("conv1") is model.get_layer("conv1")


def test_a_new_top_on_a_network_without_one():
    base = build_alexnet(
        include_top=False, input_shape=SHAPE, pooling="avg", variant="caffe"
    )
    logits = new_top(base, 5, classifier_activation=None)
    assert logits.layers[-2].name == "avg_pool"
    assert logits.layers[-1].activation is keras.activations.linear
    assert 0.009 < to_numpy(logits.layers[-1].kernel).std() < 0.011


def test_a_new_top_of_half_precision_is_float32(dtype_policy):
    dtype_policy("mixed_bfloat16")
    new = new_top(build_alexnet(input_shape=SHAPE, variant=narrow("paper")), 2)
    assert new.layers[-1].compute_dtype == "float32"
    assert new.layers[-2].compute_dtype == "bfloat16"


def test_stages_on_features_that_know_stripes():
    """Eight examples of a class, with what other stripes have taught."""
    thin = small_networks.four_layer()
    for name in ("conv1", "conv2", "conv3"):
        thin = thin.replace_layer(name, filters=16)
    base = build_alexnet(variant=dataclasses.replace(thin, classes=4))
    fit(base, *gratings(800, (0.1, 0.9, 1.7, 2.5), seed=0), 6, 3e-3)
    few, many = gratings(16, (0.5, 2.1), 1), gratings(400, (0.5, 2.1), 2)

    found = {}
    for name, network in (
        ("random", build_alexnet(variant=thin)),
        ("ours", base),
    ):
        model = new_top(network, 2, layer="conv3")
        assert freeze_through(model, "conv3") == ["predictions"]
        assert fit(model, *few, 40, 3e-3) == {"predictions"}
        found[name] = model.evaluate(*many, verbose=0)[1]
    assert found["ours"] > 0.85 > 0.75 > found["random"]

    losses = [model.evaluate(*few, verbose=0)[0]]
    for stage, trains in (
        ("pool2", {"conv3", "predictions"}),
        (None, {"conv1", "conv2", "conv3", "predictions"}),
    ):
        freeze_through(model, stage)
        assert fit(model, *few, 10, 3e-4) == trains
        losses.append(model.evaluate(*few, verbose=0)[0])
    assert losses == sorted(losses, reverse=True)
    assert model.evaluate(*many, verbose=0)[1] > 0.85


def test_wrong_arguments_are_refused():
    model = build()
    for function in (features, freeze_through):
        assert message_of(function, model, "fc8") == (
            f"`layer` must name a layer of the model: images, {ROWS}. "
            "Received: layer='fc8'"
        )
        assert message_of(function, "model", "fc8") == (
            "`model` must be a `keras.Model`. Received: model of type str"
        )
    assert message_of(new_top, model, 3, "fc8") == (
        f"`layer` must name a layer of the model: images, {ROWS}. "
        "Received: layer='fc8'"
    )
    assert message_of(new_top, model, 3, "predictions") == (
        "`layer` must come before predictions, whose place the new classifier "
        "takes. Received: layer='predictions'"
    )
    wrong = (0, 2.5, True, "cat", [], ["cat", 3], ["a", "a"], ["a", ""])
    for classes in wrong:
        assert message_of(new_top, model, classes) == (
            "`classes` must be a positive integer or names, each once. "
            f"Received: classes={classes!r}"
        )
