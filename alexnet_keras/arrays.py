"""Small data sets whole in memory, for experiments that pass over them often."""

from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from alexnet_keras import batches
from alexnet_keras import images

BORDER = 4  # black pixels around an image that is cropped at random
EVALUATION_BATCH = 500


@dataclass(frozen=True, eq=False)
class Arrays:
    """Images of one size with their labels.

    Attributes:
        name: of the data set.
        class_names: a name for each label, in order.
        train: `(images, labels)`, `uint8` `(number, size, size, 3)` and
            `int64` `(number,)`.
        validation: the same, to measure on.
    """

    name: str
    class_names: tuple[str, ...]
    train: tuple[np.ndarray, np.ndarray]
    validation: tuple[np.ndarray, np.ndarray]

    @property
    def mean(self):
        """The mean of the training images' red, green and blue."""
        return self.train[0].mean((0, 1, 2), dtype="float64").tolist()

    def part(self, train_size=None, validation_size=None):
        """The same with fewer images, drawn the same every time.

        Args:
            train_size: the most training images; `None`: all.
            validation_size: the most validation images; `None`: all.
        """
        return Arrays(
            self.name,
            self.class_names,
            _draw(self.train, train_size),
            _draw(self.validation, validation_size),
        )


def _draw(pair, most):
    if most is None or most >= len(pair[1]):
        return pair
    chosen = np.random.default_rng(0).permutation(len(pair[1]))[:most]
    return tuple(array[chosen] for array in pair)


def load_arrays(data, size):
    """Reads a data set into memory, each image's central square.

    Args:
        data: an `ImageData`.
        size: side to which images are resized, in pixels.

    Returns:
        `Arrays`.

    Raises:
        ValueError: if images cannot be read; the message names them.
    """

    def square(image, label):
        return images.center_square(image, size), label

    def read(split):
        squares = data.images(split).map(
            square, num_parallel_calls=tf.data.AUTOTUNE
        )
        parts = batches.without_autotune(squares.batch(1000))
        pictures, labels = zip(*parts.as_numpy_iterator())
        return np.concatenate(pictures), np.concatenate(labels)

    try:
        train, validation = read("train"), read("validation")
    except tf.errors.OpError:
        data.check()  # names the images, if it was they
        raise
    return Arrays(data.name, data.class_names, train, validation)


def training_stream(data, batch_size, epochs, seed, augment=False):
    """Batches of all epochs, in an order of its own for every epoch.

    Args:
        data: `Arrays`.
        batch_size: images in a batch; what remains of an epoch is left out.
        epochs: number of passes.
        seed: of the order, the crops and the flips.
        augment: whether images are cropped out of a black border of 4 pixels
            at random, and half of them mirrored. Defaults to `False`.

    Returns:
        `(batches, steps)`: a `tf.data.Dataset` of `(images, labels)`, and the
        number of batches in an epoch.

    Raises:
        ValueError: if the training images do not fill a batch.
    """
    if len(data.train[1]) < batch_size:
        raise ValueError(
            f"`data` must have at least {batch_size} training images, a "
            f"batch. Received: {data.name!r} with {len(data.train[1])}"
        )
    pictures, labels = map(tf.constant, data.train)
    steps = len(labels) // batch_size
    generator = np.random.default_rng(seed)
    order = np.concatenate(
        [
            generator.permutation(len(labels))[: steps * batch_size]
            for _ in range(epochs)
        ]
    )

    def take(step, rows):
        chosen = tf.gather(pictures, rows)
        if augment:
            chosen = _crop_and_flip(chosen, tf.stack([step, seed]))
        return chosen, tf.gather(labels, rows)

    stream = tf.data.Dataset.from_tensor_slices(
        order.reshape(epochs * steps, batch_size)
    ).enumerate()
    stream = stream.map(take, num_parallel_calls=2).prefetch(2)
    return batches.without_autotune(stream), steps


def _crop_and_flip(pictures, draw):
    """Every image at a place of its own in a border, or mirrored there."""
    size = pictures.shape[1]
    sides = [BORDER, BORDER]
    framed = tf.pad(pictures, [[0, 0], sides, sides, [0, 0]])
    number = tf.shape(pictures)[0]
    corners = tf.random.stateless_uniform(
        (number, 2), draw, 0, 2 * BORDER + 1, tf.int32
    )
    rows = corners[:, :1] + tf.range(size)
    columns = corners[:, 1:] + tf.range(size)
    framed = tf.gather(framed, rows, batch_dims=1)
    framed = tf.gather(
        tf.transpose(framed, (0, 2, 1, 3)), columns, batch_dims=1
    )
    cropped = tf.transpose(framed, (0, 2, 1, 3))
    coins = tf.random.stateless_uniform((number, 1, 1, 1), draw + 1) < 0.5
    return tf.where(coins, tf.reverse(cropped, [2]), cropped)


def evaluation_batches(pair, most=None):
    """Batches of `(images, labels)` to measure on, the first `most`."""
    first = tuple(array[:most] for array in pair)
    return batches.without_autotune(
        tf.data.Dataset.from_tensor_slices(first).batch(EVALUATION_BATCH)
    )
