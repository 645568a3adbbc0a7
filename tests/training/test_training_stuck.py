"""A run that stays at ln(classes) says why, and goes on as if it had not."""

import functools

import numpy as np
import pytest
from kills import make_images
from support import narrow

tf = pytest.importorskip("tensorflow")

from alexnet_keras.training import callbacks  # noqa: E402
from alexnet_keras.training import run  # noqa: E402
from alexnet_keras.training import trainer  # noqa: E402


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
    assert out.count("guessing has ln(2) = 0.693.\n") == 2
    assert out.count("The cause is looked for on copies") == 1
    assert "1. initialization: Between images the outputs differ by" in out
    silent = train(folder, 100, monkeypatch, replicas)
    assert "of the last" not in capsys.readouterr().out
    for ours, theirs in zip(
        explained.model.get_weights(), silent.model.get_weights(), strict=True
    ):
        np.testing.assert_array_equal(ours, theirs)
