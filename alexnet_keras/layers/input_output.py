"""What a trained network carries: the mean of its images, its class names."""

import keras
import numpy as np
from keras import layers
from keras import ops

register = keras.saving.register_keras_serializable(package="alexnet_keras")


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
