"""The convolution of two towers."""

import keras
from keras import layers
from keras import ops

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
