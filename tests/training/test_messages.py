"""A run whose loss stays at that of guessing says so, and why."""

import functools
import math

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st
from kills import make_images
from support import narrow

tf = pytest.importorskip("tensorflow")

from alexnet_keras.diagnostics.checklist import Fault  # noqa: E402
from alexnet_keras.training import callbacks  # noqa: E402
from alexnet_keras.training import run  # noqa: E402
from alexnet_keras.training import trainer  # noqa: E402

# --- The loss of guessing ---

SENTENCE = (
    "The loss of the last {steps} steps is {loss:.3f}; chance is "
    "ln({classes}) = {chance:.3f}."
)


def watch(losses, steps_an_epoch, classes, after, draw=None, model=None):
    """What is said about a run with these losses, step by step."""
    said = []
    warning = callbacks.ChanceWarning(classes, draw, said.append, after)
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

    monkeypatch.setattr(callbacks.checklist, "diagnose", diagnose)
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
        assert f"chance is ln({classes}) = {chance:.3f}." in sentence


# --- In a run, to the end ---


def train(folder, after, monkeypatch, replicas):
    """Five steps; weights of 0.01 are too small for so few filters."""
    warning = functools.partial(callbacks.ChanceWarning, after=after)
    monkeypatch.setattr(run.own_callbacks, "ChanceWarning", warning)
    monkeypatch.setattr(run.static_checks, "LEAST", 16)
    return trainer.train(
        folder,
        narrow("original"),
        epochs=1,
        batch_size=4,
        input_size=67,
        replicas=replicas,
        verbose=2,
    )


@pytest.mark.parametrize(
    "replicas", [1, pytest.param(2, marks=pytest.mark.slow)]
)
def test_the_cause_is_printed(replicas, tmp_path, monkeypatch, capsys):
    folder = make_images(tmp_path)
    explained = train(folder, 2, monkeypatch, replicas)
    out = capsys.readouterr().out
    assert out.count("chance is ln(2) = 0.693.\n") == 2
    assert out.count("The cause is looked for on copies") == 1
    assert "1. initialization: Between images the outputs differ by" in out
    silent = train(folder, 100, monkeypatch, replicas)
    assert "of the last" not in capsys.readouterr().out
    for ours, theirs in zip(
        explained.model.get_weights(), silent.model.get_weights(), strict=True
    ):
        np.testing.assert_array_equal(ours, theirs)
