"""Exported files: run by the programs that they are for, and compared."""

import importlib.util
import pathlib
import subprocess
import sys
from types import SimpleNamespace

import keras
import numpy as np
import pytest
from support import enliven
from support import narrow
from support import pixels
from support import to_numpy

tf = pytest.importorskip("tensorflow")

from alexnet_keras import __main__  # noqa: E402
from alexnet_keras import build_alexnet  # noqa: E402
from alexnet_keras import exported_files  # noqa: E402
from alexnet_keras import exporting  # noqa: E402
from alexnet_keras.classifier import build_classifier  # noqa: E402

FILES = {
    "saved_model": "network",
    "litert": "network.tflite",
    "onnx": "network.onnx",
}
# The third is not UTF-8, the fourth has two lines.
CLASSES = ["ant", "naïve bee", "caf\udce9", "a\nb\x85", "cat"]
IN_LINES = ("ant", "naïve bee", r"caf\udce9", "a\\nb\x85", "cat")


def build_original():
    table = narrow("original")
    shape = (75, 103, table.input_shape[-1])
    model = build_alexnet(
        input_shape=shape, classifier_activation=None, variant=table
    )
    enliven(model, pixels((2, *shape)))  # by the spread of its logits
    model.get_layer("predictions").activation = keras.activations.softmax
    return model


def skip_without(format):
    for package in exporting.FORMATS[format][1]:
        pytest.importorskip(package)


def error(*arguments, **options):
    with pytest.raises(ValueError) as caught:
        exporting.export(*arguments, **options)
    return str(caught.value)


LITERT = """
import sys

import numpy as np

sys.modules["tensorflow"] = None
from ai_edge_litert.interpreter import Interpreter

interpreter = Interpreter(sys.argv[1])
print(interpreter.get_input_details()[0]["shape_signature"].tolist())
"""


@pytest.mark.parametrize("format", FILES)
def test_the_file_says_what_the_model_says(format, tmp_path):
    """Groups, both normalizers, windows that hang over, 2012's dropout."""
    skip_without(format)
    model = build_original()
    path = tmp_path / FILES[format]
    done = exporting.export(model, path, format)
    assert (done.path, done.format) == (str(path), format)
    assert done.difference < 1e-5
    for count in (1, 5):
        images = pixels((count, *model.input_shape[1:]), seed=7)
        found = exported_files.run(path, format, images)
        np.testing.assert_allclose(found, to_numpy(model(images)), atol=1e-5)
    assert np.ptp(found, axis=0).max() > 0.05  # images are told apart
    assert exported_files.read_names(path, format) == ()
    assert list(tmp_path.iterdir()) == [path]
    files = [path, *path.rglob("*")]
    assert done.bytes == sum(x.stat().st_size for x in files if x.is_file())
    weights = 4 * model.count_params()
    if format == "saved_model":
        # Keras's own export writes each weight twice.
        (data,) = path.glob("variables/variables.data-*")
        assert weights <= data.stat().st_size < 1.05 * weights
        again = keras.layers.TFSMLayer(path, call_endpoint="serve")
        np.testing.assert_array_equal(again(images), found)
    if format == "litert" and importlib.util.find_spec("ai_edge_litert"):
        # Nothing but built-in operations, and a batch of any size.
        script = [sys.executable, "-c", LITERT, path]
        done = subprocess.run(script, capture_output=True, text=True)
        assert done.stdout == "[-1, 75, 103, 3]\n", done.stderr


@pytest.mark.parametrize("format", FILES)
def test_a_classifier_takes_its_mean_and_its_names_along(format, tmp_path):
    skip_without(format)
    mean = np.random.default_rng(0).uniform(100, 140, (75, 75, 3))
    model = build_classifier(narrow("torchvision"), 75, CLASSES, mean)
    path = tmp_path / FILES[format]
    exporting.export(model, path, format)
    assert exported_files.read_names(path, format) == IN_LINES
    images = pixels((2, 75, 75, 3)) + 127
    found = exported_files.run(path, format, images)
    np.testing.assert_allclose(found, to_numpy(model(images)), atol=1e-5)
    np.testing.assert_allclose(found.sum(-1), 1, rtol=1e-5)


@pytest.fixture
def written(monkeypatch):
    """Replaces the writing and the running of files; says what was asked."""
    asked = []

    def write(self, path, **options):
        pathlib.Path(path).write_bytes(b"file")

    def run(path, format, images):
        asked.append(images)
        return to_numpy(toy()(images))

    monkeypatch.setattr(keras.Model, "export", write)
    monkeypatch.setattr(exported_files, "run", run)
    return SimpleNamespace(asked=asked, patch=monkeypatch)


