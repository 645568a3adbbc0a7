"""Exported files: run by the programs that they are for, and compared."""

import importlib.util
import pathlib
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
from alexnet_keras.classifier import build_classifier  # noqa: E402
from alexnet_keras.inference import export  # noqa: E402

FILES = {
    "saved_model": "network",
    "litert": "network.tflite",
    "onnx": "network.onnx",
}
CLASSES = ["ant", "naïve bee", "caf\udce9", "a\nb", "cat"]
IN_LINES = "ant\nnaïve bee\ncaf\\xe9\na\\nb\ncat\n"


def skip_without(format):
    for package in export.FORMATS[format][1]:
        pytest.importorskip(package)


def message(*arguments, **options):
    with pytest.raises(ValueError) as caught:
        export.export(*arguments, **options)
    return str(caught.value)


@pytest.mark.parametrize("format", FILES)
def test_the_file_says_what_the_model_says(format, tmp_path):
    """Groups, both normalizers, windows that hang over, 2012's dropout."""
    skip_without(format)
    table = narrow("original")
    shape = (75, 103, 3)
    model = build_alexnet(
        input_shape=shape, classifier_activation=None, variant=table
    )
    enliven(model, pixels((2, *shape)))  # by the spread of its logits
    path = tmp_path / FILES[format]
    done = export.export(model, path, format)
    assert done.difference < 1e-5
    for count in (1, 5):
        images = pixels((count, *shape), seed=7)
        found = export.run(path, format, images)
        np.testing.assert_allclose(found, to_numpy(model(images)), atol=1e-5)
    assert np.ptp(found, axis=0).max() > 0.05  # images are told apart
    assert list(tmp_path.iterdir()) == [path]
    files = [path, *path.rglob("*")]
    assert done.bytes == sum(x.stat().st_size for x in files if x.is_file())
    assert done.bytes > 4 * model.count_params()


@pytest.mark.parametrize("format", FILES)
def test_a_classifier_takes_its_mean_and_its_names_along(format, tmp_path):
    skip_without(format)
    mean = np.random.default_rng(0).uniform(100, 140, (75, 75, 3))
    model = build_classifier(narrow("torchvision"), 75, CLASSES, mean)
    path = tmp_path / FILES[format]
    export.export(model, path, format)
    names = tmp_path / f"{path.name}.class_names.txt"
    assert names.read_text(encoding="utf-8") == IN_LINES
    images = pixels((2, 75, 75, 3)) + 127
    found = export.run(path, format, images)
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
    monkeypatch.setattr(export, "run", run)
    return SimpleNamespace(asked=asked, patch=monkeypatch)


def toy(scale=1.0):
    images = keras.Input((4, 4, 3))
    x = keras.layers.GlobalAveragePooling2D(name="average")(images)
    x = keras.layers.Rescaling(scale, name="scale")(x)
    return keras.Model(images, x, name="toy")


@pytest.mark.parametrize(
    "off, scale, difference",
    [(0.5, 1.0, 0.5), (0.5, 100.0, 0.005), (float("nan"), 1.0, float("nan"))],
)
def test_a_file_that_says_something_else_is_refused(
    written, tmp_path, off, scale, difference
):
    """Differences are absolute up to 1, and relative above."""
    model = toy(scale)
    images = np.zeros((3, 4, 4, 3), "float32")
    images[0] = 1  # outputs of `scale`

    def run(path, format, some):
        outputs = to_numpy(model(some))
        outputs[-1, -1] += off if len(some) > 1 else 0
        return outputs

    written.patch.setattr(export, "run", run)
    path = tmp_path / "a.tflite"
    text = message(model, path, "litert", 1e-3, images=images)
    assert f"(largest difference {difference:.2g}), so nothing was" in text
    assert list(tmp_path.iterdir()) == []
    if off == 0.5:
        done = export.export(
            model, path, "litert", 1.01 * difference, images=images
        )
        assert done.difference == pytest.approx(difference)
        assert (done.bytes, path.read_bytes()) == (4, b"file")


