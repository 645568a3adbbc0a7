"""What is said about a run, and what goes to TensorBoard."""

import math

import numpy as np
import pytest

tf = pytest.importorskip("tensorflow")
from toy_runs import make_images  # noqa: E402
from toy_runs import run  # noqa: E402

from alexnet_keras.training import results  # noqa: E402

pytestmark = pytest.mark.skipif(
    bool(tf.config.list_physical_devices("GPU")),
    reason="two logical CPUs stand in for two GPUs",
)


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    return make_images(tmp_path_factory.mktemp("images"), 24, 5)


def history(loss, val_loss, top_1=0.5, top_5=0.9):
    return {
        "loss": [loss],
        "val_loss": [val_loss],
        "val_top_1": [top_1],
        "val_top_5": [top_5],
    }


def test_a_network_at_chance_is_reported_as_such():
    learned, summary = results.summarize(history(2.3026, 2.31, 0.1, 1.0), 10)
    assert not learned
    assert summary == (
        "The network did not learn: the loss is 2.303, and guessing gives "
        "ln(10) = 2.303. Accuracies mean nothing here. Train for more epochs, "
        "or with another learning rate."
    )


def test_a_loss_that_is_no_number_is_reported():
    learned, summary = results.summarize({"loss": [1.0, math.nan]}, 10)
    assert not learned
    assert summary == (
        "The network did not learn: the loss is nan. Train again with a "
        "smaller learning rate."
    )


@pytest.mark.parametrize(
    "classes, summary",
    [
        (
            10,
            "Validation: top-1 50.0% (chance 10.0%), top-5 90.0% (chance "
            "50.0%), loss 0.400 (chance 2.303).",
        ),
        (
            3,
            "Validation: top-1 50.0% (chance 33.3%), loss 0.400 (chance 1.099).",
        ),
    ],
)
def test_what_was_learned_is_reported_against_chance(classes, summary):
    assert results.summarize(history(0.3, 0.4), classes) == (True, summary)


def test_divergence_ends_the_run_and_is_said(dataset, tmp_path, capsys):
    result = run(
        dataset,
        learning_rate=1e30,
        epochs=4,
        output=tmp_path,
        save_every=1,
        verbose=2,
    )
    loss = result.history["loss"][-1]
    assert not math.isfinite(loss)
    assert len(result.history["loss"]) < 4
    assert not result.learned
    assert result.summary == (
        f"The network did not learn: the loss is {loss}. Train again with a "
        "smaller learning rate."
    )
    assert f"{result.summary} (" in capsys.readouterr().out
    assert not list(tmp_path.glob("checkpoint*"))


def test_tensorboard_gets_the_curves(dataset, tmp_path):
    pytest.importorskip("tensorboard")
    result = run(dataset, epochs=2, output=tmp_path, tensorboard=True)
    found = {}
    for path in sorted((tmp_path / "tensorboard").rglob("events*")):
        for record in tf.data.TFRecordDataset(str(path)):
            event = tf.compat.v1.Event.FromString(record.numpy())
            for value in event.summary.value:
                if value.HasField("tensor"):
                    name = f"{path.parent.name} {value.tag}"
                    number = tf.make_ndarray(value.tensor)
                    found.setdefault(name, []).append(number)
    for split, prefix in (("train", ""), ("validation", "val_")):
        for name in ("loss", "top_1", "top_5"):
            np.testing.assert_allclose(
                found[f"{split} epoch_{name}"],
                result.history[prefix + name],
                rtol=1e-6,
            )
    np.testing.assert_allclose(found["train epoch_learning_rate"], [1e-3, 1e-4])
