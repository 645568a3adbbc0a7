"""What Keras lacks: the normalizers, the grouping and the dropout of 2012.

All layers run on TensorFlow, JAX and PyTorch (`keras.ops` only), in both data
formats, and are registered, so that `keras.models.load_model` finds them with
`safe_mode` on as soon as `alexnet_keras` has been imported.
"""

import keras
import numpy as np
from keras import layers
from keras import ops

from alexnet_keras.normalization import LocalResponseNormalization
from alexnet_keras.normalization import SpatialResponseNormalization

__all__ = [
    "AdaptiveAveragePooling2D",
    "CeilMaxPooling2D",
    "ClassNames",
    "Dropout2012",
    "GroupedConv2D",
    "LocalResponseNormalization",
    "RepeatEdges2D",
    "SpatialResponseNormalization",
    "SubtractMean",
]

register = keras.saving.register_keras_serializable(package="alexnet_keras")


@register
class GroupedConv2D(layers.Conv2D):
    """`keras.layers.Conv2D(groups=…)`, computed one group at a time.

    Same arguments, same kernel layout `(height, width, channels / groups,
    filters)`, same result to rounding, so that `get_weights` and
    `set_weights` exchange weights with `Conv2D` both ways. (`.weights.h5`
    files do not: Keras looks them up by class name.) Keras compiles a grouped
    convolution on TensorFlow with XLA on every device, which on a CPU makes a
    training step of AlexNet several times slower: `make bench` measures it.

    >>> GroupedConv2D(256, 5, groups=2, padding="same")(
    ...     keras.Input((27, 27, 96))
    ... ).shape
    (None, 27, 27, 256)
    """

    def convolution_op(self, inputs, kernel):
        axis = -1 if self.data_format == "channels_last" else 1
        convolve = super().convolution_op
        towers = zip(
            ops.split(inputs, self.groups, axis=axis),
            ops.split(kernel, self.groups, axis=-1),
        )
        return ops.concatenate(
            [convolve(tower, filters) for tower, filters in towers], axis=axis
        )


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
            averages = self._bin_averages(inputs.shape[axis], bins)
            axes = "bhwc" if last else "bchw"
            side = axes[axis]
            pooled = ops.einsum(
                f"{axes},o{side}->{axes.replace(side, 'o')}",
                pooled,
                ops.cast(averages, inputs.dtype),
            )
        return pooled

    @staticmethod
    def _bin_averages(size, bins):
        """Row i averages the pixels from ⌊i·size/bins⌋ to ⌈(i+1)·size/bins⌉."""
        averages = np.zeros((bins, size), "float32")
        for i in range(bins):
            start, end = i * size // bins, -(-(i + 1) * size // bins)
            averages[i, start:end] = 1 / (end - start)
        return averages


@register
class Dropout2012(layers.Dropout):
    """Dropout as in 2012: nothing is rescaled in training, all is at test.

    In training a value is set to zero with probability `rate` and kept as it
    is otherwise; at test every value is multiplied by `1 − rate` (§4.2 of the
    paper; class HiddenSexLayer of the 2012 code). Keras's own dropout
    ("inverted") divides the kept ones by `1 − rate` in training instead, so
    this layer is Keras's on an input that has been scaled down first.

    Args: as `keras.layers.Dropout`.

    >>> import numpy as np
    >>> layer, x = Dropout2012(0.5, seed=1), np.ones((1, 1000), "float32")
    >>> sorted(set(np.asarray(layer(x, training=True)).ravel().tolist()))
    [0.0, 1.0]
    >>> set(np.asarray(layer(x, training=False)).ravel().tolist())
    {0.5}
    """

    def call(self, inputs, training=False):
        return super().call(inputs * (1.0 - self.rate), training=training)


@register
class ClassNames(layers.Layer):
    """Passes predictions on unchanged; keeps their names in the saved model.

    Args:
        class_names: one name for each output, in order.

    >>> ClassNames(["cat", "dog"]).class_names
    ('cat', 'dog')
    """

    def __init__(self, class_names, **kwargs):
        super().__init__(**kwargs)
        self.autocast = False  # or float32 scores would be halved in mixed ones
        self.class_names = tuple(class_names)

    def call(self, inputs):
        return inputs

    def get_config(self):
        return {**super().get_config(), "class_names": list(self.class_names)}


@register
class SubtractMean(layers.Layer):
    """Subtracts a mean from images and scales the rest, in float32.

    So is what it puts out, unless `dtype` says otherwise.

    The mean is a weight that does not train: it travels in the saved model.
    One value a channel, or a mean image as in 2012 (§2), of which the 2012
    code subtracts the central window whatever the place of the crop.

    Args:
        mean: array that broadcasts to one image, `(channels,)` or `(height,
            width, channels)`.
        scale: what the difference is multiplied by, one number or one a
            channel. Defaults to 1.
        shape: of the mean, in its place, where its values are weights that
            are loaded later, as by `load_model`.

    Raises:
        ValueError: if neither `mean` nor `shape` is given.

    >>> import numpy as np
    >>> layer = SubtractMean([10.0, 20.0, 30.0], scale=0.5)
    >>> np.asarray(layer(np.full((1, 1, 1, 3), 40, "uint8"))).ravel().tolist()
    [15.0, 10.0, 5.0]
    """

    def __init__(self, mean=None, scale=1.0, *, shape=None, **kwargs):
        super().__init__(**{"dtype": "float32", **kwargs})
        if mean is not None:
            mean = np.asarray(mean, "float32")
            shape = mean.shape
        elif shape is None:
            raise ValueError(
                "`mean` must be a value a channel or a mean image. "
                "Received: mean=None"
            )
        self.initial_mean, self.shape = mean, tuple(map(int, shape))
        # Plain numbers, which go into JSON.
        self.scale = np.asarray(scale, "float64").tolist()

    def build(self, input_shape):
        self.mean = self.add_weight(
            name="mean", shape=self.shape, initializer="zeros", trainable=False
        )
        if self.initial_mean is not None:
            self.mean.assign(self.initial_mean)

    def call(self, inputs):
        scale = ops.convert_to_tensor(self.scale, "float32")
        mean = ops.cast(self.mean, "float32")
        difference = (ops.cast(inputs, "float32") - mean) * scale
        return ops.cast(difference, self.compute_dtype)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        config = super().get_config()
        config.update(shape=list(self.shape), scale=self.scale)
        mean = (
            ops.convert_to_numpy(self.mean) if self.built else self.initial_mean
        )
        # So that `clone_model` keeps it; a mean image is too long for this.
        if len(self.shape) == 1 and mean is not None:
            config["mean"] = mean.tolist()
        return config
