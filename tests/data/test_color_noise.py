"""Colour components, colour noise and ÷1.1 against NumPy."""

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st
from support import message_of

tf = pytest.importorskip("tensorflow")

from alexnet_keras import layers  # noqa: E402
from alexnet_keras.data import color_noise  # noqa: E402
from alexnet_keras.data import photo_patches  # noqa: E402
from alexnet_keras.data import statistics  # noqa: E402


def dataset_of(pictures, dtype=tf.uint8):
    return tf.data.Dataset.from_generator(
        lambda: ((picture, 0) for picture in pictures),
        output_signature=(
            tf.TensorSpec((None, None, 3), dtype),
            tf.TensorSpec((), tf.int64),
        ),
    )


def covariance_of(pca):
    """Put together again from the components."""
    vectors = np.array(pca.vectors)
    return vectors.T @ np.diag(np.square(pca.deviations)) @ vectors


@pytest.fixture(scope="module")
def photographs():
    return [
        photo_patches.load_photograph(name)
        for name in photo_patches.PHOTOGRAPHS
    ]


@pytest.fixture
def batch():
    return np.random.default_rng(0).integers(0, 256, (5, 6, 7, 3), "uint8")


def test_components_are_those_of_numpys_covariance(photographs):
    pca = statistics.color_pca(dataset_of(photographs))
    pixels = np.concatenate([p.reshape(-1, 3) for p in photographs])
    expected = np.cov(pixels.T.astype(float), bias=True)
    np.testing.assert_allclose(covariance_of(pca), expected, rtol=1e-10)
    values, vectors = np.linalg.eigh(expected)
    np.testing.assert_allclose(pca.deviations, np.sqrt(values[::-1]))
    alike = np.abs(np.array(pca.vectors) @ vectors[:, ::-1])
    np.testing.assert_allclose(alike, np.eye(3), atol=1e-10)


def test_every_pixel_counts_the_same(photographs):
    """Cut in two, the same pixels give the same bits; a limit is kept."""
    whole = statistics.color_pca(dataset_of(photographs[2:3]))
    chelsea = photographs[2]
    halves = [chelsea[:100], chelsea[100:], photographs[0]]
    assert statistics.color_pca(dataset_of(halves), limit=2) == whole
    assert statistics.color_pca(dataset_of(halves)) != whole


@hypothesis.settings(max_examples=25)
@hypothesis.given(
    count=st.integers(1, 20), seed=st.integers(0, 999), span=st.integers(1, 256)
)
def test_components_are_orthonormal_and_sorted(count, seed, span):
    picture = np.random.default_rng(seed).integers(0, span, (1, count, 3))
    picture = picture.astype("uint8")
    pca = statistics.color_pca(tf.data.Dataset.from_tensors((picture, 0)))
    vectors = np.array(pca.vectors)
    np.testing.assert_allclose(vectors @ vectors.T, np.eye(3), atol=1e-12)
    assert list(pca.deviations) == sorted(pca.deviations, reverse=True)
    assert min(pca.deviations) >= 0
    assert all(row[np.abs(row).argmax()] > 0 for row in vectors)
    expected = np.cov(picture[0].T.astype(float), bias=True)
    np.testing.assert_allclose(covariance_of(pca), expected, atol=1e-9)


def test_grey_pictures_vary_in_brightness_only():
    grey = np.repeat(np.arange(256, dtype="uint8")[None, :, None], 3, -1)
    pca = statistics.color_pca(dataset_of([grey]))
    np.testing.assert_allclose(pca.vectors[0], 3**-0.5)
    variance = (256**2 - 1) / 12  # of the numbers from 0 to 255
    np.testing.assert_allclose(pca.deviations[0], np.sqrt(3 * variance))
    np.testing.assert_allclose(pca.deviations[1:], 0, atol=1e-5)
    flat = statistics.color_pca(dataset_of([np.full((9, 9, 3), 200, "uint8")]))
    assert flat.deviations == (0, 0, 0)


def test_what_has_no_colours_is_refused():
    assert message_of(statistics.color_pca, dataset_of([], tf.float32)) == (
        "`dataset` must have uint8 images, as they are read. Received: float32"
    )


