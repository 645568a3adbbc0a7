"""What is said while a run lasts: lines, bar, images per second, a warning."""

import io
import math
import sys
import types

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st

from alexnet_keras import watching
from alexnet_keras.diagnostics import Fault

LOGS = {
    "loss": 1.23456,
    "top_1": 0.254,
    "val_loss": 2.34567,
    "val_top_1": 0.5,
    "val_top_5": 0.98765,
    "images_per_second": 1234.5,
}


# --- Lines and bar ---


def test_a_line_an_epoch(capsys):
    progress = watching.Progress(3, steps=2, batch_size=4, bar=False)
    for epoch in range(2):
        for batch in range(2):
            progress.on_train_batch_end(batch, LOGS)
        progress.on_epoch_end(epoch, LOGS)
    watching.close([progress])
    printed = capsys.readouterr()
    assert printed.err == ""
    assert printed.out == (
        "epoch 1/3: loss 1.235, top-1 25.4%; validation loss 2.346, top-1 "
        "50.0%, top-5 98.8%; 1234 images/s\n"
        "epoch 2/3: loss 1.235, top-1 25.4%; validation loss 2.346, top-1 "
        "50.0%, top-5 98.8%; 1234 images/s\n"
    )


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_the_bar_counts_the_images_of_the_whole_run(monkeypatch, capsys):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    # Goes on after 3 of 3 · 4 steps; two calls of `fit`, one bar.
    progress = watching.Progress(3, steps=4, batch_size=500, first_step=3)
    for epoch, steps in ((0, 1), (1, 4), (2, 4)):
        progress.on_train_begin()
        for batch in range(steps):
            progress.on_train_batch_end(batch, {"loss": 1.5, "top_1": 0.25})
        progress.on_epoch_end(epoch, LOGS)
        progress.on_train_end()
    assert progress.bar.n == progress.bar.total == 3 * 4 * 500
    watching.close([watching.Stopwatch(500), progress])
    drawn = terminal.getvalue()
    assert "1.50k/6.00k" in drawn  # where it went on
    last = drawn.rstrip().rpartition("\r")[2]
    assert "6.00k/6.00k" in last
    assert "images/s" in last
    assert last.rstrip("]").endswith("loss 1.500, top-1 25.0%")
    assert drawn.endswith("\n")  # so that what follows has its own line
    assert capsys.readouterr().out.count("epoch ") == 3


def test_there_is_no_bar_in_a_file(monkeypatch):
    file = io.StringIO()
    monkeypatch.setattr(sys, "stderr", file)
    progress = watching.Progress(1, steps=1, batch_size=4)
    progress.on_train_batch_end(0, {"loss": 1.5, "top_1": 0.25})
    watching.close([progress])
    assert file.getvalue() == ""


# --- Images per second ---


def test_validation_is_not_counted_as_training(monkeypatch):
    now = types.SimpleNamespace(seconds=0.0)
    clock = types.SimpleNamespace(perf_counter=lambda: now.seconds)
    monkeypatch.setattr(watching, "time", clock)
    stopwatch = watching.Stopwatch(batch_size=8)
    for epoch, lengths in enumerate([(2.0, 1.0, 0.5), (0.25, 0.25)]):
        stopwatch.on_epoch_begin(epoch)
        for batch, seconds in enumerate(lengths):
            now.seconds += seconds
            stopwatch.on_train_batch_end(batch, {})
        now.seconds += 100  # validation
        logs = {"loss": 1.0}
        stopwatch.on_epoch_end(epoch, logs)
        assert logs == {
            "loss": 1.0,
            "images_per_second": 8 * len(lengths) / sum(lengths),
        }
        now.seconds += 1000  # checkpoints and the like


# --- The loss of guessing ---

SENTENCE = (
    "The loss of the last {steps} steps is {loss:.3f}; guessing has "
    "ln({classes}) = {chance:.3f}."
)


def watch(losses, steps_an_epoch, classes, after, draw=None, model=None):
    """What is said about a run with these losses, step by step."""
    said = []
    warning = watching.ChanceWarning(classes, draw, said.append, after)
    warning.set_model(model)
    for start in range(0, len(losses), steps_an_epoch):
        warning.on_epoch_begin(start // steps_an_epoch)
        epoch = losses[start : start + steps_an_epoch]
        for batch in range(len(epoch)):
            # As Keras has it: the mean of the epoch so far.
            mean = float(np.mean(epoch[: batch + 1]))
            warning.on_train_batch_end(batch, {"loss": mean})
    return said


@pytest.mark.parametrize("faults", [[], [Fault("labels", "They are 7.")]])
def test_the_warning_in_full_with_the_cause_once(monkeypatch, faults):
    asked = []

    def diagnose(*arguments):
        asked.append(arguments)
        return faults

    monkeypatch.setattr(watching.diagnostics, "diagnose", diagnose)
    losses = [2.31, 2.30, 2.29, 2.28, 2.30, 2.32, 2.0, 1.5, 1.0, 2.3, 2.3, 2.3]
    # By threes: at chance, at chance, not any more, and again.
    sentence = SENTENCE.format(
        steps=3, loss=2.30, classes=10, chance=math.log(10)
    )
    draw = lambda: ("images", "labels")  # noqa: E731
    assert watch(losses, 5, 10, 3, draw, "model") == [
        sentence,
        "The cause is looked for on copies of the network; with large images "
        "on a CPU that takes minutes.",
        "1. labels: They are 7."
        if faults
        else "Nothing on the check-list was found. A table whose weights are "
        "small (init 0.01) needs some hundred steps before it starts.",
        sentence,
        sentence,
    ]
    assert asked == [("model", "images", "labels")]


def test_the_warning_is_silent_when_the_loss_falls():
    assert watch(np.linspace(2.3, 0.1, 600), 50, 10, after=300) == []
    assert watch([2.3] * 299, 50, 10, after=300) == []
    assert len(watch([2.3] * 900, 50, 10, after=300)) == 3


@hypothesis.given(
    losses=st.lists(st.floats(0.1, 4), max_size=40),
    steps_an_epoch=st.integers(1, 9),
    classes=st.integers(2, 1000),
    after=st.integers(1, 9),
)
def test_the_warning_against_a_loop(losses, steps_an_epoch, classes, after):
    chance = math.log(classes)
    expected = []
    for start in range(0, len(losses) - after + 1, after):
        loss = float(np.mean(losses[start : start + after]))
        hypothesis.assume(abs(loss - 0.95 * chance) > 1e-6)
        if loss > 0.95 * chance:
            expected.append((loss, chance))
    said = watch(losses, steps_an_epoch, classes, after)
    assert len(said) == len(expected)
    for sentence, (loss, _) in zip(said, expected):
        head = f"The loss of the last {after} steps is "
        assert sentence.startswith(head)
        figure = float(sentence[len(head) :].partition(";")[0])
        assert figure == pytest.approx(loss, abs=6e-4)
        assert f"guessing has ln({classes}) = {chance:.3f}." in sentence
