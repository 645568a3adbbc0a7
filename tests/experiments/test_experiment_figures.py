"""The figures of experiments show the numbers that they were given."""

import matplotlib
import numpy as np
import pytest

matplotlib.use("agg")
pytest.importorskip("tensorflow")

from alexnet_lab.experiments import figures  # noqa: E402
from alexnet_lab.experiments.results import ExperimentResults  # noqa: E402
from alexnet_lab.gradients import Signal  # noqa: E402


def trial(seed, *errors):
    return {
        "seed": seed,
        "learning_rate": 0.03,
        "diverged": False,
        "seconds": 1.0,
        "train_error": [0.9, *errors],
        "val_error": [0.9, *(error + 0.1 for error in errors)],
        "train_loss": [2.3, *(2 * error for error in errors)],
        "val_loss": [2.3, *(3 * error for error in errors)],
    }


@pytest.fixture
def results():
    return ExperimentResults(
        {
            "conditions": {
                "relu": {
                    "learning_rate": 0.03,
                    "tried": {"0.01": 1.5, "0.03": 1.0, "0.1": None},
                    "trials": [trial(1, 0.5, 0.2), trial(2, 0.3)],
                },
                "tanh": {
                    "learning_rate": 0.03,
                    "tried": {"0.01": 2.5, "0.03": 2.0, "0.1": 2.2},
                    "trials": [trial(1, 0.6, 0.4)],
                },
                "waiting": {"learning_rate": None, "trials": []},
            }
        }
    )


def test_curves_are_every_seed_and_the_mean_where_all_still_train(results):
    ax = figures.plot_curves(results, ["relu"], target=0.25)
    mean, first, second, target = (line.get_ydata() for line in ax.get_lines())
    np.testing.assert_allclose(mean, [90, 40])
    np.testing.assert_allclose(first, [90, 50, 20])
    np.testing.assert_allclose(second, [90, 30, np.nan])
    assert set(target) == {25}
    assert ax.get_ylabel() == "training error (%)"


@pytest.mark.parametrize(
    "curve,label,last",
    [
        ("val_error", "validation error (%)", 50),
        ("train_loss", "training loss (nats)", 0.8),
        ("val_loss", "validation loss (nats)", 1.2),
    ],
)
def test_every_curve_has_its_unit(results, curve, label, last):
    ax = figures.plot_curves(results, ["tanh"], curve)
    assert ax.get_ylabel() == label
    assert ax.get_lines()[0].get_ydata()[-1] == pytest.approx(last)


def test_lines_differ_without_hue(results):
    ax = figures.plot_curves(results, ["relu", "tanh"])
    legend = {line.get_label(): line for line in ax.get_lines()}
    relu, tanh = legend["relu"], legend["tanh"]
    assert relu.get_marker() != tanh.get_marker()
    assert relu.get_linestyle() != tanh.get_linestyle()


def test_final_errors_leave_out_what_has_not_been_run(results):
    ax = figures.plot_final_errors(results)
    assert [t.get_text() for t in ax.get_yticklabels()] == ["relu", "tanh"]
    drawn = [line.get_xdata() for line in ax.get_lines()]
    np.testing.assert_allclose(drawn[0], [25, 35])  # the gap of the means
    np.testing.assert_allclose(drawn[1], [20, 30])
    np.testing.assert_allclose(drawn[2], [30, 40])


def test_final_errors_name_the_gap_and_keep_rows_off_the_frame(results):
    ax = figures.plot_final_errors(results)
    labels = [t.get_text() for t in ax.get_legend().get_texts()]
    assert labels == ["training", "validation", "gap of the means"]
    bottom, top = ax.get_ylim()  # the first condition is at the top
    assert top < 0 and bottom > 1
    left, right = ax.get_xlim()
    assert 0 < left < 20 and right > 50


def test_rates_show_the_chosen_one_and_leave_out_what_diverged(results):
    ax = figures.plot_rates(results, ["relu", "tanh"])
    lines = ax.get_lines()
    assert list(lines[0].get_xdata()) == [0.01, 0.03]
    assert list(lines[2].get_ydata()) == [2.5, 2.0, 2.2]
    labels = [t.get_text() for t in ax.get_legend().get_texts()]
    assert labels == ["relu: 0.03", "tanh: 0.03"]
    assert ax.get_xscale() == "log"


def test_starts_have_an_outcome_a_ratio_and_a_frame():
    rows, columns = ["He", "Glorot"], [0.0, 1.0]
    outcomes = {
        "2012": {
            ("He", 0.0): [1.0, 2.0],
            ("He", 1.0): [None, None],
            ("Glorot", 0.0): [None, 3.0],
            ("Glorot", 1.0): [2.0],
        }
    }
    ratios = {
        "2012": {
            ("He", 0.0): 0.5,
            ("He", 1.0): 12.34,
            ("Glorot", 0.0): 0.001,
            ("Glorot", 1.0): 1.01,
        }
    }
    (ax,) = figures.plot_starts(outcomes, ratios, rows, columns)
    texts = {
        text.get_position(): (text.get_text(), text.get_color())
        for text in ax.texts
    }
    assert texts == {
        (0, 0): ("1.5 epochs\n0.50 × limit", "black"),
        (1, 0): ("never\n12 × limit", "white"),
        (0, 1): ("1 of 2: 3.0 epochs\n<0.01 × limit", "black"),
        (1, 1): ("2.0 epochs\n1.01 × limit", "black"),
    }
    frames = [(patch.get_x(), patch.get_y()) for patch in ax.patches]
    assert frames == [(0.54, -0.44), (0.54, 0.56)]
    np.testing.assert_array_equal(
        ax.get_images()[0].get_array(), [[0, 1], [0.5, 0]]
    )
    assert [label.get_text() for label in ax.get_yticklabels()] == rows
    assert ax.get_title() == "2012"


def signal(name, values, back):
    return Signal(name, np.array(values), np.array(back))


def test_signals_are_differences_forward_and_sizes_back():
    trace = [
        signal("conv1", [[1.0, 5.0], [3.0, 5.0]], [[3.0, 0.0], [0.0, 3.0]]),
        signal("fc6", [[2.0], [2.0]], [[0.0], [0.0]]),
    ]
    forward, back = figures.plot_signals({"a": trace, "b": trace})
    for ax, first in ((forward, 0.5), (back, np.sqrt(4.5))):
        assert len(ax.get_lines()) == 2
        for line in ax.get_lines():
            assert list(line.get_xdata()) == ["conv1", "fc6"]
            assert line.get_ydata()[0] == pytest.approx(first)
            assert np.isnan(line.get_ydata()[1])  # 0 has no place on a log axis
        assert ax.get_yscale() == "log"
        assert ax.get_xlabel() == "layer"
        # Two that coincide are both to be seen: the second is the smaller.
        below, above = ax.get_lines()
        assert below.get_markersize() > above.get_markersize()
        assert below.get_linewidth() > above.get_linewidth()
    assert forward.get_ylabel() == "standard deviation over the images"
    assert back.get_ylabel() == "gradient, root mean square"
    (legend,) = forward.figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["a", "b"]