def test_imagenets_numbers_are_deviations():
    """The square-root question: what fits pixels from 0 to 255."""
    stored = color_noise.IMAGENET_COLORS
    vectors = np.array(stored.vectors)
    np.testing.assert_allclose(vectors @ vectors.T, np.eye(3), atol=5e-4)
    deviations = np.array(stored.deviations)
    # All variance of R, G and B together: 74 grey levels each, as photographs
    # have. As eigenvalues they would make 7.7 grey levels.
    np.testing.assert_allclose(np.sum(deviations**2), 16_595, atol=1)
    assert 60 < np.sqrt(np.sum(deviations**2) / 3) < 90
    np.testing.assert_allclose(0.1 * deviations[0] ** 2, 1483, atol=0.5)
    # The eigenvalues on the scale 0–1 of the "Lighting" transform.
    lighting = np.array([0.2175, 0.0188, 0.0045])
    as_deviations = 255 * np.sqrt(lighting)
    np.testing.assert_allclose(as_deviations, [118.9, 35.0, 17.1], atol=0.05)
    np.testing.assert_allclose(as_deviations, deviations, rtol=0.15)
    noise = 0.1 * 255 * lighting  # what that transform adds, in grey levels
    np.testing.assert_allclose(noise, [5.5, 0.48, 0.11], rtol=0.05)
    ratios = 0.1 * deviations / noise
    np.testing.assert_allclose(ratios, [2.2, 7.7, 17], rtol=0.02)


@pytest.mark.parametrize("strength", [0.1, 0.5])
def test_noise_has_the_covariance_of_the_components(strength):
    draws = 20_000
    noise = color_noise.add_color_noise(
        np.zeros((draws, 1, 1, 3)), (1, 2), strength=strength
    ).numpy()[:, 0, 0]
    expected = strength**2 * covariance_of(color_noise.IMAGENET_COLORS)
    variances = np.diag(expected)
    error = np.sqrt((np.outer(variances, variances) + expected**2) / draws)
    measured = np.cov(noise.T.astype(float))
    assert np.abs((measured - expected) / error).max() < 4
    assert np.abs(noise.mean(0) / np.sqrt(variances / draws)).max() < 4


def test_noise_along_one_component():
    only = color_noise.ColorPCA(
        (0.0, 30.0, 0.0), ((1.0, 0.0, 0.0), (0.0, 0.6, 0.8), (0.0, -0.8, 0.6))
    )
    noise = color_noise.add_color_noise(np.zeros((2000, 1, 1, 3)), (1, 2), only)
    red, green, blue = noise.numpy()[:, 0, 0].T
    assert not red.any()
    np.testing.assert_allclose(green / 0.6, blue / 0.8, rtol=1e-5)
    np.testing.assert_allclose(np.std(green / 0.6), 3.0, rtol=0.06)


def test_every_pixel_of_an_image_gets_the_same_color(batch):
    noised = color_noise.add_color_noise(batch, (1, 2)).numpy()
    assert noised.dtype == np.float32
    noise = noised - batch
    first = noise[:, :1, :1]
    np.testing.assert_allclose(
        noise, np.broadcast_to(first, noise.shape), atol=1e-4
    )
    assert len(np.unique(first.round(2))) == first.size  # one for each image


def test_strength_scales_and_zero_changes_nothing(batch):
    for zero in (0, 0.0, tf.constant(0.0)):
        unchanged = color_noise.add_color_noise(batch, (1, 2), strength=zero)
        np.testing.assert_array_equal(unchanged, batch)
    zeros = np.zeros((4, 2, 2, 3), "float32")
    tenth, double = (
        color_noise.add_color_noise(zeros, (1, 2), strength=strength).numpy()
        for strength in (0.1, tf.constant(0.2))
    )
    np.testing.assert_allclose(double, 2 * tenth, rtol=1e-5)


def test_same_seed_gives_same_noise(batch):
    first, again, other = (
        color_noise.add_color_noise(batch, seed).numpy()
        for seed in ((3, 4), (3, 4), (3, 5))
    )
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).min(axis=(1, 2, 3)).max() > 0.1


@pytest.mark.parametrize("shape", [(3,), (6, 7, 3)])
def test_shrinking_divides_what_the_model_sees(batch, shape):
    mean = np.random.default_rng(1).uniform(90, 130, shape).astype("float32")
    model = layers.SubtractMean(mean)
    seen = model(color_noise.shrink_contrast(batch, mean)).numpy()
    np.testing.assert_allclose(seen, (batch - mean) / 1.1, atol=1e-4)
    halved = model(color_noise.shrink_contrast(batch, mean, divisor=2)).numpy()
    np.testing.assert_allclose(halved, (batch - mean) / 2, atol=1e-4)


def test_divisor_may_be_a_tensor_and_one_changes_nothing(batch):
    @tf.function
    def shrink(divisor):
        return color_noise.shrink_contrast(
            batch, [120.0, 115.0, 100.0], divisor
        )

    np.testing.assert_array_equal(shrink(tf.constant(1.0)), batch)
    np.testing.assert_array_equal(
        shrink(tf.constant(1.1)),
        color_noise.shrink_contrast(batch, [120.0, 115.0, 100.0]),
    )
    assert color_noise.shrink_contrast(batch, [0, 0, 0], 1).dtype == tf.float32