def toy(name="toy", scale=1.0, dtype="float32", before=None):
    images = keras.Input((4, 4, 3), dtype=dtype)
    x = keras.ops.cast(images, "float32")
    if before:
        x = keras.layers.Identity(name=before)(x)
    x = keras.layers.GlobalAveragePooling2D(name="average")(x)
    x = keras.layers.Rescaling(scale, name="scale")(x)
    return keras.Model(images, x, name=name)


@pytest.mark.parametrize(
    "off, scale, difference",
    [(0.5, 1.0, 0.5), (0.5, 100.0, 0.005), (float("nan"), 1.0, float("nan"))],
)
def test_a_file_that_says_something_else_is_refused(
    written, tmp_path, off, scale, difference
):
    """Differences are absolute up to 1, and relative above."""
    model = toy(scale=scale)
    images = np.zeros((3, 4, 4, 3), "float32")
    images[0] = 1  # outputs of `scale`

    def run(path, format, some):
        outputs = to_numpy(model(some))
        outputs[-1, -1] += off if len(some) > 1 else 0
        return outputs

    written.patch.setattr(exported_files, "run", run)
    path = tmp_path / "a.tflite"
    assert error(model, path, "litert", 1e-3, images=images) == (
        "`model` gives other outputs as litert (largest difference "
        f"{difference:.2g}), so nothing was written. "
        "Received: tolerance=0.001"
    )
    assert list(tmp_path.iterdir()) == []
    if off == 0.5:
        done = exporting.export(
            model, path, "litert", 1.01 * difference, images=images
        )
        assert done.difference == pytest.approx(difference)
        assert (done.bytes, path.read_bytes()) == (4, b"file")


def test_one_image_and_several_are_asked(written, tmp_path):
    exporting.export(toy(), tmp_path / "a.tflite", "litert")
    assert [x.shape for x in written.asked] == [(1, 4, 4, 3), (3, 4, 4, 3)]
    spreads = [x.std() for x in written.asked[1]]
    assert spreads[0] > 4 * spreads[1] > 16 * spreads[2] > 8


@pytest.mark.parametrize(
    "dtype, before, low",
    [
        ("float32", None, -127),
        ("float32", "subtract_mean", 0),
        ("uint8", None, 0),
    ],
)
def test_noise_is_of_the_pixels_that_the_model_takes(dtype, before, low):
    model = toy(dtype=dtype, before=before)
    noise = exporting._check_images(model, exporting._noise(model))
    assert noise.dtype == dtype
    assert low <= noise.min() < low + 20
    assert low + 234 < noise.max() <= low + 255


def test_a_file_for_one_image_only_is_refused(tmp_path):
    fixed = keras.Input(batch_shape=(1, 8, 8, 3))
    x = keras.layers.Conv2D(2, 3)(fixed)
    model = keras.Model(fixed, keras.layers.Flatten()(x), name="fixed")
    assert error(model, tmp_path / "a.tflite", "litert") == (
        "`model` must take any number of images at once. Received: model "
        "with inputs (1, 8, 8, 3)"
    )


def test_a_failure_leaves_nothing_and_gives_its_reason(written, tmp_path):
    def fail(self, path, **options):
        pathlib.Path(path).write_bytes(b"half a f")
        raise TypeError("this __dict__ descriptor does not support\nall")

    written.patch.setattr(keras.Model, "export", fail)
    reason = (
        "`model` could not be written as litert (TypeError: this __dict__ "
        "descriptor does not support)."
    )
    known = (
        " Keras 3.13.2 is known to fail at it on Python 3.12 and newer: pip "
        "install -U 'keras>=3.15', or export with Python 3.11."
    )
    for version, python, hint in (
        ("3.13.2", (3, 12), known),
        ("3.13.2", (3, 11), ""),
        ("3.15.0", (3, 12), ""),
        ("4.0", (3, 13), ""),
    ):
        written.patch.setattr(keras, "__version__", version)
        written.patch.setattr(
            exported_files, "sys", SimpleNamespace(version_info=python)
        )
        assert error(toy(), tmp_path / "a.tflite", "litert") == (
            f"{reason}{hint} Received: model 'toy'"
        )
        assert list(tmp_path.iterdir()) == []


