"""The embedded data set: its tiles never mix, and nothing is downloaded."""

import numpy as np
import pytest

from alexnet_keras.data import photo_patches

SPLITS = ("train", "validation")


@pytest.fixture(scope="module")
def photographs():
    return [photo_patches.load_photograph(n) for n in photo_patches.PHOTOGRAPHS]


def test_every_photograph_is_rgb_and_read_without_a_network(photographs):
    # The session has no network: what can be read is in the wheel.
    assert len(photographs) == 10
    for photograph in photographs:
        assert photograph.dtype == np.uint8
        assert photograph.ndim == 3 and photograph.shape[-1] == 3


def test_four_tiles_of_sixteen_validate():
    # (i + 2 j) mod 4 = 0, written out.
    assert [
        (row, column)
        for row in range(4)
        for column in range(4)
        if photo_patches.validates(row, column)
    ] == [(0, 0), (0, 2), (2, 1), (2, 3)]


@pytest.mark.parametrize("split", SPLITS)
def test_no_patch_touches_a_tile_of_the_other_split(split, photographs):
    validation_tiles = {(0, 0), (0, 2), (2, 1), (2, 3)}
    for label, top, left, side in photo_patches.make_boxes(split):
        height, width = (n // 4 for n in photographs[label].shape[:2])
        touched = {
            (row // height, column // width)
            for row in (top, top + side - 1)
            for column in (left, left + side - 1)
        }
        assert len(touched) == 1
        assert (touched <= validation_tiles) == (split == "validation")


@pytest.mark.parametrize("split", SPLITS)
def test_patches_are_squares_of_most_of_a_tile(split, photographs):
    for label, _, _, side in photo_patches.make_boxes(split):
        tile = min(photographs[label].shape[:2]) // 4
        low, high = photo_patches.SCALES
        assert round(low * tile) <= side <= round(high * tile)


@pytest.mark.parametrize("split", SPLITS)
def test_classes_are_balanced_and_order_is_random(split):
    labels = photo_patches.make_boxes(split)[:, 0]
    counts = np.bincount(labels, minlength=10)
    assert len(labels) == photo_patches.SIZES[split]
    # Each tile gives as many patches as another or one more.
    assert counts.max() - counts.min() <= 12
    assert len(set(labels[:40])) > 5


def test_patches_are_the_same_every_time():
    first, again = (photo_patches.make_boxes("validation") for _ in range(2))
    np.testing.assert_array_equal(first, again)
