"""Full batches, each image counted, whatever the numbers."""

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st

tf = pytest.importorskip("tensorflow")

from alexnet_keras import batches  # noqa: E402
from alexnet_keras import datasets  # noqa: E402


def numbered(count):
    """Images of one colour each, the image's number, which is its label."""
    pictures = np.repeat(np.arange(count, dtype="uint8"), 20 * 20 * 3).reshape(
        count, 20, 20, 3
    )
    dataset = tf.data.Dataset.from_tensor_slices(
        (pictures, np.arange(count, dtype="int64"))
    )
    names = tuple(map(str, range(count)))
    return datasets.ImageData("test", names, dataset, dataset, count, count)


@hypothesis.settings(max_examples=15)
@hypothesis.given(count=st.integers(1, 40), batch_size=st.integers(1, 50))
def test_validation_counts_every_image_once(count, batch_size):
    seen, loss_sum, images_in_batches = [], 0.0, 0
    for images, labels, weights in batches.validation_batches(
        numbered(count), 8, batch_size
    ):
        assert images.shape == (batch_size, 8, 8, 3)
        real = weights.numpy() > 0
        np.testing.assert_array_equal(images[:, 0, 0, 0], labels)
        seen += labels.numpy()[real].tolist()
        loss_sum += float(np.sum(weights.numpy() * labels.numpy()))
        images_in_batches += batch_size
    assert sorted(seen) == list(range(count))
    # Keras divides by all images, filling included: the mean comes out exact.
    np.testing.assert_allclose(
        loss_sum / images_in_batches, np.mean(range(count)), rtol=1e-5
    )


@hypothesis.settings(max_examples=15)
@hypothesis.given(count=st.integers(1, 40), batch_size=st.integers(1, 50))
def test_training_batches_are_full_and_use_every_image_equally(
    count, batch_size
):
    passes = 3
    needed = -(-passes * count // batch_size)
    seen = []
    stream = batches.training_batches(numbered(count), 8, batch_size)
    for images, labels in stream.take(needed):
        assert images.shape == (batch_size, 8, 8, 3)
        assert images.dtype == tf.uint8
        seen += labels.numpy().tolist()
    counts = np.bincount(seen[: passes * count], minlength=count)
    assert set(counts) == {passes}


def test_same_seed_gives_the_same_stream_and_another_does_not():
    def labels(seed):
        stream = batches.training_batches(numbered(30), 8, 30, seed=seed)
        return np.concatenate([labels for _, labels in stream.take(2)])

    np.testing.assert_array_equal(labels(1), labels(1))
    assert not np.array_equal(labels(1), labels(2))
    first, second = np.split(labels(1), 2)
    assert not np.array_equal(first, second)  # shuffled anew each epoch


def test_an_image_is_cropped_anew_each_time():
    pictures = np.random.default_rng(0).integers(0, 255, (1, 20, 20, 3))
    dataset = tf.data.Dataset.from_tensor_slices(
        (pictures.astype("uint8"), np.zeros(1, "int64"))
    )
    data = datasets.ImageData("test", ("a",), dataset, dataset, 1, 1)
    images, _ = next(iter(batches.training_batches(data, 16, 40)))
    distinct = {image.tobytes() for image in images.numpy()}
    # Resized to 18 pixels: 9 windows and their mirrors.
    assert 9 < len(distinct) <= 18
