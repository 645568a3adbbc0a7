"""Files that were saved before the modules moved load, and answer as then.

They were written by the code of 26 November 2026, Keras 3.15.1, with random
weights: classifiers with a mean image (`paper`), after a step of `SGD2012`
(`original`) and with averaged maps (`torchvision`), and `build_towers`.
"""

import importlib
import pathlib

import keras
import numpy as np
import pytest

import alexnet_keras  # noqa: F401  registers its classes

SAVED = pathlib.Path(__file__).parent / "saved"


@pytest.fixture(scope="module")
def answers():
    with np.load(SAVED / "answers.npz") as file:
        return dict(file)


@pytest.mark.parametrize("name", ["paper", "original", "torchvision"])
def test_a_classifier(name, answers):
    model = keras.models.load_model(SAVED / f"{name}.keras")
    images = np.random.default_rng(0).integers(0, 256, (2, 67, 67, 3))
    found = model.predict(images.astype("float32"), verbose=0)
    np.testing.assert_allclose(found, answers[name], rtol=1e-4, atol=1e-3)
    assert model.get_layer("class_names").class_names == ("ant", "bee", "cat")
    if name == "original":
        assert isinstance(model.optimizer, alexnet_keras.SGD2012)
        assert model.evaluate(images, np.array([0, 1]), verbose=0)[1:] == [
            0.5,
            1,
        ]


def test_two_towers(answers):
    if keras.backend.backend() != "tensorflow":
        pytest.skip("towers are placed on devices by TensorFlow")
    importlib.import_module("alexnet_lab.two_gpus.model_parallel")
    model = keras.models.load_model(SAVED / "towers.keras")
    images = np.random.default_rng(0).normal(0, 60, (2, 67, 67, 3))
    found = model.predict(images.astype("float32"), verbose=0)
    np.testing.assert_allclose(found, answers["towers"], rtol=1e-4)
