"""Nothing is lost: killed, interrupted, damaged, a full disk, other settings."""

import json
import os
import signal
import subprocess
import sys
import time

import keras
import numpy as np
import pytest
from PIL import Image
from support import ROOT
from support import narrow

tf = pytest.importorskip("tensorflow")

from alexnet_keras import callbacks  # noqa: E402
from alexnet_keras import checkpoints  # noqa: E402
from alexnet_keras import settings  # noqa: E402
from alexnet_keras import training  # noqa: E402

pytestmark = pytest.mark.skipif(
    bool(tf.config.list_physical_devices("GPU")),
    reason="GPUs add up in no fixed order: equal to rounding only",
)


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    root = tmp_path_factory.mktemp("images")
    generator = np.random.default_rng(0)
    for split, count in (("train", 9), ("validation", 3)):
        for number in range(count):
            path = root / split / "ab"[number % 2] / f"{number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            pixels = generator.integers(0, 255, (80, 80, 3), "uint8")
            Image.fromarray(pixels).save(path)
    return str(root)


def run(dataset, **options):
    """Two epochs of three steps, with all that has a state: noise, dropout."""
    return training.train(
        dataset,
        narrow("original"),
        **{
            "recipe": "original",
            "epochs": 2,
            "batch_size": 3,
            "input_size": 67,
            "verbose": 0,
            **options,
        },
    )


@pytest.fixture(scope="module")
def whole(dataset):
    """The run that nothing disturbed."""
    return run(dataset)


def assert_same_end(result, whole):
    for ours, theirs in zip(
        result.model.get_weights(), whole.model.get_weights(), strict=True
    ):
        np.testing.assert_array_equal(ours, theirs)
    for name in set(whole.history) - {"images_per_second"}:
        np.testing.assert_allclose(
            result.history[name], whole.history[name], rtol=1e-5
        )


class Stop(Exception):
    """Ends a run from inside, as a crash does."""


def stop_at(monkeypatch, step, action):
    """Makes the next run do `action` after `step` steps of its own."""

    class Stopper(keras.callbacks.Callback):
        steps = 0

        def on_train_batch_end(self, batch, logs=None):
            self.steps += 1
            if self.steps == step:
                action()

    watchers = training._watchers
    monkeypatch.setattr(
        training,
        "_watchers",
        lambda *arguments: [*watchers(*arguments), Stopper()],
    )


def crash():
    raise Stop


