"""The confusion picture shows the counts, and its title the worst of them."""

import matplotlib
import numpy as np
import pytest

matplotlib.use("agg")

from matplotlib import pyplot as plt  # noqa: E402

from alexnet_keras.figures import evaluation as figures  # noqa: E402
from alexnet_keras.inference.evaluation import Evaluation  # noqa: E402


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def evaluate(labels, guesses, class_names):
    probabilities = np.eye(len(class_names), dtype="float32")[guesses]
    return Evaluation(tuple(class_names), np.array(labels), probabilities)


def test_cells_have_counts_and_shades_are_shares_of_the_row():
    result = evaluate([0, 0, 0, 0, 1], [0, 1, 1, 1, 1], ("cat", "dog"))
    ax = figures.plot_confusion(result)
    shares = ax.get_images()[0].get_array()
    assert shares.tolist() == [[0.25, 0.75], [0, 1]]
    cells = {text.get_position(): text.get_text() for text in ax.texts}
    # (column, row)
    assert cells == {(0, 0): "1", (1, 0): "3", (0, 1): "", (1, 1): "1"}
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


@pytest.mark.parametrize(
    "classes, numbers, names",
    [(20, 400, 20), (21, 0, 21), (60, 0, 60), (61, 0, 0), (1000, 0, 0)],
)
def test_many_classes_have_no_room_for_text(classes, numbers, names):
    every = [f"class {number}" for number in range(classes)]
    result = evaluate(range(classes), range(classes), every)
    ax = figures.plot_confusion(result)
    assert len(ax.texts) == numbers
    labels = [label.get_text() for label in ax.get_yticklabels()]
    assert len(set(labels) & set(every)) == names
    assert ax.get_title() == "No class is taken for another"
    assert max(ax.figure.get_size_inches()) < 17


def test_undecided_images_are_said_and_in_no_cell():
    rows = np.array([[0.5, 0.5], [1, 0], [np.nan, np.nan]], "float32")
    result = Evaluation(("cat", "dog"), np.array([0, 0, 1]), rows)
    ax = figures.plot_confusion(result)
    assert ax.get_images()[0].get_array().tolist() == [[0.5, 0], [0, 0]]
    assert ax.get_xlabel() == (
        "the network calls it (undecided, in no cell: 2 of 3)"
    )


def test_draws_on_the_axes_that_it_is_given():
    _, ax = plt.subplots()
    result = evaluate([0, 1], [0, 0], ("cat", "dog"))
    assert figures.plot_confusion(result, ax) is ax
