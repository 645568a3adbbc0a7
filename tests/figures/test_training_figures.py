"""The figures of a run show the numbers that they were given."""

import matplotlib
import numpy as np
import pytest

matplotlib.use("agg")

from alexnet_keras.figures import training  # noqa: E402

HISTORY = {
    "loss": [2.0, 1.0],
    "val_loss": [2.1, 1.25],
    "top_1": [0.3, 0.6],
    "val_top_1": [0.2, 0.5],
}


def test_curves_are_the_history_and_chance_is_drawn():
    loss, accuracy = training.plot_history(HISTORY, classes=10)
    for ax, names, chance in (
        (loss, ("loss", "val_loss"), np.log(10)),
        (accuracy, ("top_1", "val_top_1"), 0.1),
    ):
        first, second, line = ax.get_lines()
        assert list(first.get_ydata()) == HISTORY[names[0]]
        assert list(second.get_ydata()) == HISTORY[names[1]]
        assert set(line.get_ydata()) == {chance}
    assert loss.get_title() == "Validation loss 1.25; chance is 2.30"
    assert accuracy.get_title() == "Validation top-1 50%; chance is 10.0%"


def test_a_run_without_validation_is_drawn_too():
    loss, _ = training.plot_history({"loss": [1.0]}, classes=3)
    assert loss.get_title() == "Validation loss nan; chance is 1.10"


@pytest.mark.parametrize("as_tensor", [False, True])
def test_predictions_count_and_mark_errors(as_tensor):
    images = np.zeros((3, 4, 4, 3), "uint8")
    labels = np.array([0, 1, 1])
    if as_tensor:
        tf = pytest.importorskip("tensorflow")
        images, labels = tf.constant(images), tf.constant(labels)
    scores = np.array([[0.75, 0.25], [0.75, 0.25], [0.25, 0.75]])
    axes = training.plot_predictions(
        images, labels, scores, ("cat", "dog"), columns=2
    )
    titles = [ax.get_title() for ax in axes.flat]
    assert titles == ["cat 75%", "✗ cat 75%\nis dog", "dog 75%", ""]
    assert axes[0, 0].figure.get_suptitle() == "2 of 3 classified correctly"


def test_networks_are_compared_after_the_images_that_all_have_seen():
    def record(accuracies, train_size):
        return {
            "history": {"val_top_1": accuracies},
            "train_size": train_size,
            "class_names": list("abcd"),
        }

    records = {
        "long": [record([0.1, 0.2, 0.9], 1000), record([0.1, 0.4, 0.7], 1000)],
        "short": record([0.35], 2000),
    }
    ax = training.plot_comparison(records)
    # After 2,000 images: the mean of 80 % and 60 % against 65 %.
    assert ax.get_title() == (
        "Error after 2,000 images: `short` has 65 %, `long` 70 %"
    )
    lines = {line.get_label(): line for line in ax.get_lines()}
    long = lines["long (2)"]
    np.testing.assert_array_equal(long.get_xdata(), [1e3, 2e3, 3e3])
    np.testing.assert_allclose(long.get_ydata(), [90, 70, 20])
    band = ax.collections[0].get_paths()[0].vertices
    assert {(2000, 60), (2000, 80)} <= {tuple(x.round(6)) for x in band}
    assert set(lines["chance"].get_ydata()) == {75.0}
    styles = {
        (lines[name].get_marker(), lines[name].get_linestyle())
        for name in ("long (2)", "short")
    }
    assert len(styles) == 2  # told apart without colour
    assert ax.get_xlabel() and ax.get_ylabel()
