"""The confusion picture shows the counts, and its title the worst of them."""

import matplotlib
import numpy as np
import pytest

matplotlib.use("agg")

from matplotlib import pyplot as plt  # noqa: E402

from alexnet_keras import metrics  # noqa: E402
from alexnet_keras.figures import evaluation  # noqa: E402


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def evaluate(labels, guesses, class_names):
    tally = metrics.Tally(class_names)
    tally.add(np.array(labels), np.eye(len(class_names))[guesses])
    return tally.result()


def test_cells_have_counts_and_shades_are_shares_of_the_row():
    result = evaluate([0, 0, 0, 0, 1], [0, 1, 1, 1, 1], ("cat", "dog"))
    ax = evaluation.plot_confusion(result)
    shares = ax.get_images()[0].get_array()
    assert shares.tolist() == [[0.25, 0.75], [0, 1]]
    cells = {text.get_position(): text.get_text() for text in ax.texts}
    assert cells == {(0, 0): "1", (1, 0): "3", (1, 1): "1"}  # (column, row)
    assert [label.get_text() for label in ax.get_xticklabels()] == [
        "cat",
        "dog",
    ]
    assert [label.get_text() for label in ax.get_yticklabels()] == [
        "cat",
        "dog",
    ]
    assert ax.get_title() == (
        "Most frequent confusion:\n3 of 4 'cat' are called 'dog'"
    )
    assert ax.get_xlabel() == "the network calls it"
    assert ax.get_ylabel() == "true class"


def test_text_stands_out_from_its_cell():
    labels = [0] * 100
    guesses = [0] * 60 + [1] * 30 + [2] * 9 + [3]
    ax = evaluation.plot_confusion(evaluate(labels, guesses, "abcd"))
    picture = ax.get_images()[0]
    for text in ax.texts:
        column, row = text.get_position()
        cell = picture.to_rgba(picture.get_array())[row, column, :3]
        ink = matplotlib.colors.to_rgb(text.get_color())
        light, dark = sorted(map(luminance, (cell, ink)), reverse=True)
        assert (light + 0.05) / (dark + 0.05) > 4.5  # WCAG 2.1, 1.4.3


def luminance(color):
    """Relative luminance as WCAG 2.1 defines it."""
    linear = [
        value / 12.92 if value <= 0.03928 else ((value + 0.055) / 1.055) ** 2.4
        for value in color
    ]
    return np.dot([0.2126, 0.7152, 0.0722], linear)


def test_shades_are_read_without_hue():
    shares = np.linspace(0, 1, 50)
    ax = evaluation.plot_confusion(evaluate([0], [0], "ab"))
    shown = ax.get_images()[0].to_rgba(shares[None])[0, :, :3]
    assert np.all(np.diff([luminance(color) for color in shown]) < 0)


@pytest.mark.parametrize(
    "classes, numbers, names",
    [(20, 20, 20), (21, 0, 21), (60, 0, 60), (61, 0, 0), (1000, 0, 0)],
)
def test_many_classes_have_no_room_for_text(classes, numbers, names):
    every = [f"class {number}" for number in range(classes)]
    result = evaluate(range(classes), range(classes), every)
    ax = evaluation.plot_confusion(result)
    assert len(ax.texts) == numbers
    labels = [label.get_text() for label in ax.get_yticklabels()]
    assert len(set(labels) & set(every)) == names
    assert ax.get_title() == "No class is taken for another"
    assert max(ax.figure.get_size_inches()) < 17


def test_undecided_images_are_said_and_in_no_cell():
    tally = metrics.Tally(("cat", "dog"))
    tally.add(np.array([0, 0, 1]), [[0.5, 0.5], [1, 0], [np.nan, np.nan]])
    ax = evaluation.plot_confusion(tally.result())
    assert ax.get_images()[0].get_array().tolist() == [[0.5, 0], [0, 0]]
    assert ax.get_xlabel() == (
        "the network calls it (undecided, in no cell: 2 of 3)"
    )


def test_draws_on_the_axes_that_it_is_given():
    _, ax = plt.subplots()
    result = evaluate([0, 1], [0, 0], ("cat", "dog"))
    assert evaluation.plot_confusion(result, ax) is ax
