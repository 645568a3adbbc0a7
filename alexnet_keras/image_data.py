"""A data set for classification: small records, and how they are read.

Every source gives the same thing: unbatched `(record, label)` for training
and validation, and a function that reads a record. A record is small (a path,
encoded bytes, a box), so that many can be shuffled in memory; the image is
`uint8` of any size with three channels.
"""

import contextlib
import hashlib
import itertools
import os
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from dataclasses import field

import tensorflow as tf

from alexnet_keras import image_files
from alexnet_keras.printing import printable

SPLITS = ("train", "validation")
IN_MEMORY = 256  # encoded images, while all are checked


def identity(image):
    """Reads a record that is an image already."""
    return image


def summarize(things):
    """Returns a short hash of what a data set consists of, names and sizes.

    >>> summarize([("train", "/cat/1.jpg", 5012)])
    '15764cc4b185'
    """
    digest = hashlib.sha256()
    for thing in things:
        digest.update(repr(thing).encode())
    return digest.hexdigest()[:12]


def without_autotune(dataset):
    """Returns the data set without TensorFlow's thread that tunes it.

    When an iterator ends, TensorFlow (2.20, 2.21) at times waits until that
    thread wakes up by itself, and it sleeps twice as long each time, from
    10 ms to a minute: on two busy cores an epoch of 11 s took 20.48 s.

    >>> without_autotune(tf.data.Dataset.range(3)).options().autotune.enabled
    False
    """
    options = tf.data.Options()
    options.autotune.enabled = False
    return dataset.with_options(options)


@dataclass(frozen=True)
class ImageData:
    """A data set for classification.

    Attributes:
        name: what the caller asked for.
        class_names: a name for each label, in order.
        train: unbatched `(record, label)` to learn from, always in the same
            order.
        validation: unbatched `(record, label)` to measure on.
        train_size: number of training images.
        validation_size: number of validation images.
        read: makes of a record the `uint8` image `(height, width, 3)`, with
            TensorFlow's operations only. Defaults to `identity`, for records
            that are images.
        skipped: what was left out of a folder, with the count, and whether
            test images validate: sentences to be printed. Defaults to `()`.
        contents: what a run that goes on must find again: the parts of the
            data set (classes, or splits), each with a hash of the names and
            sizes in it. Defaults to `{}`.
    """

    name: str
    class_names: tuple[str, ...]
    train: tf.data.Dataset
    validation: tf.data.Dataset
    train_size: int
    validation_size: int
    read: Callable = identity
    skipped: tuple[str, ...] = ()
    contents: dict[str, str] = field(default_factory=dict)

    def images(self, split):
        """Reads the images of a split, several at a time, in order.

        Args:
            split: `"train"` or `"validation"`.

        Returns:
            A `tf.data.Dataset` of unbatched `(image, label)`, images `uint8`
            `(height, width, 3)`.
        """
        if split not in SPLITS:
            raise ValueError(
                "`split` must be 'train' or 'validation'. "
                f"Received: split={split!r}"
            )
        pictures = getattr(self, split).map(
            lambda record, label: (self.read(record), label),
            num_parallel_calls=tf.data.AUTOTUNE,
            deterministic=True,
        )
        return without_autotune(pictures)

    @contextlib.contextmanager
    def naming_bad_images(self):
        """Names the images that stop what is done in it.

        TensorFlow's error does not say which image it could not decode. So
        whoever reads images does it in here:

            with data.naming_bad_images():
                model.fit(...)

        Raises:
            ValueError: as `check`, after an error of reading; others, such as
                a lack of memory, are passed on as they are.
        """
        try:
            yield
        except tf.errors.ResourceExhaustedError:
            raise
        except tf.errors.OpError as error:
            # What is read, and nothing else, comes out of an iterator.
            if "IteratorGetNext" in str(error):
                print(
                    "An image could not be read. All are looked through, to "
                    "find out which.",
                    file=sys.stderr,
                )
                self.check()
            raise

    def check(self):
        """Decodes every image, which takes as long as reading all once.

        Raises:
            ValueError: if an image cannot be read, or a file of records is
                damaged; the message names them.
        """
        try:
            names = [
                name for split in SPLITS for name in self._unreadable(split)
            ]
        except tf.errors.DataLossError as error:
            reason = error.message.split("}} ")[-1].split(" [Op:")[0]
            raise ValueError(
                f"`dataset`: a file of records is damaged ({printable(reason)})"
                ". "
                "Remove the data set's folder and load it again. "
                f"Received: {self.name!r}"
            ) from error
        if names:
            raise ValueError(
                f"`dataset`: of {self.train_size + self.validation_size} "
                f"images, {len(names)} cannot be read: "
                f"{image_files.list_names(names)}. Replace or remove what is "
                f"listed. Received: {self.name!r}"
            )

    def _unreadable(self, split):
        # `Dataset.ignore_errors` would be shorter, but goes round for ever in
        # a damaged file of records.
        records = enumerate(getattr(self, split))
        with ThreadPoolExecutor() as pool:
            while some := list(itertools.islice(records, IN_MEMORY)):
                for index, record in filter(None, pool.map(self._try, some)):
                    yield self._name(split, index, record.numpy())

    def _try(self, numbered):
        index, (record, _) = numbered
        try:
            self.read(record)
        except tf.errors.OpError:
            return index, record
        return None

    def _name(self, split, index, record):
        if self.read is image_files.read:
            return f"{os.fsdecode(record)} ({image_files.load(record)[1]})"
        if self.read is image_files.decode:
            reason = image_files.why_undecodable(record)
            return f"{split} record {index} ({reason})"
        return f"{split} record {index}"
