"""The probe: its penalty, what it learns; neighbours against loops."""

import numpy as np
from sklearn.linear_model import Ridge

from alexnet_lab import linear_probe


def example(seed=0, number=30, width=8, classes=3):
    generator = np.random.default_rng(seed)
    labels = np.arange(number) % classes
    centres = generator.normal(0, 1, (classes, width))
    return centres[labels] + generator.normal(0, 1, (number, width)), labels


def test_the_ridge_is_the_one_that_leaves_out_best():
    """Leaving out each example in turn, its part of the means too."""
    features, labels = example(number=12, width=20)
    targets = np.where(labels[:, None] == np.arange(3), 1.0, -1.0)
    scale = np.square(features - features.mean(0)).sum() / 12
    errors = {}
    for penalty in scale * np.array(linear_probe.RIDGES):
        errors[penalty] = 0.0
        for out in range(12):
            keep = np.arange(12) != out
            found = Ridge(penalty).fit(features[keep], targets[keep])
            missed = targets[out] - found.predict(features[out : out + 1])
            errors[penalty] += np.square(missed).sum()
    best = min(errors, key=errors.get)
    probe = linear_probe.fit_probe(features, labels)
    np.testing.assert_allclose(probe.alpha_, best)
    assert len({round(error, 6) for error in errors.values()}) > 3


def test_it_learns_what_can_be_learnt_and_no_more():
    features, labels = example(number=300, width=20)
    held_out, truth = example(number=300, width=20)
    probe = linear_probe.fit_probe(features, labels)
    assert probe.score(held_out, truth) > 0.9
    shuffled = np.random.default_rng(1).permutation(labels)
    probe = linear_probe.fit_probe(features, shuffled)
    assert probe.score(held_out, truth) < 0.55


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
