"""Nothing is lost: killed, interrupted, damaged, a full disk, other settings."""

import json
import os
import signal
import subprocess
import sys

import keras
import numpy as np
import pytest
from PIL import Image
from support import ROOT
from support import message_of
from support import narrow

tf = pytest.importorskip("tensorflow")

import toy_runs  # noqa: E402
from toy_runs import Stop  # noqa: E402
from toy_runs import act_at  # noqa: E402
from toy_runs import crash  # noqa: E402

from alexnet_keras.data import statistics  # noqa: E402
from alexnet_keras.training import callbacks  # noqa: E402
from alexnet_keras.training import checkpoints  # noqa: E402
from alexnet_keras.training import run_folder  # noqa: E402
from alexnet_keras.training import trainer  # noqa: E402
from alexnet_keras.utils import atomic  # noqa: E402
from alexnet_keras.utils.fingerprint import former_fingerprint  # noqa: E402

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
    return trainer.train(
        dataset,
        narrow("original"),
        **{
            "recipe": "original",
            "epochs": 2,
            "batch_size": 3,
            "input_size": 67,
            "verbose": 0,
            "callbacks": toy_runs.CALLBACKS,
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
    for name in whole.history:
        np.testing.assert_allclose(
            result.history[name], whole.history[name], rtol=1e-5
        )


@pytest.mark.slow
@pytest.mark.parametrize("replicas, kills", [(1, 10), (2, 3)])
def test_killed_runs_end_with_the_same_weights(replicas, kills):
    """SIGKILL at random moments, in steps and in the writing of files."""
    done = subprocess.run(
        [sys.executable, "kills.py", str(replicas), str(kills)],
        cwd=ROOT / "tests" / "helpers",
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    report = json.loads(done.stdout)
    assert len(report["killed"]) == kills
    assert report["arrays"] == 17
    assert report["equal"]
    for losses in (report["losses"], report["val_losses"]):
        np.testing.assert_allclose(losses[0], losses[1], rtol=1e-5)


@pytest.mark.parametrize(
    "step",
    [
        3,  # before validation
        4,
        *(pytest.param(n, marks=pytest.mark.slow) for n in (1, 2, 5)),
    ],
)
def test_a_crash_at_any_step(dataset, whole, tmp_path, monkeypatch, step):
    with monkeypatch.context() as patch:
        act_at(patch, step, crash)
        with pytest.raises(Stop):
            run(dataset, output=tmp_path, save_every=1)
    assert_same_end(run(dataset, output=tmp_path, save_every=1), whole)


def test_a_run_begun_by_an_earlier_version_goes_on(
    dataset, whole, tmp_path, monkeypatch
):
    """Its hash was of `repr`, and it kept no statistics of the data."""
    with monkeypatch.context() as patch:
        act_at(patch, 4, crash)
        patch.setattr(run_folder, "fingerprint", former_fingerprint)
        with pytest.raises(Stop):
            run(dataset, output=tmp_path, save_every=1)
    (tmp_path / run_folder.STATISTICS).unlink()
    assert_same_end(run(dataset, output=tmp_path, save_every=1), whole)


def test_the_data_are_measured_once(dataset, tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        act_at(patch, 4, crash)
        with pytest.raises(Stop):
            run(dataset, output=tmp_path, save_every=1)
    monkeypatch.setattr(statistics, "measure", crash)
    result = run(dataset, output=tmp_path)
    assert len(result.history["loss"]) == 2


def test_callbacks_of_the_callers_own_come_last(dataset, tmp_path):
    class Mine(keras.callbacks.Callback):
        def __init__(self):
            super().__init__()
            self.seen = []

        def on_epoch_end(self, epoch, logs=None):
            self.seen.append((epoch, dict(logs)))
            self.written = (tmp_path / "history.csv").read_text()

    mine = Mine()
    result = run(dataset, output=tmp_path, epochs=2, callbacks=[mine])
    assert [epoch for epoch, _ in mine.seen] == [0, 1]
    assert [logs["loss"] for _, logs in mine.seen] == result.history["loss"]
    assert len(mine.written.splitlines()) == 1 + 2


def test_what_is_no_callback_is_refused(dataset):
    with pytest.raises(ValueError, match="`callbacks` must be a list of"):
        run(dataset, callbacks=[print])


def test_going_on_is_said(dataset, tmp_path, monkeypatch, capsys):
    with monkeypatch.context() as patch:
        act_at(patch, 5, crash)
        with pytest.raises(Stop):
            run(dataset, output=tmp_path)
    path = tmp_path / run_folder.FILE
    before = json.loads(path.read_text())
    before["numerics"]["threads"] = "64"
    path.write_text(json.dumps(before))
    capsys.readouterr()
    run(dataset, output=tmp_path, verbose=2)
    printed = capsys.readouterr().out
    assert "Goes on after step 3 of 6." in printed
    assert "otherwise than before: threads was 64 and is " in printed
    assert json.loads(path.read_text())["numerics"]["threads"] != "64"


def test_a_complete_run_is_returned_and_said(dataset, tmp_path, capsys):
    first = run(dataset, output=tmp_path)
    assert not list(tmp_path.glob("checkpoint-*"))
    # Killed before it could remove them; and one of the user's own.
    for name in ("checkpoint-00000006.npz", "checkpoint-best.npz"):
        (tmp_path / name).write_bytes(b"")
    before = (tmp_path / "results.json").stat().st_mtime_ns
    again = run(dataset, output=tmp_path, verbose=2)
    assert (tmp_path / "results.json").stat().st_mtime_ns == before
    assert capsys.readouterr().out == (
        f"Complete already, in {tmp_path}. {first.summary}\n"
    )
    (left,) = tmp_path.glob("checkpoint-*")
    assert left.name == "checkpoint-best.npz"
    assert_same_end(again, first)
    assert again.config == first.config
    assert again.learned == first.learned


@pytest.mark.parametrize(
    "hook, count, numbers",
    [
        ("on_train_batch_end", 2, [signal.SIGINT]),
        # In validation, of which a run has one batch an epoch; twice.
        ("on_test_batch_begin", 1, [signal.SIGTERM, signal.SIGINT]),
    ],
)
def test_ctrl_c_saves_and_says_how_to_go_on(
    dataset, whole, tmp_path, monkeypatch, capsys, hook, count, numbers
):
    def interrupt():
        for number in numbers:
            signal.raise_signal(number)

    with monkeypatch.context() as patch:
        act_at(patch, count, interrupt, hook)
        with pytest.raises(KeyboardInterrupt):
            run(dataset, output=tmp_path, verbose=2)
    saved = checkpoints.load_newest(tmp_path)
    # All steps of the first epoch, without its validation.
    assert (saved.step, saved.progress["done"]) == (3, 3)
    printed = capsys.readouterr().out
    assert "Stopped; nothing is lost. To go on:\npython -m alexnet" in printed
    assert f"--output {tmp_path}" in printed
    result = run(dataset, output=tmp_path)
    assert_same_end(result, whole)


@pytest.fixture
def interruptible():
    """A job that a script put into the background ignores Ctrl-C."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_a_third_ctrl_c_promises_nothing(
    dataset, tmp_path, monkeypatch, capsys, interruptible
):
    def interrupt():
        for _ in range(3):
            signal.raise_signal(signal.SIGINT)

    act_at(monkeypatch, 5, interrupt, "on_train_batch_begin")
    with pytest.raises(KeyboardInterrupt):
        run(dataset, output=tmp_path, verbose=2)
    printed = capsys.readouterr().out
    assert "Broken off; what was saved last is not lost. To go on:" in printed
    assert "Stopped" not in printed
    assert checkpoints.load_newest(tmp_path).step == 3


def test_signals_work_as_before_afterwards(capsys):
    before = signal.getsignal(signal.SIGINT)
    with callbacks.graceful_shutdown() as event:
        signal.raise_signal(signal.SIGINT)
        assert event.is_set()
        assert capsys.readouterr().err == "\nStopping after this step…\n"
        signal.raise_signal(signal.SIGTERM)
        assert "loses what is not saved" in capsys.readouterr().err
        # The third Ctrl-C is the ordinary one.
        assert signal.getsignal(signal.SIGINT) is before
    assert signal.getsignal(signal.SIGINT) is before


def test_a_damaged_newest_checkpoint_falls_back(
    dataset, whole, tmp_path, monkeypatch, capsys
):
    with monkeypatch.context() as patch:
        act_at(patch, 5, crash)
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
        act_at(patch, 4, lambda: patch.setattr(checkpoints, "savez", full))
        with pytest.raises(atomic.NotSaved) as caught:
            run(dataset, output=tmp_path)
    target = tmp_path / "checkpoint-00000006.npz"
    assert str(caught.value) == (
        f"{str(target)!r} could not be written: No space left on device. "
        "Make room or choose another folder."
    )
    assert not list(tmp_path.glob(".part-*"))
    assert checkpoints.load_newest(tmp_path).step == 3
    assert_same_end(run(dataset, output=tmp_path), whole)


def test_tensorboard_on_a_full_disk_stops_with_a_sentence(
    dataset, tmp_path, monkeypatch
):
    pytest.importorskip("tensorboard")
    resource = pytest.importorskip("resource")  # not on Windows
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)

    def fill():  # when the checkpoint is written and the events are not
        resource.setrlimit(resource.RLIMIT_FSIZE, (1, hard))

    act_at(monkeypatch, 1, fill, "on_epoch_end")
    try:
        with pytest.raises(atomic.NotSaved) as caught:
            run(dataset, output=tmp_path, tensorboard=True)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert str(caught.value) == (
        f"{str(tmp_path / 'tensorboard')!r} could not be written: File too "
        "large. Make room or choose another folder."
    )
    assert checkpoints.load_newest(tmp_path).step == 3


def test_other_settings_in_the_same_folder_are_refused(dataset, tmp_path):
    run(dataset, output=tmp_path, epochs=1)
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    assert message_of(run, dataset, output=tmp_path, epochs=1, seed=1) == (
        "`output` holds a run with other settings: seed is 2012 there and 1 "
        "here. Name another folder, or the settings of that run. "
        f"Received: output={str(tmp_path)!r}"
    )
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_the_order_of_starting_and_claiming(dataset, tmp_path, monkeypatch):
    """The settings are on disk before the first step, so none can differ."""
    seen = []
    act_at(
        monkeypatch,
        1,
        lambda: seen.append((tmp_path / run_folder.FILE).exists()),
    )
    run(dataset, output=tmp_path, epochs=1)
    assert seen == [True]