def test_missing_packages_are_named(monkeypatch, tmp_path):
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: name == "onnx" or None
    )
    assert error(toy(), tmp_path / "a.onnx", "onnx") == (
        "`format` 'onnx' needs more packages: pip install tf2onnx onnxruntime. "
        "Received: format='onnx'"
    )


def test_another_backend_is_refused(monkeypatch, tmp_path):
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    assert error(toy(), tmp_path / "a.tflite", "litert") == (
        "`export` needs Keras on TensorFlow: save the model as .keras and load "
        "it with KERAS_BACKEND=tensorflow. Received: backend 'jax'"
    )


def test_wrong_models_are_refused(tmp_path, dtype_policy):
    path = tmp_path / "a.tflite"
    assert error("toy", path, "litert") == (
        "`model` must be a `keras.Model` that is built. "
        "Received: model of type str"
    )
    vector = keras.Input((4,))
    wrong = keras.Model(vector, keras.layers.Dense(2)(vector))
    assert error(wrong, path, "litert") == (
        "`model` must take images of one size. Received: model with inputs "
        "(None, 4)"
    )
    open_size = build_alexnet(
        include_top=False, input_shape=(None, None, 3), variant=narrow("paper")
    )
    assert error(open_size, path, "litert") == (
        "`model` must take images of one size. Received: model with inputs "
        "(None, None, None, 3)"
    )
    images = keras.Input((4, 4, 3))
    two = keras.Model(images, [images + 1, images + 2])
    assert error(two, path, "litert") == (
        "`model` must have one output. Received: model with 2"
    )
    assert error(toy(scale=float("inf")), path, "litert") == (
        "`model` answers with values that are not finite. Received: model 'toy'"
    )
    dtype_policy("mixed_bfloat16")
    assert error(toy(), path, "litert") == (
        "`model` must compute in float32: build it so and give it the weights "
        "of this one. Received: model 'toy' with 'average' in bfloat16"
    )
    assert list(tmp_path.iterdir()) == []


def test_wrong_arguments_are_refused(tmp_path):
    model, path = toy(), str(tmp_path / "a.tflite")
    assert error(model, path, "tflite") == (
        "`format` must be one of saved_model, litert, onnx. "
        "Received: format='tflite'"
    )
    for tolerance in (0, "1e-4", float("nan")):
        assert error(model, path, "litert", tolerance) == (
            "`tolerance` must be a positive number. "
            f"Received: tolerance={tolerance!r}"
        )
    for format, wanted in (
        ("onnx", "end in .onnx"),
        ("saved_model", "be a folder without an ending"),
    ):
        assert error(model, path, format) == (
            f"`path` must {wanted} for format {format!r}. "
            f"Received: path={path!r}"
        )
    assert error(model, tmp_path, "saved_model") == (
        "`path` names something that is there already. "
        f"Received: path={str(tmp_path)!r}"
    )
    assert error(model, tmp_path / "no" / "a.tflite", "litert") == (
        "`path` must be in a folder that is there. "
        f"Received: path={str(tmp_path / 'no' / 'a.tflite')!r}"
    )
    for shape in ((1, 4, 4, 3), (2, 4, 5, 3), (4, 4, 3)):
        assert error(model, path, "litert", images=np.zeros(shape)) == (
            "`images` must be two images or more as the model takes them, "
            f"(None, 4, 4, 3). Received: images of shape {shape}"
        )


def test_the_command(tmp_path, capsys):
    model = build_classifier(narrow("d2l"), 67, CLASSES, [99, 110, 120])
    model.save(tmp_path / "model.keras")
    out = tmp_path / "exported"
    words = ["--format", "saved_model", "--output", str(out)]
    assert __main__.main(["export", str(tmp_path), *words]) == 0
    printed = capsys.readouterr()
    size = sum(x.stat().st_size for x in out.rglob("*") if x.is_file())
    assert printed.out.startswith(
        f"{out}: saved_model, {size / 1e6:,.1f} MB; its outputs differ from "
        "the model's by "
    )
    assert exported_files.read_names(out, "saved_model") == IN_LINES
    # A network without names, and a target that is there.
    bare = build_alexnet(
        include_top=False, input_shape=(67, 67, 3), variant=narrow("paper")
    )
    bare.save(tmp_path / "bare.keras")
    words[-1] = str(tmp_path / "bare")
    file = str(tmp_path / "bare.keras")
    assert __main__.main(["export", file, *words]) == 0
    assert __main__.main(["export", file, *words]) == 2
    assert capsys.readouterr().err == (
        "error: `path` names something that is there already. "
        f"Received: path={words[-1]!r}\n"
    )
