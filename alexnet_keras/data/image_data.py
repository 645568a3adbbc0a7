"""A data set for classification: small records, and a reader of them."""

import contextlib
import hashlib
import itertools
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from dataclasses import field

import tensorflow as tf

from alexnet_keras.data import image_files
from alexnet_keras.data import preprocessing
from alexnet_keras.data.readers import Reader
from alexnet_keras.data.statistics import Measured
from alexnet_keras.utils.printing import printable

SPLITS = ("train", "validation")
IN_MEMORY = 256  # records, while all are checked


def summarize(things):
    """Returns a short hash of what a data set consists of, names and sizes."""
    digest = hashlib.sha256()
    for thing in things:
        digest.update(repr(thing).encode())
    return digest.hexdigest()[:12]


def without_autotune(dataset):
    """Returns the data set without TensorFlow's thread that tunes it.

    When an iterator ends, TensorFlow (2.20, 2.21) at times waits until that
    thread wakes up by itself, and it sleeps twice as long each time, from
    10 ms to a minute: on two busy cores an epoch of 11 s took 20.48 s.
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
        read: a `readers.Reader`, from a record to a `uint8` image. Defaults
            to one for records that are images.
        skipped: what was left out, with the count: sentences to be printed.
        contents: a hash of names and sizes for each part (class or split),
            which a run that goes on must find again.
        square: side in pixels, if all images are squares cut by `prepare`.
        measured: a `statistics.Measured` of the images before that.
    """

    name: str
    class_names: tuple[str, ...]
    train: tf.data.Dataset
    validation: tf.data.Dataset
    train_size: int
    validation_size: int
    read: Reader = Reader()
    skipped: tuple[str, ...] = ()
    contents: dict[str, str] = field(default_factory=dict)
    square: int | None = None
    measured: Measured | None = None

    def images(self, split, share=(0, 1)):
        """Returns unbatched `(image, label)` of a split, in order.

        Args:
            split: `"train"` or `"validation"`.
            share: `(number, machines)`: each machine, by its number from 0,
                reads every so-manieth image only. Defaults to all.
        """
        number, machines = share
        if split not in SPLITS:
            raise ValueError(
                "`split` must be 'train' or 'validation'. "
                f"Received: split={split!r}"
            )
        pictures = (
            getattr(self, split)
            .shard(machines, number)
            .map(
                lambda record, label: (self.read(record), label),
                num_parallel_calls=tf.data.AUTOTUNE,
                deterministic=True,
            )
        )
        return without_autotune(pictures)

    def cut(self, image, size):
        """Returns the central square of an image, as `center_square`.

        Raises:
            ValueError: if the images are squares of another size.
        """
        if self.square is None:
            return preprocessing.center_square(image, size)
        if self.square != size:
            raise ValueError(
                f"`dataset` was prepared as squares of {self.square} pixels, "
                f"and crops of this size are cut from {size}. Prepare it with "
                f"size={size} (on the command line --size {size}). "
                f"Received: {self.name!r}"
            )
        return image

    @contextlib.contextmanager
    def naming_bad_images(self):
        """Names the images that stop what is done inside, such as `fit`.

        TensorFlow's error does not say which image it could not decode.

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
        """Decodes every image.

        Raises:
            ValueError: that names the images which cannot be read, or says
                that a file of records is damaged.
        """
        try:
            names = [
                name for split in SPLITS for name in self._unreadable(split)
            ]
        except tf.errors.DataLossError as error:
            reason = error.message.split("}} ")[-1].split(" [Op:")[0]
            raise ValueError(
                "`dataset`: a file of records is damaged "
                f"({printable(reason)}). Remove the data set's folder and load "
                f"it again. Received: {self.name!r}"
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
                    yield self.read.describe(split, index, record.numpy())

    def _try(self, numbered):
        index, (record, _) = numbered
        try:
            self.read(record)
        except tf.errors.OpError:
            return index, record
        return None
