"""What differs between sources of images: how a record becomes an image.

A record is small (a path, encoded bytes, a box), so that many can be shuffled
in memory. A new source brings a reader of its own, and nothing else changes.
"""

import os

import tensorflow as tf

from alexnet_keras.data import image_files
from alexnet_keras.data import photo_patches


class Reader:
    """Records that are images already; what other readers start from."""

    def __call__(self, record):
        """Returns the `uint8` image `(height, width, 3)`, in a graph too."""
        return record

    def describe(self, split, index, record):
        """Returns a record that cannot be read, in words, with the reason."""
        return f"{split} record {index}"


class FileReader(Reader):
    """Records are paths of image files."""

    def __call__(self, path):
        return image_files.decode(tf.io.read_file(path))

    def describe(self, split, index, path):
        return f"{os.fsdecode(path)} ({image_files.load(path)[1]})"


class EncodedReader(Reader):
    """Records are the bytes of image files."""

    def __call__(self, encoded):
        return image_files.decode(encoded)

    def describe(self, split, index, encoded):
        reason = image_files.why_undecodable(encoded)
        return f"{split} record {index} ({reason})"


class PatchReader(Reader):
    """Records are boxes `(label, top, left, side)` of embedded photographs."""

    def __init__(self):
        self.photographs = [
            tf.constant(photo_patches.load_photograph(name))
            for name in photo_patches.PHOTOGRAPHS
        ]

    def __call__(self, box):
        label, top, left, side = tf.unstack(box)
        cuts = [
            lambda photograph=photograph: photograph[
                top : top + side, left : left + side
            ]
            for photograph in self.photographs
        ]
        patch = tf.switch_case(tf.cast(label, tf.int32), cuts)
        return tf.ensure_shape(patch, (None, None, 3))
