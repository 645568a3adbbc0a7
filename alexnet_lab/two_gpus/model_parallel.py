"""The two towers of 2012, each on a device of its own.

Ordinary layers, placed. TensorFlow only: JAX refuses a computation whose arrays
are on different devices, and with PyTorch it has not been tried.
"""

import dataclasses

import keras
import numpy as np
from keras import layers
from keras import ops

from alexnet_keras import model as one_device
from alexnet_keras import optimizers
from alexnet_keras import shapes
from alexnet_keras import specs
from alexnet_keras import variants
from alexnet_keras.layers.from_specs import apply_spec
from alexnet_keras.layers.from_specs import channels_last
from alexnet_lab.two_gpus import communication
from alexnet_lab.two_gpus import devices as device_names
from alexnet_lab.two_gpus import placement

register = keras.saving.register_keras_serializable(package="alexnet_keras")


@register
class Towers(keras.Model):
    """Two towers, a layer for each stage between crossings.

    `build_towers` makes one. Layers are called `tower2_conv3` after their
    tower and the first layer of the table that is in them; that one is
    `model_parallel.get_layer("tower2_conv3").layer.get_layer("conv3")`.
    """

    def compile(self, *args, **kwargs):
        """As `keras.Model.compile`, and updates variables where they are."""
        super().compile(*args, **kwargs)
        # Now, since in a step that is traced it would forget the devices.
        self.optimizer.build(self.trainable_variables)
        placement.place_updates(optimizers.unwrap(self.optimizer))

    def load_from(self, model):
        """Takes the weights of the same network on one device.

        Args:
            model: of `build_alexnet`, with layers of the same names.

        Raises:
            ValueError: before anything is changed, if a layer is missing or
                has weights of another shape.
        """
        split = []
        for name, halves in self._halves().items():
            weights = _layer_of(model, name).get_weights()
            parts = [np.split(w, len(halves), axis=-1) for w in weights]
            for half, values in zip(halves, zip(*parts)):
                _check_shapes(name, half.get_weights(), values)
                split.append((half, values))
        for half, values in split:
            half.set_weights(values)

    def copy_to(self, model):
        """Gives the weights to the same network on one device.

        Args and Raises: as `load_from`.
        """
        merged = []
        for name, halves in self._halves().items():
            layer = _layer_of(model, name)
            parts = zip(*(half.get_weights() for half in halves))
            values = [np.concatenate(part, axis=-1) for part in parts]
            _check_shapes(name, values, layer.get_weights())
            merged.append((layer, values))
        for layer, values in merged:
            layer.set_weights(values)

    def _halves(self):
        """The layers with weights by their name, that of tower 1 first."""
        found = {}
        for placed in self.layers:
            for layer in getattr(placed, "layer", self).layers:
                if isinstance(placed, placement.OnDevice) and layer.weights:
                    found.setdefault(layer.name, []).append(layer)
        return found


