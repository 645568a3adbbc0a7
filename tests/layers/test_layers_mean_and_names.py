"""What travels in a saved model beside the network: mean and class names."""

import keras
import numpy as np
import pytest
from support import enliven
from support import message_of
from support import narrow
from support import to_numpy

from alexnet_keras import classifier
from alexnet_keras import layers

GENERATOR = np.random.default_rng(0)
IMAGES = GENERATOR.integers(0, 256, (2, 5, 7, 3), "uint8")
MEANS = {
    "pixel": np.array([124.5, 116.25, 104.0], "float32"),
    "image": GENERATOR.uniform(90, 150, (5, 7, 3)).astype("float32"),
    "grey": np.array([117.5], "float32"),
}


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
@pytest.mark.parametrize("scale", [1.0, 1 / 58])
@pytest.mark.parametrize("kind", MEANS)
def test_mean_against_numpy(kind, scale, dtype):
    mean = MEANS[kind]
    images = IMAGES.astype(dtype)[..., : mean.shape[-1]]
    found = layers.SubtractMean(mean, scale)(images)
    assert keras.backend.standardize_dtype(found.dtype) == "float32"
    expected = (images.astype("float64") - mean) * scale
    np.testing.assert_allclose(to_numpy(found), expected, atol=1e-4)


@pytest.mark.parametrize("kind", MEANS)
def test_the_config_has_the_shape_and_of_a_value_a_channel_the_values(kind):
    mean = MEANS[kind]
    layer = layers.SubtractMean(mean, 0.5, name="mean")
    config = layer.get_config()
    assert config["shape"] == list(mean.shape)
    assert config["scale"] == 0.5
    in_config = mean.ndim == 1  # not the 150,528 numbers of a mean image
    assert config.get("mean") == (mean.tolist() if in_config else None)
    again = layers.SubtractMean.from_config(config)
    assert again.get_config() == config
    shape = (None, 5, 7, mean.shape[-1])
    assert again.compute_output_shape(shape) == shape
    for each in (layer, again):
        each.build(shape)
    expected = mean if in_config else np.zeros_like(mean)
    np.testing.assert_array_equal(to_numpy(again.mean), expected)
    again.set_weights(layer.get_weights())
    np.testing.assert_array_equal(to_numpy(again.mean), mean)


def test_a_clone_that_is_to_train_anew_keeps_the_mean():
    inputs = keras.Input((5, 7, 3))
    layer = layers.SubtractMean([1.0, 2.0, 3.0], name="mean")
    model = keras.Model(inputs, layer(inputs))
    layer.set_weights([np.array([4.0, 5.0, 6.5], "float32")])
    clone = keras.models.clone_model(model)
    assert to_numpy(clone.get_layer("mean").mean).tolist() == [4.0, 5.0, 6.5]


@pytest.mark.parametrize("kind", MEANS)
def test_the_mean_does_not_train(kind):
    layer = layers.SubtractMean(MEANS[kind])
    layer.build((None, 5, 7, MEANS[kind].shape[-1]))
    assert layer.trainable_weights == []
    assert len(layer.non_trainable_weights) == 1


@pytest.mark.parametrize("kind", MEANS)
def test_the_mean_travels_in_the_file(kind, tmp_path):
    mean = MEANS[kind]
    inputs = keras.Input((5, 7, mean.shape[-1]))
    model = keras.Model(inputs, layers.SubtractMean(mean, 0.5)(inputs))
    model.save(tmp_path / "model.keras")
    model.save_weights(tmp_path / "model.weights.h5")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded.get_weights()[0], mean)
    zeros = [np.zeros_like(mean)]
    loaded.set_weights(zeros)
    loaded.load_weights(tmp_path / "model.weights.h5")
    np.testing.assert_array_equal(loaded.get_weights()[0], mean)


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_the_mean_is_subtracted_in_float32_whatever_the_policy(
    dtype_policy, policy
):
    """Half precision knows 116.28 and 200.12 to 1/16 and 1/8, or to 1/2, 1."""
    dtype_policy(policy)
    layer = layers.SubtractMean([116.28, 116.28, 116.28])
    found = layer(np.full((1, 1, 1, 3), 200.12, "float32"))
    assert keras.backend.standardize_dtype(found.dtype) == "float32"
    np.testing.assert_allclose(to_numpy(found), 83.84, rtol=1e-6)


@pytest.mark.parametrize("arguments", [{}, {"scale": 2.0}])
def test_a_mean_or_its_shape_is_needed(arguments):
    assert message_of(layers.SubtractMean, **arguments) == (
        "`mean` must be a value a channel or a mean image. Received: mean=None"
    )


@pytest.mark.parametrize(
    "policy", ["float32", "mixed_float16", "mixed_bfloat16"]
)
def test_names_change_no_bit_of_the_scores(dtype_policy, policy):
    dtype_policy(policy)
    layer = layers.ClassNames(["a", "b", "c"])
    # Of which half precision would make 1/3 and two zeros that tie.
    scores = np.array([[1 / 3, 1e-9, 2e-9]], "float32")
    found = layer(scores)
    assert keras.backend.standardize_dtype(found.dtype) == "float32"
    np.testing.assert_array_equal(to_numpy(found), scores)
    symbolic = layer(keras.Input((3,), dtype="float32"))
    assert symbolic.shape == (None, 3)
    assert symbolic.dtype == "float32"


# --- In the classifier ---

MEAN_IMAGE = GENERATOR.uniform(90, 150, (67, 67, 3)).astype("float32")


@pytest.mark.parametrize("mean", [(10.0, 20.0, 30.0), MEAN_IMAGE])
def test_the_mean_is_subtracted_inside(mean):
    model = classifier.build_classifier(narrow("paper"), 67, ("a", "b"), mean)
    images = np.broadcast_to(np.asarray(mean, "float32"), (1, 67, 67, 3))
    probe = keras.Model(model.input, model.get_layer("subtract_mean").output)
    np.testing.assert_allclose(to_numpy(probe(images)), 0, atol=1e-6)
    found = to_numpy(probe(images + 7.0))
    np.testing.assert_allclose(
        found, 7 * narrow("paper").pixel_scale, rtol=1e-4
    )


def test_a_variant_for_grey_images_gets_them_grey():
    red, grey, black = np.zeros((3, 1, 67, 67, 3), "float32")
    red[..., 0] = 100
    grey[:] = 100 * 0.299  # what red counts for in grey
    model = classifier.build_classifier(
        narrow("d2l"), 67, ("a", "b"), MEAN_IMAGE, None
    )
    assert model.get_layer("conv1").get_weights()[0].shape[2] == 1
    enliven(model, np.concatenate([red, black]))
    logits = [to_numpy(model(image)) for image in (red, grey, black)]
    np.testing.assert_allclose(logits[0], logits[1], atol=1e-2)
    assert np.abs(logits[0] - logits[2]).max() > 0.5


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_logits_come_out_in_full_precision(dtype_policy, policy):
    dtype_policy(policy)
    model = classifier.build_classifier(
        narrow("original"), 67, ("a", "b"), (0, 0, 0), None
    )
    assert model.get_layer("conv1").compute_dtype == policy[len("mixed_") :]
    assert model.output.dtype == "float32"
    logits = model(np.zeros((1, 67, 67, 3), "uint8"))
    assert keras.backend.standardize_dtype(logits.dtype) == "float32"
