"""From a photograph to what the network is shown: resize, crop, flip.

The recipe is that of the paper (§2, §4.1) and of the 2012 code: the shorter
side becomes 256, the central 256×256 is the stored picture, and windows of
224×224 are cut from it, mirrored every other time. Cropping while decoding
(`tf.io.decode_and_crop_jpeg`) is quicker, but a window of the full-size file
shows things at another scale: other pixels, another recipe. It is not here.

Maps for `tf.data` on single `uint8` images `(height, width, 3)`, or where said
on batches of them. Randomness comes from a stateless seed pair: the same seed
gives the same picture whatever the number of threads. The mean is subtracted
inside the model, where it is saved with the weights. The colour noise is in
`color_noise.py`.
"""

import numpy as np  # noqa: F401  the examples use it
import tensorflow as tf

LONGEST = 8  # a strip keeps so many times its shorter side


def resize_for(input_size):
    """The shorter side from which crops of `input_size` are cut: 256 for 224.

    >>> resize_for(224), resize_for(115)
    (256, 131)
    """
    return round(input_size * 256 / 224)


def resize_shorter_side(image, size):
    """Resizes so that the shorter side has `size` pixels, aspect kept (§2).

    Of an image more than 8 times as long as it is wide only the middle, 8
    times as long, is kept: at 256, one of 10,000×1 would take 2 GB.

    Args:
        image: `uint8` tensor of shape `(height, width, channels)`.
        size: pixels of the shorter side afterwards.

    Returns:
        A `uint8` tensor, bilinear with antialiasing.

    >>> resize_shorter_side(np.zeros((40, 60, 3), "uint8"), 20).shape.as_list()
    [20, 30, 3]
    """
    image = _middle_of_strip(image)
    new_sides, _ = _sides_after(image, size)
    return _to_bytes(tf.image.resize(image, new_sides, antialias=True))


