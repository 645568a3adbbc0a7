"""The embedded data set: pieces of ten photographs, a class each.

The photographs are those that every scikit-image wheel contains, so nothing
is downloaded. Each is cut into 4×4 tiles; a patch lies within one tile, and a
tile serves either training or validation, so that validation measures what
the network makes of pixels that it has never seen.
"""

import numpy as np

from alexnet_keras.utils import extras

PHOTOGRAPHS = (
    "astronaut",
    "brick",
    "chelsea",
    "coffee",
    "grass",
    "hubble_deep_field",
    "immunohistochemistry",
    "retina",
    "rocket",
    "stereo_motorcycle",
)
TILES = 4  # a side
SIZES = {"train": 5000, "validation": 500}
SCALES = (0.7, 1.0)  # side of a patch, as a share of its tile's shorter side


def load_photograph(name):
    """Returns one of scikit-image's own photographs.

    Args:
        name: one of `PHOTOGRAPHS`.

    Returns:
        A `uint8` array of shape `(height, width, 3)`.

    >>> load_photograph("brick").shape
    (512, 512, 3)
    """
    extras.require("train", "skimage")
    from skimage import color
    from skimage import data

    photograph = getattr(data, name)()
    if isinstance(photograph, tuple):  # left picture, right picture, depth
        photograph = photograph[0]
    if photograph.ndim == 2:
        photograph = color.gray2rgb(photograph)
    return photograph[..., :3]


def validates(row, column):
    """Whether a tile is for validation: four of sixteen, spread out.

    >>> for row in range(TILES):
    ...     print("".join(".#"[validates(row, column)] for column in range(4)))
    #.#.
    ....
    .#.#
    ....
    """
    return (row + 2 * column) % TILES == 0


def make_boxes(split, seed=0):
    """Returns where the patches of a split lie, the same every time.

    Every tile gives as many patches as any other, give or take one.

    Args:
        split: `"train"` or `"validation"`.
        seed: of the draw. Defaults to 0.

    Returns:
        An integer array of shape `(SIZES[split], 4)` in random order: label
        (the index of the photograph in `PHOTOGRAPHS`), top, left and side of
        a square, in pixels of the photograph.

    >>> make_boxes("train").shape
    (5000, 4)
    """
    tiles = [
        (label, row * height, column * width, height, width)
        for label, name in enumerate(PHOTOGRAPHS)
        for height, width in [_tile_size(load_photograph(name))]
        for row in range(TILES)
        for column in range(TILES)
        if validates(row, column) == (split == "validation")
    ]
    generator = np.random.default_rng(seed)
    boxes = []
    for index in np.resize(generator.permutation(len(tiles)), SIZES[split]):
        label, top, left, height, width = tiles[index]
        side = round(min(height, width) * generator.uniform(*SCALES))
        down = generator.integers(0, height - side + 1)
        right = generator.integers(0, width - side + 1)
        boxes.append((label, top + down, left + right, side))
    return np.array(boxes)


def _tile_size(photograph):
    return tuple(side // TILES for side in photograph.shape[:2])