def build_towers(
    variant="original",
    devices=None,
    input_shape=None,
    classes=None,
    classifier_activation="softmax",
    name="alexnet_towers",
):
    """Builds an AlexNet whose two towers are on two devices.

    Each device holds half of the filters and units of every layer, and the
    first holds the output layer. A tensor crosses from device to device only
    where a layer reads both towers: `communication.crossings` lists them. The
    rest, image and code, is the same on both, as in 2012 (layers-145.cfg and
    src/layer.cu of its source).

    `paper` and `caffe` normalize across the border of the towers, as §3.3 of
    the paper has it in print, so there two maps on each side cross too.

    Args:
        variant: a name in `VARIANTS`, or a table of your own, with grouped
            convolutions. Defaults to `"original"`, in which no normalization
            crosses the border.
        devices: two names, such as `("GPU:0", "GPU:1")`. Defaults to the
            first two GPUs, or on a machine with fewer to two logical CPUs.
        input_shape: as in `build_alexnet`.
        classes: as in `build_alexnet`.
        classifier_activation: as in `build_alexnet`.
        name: name of the model.

    Returns:
        A `Towers`, a `keras.Model` from images to `(batch, classes)`. Each
        tower draws dropout masks of its own.

    Raises:
        ValueError: if the table has no groups or cannot be halved, if the
            devices are not two that TensorFlow has, or as `build_alexnet`.

    >>> towers = build_towers(devices=("CPU:0", "CPU:1"))
    >>> [towers.get_layer(f"tower{n}_fc6").device for n in (1, 2)]
    ['CPU:0', 'CPU:1']
    >>> towers.count_params()
    60965224
    """
    if keras.backend.backend() != "tensorflow":
        raise ValueError(
            "`build_towers` needs Keras on TensorFlow. "
            f"Received: backend={keras.backend.backend()!r}"
        )
    variant = variants.get_variant(variant)
    stages = communication.cut(variant)
    devices = device_names.two_devices(devices)
    input_shape = one_device.resolve_input_shape(variant, None, input_shape)
    last = channels_last()
    derived = {
        row.name: row
        for row in shapes.derive_layers(
            variant,
            input_shape if last else (*input_shape[1:], input_shape[0]),
            classes,
        )
    }
    images = keras.Input(input_shape, name="images")
    read = [[images], [images]]  # by each tower
    for stage, following in zip(stages, [*stages[1:], None]):
        outputs = []
        for tower in range(stage.towers):
            with keras.device(devices[tower]):
                inputs, x = _gather(stage, tower, read[tower])
                for layer in stage.layers:
                    x = _apply(layer, derived, x, variant)
                    if (
                        isinstance(layer, specs.LRN)
                        and layer is stage.layers[0]
                    ):
                        x = _keep_own(x, inputs, tower)
                body = keras.Model(inputs, _outputs(x, following, tower))
            placed = placement.OnDevice(
                body, devices[tower], name=f"tower{tower + 1}_{stage.reader}"
            )
            outputs.append(placed(read[tower]))
        if following:
            first, second = outputs
            read = [[first[0], second[-1]], [second[0], first[-1]]]
    x = outputs[0][0]
    if classifier_activation is not None:
        # Apart, as the losses of Keras look for a softmax, to be exact.
        x = layers.Activation(
            classifier_activation, dtype=x.dtype, name="probabilities"
        )(x)
    return Towers(images, x, name=name)


def _channel_axis(x):
    return -1 if channels_last() or len(x.shape) == 2 else 1


def _gather(stage, tower, tensors):
    """Puts a tower's own maps and those of the other in the layer's order."""
    inputs = [keras.Input(x.shape[1:], dtype=x.dtype) for x in tensors]
    if not stage.reach:
        return inputs, inputs[0]
    own, other = inputs
    ordered = [other, own] if tower else [own, other]
    return inputs, layers.Concatenate(axis=_channel_axis(own))(ordered)


def _apply(layer, derived, x, variant):
    half = communication.halve(layer)
    row = derived[layer.name]
    if isinstance(half, specs.Dense) and half.units is not None:
        row = dataclasses.replace(row, output_shape=(half.units,))
    return apply_spec(half, row, x, variant)


def _keep_own(x, inputs, tower):
    """Leaves out what has been read of the other tower, once normalized."""
    if len(inputs) == 1:
        return x
    axis = _channel_axis(x)
    first = inputs[1] if tower else inputs[0]
    return ops.split(x, [first.shape[axis]], axis=axis)[tower]


def _outputs(x, following, tower):
    """What a tower keeps, and what it sends: all of it, or the border maps."""
    if following is None or following.towers == 1:
        return [x]  # an output that nobody reads gets zeros back from afar
    axis = _channel_axis(x)
    maps = x.shape[axis]
    if following.reach >= maps:
        return [x, x]
    border = following.reach if tower else maps - following.reach
    return [x, ops.split(x, [border], axis=axis)[1 - tower]]


def _layer_of(model, name):
    try:
        return model.get_layer(name)
    except ValueError:
        raise ValueError(
            "`model` must be the same network on one device, and has no layer "
            f"{name}. Received: model={model.name!r}"
        ) from None


def _check_shapes(name, here, there):
    here, there = ([w.shape for w in weights] for weights in (here, there))
    if here != there:
        raise ValueError(
            "`model` must be the same network on one device: the weights of "
            f"{name} have other shapes. Received: {there} instead of {here}"
        )
