"""Statistics of a data set's pixels: their mean, and the axes of their colours."""

from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from alexnet_keras.data.color_noise import ColorPCA
from alexnet_keras.data.preprocessing import center_crop
from alexnet_keras.data.preprocessing import center_square
from alexnet_keras.data.preprocessing import resize_for

FEW = 1000  # images for the mean pixel and the colours
MANY = 10_000  # for the mean image, a pixel of it known to about 0.7


@dataclass(frozen=True, eq=False)
class DataStatistics:
    """What a run takes from its training images, measured once.

    Attributes:
        mean: of red, green and blue `(3,)`, or a mean image `(size, size,
            3)`, 0–255.
        colors: a `ColorPCA`.
    """

    mean: np.ndarray
    colors: ColorPCA

    def to_arrays(self):
        """Returns a dict of arrays, for `numpy.savez`."""
        return {"mean": self.mean, **_colors_to_arrays(self.colors)}

    @classmethod
    def from_arrays(cls, arrays):
        """Makes statistics of what `to_arrays` gave."""
        return cls(arrays["mean"], _colors_from_arrays(arrays))


@dataclass(frozen=True, eq=False)
class Measured:
    """What `measure` needs to know of any crops, kept with prepared images.

    Attributes:
        mean_pixel: of red, green and blue `(3,)`.
        mean_image: of the squares `(size, size, 3)`.
        colors: a `ColorPCA`.
    """

    mean_pixel: np.ndarray
    mean_image: np.ndarray
    colors: ColorPCA

    def to_arrays(self):
        """Returns a dict of arrays, for `numpy.savez`."""
        return {
            "mean_pixel": self.mean_pixel,
            "mean_image": self.mean_image,
            **_colors_to_arrays(self.colors),
        }

    @classmethod
    def from_arrays(cls, arrays):
        """Makes statistics of what `to_arrays` gave."""
        means = arrays["mean_pixel"], arrays["mean_image"]
        return cls(*means, _colors_from_arrays(arrays))


def measure_all(data, size):
    """Measures images as they are before `prepare` cuts them to squares.

    Args:
        data: an `ImageData`.
        size: side of the squares.

    Returns:
        A `Measured`.
    """
    images = data.images("train")
    return Measured(
        mean_pixel(images), mean_image(images, size), color_pca(images)
    )


def measure(data, mean, input_size):
    """Measures what a run needs to know of its training images, in one pass.

    Args:
        data: an `ImageData`.
        mean: `"pixel"`, or `"image"` for the central window of the mean image
            (§2).
        input_size: side of the crops in pixels.

    Returns:
        `DataStatistics`.
    """
    kept = data.measured
    if kept is not None:
        found = kept.mean_pixel
        if mean == "image":
            found = center_crop(kept.mean_image, input_size).numpy()
        return DataStatistics(found, kept.colors)
    images = data.images("train")
    if mean == "image":
        size = resize_for(input_size)
        images = images.take(MANY).map(
            lambda image, _: (image, center_square(image, size)),
            num_parallel_calls=tf.data.AUTOTUNE,
        )
        pixels, squares = _Colors(), _Mean()
        for number, (image, square) in enumerate(images.as_numpy_iterator()):
            squares.add(square)
            if number < FEW:
                pixels.add(image)
        whole = squares.result().astype("float32")
        return DataStatistics(
            center_crop(whole, input_size).numpy(), pixels.result()
        )
    pixels, means = _Colors(), []
    for image, _ in images.take(FEW).as_numpy_iterator():
        means.append(image.mean(axis=(0, 1)))
        pixels.add(image)
    return DataStatistics(np.mean(means, axis=0), pixels.result())


def mean_pixel(dataset, limit=FEW):
    """Returns the mean of red, green and blue, 0–255.

    Args:
        dataset: a `tf.data.Dataset` of `(image, label)`, any sizes. Each
            image counts the same.
        limit: how many images to look at. Defaults to the first 1000.
    """
    means = [
        image.mean(axis=(0, 1))
        for image, _ in dataset.take(limit).as_numpy_iterator()
    ]
    _check_some(means)
    return np.mean(means, axis=0)


