"""Ridge regression against its primal form; neighbours against loops."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st

from alexnet_lab import linear_probe


def example(seed=0, number=30, width=8, classes=3):
    generator = np.random.default_rng(seed)
    labels = np.arange(number) % classes
    centres = generator.normal(0, 1, (classes, width))
    return centres[labels] + generator.normal(0, 1, (number, width)), labels


def primal(features, targets, penalty):
    """Solves for the weights, the intercept unpenalized, by least squares."""
    mean, offset = features.mean(0), targets.mean(0)
    width = features.shape[1]
    rows = np.vstack([features - mean, np.sqrt(penalty) * np.eye(width)])
    right = np.vstack([targets - offset, np.zeros((width, targets.shape[1]))])
    kernel = np.linalg.lstsq(rows, right, rcond=None)[0]
    return kernel, offset - mean @ kernel


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.integers(4, 40), st.integers(1, 50))
def test_the_weights_are_those_of_the_primal_form(seed, number, width):
    features, labels = example(seed, number, width)
    probe = linear_probe.fit_probe(features, labels, 3)
    centred = features - features.mean(0)
    scale = np.square(centred).sum() / number
    targets = np.where(labels[:, None] == np.arange(3), 1.0, -1.0)
    kernel, bias = primal(features, targets, probe.ridge * scale)
    np.testing.assert_allclose(probe.kernel, kernel, atol=2e-3, rtol=1e-3)
    np.testing.assert_allclose(probe.bias, bias, atol=2e-3, rtol=1e-3)


@pytest.mark.parametrize("seed,number", [(3, 30), (4, 12), (5, 9)])
def test_the_ridge_is_the_one_that_leaves_out_best(seed, number):
    """Leaving out each example in turn, its part of the means too."""
    features, labels = example(seed, number, width=20)
    targets = np.where(labels[:, None] == np.arange(3), 1.0, -1.0)
    scale = np.square(features - features.mean(0)).sum() / number
    errors = {}
    for ridge in linear_probe.RIDGES:
        errors[ridge] = 0.0
        for out in range(number):
            keep = np.arange(number) != out
            kernel, bias = primal(features[keep], targets[keep], ridge * scale)
            found = features[out] @ kernel + bias
            errors[ridge] += np.square(targets[out] - found).sum()
    best = min(errors, key=errors.get)
    assert linear_probe.fit_probe(features, labels, 3).ridge == best
    assert len({round(error, 6) for error in errors.values()}) > 3


def test_an_example_does_not_vouch_for_itself():
    """Labels drawn at random cannot be told: the largest penalty is best.

    An earlier formula forgot the example's part in the mean, found no error
    at the smallest penalty, and lost four points on photographs.
    """
    generator = np.random.default_rng(0)
    features = generator.normal(0, 1, (60, 500))
    labels = generator.permutation(np.arange(60) % 2)
    probe = linear_probe.fit_probe(features, labels, 2)
    assert probe.ridge == max(linear_probe.RIDGES)


def test_it_learns_what_can_be_learnt_and_no_more():
    features, labels = example(number=300, width=20)
    held_out, truth = example(number=300, width=20)
    probe = linear_probe.fit_probe(features, labels, 3)
    assert probe.accuracy(held_out, truth) > 0.9
    shuffled = np.random.default_rng(1).permutation(labels)
    probe = linear_probe.fit_probe(features, shuffled, 3)
    assert probe.accuracy(held_out, truth) < 0.55


def test_a_feature_that_is_always_the_same_changes_nothing():
    features, labels = example()
    plain = linear_probe.fit_probe(features, labels, 3)
    more = np.column_stack([features, np.full(len(labels), 1e4)])
    other = linear_probe.fit_probe(more, labels, 3)
    np.testing.assert_allclose(
        other.scores(more), plain.scores(features), atol=1e-3
    )


def failing(*arguments):
    with pytest.raises(ValueError) as error:
        linear_probe.fit_probe(*arguments)
    return str(error.value)


def test_errors():
    features, labels = example()
    assert failing(features, labels[:-1], 3) == (
        "`features` must be (number, features), with a label for each. "
        "Received: features of shape (30, 8), labels of shape (29,)"
    )
    assert failing(features, labels + 1, 3) == (
        "`labels` must be two or more, from 0 to 2. "
        "Received: 30 labels from 1 to 3"
    )
    assert failing(features[:0], labels[:0], 3) == (
        "`labels` must be two or more, from 0 to 2. Received: 0 labels"
    )
    features[3, :2] = np.nan
    assert failing(features, labels, 3) == (
        "`features` must be finite. Received: 2 values of 240 that are not"
    )


def test_neighbours():
    features, _ = example(number=20)
    queries, _ = example(seed=1, number=6)
    found = linear_probe.nearest(features, queries, 3)
    for query, indices in zip(queries, found, strict=True):
        cosines = [
            sum(a * b for a, b in zip(query, x)) / np.linalg.norm(x)
            for x in features
        ]
        assert indices.tolist() == np.argsort(cosines)[::-1][:3].tolist()
    silent = linear_probe.nearest(features, np.zeros((1, 8)))
    assert silent.shape == (1, 1)
