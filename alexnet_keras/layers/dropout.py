"""The dropout of 2012."""

import keras
from keras import layers

register = keras.saving.register_keras_serializable(package="alexnet_keras")


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
