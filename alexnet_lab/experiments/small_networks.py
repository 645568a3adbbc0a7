"""Small networks for experiments, as tables, and changes to them.

What is cheap enough to train often: AlexNet's parts on the scale of CIFAR-10.
The paper's own four-layer network (§3.1, figure 1) is not described; this one
has the 32 filters of the first and the 64 of the last convolution of
cuda-convnet's CIFAR-10 networks, and a stride in `conv1`, as AlexNet has, which
makes it four times cheaper.
"""

import dataclasses

from alexnet_keras.specs import LRN
from alexnet_keras.specs import Activation
from alexnet_keras.specs import BatchNorm
from alexnet_keras.specs import Conv
from alexnet_keras.specs import Dense
from alexnet_keras.specs import Dropout
from alexnet_keras.specs import Flatten
from alexnet_keras.specs import MaxPool
from alexnet_keras.specs import Variant
from alexnet_keras.variants import VARIANTS

# Pixels less their mean have a standard deviation of about 64: the scale at
# which Glorot's initial weights keep it.
PIXEL_SCALE = 1 / 64


def four_layer(
    activation="relu", init="glorot_uniform", pixel_scale=PIXEL_SCALE
):
    """Three convolutions and a fully connected layer, for figure 1.

    Args:
        activation: of the convolutions, any name that Keras knows. Defaults
            to `"relu"`.
        init: of all weights, as in `specs.Conv`. Defaults to Glorot's, which
            was derived for tanh. Biases are 0.
        pixel_scale: what pixels less their mean are multiplied by. Defaults
            to 1/64; 1 leaves them as 2012 had them.

    Returns:
        A `Variant` for 32×32×3 images.

    >>> from alexnet_keras import derive_layers
    >>> for row in derive_layers(four_layer(), classes=10):
    ...     print(row.name, row.output_shape, row.parameters)
    conv1 (16, 16, 32) 2432
    pool1 (8, 8, 32) 0
    conv2 (8, 8, 64) 51264
    pool2 (4, 4, 64) 0
    conv3 (4, 4, 64) 36928
    flatten (1024,) 0
    predictions (10,) 10250
    """
    table = _table("four_layer", _features(activation, init), (), init)
    return dataclasses.replace(table, pixel_scale=pixel_scale)


# Where dropout stands in `six_layer`: after which layers.
PLACES = {
    "after fc4 and fc5": ("fc4", "fc5"),
    "in front of fc4 and fc5": ("flatten", "fc4"),
    "after conv1 to conv3": ("pool1", "pool2", "conv3"),
}


def six_layer(dropout=0.0, rescale="train", place="after fc4 and fc5"):
    """`four_layer` with AlexNet's two large fully connected layers.

    Args:
        dropout: share of the values that are set to zero; with 0 the table
            has no dropout. Defaults to 0.
        rescale: as in `specs.Dropout`. Defaults to `"train"`.
        place: where, a name in `PLACES`. Defaults to that of AlexNet.

    Returns:
        A `Variant` for 32×32×3 images.

    >>> [layer.name for layer in six_layer(dropout=0.5).layers][-5:]
    ['fc4', 'drop4', 'fc5', 'drop5', 'predictions']
    """
    init = "glorot_uniform"
    top = [Dense(f"fc{number}", 512, init=init) for number in (4, 5)]
    table = _table("six_layer", _features("relu", init), tuple(top), init)
    after = PLACES[place] if dropout else ()
    layers = []
    for layer in table.layers:
        layers.append(layer)
        if layer.name in after:
            number = layer.name.removeprefix("fc")
            layers.append(Dropout(f"drop{number}", dropout, rescale))
    return dataclasses.replace(table, layers=tuple(layers))


def quarter_alexnet(activation="relu", init=0.03, dropout=0.0):
    """AlexNet with a quarter of its maps and units, for photographs.

    One tower, without normalizers, on 99×99 pixels: every pool finds an odd
    height and width (23, 11, 5), so that windows of 2 and of 3 pixels leave
    the same number of values.

    Args:
        activation: of all layers but the last. Defaults to `"relu"`.
        init: of all weights. Defaults to a standard deviation of 0.03, with
            which values of raw pixels keep their size through so few maps.
        dropout: after `fc6` and `fc7`; with 0 there is none. Defaults to 0.

    Returns:
        A `Variant` for 99×99×3 images.

    >>> from alexnet_keras import derive_layers
    >>> [row.output_shape for row in derive_layers(quarter_alexnet())][:8]
    [(23, 23, 24), (11, 11, 24), (11, 11, 64), (5, 5, 64), (5, 5, 96), (5, 5, 96), (5, 5, 64), (2, 2, 64)]
    """
    whole = VARIANTS["single_tower"]
    layers = []
    for layer in whole.layers:
        changes = {"init": init, "bias": 0.0}
        if getattr(layer, "activation", None):
            changes["activation"] = activation
        match layer:
            case LRN():
                continue
            case Dropout():
                if not dropout:
                    continue
                changes = {"rate": dropout, "rescale": "train"}
            case Conv():
                changes["filters"] = layer.filters // 4
            case Dense():
                changes["units"] = layer.units and layer.units // 4
            case _:
                changes = {}
        layers.append(dataclasses.replace(layer, **changes))
    return dataclasses.replace(
        whole,
        name="quarter_alexnet",
        layers=tuple(layers),
        input_shape=(99, 99, 3),
        classes=10,
    )


def normalized(table, kind, **options):
    """Returns a table with normalizers where AlexNet has them.

    That is after `conv1` and `conv2`: `LRN` follows the ReLU, as in the
    paper; `BatchNorm` comes in front of it, as in its paper.

    Args:
        table: a `Variant` without normalizers.
        kind: `specs.LRN` or `specs.BatchNorm`.
        **options: of its layers, such as `alpha` of `LRN`.

    >>> table = normalized(four_layer(), BatchNorm)
    >>> [layer.name for layer in table.layers][:4]
    ['conv1', 'norm1', 'relu1', 'pool1']
    """
    layers = []
    for layer in table.layers:
        number = layer.name.removeprefix("conv")
        if number not in ("1", "2"):
            layers.append(layer)
            continue
        norm = kind(f"norm{number}", **options)
        relu = Activation(f"relu{number}")
        if kind is BatchNorm:
            linear = dataclasses.replace(layer, activation=None)
            layers += [linear, norm, relu]
        else:
            layers += [layer, norm]
    return dataclasses.replace(table, layers=tuple(layers))


def with_pooling(table, size, stride):
    """Returns a table in which all max pools have this window and stride.

    >>> with_pooling(four_layer(), size=2, stride=2).layer("pool1")
    MaxPool(name='pool1', size=2, stride=2)
    """
    for layer in table.layers:
        if isinstance(layer, MaxPool):
            table = table.replace_layer(layer.name, size=size, stride=stride)
    return table


def _features(activation, init):
    same = {"activation": activation, "init": init}
    return (
        Conv("conv1", 32, kernel=5, stride=2, padding=2, **same),
        MaxPool("pool1"),
        Conv("conv2", 64, kernel=5, padding=2, **same),
        MaxPool("pool2"),
        Conv("conv3", 64, kernel=3, padding=1, **same),
    )


def _table(name, features, top, init):
    last = Dense("predictions", None, activation=None, init=init)
    return Variant(
        name,
        layers=(*features, Flatten(), *top, last),
        input_shape=(32, 32, 3),
        pool_rounding="ceil",
        classes=10,
        pixel_scale=PIXEL_SCALE,
    )
