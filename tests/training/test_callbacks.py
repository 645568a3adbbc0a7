"""The rates of each epoch, and what a run records, without a network."""

import csv
import dataclasses
import math
import signal
import threading
import types

import numpy as np
import pytest

from alexnet_keras.training import callbacks
from alexnet_keras.training import recipes


class Rates:
    """An optimizer that writes down what it is told."""

    def __init__(self):
        self.told = []

    def set_rates(self, *rates):
        self.told.append(rates)


def model():
    return types.SimpleNamespace(optimizer=Rates(), stop_training=False)


def follow(recipe, top_1):
    """Runs epochs until the recipe ends them; the rates, and what is said."""
    history, said, network = {}, [], model()
    apply = callbacks.ApplyRecipe(recipe, history, said.append)
    apply.set_model(network)
    epoch = 0
    while not (network.stop_training or apply.is_over(epoch)):
        apply.on_epoch_begin(epoch)
        history.setdefault("val_top_1", []).append(top_1[epoch])
        apply.on_epoch_end(epoch)
        epoch += 1
    return network.optimizer.told, said


# --- The schedule ---


def test_every_epoch_gets_the_rates_of_its_stage():
    told, said = follow(recipes.RECIPES["original"].scaled(13), [0.5] * 13)
    # Stages begin at 3.6, 7.3, 9.6, 10.3 and 11.3.
    assert told == (
        [(0.01, 0.02, {})] * 4
        + [(0.001, 0.002, {})] * 4
        + [(0.0001, 0.002, {})] * 2
        + [(0.0001, 0.002, {"conv1": 0.1})]
        + [(0.0001, 0.002, {"conv1": 0.0})]
        + [(0.00001, 0.002, {"conv1": 0.0})]
    )
    assert said == []  # it came to its end


def test_the_validation_error_ends_stages_and_the_run():
    recipe = dataclasses.replace(recipes.RECIPES["paper"], patience=1)
    top_1 = [0.1, 0.3, 0.3, 0.4, 0.2, 0.4, 0.4]
    told, said = follow(recipe, top_1)
    assert [rate for rate, _, _ in told] == (
        [0.01] * 3 + [0.001] * 2 + [0.0001] + [0.00001]
    )
    assert said == [
        "The validation error has not fallen for 1 epoch(s) at the last rate: "
        "the run ends after epoch 7."
    ]


def test_a_run_that_goes_on_finds_its_place():
    recipe = dataclasses.replace(recipes.RECIPES["paper"], patience=1)
    history = {"val_top_1": [0.1, 0.3, 0.3]}
    apply = callbacks.ApplyRecipe(recipe, history)
    apply.set_model(model())
    apply.on_epoch_begin(3)
    assert apply.model.optimizer.told == [(0.001, 0.001, {})]
    history["val_top_1"] += [0.3] * 3
    assert apply.is_over(6)
    assert not apply.is_over(5)


# --- What is recorded ---


@pytest.fixture
def saved(monkeypatch):
    """Checkpoints go into this list: step and progress."""
    found = []
    monkeypatch.setattr(callbacks.checkpoints, "state_of", lambda model: None)
    monkeypatch.setattr(
        callbacks.checkpoints,
        "save",
        lambda folder, step, state, progress: found.append((step, progress)),
    )
    return found


def keeper(folder, progress=None, steps=4, save_every=None):
    keeps = callbacks.SaveProgress(
        folder, progress or {}, steps, save_every, threading.Event()
    )
    keeps.set_model(model())
    return keeps


def run_epoch(keeps, epoch, losses):
    """Steps of an epoch, with Keras's running mean, and its end if it comes."""
    keeps.on_epoch_begin(epoch)
    for batch in range(len(losses)):
        mean = float(np.mean(losses[: batch + 1]))
        keeps.on_train_batch_end(batch, {"loss": mean, "top_1": mean / 4})
    if keeps.done == keeps.steps:
        logs = {"loss": mean, "top_1": mean / 4, "val_loss": 9.0}
        keeps.on_epoch_end(epoch, logs)
        return logs