def mean_image(dataset, size, limit=MANY):
    """Returns the mean over the central squares of images, 0–255 (§2).

    The 2012 code subtracts the central 224×224 of the 256×256 mean image
    from every crop, whatever its offset.

    Args:
        dataset: a `tf.data.Dataset` of `(image, label)`, any sizes.
        size: side of the mean image in pixels; 256 in the paper.
        limit: how many images to look at. Defaults to the first 10,000.

    Returns:
        A `float32` array of shape `(size, size, 3)`.
    """
    squares = dataset.take(limit).map(
        lambda image, _: center_square(image, size),
        num_parallel_calls=tf.data.AUTOTUNE,
    )
    mean = _Mean()
    for square in squares.as_numpy_iterator():
        mean.add(square)
    return mean.result().astype("float32")


def color_pca(dataset, limit=FEW):
    """Returns the principal components of a data set's own colours.

    The covariance of all pixels about their common mean; every pixel counts
    the same, so large images count more.

    Args:
        dataset: a `tf.data.Dataset` of `(image, label)`, `uint8` images of
            any sizes.
        limit: how many images to look at. Defaults to the first 1000.

    Returns:
        A `ColorPCA`; the largest component of each vector is positive.
    """
    dtype = dataset.element_spec[0].dtype
    if dtype != tf.uint8:
        raise ValueError(
            "`dataset` must have uint8 images, as they are read. "
            f"Received: {dtype.name}"
        )
    colors = _Colors()
    for image, _ in dataset.take(limit).as_numpy_iterator():
        colors.add(image)
    return colors.result()


def _colors_to_arrays(colors):
    return {
        "deviations": np.array(colors.deviations),
        "vectors": np.array(colors.vectors),
    }


def _colors_from_arrays(arrays):
    return ColorPCA(
        tuple(arrays["deviations"].tolist()),
        tuple(map(tuple, arrays["vectors"].tolist())),
    )


class _Mean:
    """The mean of `uint8` images of one size, summed exactly."""

    def __init__(self):
        self.total, self.count = 0, 0

    def add(self, image):
        self.total = self.total + image.astype(np.int64)
        self.count += 1

    def result(self):
        _check_some(self.count)
        return self.total / self.count


class _Colors:
    """Sums over pixels: whole numbers, exact in float64 up to 10¹¹ pixels."""

    def __init__(self):
        self.count, self.sums, self.products = 0, np.zeros(3), np.zeros((3, 3))

    def add(self, image):
        pixels = image.reshape(-1, 3).astype("float64")
        self.count += len(pixels)
        self.sums += pixels.sum(0)
        self.products += pixels.T @ pixels

    def result(self):
        _check_some(self.count)
        # Python's integers: nothing overflows and nothing cancels.
        sums, products = (
            array.astype("int64").astype(object)
            for array in (self.sums, self.products)
        )
        covariance = self.count * products - np.outer(sums, sums)
        covariance = (covariance / self.count**2).astype("float64")
        values, vectors = np.linalg.eigh(covariance)
        vectors = vectors.T[::-1]
        largest = np.abs(vectors).argmax(axis=1, keepdims=True)
        signs = np.sign(np.take_along_axis(vectors, largest, axis=1))
        # The smallest of grey pictures is 0, give or take a rounding.
        deviations = np.sqrt(np.maximum(values[::-1], 0))
        return ColorPCA(
            tuple(deviations.tolist()),
            tuple(map(tuple, (vectors * signs).tolist())),
        )


def _check_some(count):
    if not count:
        raise ValueError(
            "`dataset` has no image to measure. Check the split, and that "
            "`limit` is at least 1. Received: an empty data set"
        )
