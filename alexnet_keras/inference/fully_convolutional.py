"""The same network at every place of a larger image: a map of classes.

A fully connected layer on a map of h×w is a convolution with a window of h×w
that finds room once. On a larger image it finds room more often, and what the
places have in common is computed once.
"""

import keras
import numpy as np
from keras import layers

from alexnet_keras import layers as own_layers
from alexnet_keras import validation
from alexnet_keras.layers.pooling import bin_averages
from alexnet_keras.utils import graphs

# Behind `flatten`, what treats a map as it treats a vector.
KEPT = (layers.Dropout, layers.Activation, own_layers.ClassNames)


def as_convolutional(model, name=None):
    """Makes a network that takes images of any size from one of a fixed size.

    `flatten` goes. The first fully connected layer, `fc6`, becomes a
    convolution with the window of the whole last map (6×6), the others become
    convolutions of 1×1, under the same names and with the same weights. All
    other layers stay as they are, but for two:

    - `avgpool` of `torchvision` goes into the weights of `fc6`. On the size
      that the network was built for, that changes nothing; on a larger image
      the layer itself would average ever more pixels, and there would be one
      place only.
    - A mean image fits one size only. The mean of its pixels, a value a
      channel, takes its place, so that outputs differ a little.

    On an image of the size that the network was built for, the output is that
    of the network. On a larger one, neighbouring places look at squares 32
    pixels apart (`place_boxes`). A place then sees the image beyond its
    square where the network, shown the square alone, sees the zeros of its
    paddings: the two are equal to rounding in a table without padding, and
    not in an AlexNet, at no place. (Trained on ten classes, three of them
    gave another best name at 12 to 50 % of the places of two photographs.)

    Args:
        model: a network of `build_alexnet()` with its top, or of
            `build_classifier()`, also within a `Sequential` or another model.
            It is left alone; weights are copied.
        name: name of the new model. Defaults to that of `model` with
            `_convolutional` behind it.

    Returns:
        A `keras.Model` from `(batch, height, width, channels)`, or the order
        of the data format, to `(batch, rows, columns, classes)`: at each
        place what `model` gives for one image, probabilities or logits.

    Raises:
        ValueError: if `model` has no such top, or a layer there that no
            convolution can stand for.

    >>> from alexnet_keras import build_alexnet
    >>> dense = build_alexnet(input_shape=(67, 67, 3), classes=7)
    >>> network = as_convolutional(dense)
    >>> network.input_shape, network.output_shape
    ((None, None, None, 3), (None, None, None, 7))
    >>> network.compute_output_shape((1, 131, 163, 3))
    (1, 3, 4, 7)
    """
    model, operations, flatten = _check(model)
    image = model.inputs[0]
    last = flatten.data_format == "channels_last"
    channels = image.shape[-1 if last else 1]
    inputs = keras.Input(
        (None, None, channels) if last else (channels, None, None),
        dtype=image.dtype,
        name=image.name,
    )
    surgery = _Surgery(operations, flatten)
    # A model of the same layers that is not compiled: a clone would be too.
    convolutional = keras.models.clone_model(
        keras.Model(image, model.outputs[0]),
        input_tensors=inputs,
        clone_function=surgery.replace,
        call_function=surgery.call,
    )
    surgery.copy_weights()
    return keras.Model(
        inputs,
        convolutional.output,
        name=name or f"{model.name}_convolutional",
    )


def place_boxes(model, rows, columns):
    """Returns where in the image the places of a class map are.

    The box of a place is the square that `model` would have to be shown to
    say what the map says there. The last ones may hang over the image by a few
    pixels, where windows do or the network has pixels to spare. (The pixels
    that have some influence on a place are more: `field` in
    `shapes.format_table`.)

    Args:
        model: the network that was given to `as_convolutional`.
        rows: of the map.
        columns: of the map.

    Returns:
        An integer array `(rows, columns, 4)`: top, left, bottom and right in
        pixels, bottom and right not included, as in `image[top:bottom,
        left:right]`.

    Raises:
        ValueError: as `as_convolutional`, or if `rows` or `columns` is not
            positive.

    >>> from alexnet_keras import build_alexnet
    >>> dense = build_alexnet(input_shape=(67, 67, 3), classes=7)
    >>> place_boxes(dense, rows=1, columns=3).tolist()
    [[[0, 0, 67, 67], [0, 32, 67, 99], [0, 64, 67, 131]]]
    """
    model, operations, flatten = _check(model)
    rows = validation.integer("rows", rows)
    columns = validation.integer("columns", columns)
    last = flatten.data_format == "channels_last"
    shape = model.inputs[0].shape
    height, width = shape[1:3] if last else shape[2:4]
    strides = [getattr(layer, "strides", (1, 1)) for layer in operations]
    down, right = np.prod(strides, axis=0)
    top, left = np.meshgrid(
        down * np.arange(rows), right * np.arange(columns), indexing="ij"
    )
    return np.stack([top, left, top + height, left + width], axis=-1)