def test_the_history_is_that_of_the_logs(tmp_path, saved):
    keeps = keeper(tmp_path)
    run_epoch(keeps, 0, [4.0, 2.0, 3.0, 3.0])
    run_epoch(keeps, 1, [1.0, 1.0, 1.0, 3.0])
    assert keeps.history == {
        "loss": [3.0, 1.5],
        "top_1": [0.75, 0.375],
        "val_loss": [9.0, 9.0],
    }
    with open(tmp_path / "history.csv") as file:
        assert list(csv.reader(file)) == [
            ["epoch", "loss", "top_1", "val_loss"],
            ["1", "3.0", "0.75", "9.0"],
            ["2", "1.5", "0.375", "9.0"],
        ]
    # Before validation and after it.
    assert [(step, there["done"]) for step, there in saved] == [
        *[(4, 4), (4, 0)],
        *[(8, 4), (8, 0)],
    ]


def test_means_of_an_epoch_that_was_broken_off_are_whole(tmp_path, saved):
    losses = [4.0, 2.0, 3.0, 1.0]
    broken = keeper(tmp_path, save_every=3)
    run_epoch(broken, 0, losses[:3])
    ((step, progress),) = saved
    assert step == 3
    resumed = keeper(tmp_path, progress)
    logs = run_epoch(resumed, 0, losses[3:])
    assert resumed.done == 0
    assert logs["loss"] == pytest.approx(np.mean(losses))
    assert resumed.history["loss"] == pytest.approx([np.mean(losses)])
    assert resumed.history["top_1"] == pytest.approx([np.mean(losses) / 4])
    assert resumed.history["val_loss"] == [9.0]


@pytest.mark.parametrize(
    "save_every, steps",
    [
        (None, [5, 5, 10, 10]),
        (1, [1, 2, 3, 4, 5, 5, 6, 7, 8, 9, 10, 10]),
        (2, [2, 4, 5, 5, 7, 9, 10, 10]),
    ],
)
def test_when_it_saves(tmp_path, saved, save_every, steps):
    keeps = keeper(tmp_path, steps=5, save_every=save_every)
    for epoch in range(2):
        run_epoch(keeps, epoch, [1.0] * 5)
    assert [step for step, _ in saved] == steps


def test_without_a_folder_nothing_is_written(tmp_path, saved, monkeypatch):
    monkeypatch.chdir(tmp_path)
    keeps = keeper(None, save_every=1)
    run_epoch(keeps, 0, [1.0] * 4)
    assert keeps.history["loss"] == [1.0]
    assert saved == []
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("loss", [math.nan, math.inf])
def test_no_checkpoint_of_a_loss_that_is_no_number(tmp_path, saved, loss):
    keeps = keeper(tmp_path, save_every=1)
    run_epoch(keeps, 0, [1.0, 1.0, loss, 1.0])
    assert [step for step, _ in saved] == [1, 2]
    assert len(keeps.history["loss"]) == 1  # it is recorded


def test_an_interruption_saves_first(tmp_path, saved):
    keeps = keeper(tmp_path)
    keeps.interruption.set()
    with pytest.raises(KeyboardInterrupt):
        run_epoch(keeps, 0, [1.0] * 4)
    assert [(step, there["done"]) for step, there in saved] == [(1, 1)]


def test_an_interruption_in_validation_loses_nothing(tmp_path, saved):
    keeps = keeper(tmp_path)
    keeps.on_epoch_begin(0)
    for batch in range(4):
        keeps.on_train_batch_begin(batch)
        assert not keeps.saved
        keeps.on_train_batch_end(batch, {"loss": 3.0, "top_1": 0.25})
    assert keeps.saved
    keeps.interruption.set()
    with pytest.raises(KeyboardInterrupt):
        keeps.on_test_batch_end(0)
    ((step, progress),) = saved
    assert (step, progress["done"]) == (4, 4)
    assert progress["begun"] == {"loss": 3.0, "top_1": 0.25}


def test_seconds_go_on_after_a_resumption(tmp_path, saved, monkeypatch):
    now = types.SimpleNamespace(seconds=50.0)
    clock = types.SimpleNamespace(perf_counter=lambda: now.seconds)
    monkeypatch.setattr(callbacks, "time", clock)
    keeps = keeper(tmp_path, {"seconds": 100.0})
    now.seconds += 7
    run_epoch(keeps, 0, [1.0] * 4)
    assert saved[0][1]["seconds"] == 107.0
    now.seconds += 5
    assert keeps.elapsed() == 112.0


# --- Signals ---


def test_signals_are_left_alone_outside_of_the_main_thread():
    before = signal.getsignal(signal.SIGINT)
    found = []

    def enter():
        with callbacks.graceful_shutdown() as event:
            found.extend([event.is_set(), signal.getsignal(signal.SIGINT)])

    thread = threading.Thread(target=enter)
    thread.start()
    thread.join()
    assert found == [False, before]
