"""Prepared squares: the same pictures, whatever stops the preparation."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys

import keras
import numpy as np
import pytest
from support import ROOT
from support import message_of

tf = pytest.importorskip("tensorflow")

import toy_runs  # noqa: E402

from alexnet_keras import __main__ as command_line  # noqa: E402
from alexnet_keras.data import color_noise  # noqa: E402
from alexnet_keras.data import datasets  # noqa: E402
from alexnet_keras.data import image_data  # noqa: E402
from alexnet_keras.data import input_pipeline  # noqa: E402
from alexnet_keras.data import statistics  # noqa: E402
from alexnet_keras.data.squares import reading  # noqa: E402
from alexnet_keras.data.squares import writing  # noqa: E402
from alexnet_keras.inference import evaluation  # noqa: E402

SIZE, CROP = 64, 56  # squares, and crops of them


@pytest.fixture(autouse=True)
def few_in_a_file(monkeypatch):
    """So that a split has several files, and an end of one inside."""
    for module in (reading, writing.reading):
        monkeypatch.setattr(module, "IN_FILE", 5)


@pytest.fixture(scope="module")
def photographs(tmp_path_factory):
    """23 training and 7 validation images, of 80×80."""
    root = tmp_path_factory.mktemp("images")
    return toy_runs.make_images(root, 23, 7)


@pytest.fixture
def data(photographs):
    return datasets.load_dataset(photographs)


def prepared(data, folder, **options):
    return writing.prepare(data, folder, SIZE, verbose=0, **options)


def elements(dataset, count):
    return list(dataset.take(count).as_numpy_iterator())


def assert_same(ours, theirs):
    assert len(ours) == len(theirs) > 0
    for one, other in zip(ours, theirs):
        for a, b in zip(one, other, strict=True):
            np.testing.assert_array_equal(a, b)


# --- The same pictures ---


@pytest.mark.parametrize("in_memory", [True, False])
def test_training_sees_the_same_pictures(
    in_memory, data, tmp_path, monkeypatch
):
    if not in_memory:
        monkeypatch.setattr(input_pipeline, "CACHE_BYTES", 0)
        # Fewer wait than there are: the order depends on their number.
        monkeypatch.setattr(input_pipeline, "SHUFFLE_BYTES", 9 * 3 * SIZE**2)
    squares = prepared(data, tmp_path)
    assert squares.square == SIZE
    assert squares.class_names == data.class_names
    measured = statistics.measure(data, "image", CROP)

    def batches(source):
        noise = input_pipeline.ColorNoise(
            measured.colors, (0.1, 0.0), 3, measured.mean, 1.1
        )
        return input_pipeline.training_batches(
            source, CROP, 8, seed=3, first_step=2, noise=noise
        )

    assert_same(elements(batches(squares), 9), elements(batches(data), 9))


def test_validation_and_statistics_are_the_same(data, tmp_path):
    squares = prepared(data, tmp_path)
    ours, theirs = (
        elements(input_pipeline.validation_batches(source, CROP, 4), 9)
        for source in (squares, data)
    )
    assert_same(ours, theirs)
    for mean in ("pixel", "image"):
        ours, theirs = (
            statistics.measure(source, mean, CROP) for source in (squares, data)
        )
        np.testing.assert_array_equal(ours.mean, theirs.mean)
        assert ours.colors == theirs.colors


def test_ten_views_are_the_same(data, tmp_path, photographs):
    model = toy_runs.run(photographs, input_size=CROP).model
    squares = prepared(data, tmp_path / "squares")
    for ten_crop in (False, True):
        ours, theirs = (
            evaluation.evaluate(model, source, ten_crop=ten_crop).probabilities
            for source in (squares, data)
        )
        np.testing.assert_array_equal(ours, theirs)


def test_the_small_form_is_nearly_the_same(tmp_path):
    """On photographs; of noise, JPEG keeps little."""
    data = datasets.load_dataset("photo_patches")
    few = image_data.ImageData(
        "photo_patches",
        data.class_names,
        data.train.take(40),
        data.validation.take(9),
        40,
        9,
        data.read,
    )
    pixels = writing.prepare(few, tmp_path / "p", 95, verbose=0)
    small = writing.prepare(few, tmp_path / "j", 95, "jpeg", verbose=0)
    ours, theirs = (
        np.stack([image for image, _ in elements(s.images("train"), 40)])
        for s in (small, pixels)
    )
    error = np.sqrt(np.mean((ours.astype(float) - theirs) ** 2))
    assert 0 < error < 2.5
    sizes = [
        sum(path.stat().st_size for path in (tmp_path / x).glob("*.squares"))
        for x in "pj"
    ]
    assert sizes[0] == 49 * 3 * 95**2 and sizes[1] < sizes[0] / 3


# --- Stopped at any moment ---

KILLED = """
import os, signal, sys
from alexnet_keras.data import datasets
from alexnet_keras.data.squares import reading, writing

