"""What is no trained classifier is refused with a full sentence."""

import keras
import numpy as np
import pytest
from toy_classifier import build_toy

import alexnet_keras
from alexnet_keras import classifier
from alexnet_keras import layers


def load_error(path):
    with pytest.raises(ValueError) as caught:
        classifier.load_classifier(path)
    return str(caught.value)


def check_error(model):
    with pytest.raises(ValueError) as caught:
        classifier.check(model)
    return str(caught.value)


def of_shapes(inputs, outputs):
    """A model that gives `outputs` zeros whatever it is shown."""
    images = keras.Input(inputs)
    zero = keras.ops.mean(images, axis=(1, 2, 3), keepdims=True)[:, :, 0, 0] * 0
    return keras.Model(images, keras.ops.tile(zero, (1, outputs)))


@pytest.mark.parametrize("as_folder", [False, True])
def test_a_saved_model_comes_back(tmp_path, as_folder):
    model = build_toy(("cat", "dog", "elk"))
    model.save(tmp_path / "model.keras")
    path = tmp_path if as_folder else str(tmp_path / "model.keras")
    loaded = classifier.load_classifier(path)
    assert classifier.check(loaded) == (8, ("cat", "dog", "elk"))
    images = np.random.default_rng(0).integers(0, 256, (5, 8, 8, 3))
    np.testing.assert_array_equal(
        classifier.probabilities(loaded, images.astype("uint8")),
        classifier.probabilities(model, images.astype("float32")),
    )


def test_a_model_without_names_passes_in_python():
    model = build_toy("abc", named=False)
    assert classifier.check(model) == (8, None)


def test_a_model_that_has_diverged_passes():
    model = build_toy("abc", bad_from=0)
    assert classifier.check(model)[0] == 8


def test_files_that_are_no_models(tmp_path):
    missing, folder = tmp_path / "missing.keras", tmp_path / "run"
    assert load_error(missing) == (
        "`model` names a file that is not there. "
        f"Received: model={str(missing)!r}"
    )
    folder.mkdir()
    assert load_error(folder) == (
        "`model` names a folder without model.keras, which a run writes when "
        f"it is done. Received: model={str(folder)!r}"
    )
    weights = tmp_path / "model.weights.h5"
    weights.write_bytes(b"")
    assert load_error(weights) == (
        "`model` must be a .keras file, the output folder of a run, or one of "
        "torchvision, caffe. "
        f"Received: model={str(weights)!r}"
    )
    broken = tmp_path / "broken.keras"
    build_toy("abc").save(broken)
    broken.write_bytes(broken.read_bytes()[:-100])
    message = load_error(broken)
    # In the brackets Keras and zipfile speak.
    assert message.startswith("`model` cannot be loaded as a Keras model (")
    assert message.endswith(f"). Received: model={str(broken)!r}")
    assert "\n" not in message


def test_a_file_without_class_names(tmp_path):
    path = tmp_path / "plain.keras"
    build_toy("abc", named=False).save(path)
    assert load_error(path) == (
        "`model` has no layer class_names, which training puts behind the "
        f"network. Received: model={str(path)!r}"
    )


@pytest.mark.parametrize("names", [("cat", "dog"), "abcd"])
def test_a_file_with_other_names_than_outputs(tmp_path, names):
    path = tmp_path / "names.keras"
    inputs = keras.Input((8, 8, 3))
    x = keras.layers.GlobalAveragePooling2D()(inputs)
    x = keras.layers.Dense(3, "softmax")(x)
    x = layers.ClassNames(names, name="class_names")(x)
    keras.Model(inputs, x).save(path)
    assert load_error(path) == (
        "`model` must have a name in its layer class_names for each of its 3 "
        f"outputs. Received: model with {len(names)} names, from {str(path)!r}"
    )


def test_logits_are_not_probabilities():
    # Of white: −255 / 2, −245 / 2 and −235 / 2.
    assert check_error(build_toy("abc", logits=True)) == (
        "`model` must give probabilities, not logits: build it with "
        '`classifier_activation="softmax"`. Received: values from -128 to 0, '
        "which add up to -368"
    )


