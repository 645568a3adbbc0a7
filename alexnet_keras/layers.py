"""What Keras lacks: the normalizers, the grouping and the dropout of 2012.

All layers run on TensorFlow, JAX and PyTorch (`keras.ops` only), in both data
formats, and are registered, so that `keras.models.load_model` finds them with
`safe_mode` on as soon as `alexnet_keras` has been imported.
"""

import keras
import numpy as np
from keras import layers
from keras import ops

register = keras.saving.register_keras_serializable(package="alexnet_keras")


def _check_number(argument, value, least, kind=float):
    kinds = (int,) if kind is int else (int, float)
    if isinstance(value, bool) or not isinstance(value, kinds) or value < least:
        what = "an integer" if kind is int else "a number"
        raise ValueError(
            f"`{argument}` must be {what} of at least {least}. "
            f"Received: {argument}={value!r}"
        )


class _ResponseNormalization(layers.Layer):
    """x / (k + alpha · sum of squares in a window)^beta, in float32.

    The squares of activations beyond 255 overflow in float16, and XLA cannot
    compile TensorFlow's own operation in half precision, so everything between
    the input and the output is float32.
    """

    def __init__(self, size, k, alpha, beta, data_format=None, **kwargs):
        super().__init__(**kwargs)
        _check_number("size", size, 1, kind=int)
        if size % 2 == 0:
            raise ValueError(
                "`size` must be odd, so that the window has a centre. "
                f"Received: size={size}"
            )
        _check_number("k", k, 0)
        _check_number("alpha", alpha, 0)
        _check_number("beta", beta, 0)
        self.size = size
        self.k = k
        self.alpha = alpha
        self.beta = beta
        self.data_format = keras.config.image_data_format()
        if data_format is not None:
            self.data_format = data_format
        self.supports_masking = True

    def build(self, input_shape):
        if len(input_shape) != 4:
            raise ValueError(
                f"{type(self).__name__} takes images: four axes, batch "
                f"included. Received: input_shape={tuple(input_shape)}"
            )
        super().build(input_shape)

    def call(self, inputs):
        x = ops.cast(inputs, "float32")
        scale = self.k + self.alpha * self._window_sum(ops.square(x))
        return ops.cast(x * _negative_power(scale, self.beta), inputs.dtype)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {
            **super().get_config(),
            "size": self.size,
            "k": self.k,
            "alpha": self.alpha,
            "beta": self.beta,
            "data_format": self.data_format,
        }


def _negative_power(scale, beta):
    # Square roots are vectorized on a CPU, a general power is not: for the
    # beta of every AlexNet this is several times faster, forward and back.
    if beta == 0.75:
        root = ops.rsqrt(scale)
        return root * ops.sqrt(root)
    return ops.power(scale, -beta)


@register
class LocalResponseNormalization(_ResponseNormalization):
    """Divides by the strength of the neighbouring maps at the same pixel.

    With a the input and N the maps of a group (§3.3 of the paper):

        b_i = a_i / (k + alpha · Σ_{j = max(0, i − size//2)}^{min(N − 1, i + size//2)} a_j²)^beta

    `alpha` multiplies the plain sum, as in the paper and in TensorFlow, whose
    `depth_radius` is `size // 2`. Caffe, PyTorch and the 2012 code (layer.py)
    divide theirs by `size` first: their 1e-4 with a size of 5 is 2e-5 here.

    Args:
        size: maps in the window, odd. Defaults to 5.
        k: additive constant. Defaults to 2.0.
        alpha: factor of the sum of squares. Defaults to 1e-4.
        beta: exponent. Defaults to 0.75.
        groups: the channels are split into this many groups, whose windows
            never meet; 2 for the two GPUs of 2012. Defaults to 1.
        data_format: `"channels_last"` or `"channels_first"`. Defaults to
            `keras.config.image_data_format()`.

    Input and output shape: `(batch, height, width, channels)`, or
    `(batch, channels, height, width)` with `"channels_first"`.

    Raises:
        ValueError: if an argument is out of range, or `groups` does not
            divide the channels.

    >>> import numpy as np
    >>> layer = LocalResponseNormalization(size=3, k=0.0, alpha=1.0, beta=1.0)
    >>> x = np.array([1.0, 2.0, 3.0, 4.0], "float32").reshape(1, 1, 1, 4)
    >>> np.asarray(layer(x)).round(3).ravel().tolist()
    [0.2, 0.143, 0.103, 0.16]
    """

    def __init__(
        self,
        size=5,
        k=2.0,
        alpha=1e-4,
        beta=0.75,
        groups=1,
        data_format=None,
        **kwargs,
    ):
        super().__init__(size, k, alpha, beta, data_format, **kwargs)
        _check_number("groups", groups, 1, kind=int)
        self.groups = groups

    def build(self, input_shape):
        super().build(input_shape)
        axis = -1 if self.data_format == "channels_last" else 1
        channels = input_shape[axis]
        if channels % self.groups:
            raise ValueError(
                f"`groups` must divide the {channels} channels of the input. "
                f"Received: groups={self.groups}"
            )
        # The sum over a window of maps is a product with a band of ones: one
        # matrix product, which every backend does faster than shifted adds.
        index = np.arange(channels)
        near = abs(index[:, None] - index) <= self.size // 2
        tower = index // (channels // self.groups)
        self._band = (near & (tower[:, None] == tower)).astype("float32")

    def _window_sum(self, squares):
        if self.data_format == "channels_last":
            return ops.matmul(squares, self._band)
        return ops.einsum("bchw,cd->bdhw", squares, self._band)

    def get_config(self):
        return {**super().get_config(), "groups": self.groups}


