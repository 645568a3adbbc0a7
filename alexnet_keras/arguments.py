"""What the caller of `build_alexnet()` typed, checked before work starts."""

import os

import keras

from alexnet_keras import validation
from alexnet_keras import weight_files


def check(weights, input_tensor, pooling):
    """Raises a `ValueError` that names the first argument that is wrong."""
    if weights not in (None, "imagenet"):
        is_path = isinstance(weights, str | os.PathLike)
        path = os.fspath(weights) if is_path else weights
        if not is_path or not path.endswith(weight_files.SUFFIXES):
            raise ValueError(
                '`weights` must be `None`, "imagenet" or the path of a file '
                f"whose name ends in {', '.join(weight_files.SUFFIXES)}. "
                f"Received: weights={path!r}"
            )
        if not os.path.isfile(path):
            what = "a folder, not a file"
            if not os.path.isdir(path):
                what = "a file that is not there"
            raise ValueError(
                f"`weights` names {what}. Received: weights={path!r}"
            )
    if input_tensor is not None and not keras.utils.is_keras_tensor(
        input_tensor
    ):
        raise ValueError(
            "`input_tensor` must be a Keras tensor, such as the output of "
            "`keras.Input()`; call the built model on values. "
            f"Received: input_tensor of type {type(input_tensor).__name__}"
        )
    if pooling not in (None, "avg", "max"):
        raise ValueError(
            '`pooling` must be `None`, "avg" or "max". '
            f"Received: pooling={pooling!r}"
        )


def channels_last():
    """Whether `keras.config.image_data_format()` is `"channels_last"`."""
    return keras.config.image_data_format() == "channels_last"


def resolve_input_shape(variant, input_tensor, input_shape):
    """Settles the shape of one image, in the order of the data format."""
    if input_shape is not None:
        if not isinstance(input_shape, (tuple, list)) or len(input_shape) != 3:
            raise ValueError(
                "`input_shape` must have three entries: height, width and "
                "channels, in the order of the data format. "
                f"Received: input_shape={input_shape!r}"
            )
        input_shape = tuple(
            int(side) if validation.is_int(side, 0) else side
            for side in input_shape
        )
    if input_tensor is not None:
        tensor_shape = tuple(input_tensor.shape[1:])
        if input_shape not in (None, tensor_shape):
            raise ValueError(
                f"`input_shape` must agree with `input_tensor`, whose images "
                f"have {tensor_shape}. Received: input_shape={input_shape}"
            )
        return tensor_shape
    if input_shape is None:
        height, width, channels = variant.input_shape
        if channels_last():
            return (height, width, channels)
        return (channels, height, width)
    return input_shape
