"""The figures of networks that do not train show what they were given."""

import matplotlib
import matplotlib.colors
import numpy as np
import pytest

matplotlib.use("agg")
pytest.importorskip("tensorflow")

from alexnet_lab import diagnosis_figures  # noqa: E402
from alexnet_lab.gradients import Signal  # noqa: E402


def signal(name, values, gradients):
    return Signal(name, np.array(values), np.array(gradients))


def test_signals_are_differences_forward_and_sizes_back():
    trace = [
        signal("conv1", [[1.0, 5.0], [3.0, 5.0]], [[3.0, 0.0], [0.0, 3.0]]),
        signal("fc6", [[2.0], [2.0]], [[0.0], [0.0]]),
    ]
    forward, back = diagnosis_figures.plot_signals({"a": trace, "b": trace})
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
    (ax,) = diagnosis_figures.plot_starts(outcomes, ratios, rows, columns)
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
    frames = [
        (
            patch.get_x(),
            patch.get_y(),
            matplotlib.colors.to_hex(patch.get_edgecolor()),
        )
        for patch in ax.patches
    ]
    assert frames == [  # one over the other: it shows on light and on dark
        (0.54, -0.44, "#ffffff"),
        (0.54, -0.44, "#000000"),
        (0.54, 0.56, "#ffffff"),
        (0.54, 0.56, "#000000"),
    ]
    outer, inner = (patch.get_linewidth() for patch in ax.patches[:2])
    assert outer > inner
    np.testing.assert_array_equal(
        ax.get_images()[0].get_array(), [[0, 1], [0.5, 0]]
    )
    assert [label.get_text() for label in ax.get_yticklabels()] == rows
    assert ax.get_title() == "2012"