def _check(model):
    """Returns the model opened, its operations in order and its `flatten`."""
    if not isinstance(model, keras.Model) or not getattr(model, "inputs", None):
        raise ValueError(
            "`model` must be a network of `build_alexnet()`. "
            f"Received: model of type {type(model).__name__}"
        )
    shapes = [tuple(image.shape) for image in model.inputs]
    if len(shapes) != 1 or len(shapes[0]) != 4 or len(model.outputs) != 1:
        listed = ", ".join(map(str, shapes))
        raise ValueError(
            "`model` must take images and nothing else, and give scores and "
            f"nothing else. Received: model with inputs {listed} and "
            f"{len(model.outputs)} output(s)"
        )
    model = graphs.opened(model)
    operations = model.operations
    names = ", ".join(operation.name for operation in operations)
    flattens = [one for one in operations if isinstance(one, layers.Flatten)]
    if len(flattens) != 1:
        raise ValueError(
            "`model` must have one layer flatten and fully connected layers "
            "behind it: build it with its top. "
            f"Received: model {model.name!r} with {names}"
        )
    (flatten,) = flattens
    behind = operations[operations.index(flatten) + 1 :]
    connected = False
    for layer in behind:
        fits = isinstance(layer, (*KEPT, layers.Dense)) or (
            # One mean a unit, not one a unit and pixel as before `fc6`.
            connected and isinstance(layer, layers.BatchNormalization)
        )
        if not fits:
            raise ValueError(
                "`model` has a layer behind flatten that has no counterpart "
                f"on a map: {layer.name!r} ({type(layer).__name__}). "
                f"Received: model {model.name!r} with {names}"
            )
        connected |= isinstance(layer, layers.Dense)
    if not connected:
        raise ValueError(
            "`model` must have fully connected layers behind flatten. "
            f"Received: model {model.name!r} with {names}"
        )
    average = layers.AdaptiveAveragePooling2D
    for layer, following in zip(operations, operations[1:]):
        if isinstance(layer, average) and following is not flatten:
            raise ValueError(
                f"`model` must have flatten right behind {layer.name!r}, which "
                "makes one size of all. "
                f"Received: model {model.name!r} with {names}"
            )
    return model, operations, flatten


class _Surgery:
    """What `clone_model` asks for each layer: what replaces it, how to call it."""

    def __init__(self, operations, flatten):
        self.flatten = flatten
        self.last = flatten.data_format == "channels_last"
        place = operations.index(flatten)
        self.behind = operations[place + 1 :]
        dense = [one for one in self.behind if isinstance(one, layers.Dense)]
        self.first, self.scores = dense[0], dense[-1]
        before = operations[place - 1]
        self.average = None
        if isinstance(before, layers.AdaptiveAveragePooling2D):
            self.average = before
        self.pairs = []

    def replace(self, layer):
        """Returns the new layer in place of one."""
        if not isinstance(layer, layers.Layer):
            return layer  # an operation without weights, such as greying
        if layer in (self.flatten, self.average):
            return layer  # `call` passes over it
        if isinstance(layer, layers.Dense):
            new = self._convolution(layer)
        else:
            config = layer.get_config()
            if layer in self.behind and "axis" in config:
                config["axis"] = -1 if self.last else 1
            if isinstance(layer, own_layers.SubtractMean):
                config["shape"] = layer.shape[-1:]
            new = type(layer).from_config(config)
        self.pairs.append((layer, new))
        return new

    def call(self, layer, x, *args, **kwargs):
        """Puts the new layer behind `x`."""
        if layer in (self.flatten, self.average):
            return x
        y = layer(x, *args, **kwargs)
        if layer.name != self.scores.name:
            return y
        # Classes last in both data formats, where a softmax looks for them.
        if not self.last:
            y = layers.Permute((2, 3, 1), name="classes_last")(y)
        return layers.Activation(
            self.scores.activation,
            dtype=layer.dtype_policy,
            name="classifier_activation",
        )(y)

    def copy_weights(self):
        """Gives the new layers, built by now, the weights of the old."""
        for old, new in self.pairs:
            weights = old.get_weights()
            if old is self.first:
                weights[0] = self._window(weights[0])
            elif isinstance(old, layers.Dense):
                weights[0] = weights[0][None, None]
            elif isinstance(old, own_layers.SubtractMean):
                mean = weights[0]
                weights[0] = mean.mean(tuple(range(mean.ndim - 1)))
            graphs.copy_state(weights, new)

    def _convolution(self, dense):
        return layers.Conv2D(
            dense.units,
            self._map_shape()[:2] if dense is self.first else 1,
            activation=None if dense is self.scores else dense.activation,
            use_bias=dense.use_bias,
            kernel_initializer=dense.kernel_initializer,
            bias_initializer=dense.bias_initializer,
            kernel_regularizer=dense.kernel_regularizer,
            bias_regularizer=dense.bias_regularizer,
            data_format=self.flatten.data_format,
            dtype=dense.dtype_policy,
            trainable=dense.trainable,
            name=dense.name,
        )

    def _map_shape(self):
        """Rows, columns and channels of the map that the window covers."""
        shape = (self.average or self.flatten).input.shape[1:]
        return shape if self.last else (*shape[1:], shape[0])

    def _window(self, kernel):
        """The weights of the first connected layer, a matrix, as a window."""
        # Flatten gives rows, columns, channels in both data formats.
        height, width, channels = self._map_shape()
        if self.average is None:
            return kernel.reshape(height, width, channels, -1)
        rows, columns = (
            bin_averages(size, bins)
            for size, bins in zip((height, width), self.average.output_size)
        )
        bins = kernel.reshape(len(rows), len(columns), channels, -1)
        # A pixel counts in each bin as much as it has part in its average.
        kernel = np.tensordot(rows, bins, axes=(0, 0))
        kernel = np.tensordot(columns, kernel, axes=(0, 1))
        return kernel.swapaxes(0, 1)
