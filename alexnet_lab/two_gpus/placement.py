"""What Keras's device scopes leave open: where gradients and updates are made.

TensorFlow only.
"""

import keras
import tensorflow as tf
from keras import layers

register = keras.saving.register_keras_serializable(package="alexnet_keras")


@register
class OnDevice(layers.Wrapper):
    """Layers whose variables, values and gradients are on one device.

    `keras.device` places what is computed forward. Gradients are computed
    later, when its scope is closed: TensorFlow would take its first device
    for all of them and fetch the weights of the second.

    Args:
        layer: a functional model that was built in the scope of the device;
            it takes and gives a list of tensors.
        device: name of the device, such as `"GPU:1"`.
    """

    def __init__(self, layer, device, **kwargs):
        super().__init__(layer, **kwargs)
        self.device = device
        self.supports_jit = False  # XLA would put all on one device

    def call(self, inputs, training=None):
        """Calls the layer on its device, from wherever its inputs are."""

        @tf.custom_gradient
        def run(*tensors):
            with tf.GradientTape(persistent=True) as tape:
                tape.watch(tensors)
                outputs = self.layer(list(tensors), training=training)

            def gradient(*upstream, variables=()):
                with keras.device(self.device):
                    return tape.gradient(
                        outputs, (tensors, list(variables)), upstream
                    )

            return outputs, gradient

        with keras.device(self.device):
            return run(*inputs)

    def compute_output_spec(self, inputs, training=None):
        """As the layer's."""
        return self.layer.compute_output_spec(inputs, training=training)

    def get_config(self):
        """The layer and the device."""
        return {**super().get_config(), "device": self.device}

    @classmethod
    def from_config(cls, config, custom_objects=None):
        """Makes the layer on its device, which must be there."""
        with keras.device(config["device"]):
            return super().from_config(config, custom_objects)


def place_updates(optimizer):
    """Has an optimizer update each variable on the variable's own device.

    Keras sends all gradients through one operation, and TensorFlow would put
    it and all that follows on its first device. This holds for what
    `update_step` computes, not for `weight_decay` and clipping, with which
    Keras's own optimizers go over the variables beforehand.
    """
    update = optimizer._backend_update_step

    def update_by_device(gradients, variables, learning_rate):
        pairs = list(zip(gradients, variables))
        for device in dict.fromkeys(v.value.device for v in variables):
            there = [pair for pair in pairs if pair[1].value.device == device]
            with tf.device(device):
                update(*zip(*there), learning_rate)

    optimizer._backend_update_step = update_by_device
