"""Hits against counts in plain Python."""

import hypothesis
import keras
import numpy as np
import pytest
from hypothesis import strategies as st
from support import message_of

from alexnet_keras import metrics


def plain_hit(values, label, k):
    """A hit if fewer than k other classes score at least as much."""
    rivals = [
        value
        for index, value in enumerate(values)
        if index != label and value >= values[label]
    ]
    return float(len(rivals) < k)


@hypothesis.given(
    rows=st.lists(
        st.lists(st.integers(-3, 3), min_size=7, max_size=7),
        min_size=1,
        max_size=5,
    ),
    k=st.integers(1, 7),
    data=st.data(),
)
def test_hits_equal_a_plain_count_with_ties(rows, k, data):
    labels = [data.draw(st.integers(0, 6)) for _ in rows]
    hits = metrics.top_k_hits(np.array(labels), np.array(rows, "float32"), k)
    expected = [plain_hit(row, label, k) for row, label in zip(rows, labels)]
    assert np.asarray(hits).tolist() == expected


@pytest.mark.parametrize("value", [0.1, np.nan, np.inf])
def test_a_dead_network_scores_nothing(value):
    rows, labels = np.full((4, 10), value, "float32"), np.arange(4)
    assert np.asarray(metrics.top_5(labels, rows)).sum() == 0
    if value == 0.1:  # what TensorFlow makes of the same scores
        keras_top_5 = keras.metrics.sparse_top_k_categorical_accuracy
        assert np.asarray(keras_top_5(labels, rows, k=5)).mean() == 1.0


def test_labels_may_come_as_a_column():
    rows = np.eye(3, dtype="float32")
    hits = metrics.top_1(np.array([[0], [1], [0]]), rows)
    assert np.asarray(hits).tolist() == [1.0, 1.0, 0.0]


@pytest.mark.parametrize(
    "form",
    [
        lambda labels: labels.astype("float32"),
        lambda labels: labels[:, None].astype("int64"),
        lambda labels: np.eye(7)[labels],
        lambda labels: 0.9 * np.eye(7, dtype="float32")[labels] + 0.1 / 7,
    ],
    ids=["float", "column", "one-hot", "smoothed"],
)
def test_labels_of_any_form(form):
    generator = np.random.default_rng(0)
    labels, rows = generator.integers(0, 7, 50), generator.random((50, 7))
    for k, metric in (1, metrics.top_1), (5, metrics.top_5):
        hits = np.asarray(metric(form(labels), rows.astype("float32")))
        expected = [plain_hit(row, own, k) for row, own in zip(rows, labels)]
        assert hits.tolist() == expected


@pytest.mark.parametrize(
    "labels, rows, argument",
    [
        (np.eye(4)[:3], np.ones((3, 7), "float32"), "labels"),
        (np.zeros((3, 2, 1)), np.ones((3, 7), "float32"), "labels"),
        # Every label would be a hit.
        (np.zeros(3), np.ones((3, 1), "float32"), "scores"),
    ],
)
def test_labels_and_scores_of_other_shapes_are_refused(labels, rows, argument):
    assert f"`{argument}` must be" in message_of(metrics.top_1, labels, rows)


@pytest.mark.parametrize("one_hot", [False, True])
def test_metrics_in_a_training_that_is_saved_and_loaded(one_hot, tmp_path):
    generator = np.random.default_rng(0)
    rows, labels = generator.random((40, 3)), generator.integers(0, 6, 40)
    model = keras.Sequential(
        [keras.Input((3,)), keras.layers.Dense(6, activation="softmax")]
    )
    loss = "categorical_crossentropy"
    targets = np.eye(6)[labels] if one_hot else labels
    loss = loss if one_hot else f"sparse_{loss}"
    model.compile("sgd", loss, metrics=[metrics.top_1, metrics.top_5])
    model.fit(rows, targets, verbose=0)
    expected = [
        np.mean([plain_hit(row, own, k) for row, own in zip(found, labels)])
        for found in [model.predict(rows, verbose=0)]
        for k in (1, 5)
    ]
    model.save(tmp_path / "model.keras")
    for one in model, keras.models.load_model(tmp_path / "model.keras"):
        measured = one.evaluate(rows, targets, verbose=0)[1:]
        np.testing.assert_allclose(measured, expected, rtol=1e-6)
