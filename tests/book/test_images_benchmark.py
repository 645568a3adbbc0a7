"""The pipeline that `make bench` times is the one of training."""

import io
import sys

import keras
import numpy as np
import pytest
from PIL import Image
from support import ROOT

tf = pytest.importorskip("tensorflow")

sys.path.insert(0, str(ROOT / "benchmarks"))

import pipeline  # noqa: E402

from alexnet_keras.training import step  # noqa: E402


@pytest.fixture(scope="module")
def files():
    """Two pictures as JPEG files, one of them grey."""
    pictures = [
        np.random.default_rng(0).integers(0, 256, (40, 60, 3), "uint8"),
        np.full((300, 260), 50, "uint8"),
    ]
    encoded = []
    for picture in pictures:
        file = io.BytesIO()
        Image.fromarray(picture).save(file, "JPEG")
        encoded.append(file.getvalue())
    return encoded


def test_photographs_are_encoded_at_imagenets_size():
    encoded = pipeline.make_jpegs()
    assert len(encoded) == 10
    for file in encoded:
        assert Image.open(io.BytesIO(file)).size == (500, 375)


@pytest.mark.parametrize("form", [None, "pixels", "jpeg"])
def test_everything_is_noised_batches_of_crops(files, form):
    stream = pipeline.make_batches(files, 4, form)
    beside, _ = next(iter(stream))
    assert beside["images"].dtype == tf.uint8
    flatten = keras.Sequential(
        [keras.Input((224, 224, 3)), keras.layers.Flatten()]
    )
    mean = np.full(3, 120.0)
    crops = step.TrainingNetwork(flatten, mean)(beside)
    crops = tf.reshape(crops, (-1, 224, 224, 3))
    assert crops.shape == (4, 224, 224, 3)
    assert crops.dtype == tf.float32
    # A grey of 50 with noise and ÷1.1 about 120: one color, and no byte.
    flat = [crop for crop in crops.numpy() if np.ptp(crop, (0, 1)).max() < 0.01]
    assert flat
    for crop in flat:
        assert np.ptp(crop[0, 0]) > 0
        assert np.abs(crop[0, 0] - (120 - 70 / 1.1)).max() < 60


def test_a_step_goes_through_so_many_batches_each_time(files):
    seen = []
    stream = tf.data.Dataset.from_generator(
        lambda: (seen.append(number) or number for number in range(100)),
        output_signature=tf.TensorSpec((), tf.int64),
    )
    (step,) = pipeline.run_through(lambda: stream, 3)
    for times in (1, 2):
        step()
        assert len(seen) == 3 * times


@pytest.mark.parametrize("resized", [False, True])
def test_stages_give_a_pixel_of_each_image(files, resized):
    pixels = next(iter(pipeline.make_stage(files, 6, resized)))
    assert pixels.shape == (6, 3)
    np.testing.assert_allclose(pixels[1::2], 50)


def test_files_are_found_in_folders(files, tmp_path, capsys, monkeypatch):
    (tmp_path / "inside").mkdir()
    (tmp_path / "inside" / "b.JPEG").write_bytes(files[1])
    (tmp_path / "a.jpg").write_bytes(files[0])
    (tmp_path / "notes.txt").write_text("no picture")
    assert pipeline.read_jpegs(tmp_path) == files
    (tmp_path / "none").mkdir()
    folder = str(tmp_path / "none")
    monkeypatch.setattr(sys, "argv", ["pipeline.py", folder])
    with pytest.raises(SystemExit):
        pipeline.main()
    assert (
        capsys.readouterr()
        .err.splitlines()[-1]
        .endswith(
            f"error: `folder` must have .jpg or .jpeg files. Received: {folder!r}"
        )
    )


def test_ratio_is_by_round(capsys, monkeypatch):
    monkeypatch.setattr(pipeline.os, "cpu_count", lambda: 2)
    pipeline.report(
        {
            "decode": [0.001, 0.002, 0.004],
            "everything": [0.002, 0.004, 0.005],
            "training": [0.020, 0.040, 0.100],
        }
    )
    rows, cores = capsys.readouterr().out.split(
        "\nCores that keep a GPU busy\n"
    )
    assert rows == (
        "  decode               500.0   (250.0 to 1000.0)   4.00 ms\n"
        "  everything           250.0   (200.0 to 500.0)   8.00 ms"
        "   10.00 (10.00 to 20.00) times as fast as training\n"
        "  training              25.0   (10.0 to 50.0)\n"
    )
    # 8 ms of a core an image, and 16,893 images a second.
    assert "| H200, float32 | 16,893 | 135.1 |\n" in cores
