"""Means and colours of a data set: in one pass, against plain loops, kept."""

import numpy as np
import pytest
from test_color_noise import dataset_of

tf = pytest.importorskip("tensorflow")
from alexnet_keras.data import photo_patches  # noqa: E402
from alexnet_keras.data import preprocessing  # noqa: E402
from alexnet_keras.data import statistics  # noqa: E402
from alexnet_keras.data.image_data import ImageData  # noqa: E402
from alexnet_keras.data.readers import Reader  # noqa: E402


def test_mean_pixel_is_the_mean_of_the_images_means():
    pictures = [
        np.full((4, 5, 3), (10, 20, 30), "uint8"),
        np.full((9, 2, 3), (30, 40, 50), "uint8"),
    ]
    dataset = dataset_of(pictures)
    np.testing.assert_allclose(statistics.mean_pixel(dataset), [20, 30, 40])
    np.testing.assert_allclose(statistics.mean_pixel(dataset, 1), [10, 20, 30])


def test_mean_image_is_the_mean_of_the_squares():
    pictures = [
        photo_patches.load_photograph(name)
        for name in ("chelsea", "rocket", "astronaut")
    ]
    mean = statistics.mean_image(dataset_of(pictures), 64)
    squares = [preprocessing.center_square(picture, 64) for picture in pictures]
    assert mean.dtype == np.float32
    np.testing.assert_allclose(mean, np.mean(squares, axis=0), rtol=1e-6)
    first = statistics.mean_image(dataset_of(pictures), 64, limit=1)
    np.testing.assert_array_equal(first, squares[0])


@pytest.mark.parametrize("limit", [0, 5])
def test_a_mean_of_nothing_is_refused(limit):
    empty = dataset_of([np.zeros((4, 4, 3), "uint8")] if not limit else [])
    for function in (
        lambda: statistics.mean_pixel(empty, limit=limit),
        lambda: statistics.mean_image(empty, 8, limit=limit),
        lambda: statistics.color_pca(empty, limit=limit),
    ):
        with pytest.raises(ValueError, match="has no image to measure"):
            function()


@pytest.mark.parametrize("mean", ["pixel", "image"])
def test_all_is_measured_in_one_pass_and_survives_a_file(mean, tmp_path):
    pictures = [
        photo_patches.load_photograph(name)
        for name in ("chelsea", "rocket", "astronaut")
    ]
    dataset, reads = dataset_of(pictures), []

    class Counting(Reader):
        def __call__(self, image):
            read = tf.numpy_function(count, [image], tf.uint8)
            return tf.ensure_shape(read, (None, None, 3))

    def count(image):
        reads.append(image.shape)
        return image

    data = ImageData("", ("a",), dataset, dataset, 3, 3, Counting())
    found = statistics.measure(data, mean, 56)
    assert len(reads) == 3
    expected = statistics.mean_pixel(dataset)
    if mean == "image":
        whole = statistics.mean_image(dataset, 64)
        expected = preprocessing.center_crop(whole, 56)
    np.testing.assert_array_equal(found.mean, expected)
    assert found.colors == statistics.color_pca(dataset)
    np.savez(tmp_path / "file.npz", **found.to_arrays())
    read = statistics.DataStatistics.from_arrays(np.load(tmp_path / "file.npz"))
    np.testing.assert_array_equal(read.mean, found.mean)
    assert read.colors == found.colors
