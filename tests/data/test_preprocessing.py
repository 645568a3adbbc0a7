"""Resizing, cropping and flipping against NumPy and Pillow."""

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st
from PIL import Image
from support import message_of

tf = pytest.importorskip("tensorflow")

from alexnet_keras.data import photo_patches  # noqa: E402
from alexnet_keras.data import preprocessing  # noqa: E402


@pytest.fixture(scope="module")
def photograph():
    return photo_patches.load_photograph("chelsea")  # 300 × 451


def triangle_weights(before, after):
    """`(after, before)`: how much of each old pixel is in each new one."""
    step = before / after
    reach = max(step, 1.0)  # as wide as a new pixel: antialiased
    weights = np.zeros((after, before))
    for new in range(after):
        for old in range(before):
            distance = abs(old + 0.5 - (new + 0.5) * step)
            weights[new, old] = max(0.0, 1 - distance / reach)
    return weights / weights.sum(1, keepdims=True)


def square_by_hand(image, size):
    """The middle of a strip, the shorter side to `size`, the centre of that."""
    longest = 8 * min(image.shape[:2])
    top, left = (max(side - longest, 0) // 2 for side in image.shape[:2])
    image = image[top : top + longest, left : left + longest]
    height, width = image.shape[:2]
    down, right = (
        int(np.round(np.float32(side) * np.float32(size / min(height, width))))
        for side in (height, width)
    )
    resized = np.einsum(
        "ij,jkc,lk->ilc",
        triangle_weights(height, down),
        image.astype(float),
        triangle_weights(width, right),
    )
    top, left = (down - size) // 2, (right - size) // 2
    return resized[top : top + size, left : left + size]


@pytest.mark.parametrize(
    "shape, size, expected",
    [
        ((300, 451), 256, (256, 385)),
        ((451, 300), 256, (385, 256)),
        ((256, 256), 256, (256, 256)),
        ((40, 40), 64, (64, 64)),
        ((1, 1), 256, (256, 256)),
        ((1, 8), 8, (8, 64)),
        ((1, 1000), 8, (8, 64)),
        ((10_000, 100), 256, (2048, 256)),
        ((1, 10_000), 256, (256, 2048)),
    ],
)
def test_shorter_side_gets_the_size_and_aspect_stays(shape, size, expected):
    image = np.full((*shape, 3), 77, "uint8")
    resized = preprocessing.resize_shorter_side(image, size)
    assert resized.shape == (*expected, 3)
    assert np.unique(resized).tolist() == [77]
    square = preprocessing.center_square(image, size)
    assert square.shape == (size, size, 3)
    assert np.unique(square).tolist() == [77]


def test_of_a_strip_the_middle_is_kept():
    strip = np.random.default_rng(0).integers(0, 256, (1000, 10, 3))
    strip = strip.astype("uint8")
    for function in (
        preprocessing.resize_shorter_side,
        preprocessing.center_square,
    ):
        np.testing.assert_array_equal(
            function(strip, 16), function(strip[460:540], 16)
        )


@pytest.mark.parametrize("turned", [False, True])
def test_resizing_is_pillows_antialiased_bilinear(photograph, turned):
    shape = (150, 100)  # Pillow's order: width, height
    if turned:
        photograph, shape = photograph.swapaxes(0, 1), shape[::-1]
    ours = preprocessing.resize_shorter_side(photograph, 100).numpy()
    pillow = np.asarray(
        Image.fromarray(photograph).resize(shape, Image.BILINEAR)
    )
    assert ours.dtype == np.uint8
    difference = np.abs(ours.astype(int) - pillow)
    assert difference.max() <= 2
    square = preprocessing.center_square(photograph, 100).numpy()
    assert square.dtype == np.uint8
    middle = pillow[25:125] if turned else pillow[:, 25:125]
    assert np.abs(square.astype(int) - middle).max() <= 2


@pytest.mark.parametrize("name", photo_patches.PHOTOGRAPHS)
def test_square_is_resizing_then_the_centre(name):
    photograph = photo_patches.load_photograph(name)
    resized = preprocessing.resize_shorter_side(photograph, 256)
    expected = preprocessing.center_crop(resized, 256).numpy()
    square = preprocessing.center_square(photograph, 256).numpy()
    difference = np.abs(square.astype(int) - expected)
    assert difference.max() <= 1  # where a value is halfway between two
    assert np.mean(difference > 0) < 1e-3


@hypothesis.settings(max_examples=60)
@hypothesis.given(
    height=st.integers(1, 40),
    width=st.integers(1, 40),
    size=st.integers(1, 24),
    seed=st.integers(0, 99),
)
@hypothesis.example(height=1, width=40, size=24, seed=0)
@hypothesis.example(height=40, width=2, size=5, seed=0)
def test_square_against_loops(height, width, size, seed):
    image = np.random.default_rng(seed).integers(0, 256, (height, width, 3))
    image = image.astype("uint8")
    expected = square_by_hand(image, size)
    square = preprocessing.center_square(image, size).numpy()
    assert np.abs(square - expected).max() < 0.51  # rounded, and no more


def test_grey_stays_grey(photograph):
    grey = np.repeat(photograph[..., 1:2], 3, axis=-1)
    square = preprocessing.center_square(grey, 64).numpy()
    crop = preprocessing.random_crop_and_flip(square, 48, (1, 2)).numpy()
    for picture in (square, crop):
        assert np.ptp(picture, axis=-1).max() == 0
        assert np.ptp(picture) > 50


def test_shapes_are_known_to_a_graph():
    @tf.function(input_signature=[tf.TensorSpec((None, None, 3), tf.uint8)])
    def shapes(image):
        square = preprocessing.center_square(image, 64)
        crop = preprocessing.random_crop_and_flip(square, 48, (1, 2))
        seen.extend([square.shape, crop.shape])
        return crop

    seen = []
    shapes.get_concrete_function()
    assert seen == [(64, 64, 3), (48, 48, 3)]


def test_center_crop_is_a_slice(photograph):
    crop = preprocessing.center_crop(photograph, 100).numpy()
    np.testing.assert_array_equal(crop, photograph[100:200, 175:275])


def windows_of(image, size, offsets):
    """Every window and mirror, by its bytes."""
    found = {}
    for top in range(offsets[0]):
        for left in range(offsets[1]):
            window = image[top : top + size, left : left + size]
            found[window.tobytes()] = (top, left, False)
            found[window[:, ::-1].tobytes()] = (top, left, True)
    return found


@pytest.mark.parametrize(
    "shape, last_offset, offsets",
    [
        # 12 and 8 for 256 and 224: 5·5·2 in place of 33·33·2 = 2178, and
        # 4·4·2 in place of 32·32·2 = 2048.
        ((12, 12), True, (5, 5)),
        ((12, 12), False, (4, 4)),
        ((10, 9), True, (3, 2)),
        ((10, 9), False, (2, 1)),
        ((8, 8), True, (1, 1)),
        ((8, 8), False, (1, 1)),
    ],
)
def test_random_crops_are_all_windows_and_mirrors_equally(
    shape, last_offset, offsets
):
    image = np.random.default_rng(0).integers(0, 256, (*shape, 3))
    image = image.astype("uint8")
    windows = windows_of(image, 8, offsets)
    variants = 2 * offsets[0] * offsets[1]
    assert len(windows) == variants
    draws = 2000
    crops = tf.data.Dataset.range(draws).map(
        lambda number: preprocessing.random_crop_and_flip(
            image, 8, tf.stack([7, number]), last_offset
        )
    )
    seen = dict.fromkeys(windows, 0)
    for crop in crops.batch(draws).get_single_element().numpy():
        seen[crop.tobytes()] += 1  # a KeyError if it is none of them
    expected = draws / variants
    assert all(
        abs(count - expected) < 5 * np.sqrt(expected) for count in seen.values()
    )


def test_same_seed_gives_same_crop(photograph):
    first, again, other = (
        preprocessing.random_crop_and_flip(photograph, 64, seed).numpy()
        for seed in ((3, 4), (3, 4), (3, 5))
    )
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_one_seed_is_one_draw_whatever_the_image():
    """32 images with the same seed share offsets and flip, as in 2012."""
    rows, columns = np.indices((40, 40), "int32")
    plain = np.stack([rows, columns], -1)
    for seed in range(20):
        places = preprocessing.random_crop_and_flip(plain, 8, (0, seed)).numpy()
        other = np.random.default_rng(seed).integers(0, 256, (40, 40, 3))
        crop = preprocessing.random_crop_and_flip(other, 8, (0, seed)).numpy()
        np.testing.assert_array_equal(
            crop, other[places[..., 0], places[..., 1]]
        )


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_ten_crops_are_corners_centre_and_mirrors(dtype):
    batch = np.random.default_rng(0).integers(0, 256, (2, 256, 256, 3))
    batch = batch.astype(dtype)
    crops = preprocessing.ten_crops(batch, 224)
    assert crops.shape == (2, 10, 224, 224, 3)
    assert crops.dtype == dtype
    offsets = [(0, 0), (0, 32), (32, 0), (32, 32), (16, 16)]
    for number, (top, left) in enumerate(offsets):
        window = batch[:, top : top + 224, left : left + 224]
        np.testing.assert_array_equal(crops[:, number], window)
        np.testing.assert_array_equal(crops[:, number + 5], window[:, :, ::-1])


@hypothesis.settings(max_examples=20)
@hypothesis.given(
    height=st.integers(1, 12),
    width=st.integers(1, 12),
    channels=st.integers(1, 4),
)
def test_the_fifth_crop_is_the_centre_crop(height, width, channels):
    size = min(height, width)
    image = np.arange(height * width * channels, dtype="float32")
    image = image.reshape(height, width, channels)
    crops = preprocessing.ten_crops(image[None], size)[0]
    np.testing.assert_array_equal(
        crops[4], preprocessing.center_crop(image, size)
    )
    np.testing.assert_array_equal(crops[0], image[:size, :size])
    np.testing.assert_array_equal(crops[3], image[-size:, -size:])
    np.testing.assert_array_equal(crops[9], crops[4][:, ::-1])


@pytest.mark.parametrize(
    "function",
    [
        lambda image: preprocessing.center_crop(image, 20),
        lambda image: preprocessing.random_crop_and_flip(image, 20, (0, 0)),
        lambda image: preprocessing.ten_crops(image[None], 20),
    ],
)
def test_a_window_larger_than_the_image_is_refused(function):
    assert message_of(function, np.zeros((30, 19, 3), "uint8")) == (
        "`size` must be at most the sides of the image; resize it first, as "
        "`center_square` does. Received: size=20, image of 30×19"
    )
