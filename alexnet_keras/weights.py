"""Published weights: where they are, what they want to see, what they say."""

import os
from dataclasses import dataclass

import keras
import numpy as np
from keras import ops

from alexnet_keras import onnx_files
from alexnet_keras import variants
from alexnet_keras.validation import is_int

CLASSES = 1000


@dataclass(frozen=True)
class Published:
    """Weights that were trained on ImageNet (ILSVRC-2012).

    Attributes:
        address: of the file.
        sha256: of its bytes.
        mean: what to subtract from red, green and blue, from 0 to 255.
        scale: what to multiply the difference by, a value each.
    """

    address: str
    sha256: str
    mean: tuple[float, float, float]
    scale: tuple[float, float, float] = (1.0, 1.0, 1.0)


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
    ),
    "caffe": Published(
        "https://huggingface.co/onnxmodelzoo/legacy_models/resolve/main/"
        "validated/vision/classification/alexnet/model/bvlcalexnet-12.onnx",
        "6b0da9510f27f234ee96a85dc3809dd210150fdefad87f6850f9788513216945",
        mean=(122.67891, 116.66877, 104.00699),
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
            or one `(height, width, 3)`: an array, a tensor of the backend or
            a Keras tensor. It is not changed.
        data_format: `"channels_last"` or `"channels_first"`. Defaults to
            `keras.config.image_data_format()`.
        variant: `"torchvision"` or `"caffe"`, or a table that bears the name.

    Returns:
        The images in float32: red, green and blue less their mean on
        ImageNet, for `torchvision` also divided by their deviation. An array
        for an array, else a tensor.

    Raises:
        ValueError: if the variant has no published weights, or the images
            have no three channels where `data_format` says.

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
    if isinstance(x, (list, tuple)):
        x = np.asarray(x)
    axis = -1 if order == "channels_last" else -3
    if len(x.shape) < 3 or x.shape[axis] != 3:
        raise ValueError(
            f"`x` must be RGB images, with three channels ({order}). "
            f"Received: x of shape {tuple(x.shape)}"
        )
    shape = (3,) if axis == -1 else (3, 1, 1)
    mean, scale = (
        np.asarray(values, "float32").reshape(shape)
        for values in (wanted.mean, wanted.scale)
    )
    if isinstance(x, np.ndarray):
        return (x.astype("float32") - mean) * scale
    return (ops.cast(x, "float32") - mean) * scale


def decode_predictions(predictions, top=5):
    """Names the classes of ImageNet; Keras's function, with its file.

    Args:
        predictions: `(batch, 1000)`, from a network with `weights="imagenet"`.
        top: how many to name of each image. Defaults to 5.

    Returns:
        For each image a list of `(WordNet id, name, score)`, the highest
        score first.

    Raises:
        ValueError: if `predictions` has another shape, or `top` is not
            positive.
        ConnectionError: if the file with the names (35 kB, kept in
            `~/.keras/models`) is neither there nor can be downloaded.
    """
    predictions = ops.convert_to_numpy(predictions)
    if predictions.ndim != 2 or predictions.shape[1] != CLASSES:
        raise ValueError(
            f"`predictions` must have the shape (batch, {CLASSES}). "
            f"Received: predictions of shape {predictions.shape}"
        )
    if not is_int(top, 1):
        raise ValueError(
            f"`top` must be a positive integer. Received: top={top!r}"
        )
    try:
        return keras.applications.imagenet_utils.decode_predictions(
            predictions, top
        )
    except Exception as error:
        raise ConnectionError(
            "the names of ImageNet's classes could not be downloaded: "
            f"{error}. They are needed once."
        ) from error


def class_names():
    """Returns the names of ImageNet's 1,000 classes, in order.

    Raises:
        ConnectionError: as `decode_predictions`.
    """
    each = decode_predictions(np.eye(CLASSES, dtype="float32"), top=1)
    return tuple(name for ((_, name, _),) in each)


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


def fetch(name, build):
    """Returns the file of a variant's published weights, for Keras.

    It is downloaded, checked and converted the first time, and then lies in
    `models` of Keras's folder (`~/.keras`, or what `KERAS_HOME` says).

    Args:
        name: a key of `PUBLISHED`.
        build: `build_alexnet`, which this file cannot import.

    Raises:
        ConnectionError: if there is no network, or the connection breaks.
        ImportError: if `caffe` needs the package `onnx`, once.
        ValueError: if what came is not the file that was published.
    """
    wanted = PUBLISHED[name]
    home = os.environ.get("KERAS_HOME", os.path.expanduser("~/.keras"))
    folder = os.path.join(home, "models")
    stem = f"alexnet_{name}_{wanted.sha256[:8]}"
    target = os.path.join(folder, f"{stem}.weights.h5")
    if os.path.exists(target):
        return target
    if wanted.address.endswith(".onnx"):
        onnx_files.require("imagenet")  # before minutes of download
    os.makedirs(folder, exist_ok=True)  # or Keras would take /tmp instead
    original = _download(wanted, home)
    network = build(variant=name, weights=original)
    unfinished = os.path.join(folder, f"{stem}.{os.getpid()}.weights.h5")
    try:
        network.save_weights(unfinished)
        os.replace(unfinished, target)
    finally:
        if os.path.exists(unfinished):
            os.remove(unfinished)
    os.remove(original)  # the same numbers once more
    return target


def _download(wanted, home):
    file = wanted.address.rsplit("/", 1)[-1]
    path = os.path.join(home, "models", file)
    advice = (
        f"Download {wanted.address} in another way and pass its path: "
        f'weights="{file}".'
    )
    try:
        return keras.utils.get_file(
            file,
            wanted.address,
            cache_subdir="models",
            cache_dir=home,
            file_hash=wanted.sha256,
            hash_algorithm="sha256",
        )
    except ValueError as error:  # Keras's word for a wrong hash
        if os.path.exists(path):
            os.remove(path)
        raise ValueError(
            f"`weights`: what {wanted.address} sent is not the published "
            f"file (its SHA-256 is not {wanted.sha256}), and was deleted. "
            'Try again later. Received: weights="imagenet"'
        ) from error
    except Exception as error:
        raise ConnectionError(
            f'`weights="imagenet"` could not be downloaded: {error}. {advice}'
        ) from error