reading.IN_FILE = 5
source, folder, moment = sys.argv[1], sys.argv[2], int(sys.argv[3])
replace, calls = os.replace, []

def kill_before(*paths):
    calls.append(paths)
    if len(calls) == moment:
        os.kill(os.getpid(), signal.SIGKILL)
    replace(*paths)

os.replace = kill_before
writing.prepare(datasets.load_dataset(source), folder, 64, verbose=0)
"""


@pytest.mark.slow
# Of 17 files that are renamed: the first, an index, a file, the last.
@pytest.mark.parametrize("moment", [1, 3, 4, 12, 16])
def test_what_was_killed_goes_on(moment, photographs, data, tmp_path):
    folder = tmp_path / "killed"
    done = subprocess.run(
        [sys.executable, "-c", KILLED, photographs, folder, str(moment)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr[-2000:]
    if moment > 1:
        assert "was not prepared to its end" in message_of(
            datasets.load_dataset, folder
        )
    before = {
        path: path.stat().st_mtime_ns
        for path in folder.glob("*.squares")
        if path.with_suffix(".npy").exists()
    }
    ours = prepared(data, folder)
    assert all(path.stat().st_mtime_ns == t for path, t in before.items())
    theirs = prepared(data, tmp_path / "alone")
    for split in image_data.SPLITS:
        assert_same(
            elements(ours.images(split), 99), elements(theirs.images(split), 99)
        )
    assert not list(folder.glob(".part-*"))


def test_a_complete_folder_is_left_as_it_is(data, tmp_path, monkeypatch):
    prepared(data, tmp_path)
    monkeypatch.setattr(writing, "_write_all", None)
    assert prepared(data, tmp_path).train_size == 23


# --- What is refused ---


def test_a_moved_or_copied_folder_is_as_good(data, tmp_path):
    ours = prepared(data, tmp_path / "there")
    shutil.copytree(
        tmp_path / "there", tmp_path / "copy", copy_function=shutil.copy
    )
    theirs = datasets.load_dataset(tmp_path / "copy")
    assert_same(
        elements(theirs.images("train"), 99), elements(ours.images("train"), 99)
    )


def cut_off(path):
    path.write_bytes(path.read_bytes()[:-1])


def empty(path):
    path.write_bytes(b"")


def turn_a_bit(path):
    contents = bytearray(path.read_bytes())
    contents[len(contents) // 2] ^= 1
    path.write_bytes(contents)


@pytest.mark.parametrize(
    "damage, file",
    [
        (damage, file)
        for file in (
            "train-00002.squares",
            "train-00002.npy",
            "statistics.npz",
        )
        for damage in (cut_off, turn_a_bit, os.unlink)
    ]
    + [(empty, "prepared.json")],
)
def test_damage_is_named(damage, file, data, tmp_path):
    prepared(data, tmp_path)
    damage(tmp_path / file)
    message = message_of(datasets.load_dataset, tmp_path)
    assert re.search("is damaged( or not there)?. Prepare it again", message)
    assert file.split(".")[0] in message


def test_another_version_is_named(data, tmp_path):
    prepared(data, tmp_path)
    path = tmp_path / "prepared.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"version": 0}))
    assert "it is of version 0, not 1" in message_of(
        datasets.load_dataset, tmp_path
    )


def test_another_use_of_the_folder_is_refused(data, tmp_path, photographs):
    squares = prepared(data, tmp_path / "a")
    for folder, options, reason in (
        (tmp_path / "a", {"form": "jpeg"}, "prepared with other form. Name"),
        (tmp_path / "a", {"size": 65}, "prepared with other size. Name"),
        (tmp_path, {}, "must be an empty or a new folder"),
        (tmp_path / "b", {"form": "png"}, '`form` must be "pixels" or "jpeg"'),
        (tmp_path / "b", {"size": 0}, "`size` must be a positive integer"),
        (tmp_path / "a" / "prepared.json", {}, "must be a folder"),
    ):
        options = {"size": SIZE, "verbose": 0, **options}
        assert reason in message_of(writing.prepare, data, folder, **options)
    assert "prepared already" in message_of(prepared, squares, tmp_path / "b")
    inside = f"{photographs}/squares"
    assert "must not lie among the images" in message_of(prepared, data, inside)
    assert not os.path.exists(inside)
    assert not (tmp_path / "b").exists()
    with writing.locking.locked(tmp_path / "a" / ".lock"):
        assert "by another process" in message_of(
            prepared, data, tmp_path / "a"
        )


def test_crops_of_another_size_are_refused(data, tmp_path):
    prepared(data, tmp_path / "squares")
    message = message_of(
        toy_runs.run, str(tmp_path / "squares"), input_size=CROP + 8
    )
    assert "squares of 64 pixels" in message and "--size 73" in message


def test_images_that_cannot_be_read_are_named(photographs, tmp_path):
    root = tmp_path / "images"
    shutil.copytree(photographs, root)
    data = datasets.load_dataset(root)
    (root / "train" / "dark" / "008.png").write_bytes(b"no image")
    message = message_of(prepared, data, tmp_path / "squares")
    assert "008.png" in message and "cannot be read" in message


# --- In `train` ---


@pytest.fixture
def home(tmp_path, monkeypatch):
    """Keras's cache; and no memory for squares."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(input_pipeline, "CACHE_BYTES", 0)
    return tmp_path / "home"


