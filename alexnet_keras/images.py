"""From a photograph to what the network eats: resize, crop, flip (§2, §4.1).

Maps for `tf.data` on single `uint8` images of shape `(height, width, 3)`.
Randomness comes from a stateless seed pair, so that the same seed gives the
same picture whatever the number of threads. The mean is subtracted inside the
model, where it is saved with the weights.
"""

import numpy as np
import tensorflow as tf


def resize_shorter_side(image, size):
    """Resizes so that the shorter side has `size` pixels, aspect kept.

    Args:
        image: `uint8` tensor of shape `(height, width, channels)`.
        size: pixels of the shorter side afterwards.

    Returns:
        A `uint8` tensor, bilinear with antialiasing.

    >>> resize_shorter_side(np.zeros((40, 60, 3), "uint8"), 20).shape.as_list()
    [20, 30, 3]
    """
    sides = tf.cast(tf.shape(image)[:2], tf.float32)
    scale = size / tf.reduce_min(sides)
    # The long side of a strip one pixel high rounds to at least `size`.
    new_sides = tf.maximum(tf.cast(tf.round(sides * scale), tf.int32), size)
    resized = tf.image.resize(image, new_sides, antialias=True)
    return tf.cast(tf.round(tf.clip_by_value(resized, 0, 255)), tf.uint8)


def center_crop(image, size):
    """Returns the central `size` × `size` pixels.

    >>> image = np.arange(25, dtype="uint8").reshape(5, 5, 1)
    >>> center_crop(image, 3)[..., 0].numpy().tolist()
    [[6, 7, 8], [11, 12, 13], [16, 17, 18]]
    """
    top, left = tf.unstack((tf.shape(image)[:2] - size) // 2)
    crop = image[top : top + size, left : left + size]
    return tf.ensure_shape(crop, (size, size, None))


def random_crop_and_flip(image, size, seed):
    """Returns a random `size` × `size` window, mirrored every other time.

    Args:
        image: tensor of shape `(height, width, channels)`, both sides at
            least `size` pixels.
        size: side of the window in pixels.
        seed: two integers; the same two give the same window.
    """
    channels = image.shape[-1] or tf.shape(image)[-1]
    crop = tf.image.stateless_random_crop(image, (size, size, channels), seed)
    return tf.image.stateless_random_flip_left_right(crop, seed)


def mean_pixel(dataset, limit=1000):
    """Returns the mean of red, green and blue over a data set, 0–255.

    Args:
        dataset: a `tf.data.Dataset` of `(image, label)`, any sizes.
        limit: how many images to look at. Defaults to the first 1000.
    """
    means = [
        image.mean(axis=(0, 1))
        for image, _ in dataset.take(limit).as_numpy_iterator()
    ]
    return np.mean(means, axis=0)