def test_a_network_of_this_package_with_logits_is_refused():
    network = alexnet_keras.build_alexnet(
        input_shape=(64, 64, 3), classes=3, classifier_activation=None
    )
    message = "`model` must give probabilities, not logits: build it with"
    assert check_error(network).startswith(message)


@pytest.mark.parametrize(
    "model, message",
    [
        (
            "runs/mine",
            "`model` must be a `keras.Model`. Received: model of type str",
        ),
        (
            of_shapes((8, 8, 1), 2),
            "`model` must take square RGB images (batch, size, size, 3). "
            "Received: model with inputs [(None, 8, 8, 1)]",
        ),
        (
            of_shapes((8, 9, 3), 2),
            "`model` must take square RGB images (batch, size, size, 3). "
            "Received: model with inputs [(None, 8, 9, 3)]",
        ),
        (
            of_shapes((None, None, 3), 2),
            "`model` must take square RGB images (batch, size, size, 3). "
            "Received: model with inputs [(None, None, None, 3)]",
        ),
        (
            keras.Sequential([keras.layers.Dense(3)]),
            "`model` must take square RGB images (batch, size, size, 3). "
            "Received: model with inputs unknown",
        ),
        (
            keras.Sequential([keras.Input((8, 8, 3)), keras.layers.ReLU()]),
            "`model` must give probabilities (batch, classes). "
            "Received: model with outputs [(None, 8, 8, 3)]",
        ),
        (
            of_shapes((8, 8, 3), 2),
            "`model` must give probabilities, not logits: build it with "
            '`classifier_activation="softmax"`. Received: values from 0 to 0, '
            "which add up to 0",
        ),
    ],
)
def test_other_models_are_refused(model, message):
    assert check_error(model) == message


def convolution(*in_front, kernel=3):
    rows = keras.layers
    return keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            *in_front,
            rows.Conv2D(2, kernel, name="first"),
            rows.Flatten(),
            rows.Dense(3, activation="softmax"),
        ]
    )


def around(model):
    """The model within another, called with its images as they are."""
    images = keras.Input((8, 8, 3))
    return keras.Model(images, model(images))


def prepared(model):
    """What the warning advises."""
    images = keras.Input((8, 8, 3))
    shifted = alexnet_keras.preprocess_input(images, variant="caffe")
    return keras.Model(images, model(shifted))


@pytest.mark.parametrize(
    "model",
    [
        convolution(),
        around(convolution()),
        convolution(keras.layers.RandomFlip(), keras.layers.ZeroPadding2D(2)),
        alexnet_keras.build_alexnet(input_shape=(64, 64, 3), classes=3),
    ],
)
def test_a_model_in_which_nothing_shifts_or_scales_pixels(model):
    first = "conv1" if model.name == "alexnet" else "first"
    assert classifier.remark(model).startswith(
        f"nothing in front of {first!r} in this model shifts or scales pixels"
    )


@pytest.mark.parametrize(
    "model",
    [
        convolution(keras.layers.Rescaling(1 / 255)),
        convolution(keras.layers.Normalization(mean=9.0, variance=4.0)),
        convolution(keras.layers.BatchNormalization()),
        convolution(kernel=1),  # may be a mean and a scale
        convolution(layers.SubtractMean([1.0, 2.0, 3.0])),
        around(convolution(keras.layers.Rescaling(1.0, offset=-9))),
        prepared(convolution()),
        build_toy("abc"),
    ],
)
def test_nobody_is_accused_who_prepares_the_images(model):
    assert classifier.remark(model) is None


def test_class_names_are_found_within_another_model(tmp_path):
    """The way out that the warning names, saved and loaded."""
    model = prepared(build_toy(("cat", "dog", "elk")))
    model.save(tmp_path / "model.keras")
    loaded = classifier.load_classifier(tmp_path / "model.keras")
    assert classifier.check(loaded) == (8, ("cat", "dog", "elk"))
    images = np.full((1, 8, 8, 3), 122.67891 + 20, "float32")
    assert classifier.probabilities(loaded, images).argmax() == 2