def test_what_does_not_fit_in_memory_is_prepared_once(
    home, photographs, capsys, monkeypatch
):
    def weights(**options):
        result = toy_runs.run(
            photographs, epochs=2, input_size=CROP, verbose=2, **options
        )
        return result.model.get_weights()

    plain = weights(prepare=False)
    assert "do not fit in memory" not in capsys.readouterr().out
    ours = weights()
    (folder,) = (home / "datasets" / "alexnet_keras").iterdir()
    assert (
        "The images, 0.0 GB as squares, do not fit in memory: they are cut "
        f"once, into {folder}.\n"
    ) in capsys.readouterr().out
    monkeypatch.setattr(writing, "_write_all", None)
    again = weights()
    assert "do not fit in memory" not in capsys.readouterr().out
    for a, b, c in zip(plain, ours, again, strict=True):
        np.testing.assert_array_equal(a, b)
        np.testing.assert_array_equal(b, c)


def test_two_replicas_read_squares(photographs, data, tmp_path):
    """Each has its share of every batch."""
    prepared(data, tmp_path)
    ours, theirs = (
        toy_runs.run(source, input_size=CROP, replicas=2).history
        for source in (str(tmp_path), photographs)
    )
    assert ours == theirs


def test_a_single_epoch_needs_no_squares(home, photographs):
    toy_runs.run(photographs, input_size=CROP)
    assert not home.exists()


def test_without_room_nothing_is_lost(home, data, photographs, monkeypatch):
    usage = shutil.disk_usage(home.parent)._replace(free=1000)
    monkeypatch.setattr(writing.shutil, "disk_usage", lambda folder: usage)
    with pytest.raises(OSError, match="need about 0.0 GB, and .* has 0.0 GB"):
        prepared(data, home.parent / "squares")
    said = []
    assert writing.prepare_in_cache(data, SIZE, said.append, 0) is data
    assert "and are cut in every epoch: The squares need" in said[-1]
    keras.backend.clear_session()


def test_the_command_says_how_to_train(photographs, tmp_path, capsys):
    words = ["prepare", "--dataset", photographs, "--size", "64"]
    folder = tmp_path / "my squares"
    assert command_line.main([*words, "--output", str(folder)]) == 0
    printed = capsys.readouterr()
    assert printed.out == (
        f"{folder}: 23 training and 7 validation squares of 64 pixels, 0.00 "
        "GB. To train on them:\n"
        f"python -m alexnet_keras train --dataset '{folder}'\n"
    )
    assert re.search(r"30\.0/30\.0 .*image/s", printed.err)
    assert command_line.main([*words, "--output", str(tmp_path)]) == 2
    assert "must be an empty or a new folder" in capsys.readouterr().err


def test_ctrl_c_says_how_to_go_on(photographs, tmp_path, monkeypatch, capsys):
    def interrupt(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(writing, "_write_file", interrupt)
    words = ["prepare", "--dataset", photographs, "--output", str(tmp_path)]
    assert command_line.main(words) == 130
    assert "Stopped; the same command goes on." in capsys.readouterr().err


def test_colours_are_those_of_the_photographs(data, tmp_path):
    """Not of their squares, which are cut at the sides."""
    kept = prepared(data, tmp_path).measured.colors
    assert isinstance(kept, color_noise.ColorPCA)
    assert kept == statistics.color_pca(data.images("train"))
