"""Published weights: where they are, what they want to see, what they say."""

import os
import shutil
from dataclasses import dataclass

import keras
import numpy as np
from keras import ops

from alexnet_keras import variants
from alexnet_keras.weights import downloads
from alexnet_keras.weights import onnx_format

CLASSES = 1000
SPACE = 256 * 2**20  # bytes; both files have 233 MiB


@dataclass(frozen=True)
class Published:
    """Weights that were trained on ImageNet (ILSVRC-2012).

    Attributes:
        address: of the file.
        sha256: of its bytes.
        mean: what to subtract from red, green and blue, from 0 to 255.
        scale: what to multiply the difference by, a value each.
        top_1: accuracy of the centre crop on the 50,000 validation images in
            %, as published.
    """

    address: str
    sha256: str
    mean: tuple[float, float, float]
    scale: tuple[float, float, float] = (1.0, 1.0, 1.0)
    top_1: float = 0.0


# torchvision's documentation names the file of AlexNet_Weights.IMAGENET1K_V1,
# whose name has the hash's first eight digits, and the means and deviations
# on a scale from 0 to 1. The ONNX model zoo's index (Git LFS) has the hash of
# bvlc_alexnet; the means are those of Caffe's ilsvrc_2012_mean.npy.
PUBLISHED = {
    "torchvision": Published(
        "https://download.pytorch.org/models/alexnet-owt-7be5be79.pth",
        "7be5be791159472b1fbf3c69796f7cb30dca7ad8466c2df70058c37116cdee02",
        mean=(0.485 * 255, 0.456 * 255, 0.406 * 255),
        scale=(1 / (0.229 * 255), 1 / (0.224 * 255), 1 / (0.225 * 255)),
        top_1=56.5,
    ),
    "caffe": Published(
        "https://huggingface.co/onnxmodelzoo/legacy_models/resolve/main/"
        "validated/vision/classification/alexnet/model/bvlcalexnet-12.onnx",
        "6b0da9510f27f234ee96a85dc3809dd210150fdefad87f6850f9788513216945",
        mean=(122.67891, 116.66877, 104.00699),
        top_1=57.1,
    ),
}


def published(variant):
    """Returns what is known of a variant's published weights.

    Args:
        variant: a name.

    Raises:
        ValueError: if the variant has none.

    >>> published("caffe").mean
    (122.67891, 116.66877, 104.00699)
    """
    if variant not in PUBLISHED:
        raise ValueError(
            f"`variant` must be {' or '.join(PUBLISHED)}: for the others, no "
            f"weights are published. Received: variant={variant!r}"
        )
    return PUBLISHED[variant]


def preprocess_input(x, data_format=None, *, variant):
    """Prepares images as the published weights of a variant want them.

    Args:
        x: RGB images with values from 0 to 255, `(batch, height, width, 3)`
            or one `(height, width, 3)`: an array, a tensor or a Keras tensor,
            a PIL image, or a list of these of one size. It is not changed.
        data_format: `"channels_last"` or `"channels_first"`. Defaults to
            `keras.config.image_data_format()`.
        variant: `"torchvision"` or `"caffe"`, or a table that bears the name.

    Returns:
        The images in float32: red, green and blue less their mean on
        ImageNet, for `torchvision` also divided by their deviation. A tensor
        of the backend for a tensor, else an array.

    Raises:
        ValueError: if the variant has no published weights, `x` is not made
            of numbers or of images of several sizes, or the images have no
            three channels where `data_format` says.

    >>> grey = np.full((1, 2, 2, 3), 128, "uint8")
    >>> preprocess_input(grey, variant="caffe")[0, 0, 0].astype(int).tolist()
    [5, 11, 23]
    """
    wanted = published(variants.get_variant(variant).name)
    order = data_format or keras.config.image_data_format()
    if order not in ("channels_last", "channels_first"):
        raise ValueError(
            '`data_format` must be "channels_last" or "channels_first". '
            f"Received: data_format={data_format!r}"
        )
    if not hasattr(x, "shape"):
        x = to_array("x", x)
    elif not (ops.is_tensor(x) or keras.utils.is_keras_tensor(x)):
        numbers = to_array("x", x)
        # A tensor of another library becomes one of the backend.
        x = (
            x
            if x is numbers
            else ops.convert_to_tensor(numbers.astype("float32"))
        )
    axis = -1 if order == "channels_last" else -3
    if len(x.shape) < 3 or x.shape[axis] != 3:
        raise ValueError(
            f"`x` must be RGB images, with three channels ({order}); a PIL "
            'image becomes one by `convert("RGB")`. '
            f"Received: x of shape {tuple(x.shape)}"
        )
    shape = (3,) if axis == -1 else (3, 1, 1)
    mean, scale = (
        np.asarray(values, "float32").reshape(shape)
        for values in (wanted.mean, wanted.scale)
    )
    if isinstance(x, np.ndarray):
        return (x.astype("float32") - mean) * scale
    return ops.multiply(ops.subtract(ops.cast(x, "float32"), mean), scale)


