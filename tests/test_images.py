"""Resizing, cropping and flipping against NumPy and Pillow."""

import numpy as np
import pytest
from PIL import Image

tf = pytest.importorskip("tensorflow")

from alexnet_keras import images  # noqa: E402
from alexnet_keras import photo_patches  # noqa: E402


@pytest.fixture(scope="module")
def photograph():
    return photo_patches.load_photograph("chelsea")  # 300 × 451


@pytest.mark.parametrize(
    "shape, size, expected",
    [
        ((300, 451), 256, (256, 385)),
        ((451, 300), 256, (385, 256)),
        ((256, 256), 256, (256, 256)),
        ((40, 40), 64, (64, 64)),
        ((1, 1000), 8, (8, 64)),
    ],
)
def test_shorter_side_gets_the_size_and_aspect_stays(shape, size, expected):
    image = np.zeros((*shape, 3), "uint8")
    assert images.resize_shorter_side(image, size).shape[:2] == expected


def test_resizing_is_pillows_antialiased_bilinear(photograph):
    ours = images.resize_shorter_side(photograph, 100).numpy()
    pillow = np.asarray(
        Image.fromarray(photograph).resize((150, 100), Image.BILINEAR)
    )
    assert ours.dtype == np.uint8
    difference = np.abs(ours.astype(int) - pillow)
    assert difference.max() <= 2


def test_center_crop_is_a_slice(photograph):
    crop = images.center_crop(photograph, 100).numpy()
    np.testing.assert_array_equal(crop, photograph[100:200, 175:275])


def test_random_crops_are_windows_or_their_mirrors():
    image = np.arange(7 * 6 * 3).reshape(7, 6, 3).astype("uint8")
    windows = {}
    for top in range(3):
        for left in range(2):
            window = image[top : top + 5, left : left + 5]
            windows[window.tobytes()] = (top, left, False)
            windows[window[:, ::-1].tobytes()] = (top, left, True)
    seen = {
        windows[
            images.random_crop_and_flip(image, 5, (0, seed)).numpy().tobytes()
        ]
        for seed in range(150)
    }
    assert seen == set(windows.values())  # all 12, and a KeyError for others


def test_same_seed_gives_same_crop(photograph):
    first, again, other = (
        images.random_crop_and_flip(photograph, 64, seed).numpy()
        for seed in ((3, 4), (3, 4), (3, 5))
    )
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_mean_pixel_is_the_mean_of_the_images_means():
    pictures = [
        np.full((4, 5, 3), (10, 20, 30), "uint8"),
        np.full((9, 2, 3), (30, 40, 50), "uint8"),
    ]
    dataset = tf.data.Dataset.from_generator(
        lambda: ((picture, 0) for picture in pictures),
        output_signature=(
            tf.TensorSpec((None, None, 3), tf.uint8),
            tf.TensorSpec((), tf.int64),
        ),
    )
    np.testing.assert_allclose(images.mean_pixel(dataset), [20, 30, 40])