@pytest.mark.parametrize("replicas, kills", [(1, 10), (2, 3)])
def test_killed_runs_end_with_the_same_weights(replicas, kills):
    """SIGKILL at random moments, in steps and in the writing of files."""
    done = subprocess.run(
        [sys.executable, "kills.py", str(replicas), str(kills)],
        cwd=ROOT / "tests",
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    report = json.loads(done.stdout)
    assert len(report["killed"]) >= kills - 1  # the last may find it at its end
    assert report["arrays"] == 17
    assert report["equal"]
    for losses in (report["losses"], report["val_losses"]):
        np.testing.assert_allclose(losses[0], losses[1], rtol=1e-5)


@pytest.mark.parametrize("step", [1, 2, 3, 4, 5])
def test_a_crash_at_any_step(dataset, whole, tmp_path, monkeypatch, step):
    with monkeypatch.context() as patch:
        stop_at(patch, step, crash)
        with pytest.raises(Stop):
            run(dataset, output=tmp_path, save_every=1)
    assert_same_end(run(dataset, output=tmp_path, save_every=1), whole)


def test_going_on_is_said(dataset, tmp_path, monkeypatch, capsys):
    with monkeypatch.context() as patch:
        stop_at(patch, 5, crash)
        with pytest.raises(Stop):
            run(dataset, output=tmp_path)
    capsys.readouterr()
    run(dataset, output=tmp_path, verbose=2)
    assert "Goes on after step 3 of 6." in capsys.readouterr().out


def test_a_complete_run_is_returned_and_said(dataset, tmp_path, capsys):
    first = run(dataset, output=tmp_path)
    assert not list(tmp_path.glob("checkpoint-*"))
    before = (tmp_path / "results.json").stat().st_mtime_ns
    again = run(dataset, output=tmp_path, verbose=2)
    assert (tmp_path / "results.json").stat().st_mtime_ns == before
    assert capsys.readouterr().out == (
        f"Complete already, in {tmp_path}. {first.summary}\n"
    )
    assert_same_end(again, first)
    assert again.settings == first.settings
    assert again.learned == first.learned


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_saves_and_says_how_to_go_on(
    dataset, whole, tmp_path, monkeypatch, capsys, number
):
    with monkeypatch.context() as patch:
        stop_at(patch, 2, lambda: signal.raise_signal(number))
        with pytest.raises(KeyboardInterrupt):
            run(dataset, output=tmp_path, verbose=2)
    assert checkpoints.load_newest(tmp_path).step in (2, 3)
    printed = capsys.readouterr().out
    assert "Stopped; nothing is lost. To go on:\npython -m alexnet" in printed
    assert f"--output {tmp_path}" in printed
    assert_same_end(run(dataset, output=tmp_path), whole)


def test_signals_work_as_before_afterwards():
    before = signal.getsignal(signal.SIGINT)
    with callbacks.gentle_interruption() as event:
        signal.raise_signal(signal.SIGINT)
        time.sleep(0)
        assert event.is_set()
        # The second Ctrl-C is the ordinary one.
        assert signal.getsignal(signal.SIGINT) is before
    assert signal.getsignal(signal.SIGINT) is before


def test_a_damaged_newest_checkpoint_falls_back(
    dataset, whole, tmp_path, monkeypatch, capsys
):
    with monkeypatch.context() as patch:
        stop_at(patch, 5, crash)
        with pytest.raises(Stop):
            run(dataset, output=tmp_path, save_every=1)
    older, newest = sorted(tmp_path.glob("checkpoint-*.npz"))
    contents = bytearray(newest.read_bytes())
    contents[len(contents) // 2] ^= 1  # one bit
    newest.write_bytes(contents)
    result = run(dataset, output=tmp_path, verbose=2)
    assert (
        f"{newest.name} is damaged; the one before it is taken."
        in capsys.readouterr().out
    )
    assert_same_end(result, whole)


def test_a_full_disk_stops_with_a_sentence_and_what_was_saved_stays(
    dataset, whole, tmp_path, monkeypatch
):
    def full(path, contents):
        path.write_bytes(b"half of it")
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        stop_at(patch, 4, lambda: patch.setattr(checkpoints, "_savez", full))
        with pytest.raises(checkpoints.NotSaved) as caught:
            run(dataset, output=tmp_path)
    target = tmp_path / "checkpoint-00000006.npz"
    assert str(caught.value) == (
        f"{str(target)!r} could not be written: No space left on device. "
        "Make room or choose another folder."
    )
    assert not list(tmp_path.glob(".part-*"))
    assert checkpoints.load_newest(tmp_path).step == 3
    assert_same_end(run(dataset, output=tmp_path), whole)


def test_other_settings_in_the_same_folder_are_refused(dataset, tmp_path):
    run(dataset, output=tmp_path, epochs=1)
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(ValueError) as caught:
        run(dataset, output=tmp_path, epochs=1, seed=1)
    assert str(caught.value) == (
        "`output` holds a run with other settings: seed is 2012 there and 1 "
        "here. Name another folder, or the settings of that run. "
        f"Received: output={str(tmp_path)!r}"
    )
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_the_order_of_starting_and_claiming(dataset, tmp_path, monkeypatch):
    """The settings are on disk before the first step, so none can differ."""
    seen = []
    stop_at(
        monkeypatch, 1, lambda: seen.append((tmp_path / settings.FILE).exists())
    )
    run(dataset, output=tmp_path, epochs=1)
    assert seen == [True]