def center_crop(image, size):
    """Returns the central `size` × `size` pixels.

    Raises:
        ValueError: if a side, where it is known, is shorter than `size`.

    >>> image = np.arange(25, dtype="uint8").reshape(5, 5, 1)
    >>> center_crop(image, 3)[..., 0].numpy().tolist()
    [[6, 7, 8], [11, 12, 13], [16, 17, 18]]
    """
    image = _convert(image, size)
    top, left = tf.unstack((tf.shape(image)[:2] - size) // 2)
    crop = image[top : top + size, left : left + size]
    return tf.ensure_shape(crop, (size, size, None))


def center_square(image, size):
    """Returns the stored picture of the paper (§2): resized, then cut.

    Args:
        image: `uint8` tensor of shape `(height, width, channels)`.
        size: side of the square in pixels; 256 in the paper.

    Returns:
        A `uint8` tensor of shape `(size, size, channels)`: the shorter side
        resized to `size`, and of the longer one its middle.

    The same as `center_crop(resize_shorter_side(image, size), size)`, where
    a value halfway between two may round to the other one; a quarter less
    work, because what is cut off is never computed.

    >>> center_square(np.zeros((40, 60, 3), "uint8"), 20).shape.as_list()
    [20, 20, 3]
    """
    image = _middle_of_strip(image)
    new_sides, scales = _sides_after(image, size)
    # The operation beneath `tf.image.resize`, which cannot shift.
    square = tf.raw_ops.ScaleAndTranslate(
        images=tf.expand_dims(image, 0),
        size=(size, size),
        scale=scales,
        translation=-tf.cast((new_sides - size) // 2, tf.float32),
        kernel_type="triangle",
        antialias=True,
    )
    return _to_bytes(tf.squeeze(square, 0))


def random_crop_and_flip(image, size, seed, last_offset=True, flip=True):
    """Returns a random `size` × `size` window, mirrored every other time.

    The 2012 code draws once for 32 consecutive images (`crop_chunk`); give
    32 images the same seed for that.

    Args:
        image: tensor of shape `(height, width, channels)`, both sides at
            least `size` pixels.
        size: side of the window in pixels.
        seed: two integers; the same two give the same window and the same
            flip.
        last_offset: whether the last row and the last column of offsets take
            part. They do in the 2012 code: 224 in 256 has offsets 0…32, and
            33·33·2 = 2178 variants. The paper (§4.1) counts 2048 = 32·32·2:
            `False` gives those. Defaults to the code's `True`.
        flip: whether to mirror; without, the same windows are cut. Defaults
            to `True`.

    Returns:
        A tensor of shape `(size, size, channels)` of the image's dtype.

    Raises:
        ValueError: if a side, where it is known, is shorter than `size`.
    """
    image = _convert(image, size)
    offsets = tf.shape(image)[:2] - size + int(last_offset)
    # An image that has the window's size has one offset either way.
    choices = tf.concat([tf.maximum(offsets, 1), [2]], 0)
    # A float32 below 1, times a count, stays below the count.
    draws = tf.random.stateless_uniform((3,), seed)
    drawn = tf.cast(draws * tf.cast(choices, tf.float32), tf.int32)
    top, left, mirrored = tf.unstack(drawn)
    crop = image[top : top + size, left : left + size]
    if flip:
        # `tf.where` takes longer than all the rest together.
        crop = tf.cond(mirrored == 1, lambda: _mirror(crop), lambda: crop)
    return tf.ensure_shape(crop, (size, size, None))


def ten_crops(batch, size):
    """Returns the ten views that the paper averages at test time (§4.1).

    Args:
        batch: tensor of shape `(n, height, width, channels)`, both sides at
            least `size` pixels.
        size: side of the views in pixels.

    Returns:
        A tensor of shape `(n, 10, size, size, channels)` of the same dtype:
        top left, top right, bottom left, bottom right, centre, and then the
        mirrors of these five.

    Raises:
        ValueError: if a side, where it is known, is shorter than `size`.

    >>> ten_crops(np.zeros((2, 256, 256, 3), "uint8"), 224).shape.as_list()
    [2, 10, 224, 224, 3]
    """
    batch = _convert(batch, size)
    bottom, right = tf.unstack(tf.shape(batch)[1:3] - size)
    crops = tf.stack(
        [
            batch[:, top : top + size, left : left + size]
            for top, left in (
                (0, 0),
                (0, right),
                (bottom, 0),
                (bottom, right),
                (bottom // 2, right // 2),
            )
        ],
        axis=1,
    )
    crops = tf.ensure_shape(crops, (None, 5, size, size, None))
    return tf.concat([crops, _mirror(crops)], axis=1)


def _convert(pictures, size):
    """A tensor `(…, h, w, channels)`; raises where no window fits in it."""
    pictures = tf.convert_to_tensor(pictures)
    sides = pictures.shape[-3:-1].as_list() if pictures.shape.rank else []
    if any(side is not None and side < size for side in sides):
        raise ValueError(
            "`size` must be at most the sides of the image; resize it first, "
            "as `center_square` does. "
            f"Received: size={size}, image of {sides[0]}×{sides[1]}"
        )
    return pictures


def _middle_of_strip(image):
    """At most the middle `LONGEST` times the shorter side of an image."""
    sides = tf.shape(image)[:2]
    longest = LONGEST * tf.reduce_min(sides)
    top, left = tf.unstack(tf.maximum(sides - longest, 0) // 2)
    return image[top : top + longest, left : left + longest]


def _sides_after(image, size):
    """Sides when the shorter one is `size`, and how many times the old."""
    sides = tf.cast(tf.shape(image)[:2], tf.float32)
    new_sides = tf.round(sides * (size / tf.reduce_min(sides)))
    return tf.cast(new_sides, tf.int32), new_sides / sides


def _to_bytes(image):
    """Rounds; averages of bytes are within 0–255 to less than a half."""
    return tf.cast(tf.round(image), tf.uint8)


def _mirror(pictures):
    """Left for right, in the rank for which `tf.reverse` is quick.

    A slice `[::-1]` takes 20 times as long.
    """
    shape = tf.shape(pictures)
    rows = tf.reshape(pictures, (-1, shape[-2], shape[-1]))
    return tf.reshape(tf.reverse(rows, [1]), shape)