def test_one_image_and_several_are_asked(written, tmp_path):
    export.export(toy(), tmp_path / "a.tflite", "litert")
    assert [x.shape for x in written.asked] == [(1, 4, 4, 3), (3, 4, 4, 3)]
    spreads = [x.std() for x in written.asked[1]]
    assert spreads[0] > 4 * spreads[1] > 16 * spreads[2] > 8


def test_a_failure_leaves_nothing_and_gives_its_reason(written, tmp_path):
    def fail(self, path, **options):
        pathlib.Path(path).write_bytes(b"half a f")
        raise TypeError("no descriptor\nat all")

    written.patch.setattr(keras.Model, "export", fail)
    assert message(toy(), tmp_path / "a.tflite", "litert") == (
        "`model` could not be written as litert (TypeError: no descriptor). "
        "Received: model 'toy'"
    )
    assert list(tmp_path.iterdir()) == []


def test_missing_packages_are_named(monkeypatch, tmp_path):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ImportError) as caught:
        export.export(toy(), tmp_path / "a.onnx", "onnx")
    assert str(caught.value) == (
        "`format` 'onnx' needs onnx, tf2onnx, onnxruntime: "
        "pip install 'alexnet-keras[export]'"
    )


def test_another_backend_is_refused(monkeypatch, tmp_path):
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    text = message(toy(), tmp_path / "a.tflite", "litert")
    assert text.startswith("`export` needs Keras on TensorFlow: ")


def test_wrong_models_are_refused(tmp_path, dtype_policy):
    path = tmp_path / "a.tflite"
    assert "a `keras.Model` that is built" in message("toy", path, "litert")
    vector, images = keras.Input((4,)), keras.Input((4, 4, 3))
    fixed, open_size = (
        keras.Input(batch_shape=(1, 8, 8, 3)),
        keras.Input((None, None, 3)),
    )
    for wrong in (
        keras.Model(vector, keras.layers.Dense(2)(vector)),
        keras.Model(open_size, open_size + 1),
        keras.Model(fixed, fixed + 1),
        keras.Model(images, [images + 1, images + 2]),
    ):
        text = message(wrong, path, "litert")
        assert text.startswith("`model` must take images of one size, any")
    text = message(toy(float("inf")), path, "litert")
    assert text.startswith("`model` answers with values that are not finite.")
    dtype_policy("mixed_bfloat16")
    assert "'average' in bfloat16" in message(toy(), path, "litert")
    assert list(tmp_path.iterdir()) == []


def test_wrong_arguments_are_refused(tmp_path):
    model, path = toy(), tmp_path / "a.tflite"
    assert "`format` must be" in message(model, path, "tflite")
    assert "`tolerance` must be" in message(model, path, "litert", 0)
    for format, place, wanted in (
        ("onnx", path, "must end in .onnx"),
        ("saved_model", path, "must be a folder without an ending"),
        ("saved_model", tmp_path, "names something that is there already"),
        ("litert", tmp_path / "no" / "a.tflite", "must be in a folder that is"),
    ):
        text = message(model, place, format)
        assert text.startswith(f"`path` {wanted}")
        assert text.endswith(f"Received: path={str(place)!r}")
    for shape in ((1, 4, 4, 3), (2, 4, 5, 3), (4, 4, 3)):
        text = message(model, path, "litert", images=np.zeros(shape))
        assert text.endswith(f"Received: images of shape {shape}")


def test_the_command(tmp_path, capsys):
    model = build_classifier(narrow("d2l"), 67, CLASSES, [99, 110, 120])
    model.save(tmp_path / "model.keras")
    out = tmp_path / "exported"
    words = ["export", str(tmp_path), "--format", "saved_model"]
    words += ["--output", str(out)]
    assert __main__.main(words) == 0
    size = sum(x.stat().st_size for x in out.rglob("*") if x.is_file())
    assert capsys.readouterr().out.startswith(
        f"{out}: saved_model, {size / 1e6:,.1f} MB; its outputs differ from "
        "the model's by "
    )
    assert __main__.main(words) == 2
    assert "`path` names something that is there" in capsys.readouterr().err