def to_array(argument, value):
    """The numbers of an array, a tensor, a PIL image, or a list of these."""
    try:
        if isinstance(value, (list, tuple)):
            return np.stack([to_array(argument, one) for one in value])
        if isinstance(value, np.ndarray):
            array = value
        else:
            array = ops.convert_to_numpy(value)
        reason = "no numbers" if array.dtype.kind in "cOSUMm" else None
    except Exception as error:  # whatever NumPy or a library of tensors says
        reason = next(iter(str(error).splitlines()), type(error).__name__)
    if reason:
        raise ValueError(
            f"`{argument}` must be numbers: an array, a tensor, an image of "
            f"PIL, or a list of these of one size ({reason}). "
            f"Received: {argument} of type {type(value).__name__}"
        )
    return array


def check(weights, variant, include_top, classes):
    """Checks what the caller of `build_alexnet` typed about `"imagenet"`.

    Raises:
        ValueError: if the variant has no published weights, or other classes.
    """
    if weights != "imagenet":
        return
    published(variant.name)
    if include_top and classes not in (None, CLASSES):
        raise ValueError(
            f'`classes` must be {CLASSES} with `weights="imagenet"` and the '
            "top. For classes of your own, build without the top, or put "
            f"another layer behind fc7. Received: classes={classes}"
        )


def fetch(name):
    """Returns the path of a variant's published file, downloaded once.

    It lies in `models` of Keras's folder (`~/.keras`, or what `KERAS_HOME`
    says). Its checksum is compared each time: a damaged file is fetched anew.

    Args:
        name: a key of `PUBLISHED`.

    Raises:
        ConnectionError: if there is no network, or the connection breaks.
        ImportError: if `caffe` needs the package `onnx`.
        OSError: if the folder cannot be written or is full.
        ValueError: if what came is not the file that was published.
    """
    wanted = PUBLISHED[name]
    file = wanted.address.rpartition("/")[-1]
    home = os.environ.get("KERAS_HOME", os.path.expanduser("~/.keras"))
    path = os.path.join(home, "models", file)
    if file.endswith(".onnx"):
        onnx_format.require("imagenet")  # before minutes of download
    if not downloads.is_intact(path, wanted.sha256):
        with downloads.alone(path):
            _download(wanted, path)
    return path


def _download(wanted, path):
    if downloads.is_intact(path, wanted.sha256):
        return  # another process was quicker
    folder, file = os.path.split(path)
    advice = (
        f"Download {wanted.address} in another way and pass its path: "
        f'weights="{file}".'
    )
    if shutil.disk_usage(folder).free < SPACE:
        raise OSError(
            f'`weights="imagenet"` needs {SPACE >> 20} MiB in {folder}, which '
            "has less. Set KERAS_HOME to another folder."
        )
    try:
        with downloads.network('`weights="imagenet"`', advice):
            keras.utils.get_file(
                file,
                wanted.address,
                cache_subdir="",
                cache_dir=folder,
                file_hash=wanted.sha256,
                hash_algorithm="sha256",
            )
    except ValueError as error:  # Keras's word for a wrong hash
        os.remove(path)
        raise ValueError(
            f"`weights`: what {wanted.address} sent is not the published "
            f"file (its SHA-256 is not {wanted.sha256}), and was deleted. "
            'Try again later. Received: weights="imagenet"'
        ) from error
