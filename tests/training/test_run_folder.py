"""The folder of a run: one process at a time, one data set, whole files."""

import json
import os
import shutil

import numpy as np
import pytest
from support import HOLD
from support import message_of
from support import start
from toy_classifier import build_toy

tf = pytest.importorskip("tensorflow")

from toy_runs import make_images  # noqa: E402
from toy_runs import run  # noqa: E402

from alexnet_keras.data import datasets  # noqa: E402
from alexnet_keras.training import checkpoints  # noqa: E402
from alexnet_keras.training import config  # noqa: E402
from alexnet_keras.training import distribution  # noqa: E402
from alexnet_keras.training import results  # noqa: E402
from alexnet_keras.training import run_folder  # noqa: E402

SETTINGS = config.TrainConfig(
    *("photos", "toy", "full", 4, 8, 1, 16, 0.01, "float32", 2012)
)


# --- One process at a time ---


def test_a_second_process_is_refused_before_it_reads_images(tmp_path):
    folder = tmp_path / "run"
    folder.mkdir()
    with start(HOLD, folder / run_folder.LOCK) as other:
        assert other.stdout.readline() == "held\n"
        assert message_of(run, "./none", output=folder) == (
            "`output` is being written by another process. Wait until it "
            f"ends, or name another. Received: output={str(folder)!r}"
        )
        other.kill()
        other.wait(20)
    # It left its lock behind, which is no obstacle.
    assert os.listdir(folder) == [run_folder.LOCK]
    assert "`dataset` names a folder" in message_of(
        run, "./none", output=folder
    )
    assert os.listdir(folder) == []


def test_a_new_folder_into_which_nothing_came_is_removed(tmp_path):
    with run_folder.hold(tmp_path / "runs" / "one"):
        assert os.listdir(tmp_path / "runs" / "one") == [run_folder.LOCK]
    assert os.listdir(tmp_path / "runs") == []
    with run_folder.hold(tmp_path / "runs"):
        pass
    assert os.listdir(tmp_path) == ["runs"]  # it was there before


def test_what_was_half_written_is_removed_and_nothing_of_the_users(tmp_path):
    ours = ["checkpoint-00000012.npz", "model.keras", "results.json"]
    others = [".part-notes.txt", ".part-checkpoint-best.npz", "model.keras"]
    for name in [*(f".part-{name}" for name in ours), *others]:
        (tmp_path / name).write_text("half")
    with run_folder.hold(tmp_path):
        assert {*os.listdir(tmp_path)} == {*others, run_folder.LOCK}


# --- One data set ---


@pytest.fixture
def photos(tmp_path):
    return make_images(tmp_path / "photos", 8, 4)


def contents(folder):
    return datasets.load_dataset(folder).contents


def test_contents_are_those_of_a_copy(photos, tmp_path):
    copy = str(shutil.copytree(photos, tmp_path / "copy"))
    assert contents(photos).keys() == {"dark", "light"}
    assert contents(photos) == contents(copy)


def replace_all(folder):
    for path in folder.iterdir():
        path.write_bytes(path.read_bytes() + b"\0")


def remove_one_and_add_one(folder):
    first, second, *_ = sorted(folder.iterdir())
    first.unlink()
    shutil.copy(second, folder / "new.png")


@pytest.mark.parametrize("change", [replace_all, remove_one_and_add_one])
def test_other_images_of_a_class_are_refused(change, photos, tmp_path):
    def describe():
        data = datasets.load_dataset(photos)
        return run_folder.describe(SETTINGS, "table", "recipe", data)

    before = describe()
    run_folder.write(tmp_path, before)
    change(tmp_path / "photos" / "validation" / "light")
    after = describe()
    assert before["validation_size"] == after["validation_size"]
    assert message_of(run_folder.check_same, tmp_path, after) == (
        "`output` holds a run with other settings: the images of light are "
        "not the same, by their names or sizes. Name another folder, or the "
        f"settings of that run. Received: output={str(tmp_path)!r}"
    )
    # Nor is a checkpoint taken, whatever the settings say.
    checkpoints.save(tmp_path, 1, {}, {"settings": before})
    said = []
    with pytest.raises(ValueError, match="of another run"):
        checkpoints.load_newest(tmp_path, said.append, after)
    assert said == [
        "checkpoint-00000001.npz is of a run with another contents; the one "
        "before it is taken."
    ]


