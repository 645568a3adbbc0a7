"""Our layers in a `.keras` file, loaded by a process that only imports us.

On other backends than the one that saved them, with Keras's safe mode on.
"""

import json

import keras
import numpy as np
import pytest
from support import pixels
from support import run_python
from support import to_numpy

from alexnet_keras import layers

# Nothing at its default, so that a lost setting changes the output.
LAYERS = {
    "LocalResponseNormalization": {
        "size": 3,
        "k": 1.5,
        "alpha": 2e-4,
        "beta": 0.6,
        "groups": 2,
    },
    "SpatialResponseNormalization": {
        "size": 3,
        "k": 1.5,
        "alpha": 2e-4,
        "beta": 0.6,
    },
    "GroupedConv2D": {
        "filters": 8,
        "kernel_size": 3,
        "strides": 2,
        "groups": 4,
        "activation": "relu",
    },
    "CeilMaxPooling2D": {"pool_size": 3, "strides": 2},
    "Dropout2012": {"rate": 0.3, "seed": 5},
    "ClassNames": {"class_names": ["a", "b", "c", "d", "e", "f", "g", "h"]},
    "SubtractMean": {"mean": [9, 8, 7, 6, 5, 4, 3, 2.5], "scale": 0.5},
}
# What the config says where it is not what was given: these are weights.
CONFIGS = {**LAYERS, "SubtractMean": {"shape": [8], "scale": 0.5}}
LOAD = """
import json
import pathlib
import sys

import alexnet_keras
import keras
import numpy as np

folder = pathlib.Path(sys.argv[1])
images = np.load(folder / "images.npy")
report = {}
for path in folder.glob("*.keras"):
    model = keras.models.load_model(path)
    outputs = keras.ops.convert_to_numpy(model(images, training=False))
    np.save(path.with_suffix(f".{keras.backend.backend()}.npy"), outputs)
    layer = model.layers[-1]
    registered = keras.saving.get_registered_name(type(layer))
    report[path.stem] = [registered, layer.get_config()]
print(json.dumps(report))
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with a model for each layer and its outputs."""
    folder = tmp_path_factory.mktemp("layers")
    images = pixels((2, 8, 10, 8))
    np.save(folder / "images.npy", images)
    for name, settings in LAYERS.items():
        inputs = keras.Input(images.shape[1:])
        layer = getattr(layers, name)(name="tested", **settings)
        model = keras.Model(inputs, layer(inputs))
        model.save(folder / f"{name}.keras")
        np.save(folder / f"{name}.npy", to_numpy(model(images)))
    return folder


@pytest.fixture(scope="module", params=["tensorflow", "jax", "torch"])
def loaded(request, folder):
    """The backend and what it says about each file."""
    backend = request.param
    pytest.importorskip(backend, reason=f"needs the {backend} backend")
    printed = run_python(LOAD, folder, backend=backend)
    return backend, json.loads(printed.splitlines()[-1])


@pytest.mark.extra
@pytest.mark.parametrize("name", LAYERS)
def test_a_saved_layer_computes_the_same(name, folder, loaded):
    backend, _ = loaded
    found = np.load(folder / f"{name}.{backend}.npy")
    expected = np.load(folder / f"{name}.npy")
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-3)


@pytest.mark.extra
@pytest.mark.parametrize("name", LAYERS)
def test_a_saved_layer_keeps_its_settings(name, loaded):
    _, report = loaded
    registered, config = report[name]
    assert registered == f"alexnet_keras>{name}"
    for argument, value in CONFIGS[name].items():
        # Keras spells 3 as (3, 3).
        assert config[argument] in (value, [value, value])


@pytest.mark.parametrize("name", LAYERS)
def test_a_layer_is_its_config(name):
    cls = getattr(layers, name)
    layer = cls(name="tested", **LAYERS[name])
    again = cls.from_config(layer.get_config())
    assert again.get_config() == layer.get_config()


@pytest.mark.parametrize(
    "name", ["LocalResponseNormalization", "SpatialResponseNormalization"]
)
def test_the_data_format_is_saved_too(name):
    layer = getattr(layers, name)(data_format="channels_first")
    assert layer.get_config()["data_format"] == "channels_first"
    assert type(layer).from_config(layer.get_config()).data_format == (
        "channels_first"
    )


def test_the_global_data_format_is_the_default(image_data_format):
    for data_format in "channels_first", "channels_last":
        image_data_format(data_format)
        layer = layers.LocalResponseNormalization()
        assert layer.data_format == data_format
