"""Small networks for experiments on 32×32 images, as tables.

What is cheap enough to train often: AlexNet's parts on the scale of CIFAR-10.
The paper's own four-layer network (§3.1, figure 1) is not described; this one
has the 32 filters of the first and the 64 of the last convolution of
cuda-convnet's CIFAR-10 networks, and a stride in `conv1`, as AlexNet has, which
makes it four times cheaper.
"""

import dataclasses

from alexnet_keras.rows import Conv
from alexnet_keras.rows import Dense
from alexnet_keras.rows import Dropout
from alexnet_keras.rows import Flatten
from alexnet_keras.rows import MaxPool
from alexnet_keras.rows import Variant

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
        init: of all weights, as in `rows.Conv`. Defaults to Glorot's, which
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


def six_layer(dropout=0.0, rescale="train"):
    """`four_layer` with AlexNet's two large fully connected layers.

    Args:
        dropout: share of the values that are set to zero behind `fc4` and
            `fc5`; with 0 the table has no dropout. Defaults to 0.
        rescale: as in `rows.Dropout`. Defaults to `"train"`.

    Returns:
        A `Variant` for 32×32×3 images.

    >>> [layer.name for layer in six_layer(dropout=0.5).layers][-5:]
    ['fc4', 'drop4', 'fc5', 'drop5', 'predictions']
    """
    init = "glorot_uniform"
    top = []
    for number in (4, 5):
        top.append(Dense(f"fc{number}", 512, init=init))
        if dropout:
            top.append(Dropout(f"drop{number}", dropout, rescale))
    return _table("six_layer", _features("relu", init), tuple(top), init)


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