def test_settings_of_earlier_versions_say_nothing_of_it(photos, tmp_path):
    data = datasets.load_dataset(photos)
    description = run_folder.describe(SETTINGS, "table", "recipe", data)
    run_folder.write(tmp_path, description)
    path = tmp_path / run_folder.FILE
    there = json.loads(path.read_text())
    del there["contents"], there["numerics"]
    path.write_text(json.dumps(there))
    assert not run_folder.check_same(tmp_path, description)


def test_contents_of_photo_patches_are_by_photograph():
    data = datasets.load_dataset()
    assert tuple(data.contents) == data.class_names
    assert len({*data.contents.values()}) == 10


# --- The last digits ---


def test_other_numerics_are_told(tmp_path, monkeypatch):
    description = {"seed": 1, "contents": {}}
    monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", "1")
    run_folder.write(tmp_path, description)
    assert not run_folder.check_same(tmp_path, description)
    monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", "0")
    assert run_folder.check_same(tmp_path, description) == (
        "The machine computes otherwise than before: TF_ENABLE_ONEDNN_OPTS was "
        "1 and is 0. The weights may differ in their last digits from those of "
        "a run left alone."
    )


def test_numerics_follow_the_machine(monkeypatch):
    found = distribution.numerics()
    assert found["tensorflow"] == tf.__version__
    assert json.loads(json.dumps(found)) == found
    monkeypatch.setattr(os, "sched_getaffinity", lambda of: {3}, raising=False)
    assert distribution.numerics()["threads"] == "1"
    monkeypatch.setenv("TF_NUM_INTRAOP_THREADS", "5")
    assert distribution.numerics()["threads"] == "5"


# --- A complete run ---


@pytest.fixture(scope="module")
def complete(tmp_path_factory):
    folder = tmp_path_factory.mktemp("complete")
    history = {"loss": [0.4], "top_1": [0.9]}
    history |= {f"val_{name}": values for name, values in history.items()}
    model = build_toy(("dark", "light"))
    results.write(
        folder,
        results.TrainingResult(model, history, SETTINGS, True, "Good."),
        seconds=1.0,
    )
    return folder


def test_a_complete_run_is_read(complete):
    found = results.read(complete, SETTINGS)
    assert (found.learned, found.summary) == (True, "Good.")
    assert found.history["val_loss"] == [0.4]
    images = np.full((1, 8, 8, 3), 10.0)
    assert found.model(images).numpy().argmax() == 1


@pytest.mark.parametrize(
    "name, damage",
    [
        ("results.json", lambda content: content[: len(content) // 2]),
        ("results.json", lambda content: b""),
        ("results.json", lambda content: b"{}"),
        ("results.json", lambda content: b"[]"),
        ("results.json", lambda content: b"\xff" + content),
        ("model.keras", lambda content: content[: len(content) // 2]),
        ("model.keras", lambda content: b""),
        (
            "model.keras",
            lambda content: content[:300] + b"\xff" + content[301:],
        ),
        ("model.keras", None),
    ],
)
def test_a_damaged_one_names_file_and_way_out(complete, tmp_path, name, damage):
    folder = shutil.copytree(complete, tmp_path / "run")
    content = (folder / name).read_bytes()
    (folder / name).unlink()
    if damage:
        (folder / name).write_bytes(damage(content))
    message = message_of(results.read, folder, SETTINGS)
    assert f"a complete run whose {name} is damaged or not there (" in message
    assert "or remove results.json to train it again" in message
    assert message.endswith(f"Received: output={str(folder)!r}")
    (folder / "results.json").unlink(missing_ok=True)
    assert results.read(folder, SETTINGS) is None
