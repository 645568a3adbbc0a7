"""Top-k hits against a count in plain Python."""

import hypothesis
import keras
import numpy as np
import pytest
from hypothesis import strategies as st

from alexnet_keras import evaluation


def plain_hit(scores, label, k):
    """A hit if fewer than k other classes score at least as much."""
    rivals = [
        score
        for index, score in enumerate(scores)
        if index != label and score >= scores[label]
    ]
    return float(len(rivals) < k)


@hypothesis.given(
    scores=st.lists(
        st.lists(st.integers(-3, 3), min_size=7, max_size=7),
        min_size=1,
        max_size=5,
    ),
    k=st.integers(1, 7),
    data=st.data(),
)
def test_hits_equal_a_plain_count_with_ties(scores, k, data):
    labels = [data.draw(st.integers(0, 6)) for _ in scores]
    hits = evaluation.top_k_hits(
        np.array(labels), np.array(scores, "float32"), k
    )
    expected = [plain_hit(s, label, k) for s, label in zip(scores, labels)]
    assert np.asarray(hits).tolist() == expected


@pytest.mark.parametrize("value", [0.1, np.nan, np.inf])
def test_a_dead_network_scores_nothing(value):
    scores = np.full((4, 10), value, "float32")
    labels = np.arange(4)
    assert np.asarray(evaluation.top_5(labels, scores)).sum() == 0
    if value == 0.1:  # what TensorFlow makes of the same scores
        keras_top_5 = keras.metrics.sparse_top_k_categorical_accuracy
        assert np.asarray(keras_top_5(labels, scores, k=5)).mean() == 1.0


def test_labels_may_come_as_a_column():
    scores = np.eye(3, dtype="float32")
    hits = evaluation.top_1(np.array([[0], [1], [0]]), scores)
    assert np.asarray(hits).tolist() == [1.0, 1.0, 0.0]
