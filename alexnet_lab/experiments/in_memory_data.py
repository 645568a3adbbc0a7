"""Small data sets whole in memory, for experiments that pass over them often."""

from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from alexnet_keras.data import image_data
from alexnet_keras.data import preprocessing

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
        return preprocessing.center_square(image, size), label

    def read(split):
        squares = data.images(split).map(
            square, num_parallel_calls=tf.data.AUTOTUNE
        )
        parts = squares.batch(1000).as_numpy_iterator()
        pictures, labels = zip(*parts)
        return np.concatenate(pictures), np.concatenate(labels)

    with data.naming_bad_images():
        train, validation = read("train"), read("validation")
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
            f"`dataset` must have at least {batch_size} training images, a "
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
    stream = tf.data.Dataset.from_tensor_slices(
        order.reshape(epochs * steps, batch_size)
    ).map(
        lambda rows: (tf.gather(pictures, rows), tf.gather(labels, rows)),
        num_parallel_calls=2,
    )
    if augment:
        stream = _augmented(stream, pictures.shape[1], seed).batch(batch_size)
    return image_data.without_autotune(stream.prefetch(2)), steps


def _augmented(stream, size, seed):
    """Single images, each at a place of its own in a border, or mirrored."""
    border = [[BORDER, BORDER], [BORDER, BORDER], [0, 0]]

    def shift(number, example):
        image, label = example
        draw = tf.stack([tf.constant(seed, tf.int64), number])
        framed = tf.pad(image, border)
        return preprocessing.random_crop_and_flip(framed, size, draw), label

    return stream.unbatch().enumerate().map(shift, num_parallel_calls=2)


def evaluation_batches(pair, most=None):
    """Batches of `(images, labels)` to measure on, the first `most`."""
    first = tuple(array[:most] for array in pair)
    return image_data.without_autotune(
        tf.data.Dataset.from_tensor_slices(first).batch(EVALUATION_BATCH)
    )
