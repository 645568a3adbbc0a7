"""The two normalizers of 2012: across maps, and within one map.

Keras 3 and TensorFlow have none that runs on every backend, in both data
formats and in half precision; these do (`keras.ops` only).
"""

import keras
import numpy as np
from keras import layers
from keras import ops

from alexnet_keras import validation

register = keras.saving.register_keras_serializable(package="alexnet_keras")

BLOCK = 64  # channels that are summed in one matrix product


class _ResponseNormalization(layers.Layer):
    """x / (k + alpha · sum of squares in a window)^beta, in float32.

    The squares of activations beyond 255 overflow in float16, and XLA cannot
    compile TensorFlow's own operation in half precision, so everything between
    the input and the output is float32.
    """

    def __init__(self, size, k, alpha, beta, data_format=None, **kwargs):
        super().__init__(**kwargs)
        size = validation.integer("size", size)
        if size % 2 == 0:
            raise ValueError(
                "`size` must be odd, so that the window has a centre. "
                f"Received: size={size}"
            )
        self.size = size
        self.k = validation.number("k", k)
        self.alpha = validation.number("alpha", alpha)
        self.beta = validation.number("beta", beta)
        if data_format not in (None, "channels_last", "channels_first"):
            raise ValueError(
                '`data_format` must be "channels_last" or "channels_first". '
                f"Received: data_format={data_format!r}"
            )
        self.data_format = data_format or keras.config.image_data_format()
        self.supports_masking = True

    def build(self, input_shape):
        if len(input_shape) != 4:
            raise ValueError(
                f"{type(self).__name__} takes images: four axes, batch "
                f"included. Received: input_shape={tuple(input_shape)}"
            )
        super().build(input_shape)

    def call(self, inputs):
        normalized = self._normalize(ops.cast(inputs, "float32"))
        return ops.cast(normalized, inputs.dtype)

    def _normalize(self, x):
        scale = self.k + self._window_sum(ops.square(x), self.alpha)
        power = _negative_power(scale, self.beta)
        if keras.backend.backend() == "jax":
            return x * power  # XLA fuses; and `jax.jvp` knows no other gradient

        # With its gradient written out, the layer takes half of the time:
        # automatic differentiation goes over the maps many times more. All of
        # it is in that of `x`. The other two are arguments all the same, so
        # that a derivative of the gradient finds how they depend on `x`.
        @ops.custom_gradient
        def normalize(x, scale, power):
            captured = x, scale, power

            def gradient(*args, upstream=None):
                # TensorFlow gives the upstream alone; PyTorch names it, and
                # gives the arguments, since those captured know no history.
                x, scale, power = captured if upstream is None else args
                upstream = args[0] if upstream is None else upstream
                direct = upstream * power
                # A window looks as far to either side, so the sum over all
                # outputs that an input takes part in is a window sum too.
                through_scale = self._window_sum(
                    direct * x / scale, -2 * self.alpha * self.beta
                )
                return direct + x * through_scale, None, None

            return x * power, gradient

        return normalize(x, scale, power)

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
    # TensorFlow and XLA vectorize square roots on a CPU, not a general power:
    # for the beta of every AlexNet this is several times faster. PyTorch
    # vectorizes both, and would keep the roots in memory.
    if beta == 0.75 and keras.backend.backend() != "torch":
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
    >>> [round(float(value), 3) for value in np.ravel(layer(x))]
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
        self.groups = validation.integer("groups", groups)

    def build(self, input_shape):
        super().build(input_shape)
        axis = -1 if self.data_format == "channels_last" else 1
        channels = input_shape[axis]
        if channels % self.groups:
            raise ValueError(
                f"`groups` must divide the {channels} channels of the input. "
                f"Received: groups={self.groups}"
            )
        # The sum over a window of maps is a product with a band of ones,
        # which every backend computes faster than shifted sums. Of many
        # channels the band fills little: then block by block.
        index = np.arange(channels)
        near = abs(index[:, None] - index) <= self.size // 2
        tower = index // (channels // self.groups)
        band = (near & (tower[:, None] == tower)).astype("float32")
        width = channels if channels <= 2 * BLOCK else BLOCK
        self._blocks = []
        for start in range(0, channels, width):
            block = band[:, start : start + width]
            rows = np.flatnonzero(block.any(axis=1))
            first, end = int(rows[0]), int(rows[-1]) + 1
            self._blocks.append((first, end, block[first:end]))

    def _window_sum(self, x, factor):
        last = self.data_format == "channels_last"
        sums = [
            ops.matmul(x[..., first:end], factor * block)
            if last
            else ops.einsum("bchw,cd->bdhw", x[:, first:end], factor * block)
            for first, end, block in self._blocks
        ]
        return ops.concatenate(sums, axis=-1 if last else 1)

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

    def _window_sum(self, x, factor):
        # Zeros are put around first, since pooling with "same" would divide
        # by fewer pixels at the edges instead of counting zeros.
        pads = [(0, 0)] * 4
        for axis in (1, 2) if self.data_format == "channels_last" else (2, 3):
            pads[axis] = (self.size // 2, self.size // 2)
        means = ops.average_pool(
            ops.pad(x, pads),
            self.size,
            strides=1,
            padding="valid",
            data_format=self.data_format,
        )
        return factor * self.size**2 * means
