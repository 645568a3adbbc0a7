"""Hits, confusions and loss against counts in plain Python."""

import dataclasses
import math

import hypothesis
import keras
import numpy as np
import pytest
from hypothesis import strategies as st
from support import run_python

from alexnet_keras import metrics as scores


def plain_hit(values, label, k):
    """A hit if fewer than k other classes score at least as much."""
    rivals = [
        value
        for index, value in enumerate(values)
        if index != label and value >= values[label]
    ]
    return float(len(rivals) < k)


def tally(labels, probabilities, class_names):
    counted = scores.Tally(class_names)
    counted.add(np.array(labels), np.array(probabilities))
    return counted.result()


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
    hits = scores.top_k_hits(np.array(labels), np.array(rows, "float32"), k)
    expected = [plain_hit(row, label, k) for row, label in zip(rows, labels)]
    assert np.asarray(hits).tolist() == expected


@pytest.mark.parametrize("value", [0.1, np.nan, np.inf])
def test_a_dead_network_scores_nothing(value):
    rows = np.full((4, 10), value, "float32")
    labels = np.arange(4)
    assert np.asarray(scores.top_5(labels, rows)).sum() == 0
    result = tally(labels, rows, "abcdefghij")
    assert (result.top_1, result.top_5) == (0, 0)
    assert (result.images, result.undecided) == (4, 4)
    assert result.confusion.sum() == 0
    assert math.isnan(result.loss) == (value != 0.1)
    if value == 0.1:  # what TensorFlow makes of the same scores
        keras_top_5 = keras.metrics.sparse_top_k_categorical_accuracy
        assert np.asarray(keras_top_5(labels, rows, k=5)).mean() == 1.0


def test_labels_may_come_as_a_column():
    rows = np.eye(3, dtype="float32")
    hits = scores.top_1(np.array([[0], [1], [0]]), rows)
    assert np.asarray(hits).tolist() == [1.0, 1.0, 0.0]


@hypothesis.settings(max_examples=50)
@hypothesis.given(data=st.data(), count=st.integers(1, 12))
def test_tally_equals_plain_counts_in_batches_of_any_size(data, count):
    names = tuple("abcdefg")
    # Few different values: many ties.
    value = st.sampled_from([0.0, 0.125, 0.25, 0.5, math.nan])
    row_of = st.lists(value, min_size=7, max_size=7)
    rows = [data.draw(row_of) for _ in range(count)]
    labels = [data.draw(st.integers(0, 6)) for _ in rows]
    cut = data.draw(st.integers(0, count))
    counted = scores.Tally(names)
    for part in (slice(0, cut), slice(cut, count)):
        counted.add(
            np.array(labels[part], "int64"),
            np.array(rows[part], "float32").reshape(-1, 7),
        )
    result = counted.result()

    images, hits_1, hits_5, undecided = np.zeros((4, 7), int)
    confusion, loss = np.zeros((7, 7), int), 0.0
    for label, row in zip(labels, rows):
        images[label] += 1
        finite = not any(map(math.isnan, row))
        own = max(row[label], 2.0**-126)
        loss -= math.log(own) if finite else math.nan
        hits_1[label] += finite and plain_hit(row, label, 1)
        hits_5[label] += finite and plain_hit(row, label, 5)
        if finite and row.count(max(row)) == 1:
            confusion[label, row.index(max(row))] += 1
        else:
            undecided[label] += 1
    assert result.confusion.tolist() == confusion.tolist()
    assert [dataclasses.astuple(row) for row in result.classes] == list(
        zip(names, images, hits_1, hits_5, undecided)
    )
    totals = images, hits_1, hits_5, undecided
    assert (
        result.images,
        result.top_1_hits,
        result.top_5_hits,
        result.undecided,
    ) == tuple(total.sum() for total in totals)
    assert result.top_1_hits == np.trace(result.confusion)
    np.testing.assert_allclose(result.loss, loss / count, rtol=1e-6)


def test_a_probability_of_zero_costs_87_nats():
    result = tally([1], [[1.0, 0.0]], "ab")
    np.testing.assert_allclose(result.loss, 126 * math.log(2), rtol=1e-12)


def test_shares_and_mistakes_by_class():
    labels = [0, 0, 0, 0, 0, 2]
    guesses = [0, 1, 1, 2, 0, 2]
    result = tally(labels, np.eye(3)[guesses], ("cat", "dog", "elk"))
    cat, dog, elk = result.classes
    assert (cat.top_1, elk.top_1) == (0.4, 1.0)
    assert math.isnan(dog.top_1) and math.isnan(dog.top_5)
    assert result.mistakes(0) == [("dog", 2), ("elk", 1)]
    assert result.mistakes(1) == result.mistakes(2) == []


def test_a_result_does_not_change_with_later_batches():
    counted = scores.Tally("ab")
    counted.add(np.array([0]), np.eye(2)[:1])
    early = counted.result()
    counted.add(np.array([1]), np.eye(2)[:1])
    assert early.confusion.tolist() == [[1, 0], [0, 0]]
    assert counted.result().confusion.tolist() == [[1, 0], [1, 0]]


@pytest.mark.parametrize(
    "labels, probabilities, message",
    [
        (
            [0, 1],
            [[1.0, 0.0]],
            "`probabilities` must have a row for each label and a column for "
            "each of 2 classes. Received: labels of shape (2,), probabilities "
            "of shape (1, 2)",
        ),
        ([2], [[1.0, 0.0]], "`labels` must be from 0 to 1. Received: 2"),
        ([-1], [[1.0, 0.0]], "`labels` must be from 0 to 1. Received: -1"),
    ],
)
def test_what_does_not_fit_is_refused(labels, probabilities, message):
    with pytest.raises(ValueError) as caught:
        tally(labels, probabilities, "ab")
    assert str(caught.value) == message


def test_nothing_counted_is_no_result():
    with pytest.raises(ValueError) as caught:
        scores.Tally("ab").result()
    assert str(caught.value) == "There must be images to count. Received: none"


@pytest.mark.extra
def test_counts_on_another_backend_without_tensorflow():
    pytest.importorskip("torch", reason="needs the torch backend")
    code = """
import sys

import numpy as np

from alexnet_keras import metrics as scores

counted = scores.Tally(tuple("abcdefgh"))
counted.add(np.array([0, 1, 2]), np.eye(8)[[0, 1, 1]])
result = counted.result()
print(result.top_1_hits, result.undecided, "tensorflow" in sys.modules)
"""
    assert run_python(code, backend="torch") == "2 0 False\n"


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
    for k, metric in (1, scores.top_1), (5, scores.top_5):
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
    with pytest.raises(ValueError) as caught:
        scores.top_1(labels, rows)
    assert f"`{argument}` must be" in str(caught.value)


@pytest.mark.parametrize("one_hot", [False, True])
def test_metrics_in_a_training_that_is_saved_and_loaded(one_hot, tmp_path):
    generator = np.random.default_rng(0)
    rows, labels = generator.random((40, 3)), generator.integers(0, 6, 40)
    model = keras.Sequential(
        [keras.Input((3,)), keras.layers.Dense(6, activation="softmax")]
    )
    loss = "categorical_crossentropy"
    targets = np.eye(6)[labels] if one_hot else labels
    metrics = [scores.top_1, scores.top_5]
    model.compile("sgd", loss if one_hot else f"sparse_{loss}", metrics=metrics)
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
