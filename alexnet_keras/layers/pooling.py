"""Pooling whose windows hang over, or are as many as one likes."""

import keras
import numpy as np
from keras import layers
from keras import ops

register = keras.saving.register_keras_serializable(package="alexnet_keras")


def _spatial_axes(layer):
    return (1, 2) if layer.data_format == "channels_last" else (2, 3)


def _repeat_edges(x, axis, before, after):
    """Puts copies of the first and of the last row (or column) around.

    Of the windows that reach beyond an edge, each holds the edge too: copies
    change neither their maximum nor, as the first of equals wins, who gets
    the gradient. Minus infinity would do the same, but has no place among
    the integers of a quantized network.
    """
    every = (slice(None),) * axis
    first, last = x[(*every, slice(0, 1))], x[(*every, slice(-1, None))]
    copies = [first] * before + [x] + [last] * after
    return ops.concatenate(copies, axis=axis) if len(copies) > 1 else x


@register
class RepeatEdges2D(layers.ZeroPadding2D):
    """`keras.layers.ZeroPadding2D` with copies of the edge for zeros.

    In front of max pooling whose `padding` is less than its window: there
    the copies never win against the image.

    >>> import numpy as np
    >>> layer = RepeatEdges2D(((0, 0), (1, 2)))
    >>> np.ravel(layer(np.array([[[[-4.0], [-5.0]]]]))).tolist()
    [-4.0, -4.0, -5.0, -5.0, -5.0]
    """

    def call(self, inputs):
        for axis, sides in zip(_spatial_axes(self), self.padding):
            inputs = _repeat_edges(inputs, axis, *sides)
        return inputs


@register
class CeilMaxPooling2D(layers.MaxPooling2D):
    """Max pooling whose last window may hang over the bottom and right edge.

    The output has ⌈(size − pool_size) / strides⌉ + 1 pixels a side, as in the
    2012 code and in Caffe; what lies outside the image never wins.

    Args: as `keras.layers.MaxPooling2D`, without `padding`.

    Raises:
        ValueError: if a stride is wider than its window, so that a window
            could lie outside the image altogether.

    >>> CeilMaxPooling2D(3, strides=2)(keras.Input((28, 28, 1))).shape
    (None, 14, 14, 1)
    """

    def __init__(self, pool_size=(2, 2), strides=None, **kwargs):
        super().__init__(pool_size, strides, **kwargs)
        if any(s > p for s, p in zip(self.strides, self.pool_size)):
            raise ValueError(
                "`strides` must not be wider than `pool_size`, "
                f"{self.pool_size}. Received: strides={self.strides}"
            )

    def _overhang(self, size, axis):
        # ⌈a / s⌉ = ⌊(a + s − 1) / s⌋: one more stride, less a pixel, of room.
        if size is None:
            return self.strides[axis] - 1
        return (self.pool_size[axis] - size) % self.strides[axis]

    def call(self, inputs):
        for i, axis in enumerate(_spatial_axes(self)):
            overhang = self._overhang(inputs.shape[axis], i)
            inputs = _repeat_edges(inputs, axis, 0, overhang)
        return super().call(inputs)

    def compute_output_shape(self, input_shape):
        shape = list(input_shape)
        for i, axis in enumerate(_spatial_axes(self)):
            if shape[axis] is not None:
                shape[axis] += self._overhang(shape[axis], i)
        return super().compute_output_shape(tuple(shape))


@register
class AdaptiveAveragePooling2D(layers.AdaptiveAveragePooling2D):
    """Averages a map of any size to `output_size` near-equal bins a side.

    As `keras.layers.AdaptiveAveragePooling2D` and PyTorch's `AdaptiveAvgPool2d`,
    also where the map has a single row or column, with which Keras's own
    (3.13 to 3.15) cannot be traced on TensorFlow. Height and width must be
    known.

    >>> AdaptiveAveragePooling2D(6)(keras.Input((1, 13, 256))).shape
    (None, 6, 6, 256)
    """

    def call(self, inputs):
        last = self.data_format == "channels_last"
        pooled = inputs
        for axis, bins in zip((1, 2) if last else (2, 3), self.output_size):
            averages = bin_averages(inputs.shape[axis], bins)
            axes = "bhwc" if last else "bchw"
            side = axes[axis]
            pooled = ops.einsum(
                f"{axes},o{side}->{axes.replace(side, 'o')}",
                pooled,
                ops.cast(averages, inputs.dtype),
            )
        return pooled


def bin_averages(size, bins):
    """Returns `(bins, size)`: row i averages ⌊i·size/bins⌋ to ⌈(i+1)·size/bins⌉."""
    averages = np.zeros((bins, size), "float32")
    for i in range(bins):
        start, end = i * size // bins, -(-(i + 1) * size // bins)
        averages[i, start:end] = 1 / (end - start)
    return averages