@register
class SpatialResponseNormalization(_ResponseNormalization):
    """Divides by the strength of the neighbouring pixels of the same map.

    The second normalizer of conv2 in the 2012 source (`rnorm` in
    layers-145.cfg), which the paper does not mention:

        b = a / (k + alpha · Σ_{size × size window} a²)^beta

    The window is clipped at the edges. The source's scale of 1e-3 is divided
    by the 25 pixels of its window when it is read, hence the default.

    Args:
        size: side of the window in pixels, odd. Defaults to 5.
        k: additive constant. Defaults to 1.0.
        alpha: factor of the plain sum of squares. Defaults to 4e-5.
        beta: exponent. Defaults to 0.75.
        data_format: `"channels_last"` or `"channels_first"`. Defaults to
            `keras.config.image_data_format()`.

    Input and output shape: `(batch, height, width, channels)`, or
    `(batch, channels, height, width)` with `"channels_first"`.

    Raises:
        ValueError: if an argument is out of range.

    >>> import numpy as np
    >>> layer = SpatialResponseNormalization(3, k=0.0, alpha=1.0, beta=1.0)
    >>> np.asarray(layer(np.ones((1, 2, 2, 1), "float32"))).ravel().tolist()
    [0.25, 0.25, 0.25, 0.25]
    """

    def __init__(
        self,
        size=5,
        k=1.0,
        alpha=4e-5,
        beta=0.75,
        data_format=None,
        **kwargs,
    ):
        super().__init__(size, k, alpha, beta, data_format, **kwargs)

    def _window_sum(self, squares):
        for axis in (1, 2) if self.data_format == "channels_last" else (2, 3):
            squares = self._sum_along(squares, axis)
        return squares

    def _sum_along(self, x, axis):
        radius = self.size // 2
        pads = [(0, 0)] * 4
        pads[axis] = (radius, radius)
        padded = ops.pad(x, pads)
        length = ops.shape(x)[axis]
        window = [slice(None)] * 4
        total = 0.0
        for start in range(self.size):
            window[axis] = slice(start, start + length)
            total = total + padded[tuple(window)]
        return total


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


@register
class CeilMaxPooling2D(layers.MaxPooling2D):
    """Max pooling whose last window may hang over the bottom and right edge.

    The output has ⌈(size − pool_size) / strides⌉ + 1 pixels a side, as in the
    2012 code and in Caffe; what lies outside the image never wins. Arguments
    as `keras.layers.MaxPooling2D`, always with `padding="valid"`.

    >>> CeilMaxPooling2D(3, strides=2)(keras.Input((28, 28, 1))).shape
    (None, 14, 14, 1)
    """

    def _overhang(self, size, axis):
        # ⌈a / s⌉ = ⌊(a + s − 1) / s⌋: one more stride, less a pixel, of room.
        if size is None:
            return self.strides[axis] - 1
        return (self.pool_size[axis] - size) % self.strides[axis]

    def _spatial_axes(self):
        return (1, 2) if self.data_format == "channels_last" else (2, 3)

    def call(self, inputs):
        pads = [(0, 0)] * 4
        for i, axis in enumerate(self._spatial_axes()):
            pads[axis] = (0, self._overhang(inputs.shape[axis], i))
        if any(after for _, after in pads):
            inputs = ops.pad(inputs, pads, constant_values=-np.inf)
        return super().call(inputs)

    def compute_output_shape(self, input_shape):
        shape = list(input_shape)
        for i, axis in enumerate(self._spatial_axes()):
            if shape[axis] is not None:
                shape[axis] += self._overhang(shape[axis], i)
        return super().compute_output_shape(tuple(shape))


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
