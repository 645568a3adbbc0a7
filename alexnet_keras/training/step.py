"""The network in training: colour noise on its device, many machines."""

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from alexnet_keras import metrics
from alexnet_keras import optimizers
from alexnet_keras.training import distribution


def prepare(network, mean, recipe):
    """Returns a `TrainingNetwork`, compiled for the start of a recipe.

    Args:
        network: logits out.
        mean: what it subtracts.
        recipe: a `Recipe`.
    """
    model = TrainingNetwork(network, mean)
    first = recipe.stages[0]
    # In mixed_float16, where small gradients would vanish, `compile` wraps
    # it in an optimizer that scales the loss.
    optimizer = optimizers.SGD2012(
        first.rate, recipe.momentum, recipe.weight_decay, first.bias_rate
    )
    # The network first, for whatever looks at it or saves it.
    for one in (network, model):
        one.compile(
            optimizer=optimizer,
            loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
            weighted_metrics=[metrics.top_1, metrics.top_5],
            # Left to Keras, XLA is on without a strategy on a GPU and off
            # under one; said here, it does not depend on the machine. JAX
            # computes nothing quickly without.
            jit_compile=distribution.uses_xla(),
        )
        optimizer = network.optimizer
    model.optimizer.build(model.trainable_variables)
    return model


class TrainingNetwork(keras.Model):
    """A network in training that adds the colour noise by itself, on its device.

    Given a dict of `images` `(n, height, width, 3)`, `noise` `(n, 3)` and
    `kept` `(n, 1)`, it computes what `color_noise.add_color_noise` and then
    `shrink_contrast` by 1 / `kept` do, bit by bit; anything else goes to the
    network as it is. Its variables are those of the network, which is what
    `save` saves.

    Keras's `fit` runs its steps on one device, on many and, since it returns
    what Keras can average there, on many machines.

    Args:
        network: a functional model of one input.
        mean: what it subtracts: three numbers or an image.
    """

    def __init__(self, network, mean):
        super().__init__(network.inputs, network.outputs[0], name=network.name)
        self._plain = lambda: network  # a model in a model is a layer of it
        height, width, channels = network.inputs[0].shape[1:]
        mean = np.broadcast_to(mean, (height, width, channels))
        self._rows = (height, width * channels)
        self._mean_rows = mean.reshape(1, *self._rows).astype("float32")

    @property
    def network(self):
        """The network without colour noise."""
        return self._plain()

    def __call__(self, inputs, *args, **kwargs):
        """Calls the network, recoloured images in front where it is a dict."""
        return super().__call__(self._recolor(inputs), *args, **kwargs)

    # `fit` looks for `training` among the arguments: without, no dropout.
    def call(self, inputs, training=None, mask=None):
        """As `__call__`; Keras on JAX comes here at once."""
        return super().call(self._recolor(inputs), training, mask)

    def save(self, *args, **kwargs):
        """Saves the network."""
        return self.network.save(*args, **kwargs)

    def train_step(self, *data):
        """As Keras's."""
        return self._as_vectors(super().train_step(*data))

    def test_step(self, *data):
        """As Keras's."""
        return self._as_vectors(super().test_step(*data))

    def _recolor(self, inputs):
        if not isinstance(inputs, dict):
            return inputs
        images, kept = inputs["images"], inputs["kept"][:, None]
        # A row of pixels at a time, as in `add_color_noise`.
        rows = ops.reshape(ops.cast(images, "float32"), (-1, *self._rows))
        rows = rows + ops.tile(inputs["noise"], (1, images.shape[2]))[:, None]
        mean = ops.convert_to_tensor(self._mean_rows)
        rows = rows * kept + mean * (1 - kept)
        return ops.reshape(rows, (-1, *images.shape[1:]))

    # What keeps Keras (3.15) from training on many machines: keras#20585.

    def _as_vectors(self, logs):
        """There it averages results along axis 0, which a number has not."""
        if not self._on_many_machines():
            return logs
        return {name: value[None] for name, value in logs.items()}

    def _maybe_symbolic_build(self, iterator=None, data_batch=None):
        """There it averages a batch, to see its shapes, which fails of a dict."""
        if not self._on_many_machines():
            return super()._maybe_symbolic_build(iterator, data_batch)
        if iterator is not None:
            _, _, batches = next(iter(iterator))
            data_batch = keras.tree.map_structure(
                lambda x: self.distribute_strategy.experimental_local_results(
                    x
                )[0],
                next(batches),
            )
        return super()._maybe_symbolic_build(data_batch=data_batch)

    def _on_many_machines(self):
        return isinstance(
            getattr(self, "distribute_strategy", None),
            tf.distribute.MultiWorkerMirroredStrategy,
        )
