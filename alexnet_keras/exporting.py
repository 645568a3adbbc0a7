"""A network as a file that other programs run, checked by running it.

TensorFlow and Keras write the formats. Here the file is run beside the model,
on one image and on several, before it gets its name: what is there at the end
is whole and says what the model says.
"""

import importlib.util
import os
import pathlib
import shutil
import tempfile
from dataclasses import dataclass

import keras
import numpy as np
from keras import ops

from alexnet_keras import exported_files
from alexnet_keras import validation

# The ending of the file, and packages beside TensorFlow.
FORMATS = {
    "saved_model": ("", ()),
    "litert": (".tflite", ()),
    "onnx": (".onnx", ("onnx", "tf2onnx", "onnxruntime")),
}
# Of what is shown to both: strong, weak and very weak noise, so that one of
# them suits the network, whatever its pixels are scaled by.
CONTRASTS = (127.0, 16.0, 2.0)


@dataclass(frozen=True)
class Export:
    """What was written, and how near it is.

    Attributes:
        path: the file, or the folder of a SavedModel.
        format: `"saved_model"`, `"litert"` or `"onnx"`.
        bytes: size on disk.
        difference: the largest between an output of the file and of the
            model; as a share of the largest output where that is above 1.
    """

    path: str
    format: str
    bytes: int
    difference: float


def export(model, path, format, tolerance=1e-4, images=None):
    """Writes a network in the format of another program, and checks the file.

    The mean of a classifier is inside, so the file takes what the model
    takes, any number of images at once. Its class names go with it, where
    `exported_files.read_names` finds them.

    Args:
        model: a `keras.Model` that takes images of one size: a classifier, a
            network of `build_alexnet()`, or features of one.
        path: what is to be written, and not there yet: a folder for
            `"saved_model"`, a `.tflite` or an `.onnx` file.
        format: `"saved_model"` (TensorFlow), `"litert"` (TensorFlow Lite) or
            `"onnx"`, which needs `pip install onnx tf2onnx onnxruntime`, and
            whose converter takes some 50 times the memory of the weights:
            about 12 GB for an AlexNet of full width.
        tolerance: the largest `Export.difference` that passes. Defaults to
            1e-4.
        images: what the file and the model are both asked, as the model
            takes them, two or more. Defaults to noise.

    Returns:
        An `Export`.

    Raises:
        ValueError: before any work if an argument is wrong or a package is
            missing; later if Keras fails or the outputs differ. Nothing is
            left at `path` then.

    >>> import tempfile
    >>> from alexnet_keras import build_alexnet
    >>> network = build_alexnet(
    ...     include_top=False, input_shape=(67, 67, 1), variant="d2l"
    ... )
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     found = export(network, f"{folder}/features", "saved_model")
    >>> found.difference < 1e-5, found.bytes > 4 * network.count_params()
    (True, True)
    """
    path = pathlib.Path(path)
    check_target(path, format, tolerance)
    _check_model(model)
    if images is None:
        images = _noise(model)
    images = _check_images(model, images)
    expected = _outputs(model, images)
    part = pathlib.Path(tempfile.mkdtemp(prefix=".part-", dir=path.parent))
    try:
        written = part / path.name
        exported_files.write(model, written, format)
        differences = []
        for batch in (1, len(images)):  # a file may be made for one only
            found = exported_files.run(written, format, images[:batch])
            differences.append(_difference(found, expected[:batch]))
        difference = float(np.max(differences))  # NaN, if one is
        if not difference <= tolerance:
            raise ValueError(
                f"`model` gives other outputs as {format} (largest difference "
                f"{difference:.2g}), so nothing was written. "
                f"Received: tolerance={tolerance!r}"
            )
        size = _size(written)
        os.replace(written, path)
    finally:
        shutil.rmtree(part)
    return Export(str(path), format, size, difference)


def check_target(path, format, tolerance=1e-4):
    """Raises a `ValueError` if `export` could not write there, or so."""
    path = pathlib.Path(path)
    if format not in FORMATS:
        raise ValueError(
            f"`format` must be one of {', '.join(FORMATS)}. "
            f"Received: format={format!r}"
        )
    suffix, packages = FORMATS[format]
    validation.number("tolerance", tolerance, positive=True)
    if path.suffix != suffix:
        what = f"end in {suffix}" if suffix else "be a folder without an ending"
        raise ValueError(
            f"`path` must {what} for format {format!r}. "
            f"Received: path={str(path)!r}"
        )
    if os.path.lexists(path):
        raise ValueError(
            "`path` names something that is there already. "
            f"Received: path={str(path)!r}"
        )
    if not path.parent.is_dir():
        raise ValueError(
            "`path` must be in a folder that is there. "
            f"Received: path={str(path)!r}"
        )
    if keras.backend.backend() != "tensorflow":
        raise ValueError(
            "`export` needs Keras on TensorFlow: save the model as .keras and "
            "load it with KERAS_BACKEND=tensorflow. "
            f"Received: backend {keras.backend.backend()!r}"
        )
    missing = [p for p in packages if importlib.util.find_spec(p) is None]
    if missing:
        raise ValueError(
            f"`format` {format!r} needs more packages: "
            f"pip install {' '.join(missing)}. Received: format={format!r}"
        )


def _check_model(model):
    if not isinstance(model, keras.Model) or not model.built:
        raise ValueError(
            "`model` must be a `keras.Model` that is built. "
            f"Received: model of type {type(model).__name__}"
        )
    shapes = [tuple(tensor.shape) for tensor in model.inputs]
    if len(shapes) != 1 or len(shapes[0]) != 4 or None in shapes[0][1:]:
        raise ValueError(
            "`model` must take images of one size. Received: model with "
            f"inputs {', '.join(map(str, shapes))}"
        )
    if shapes[0][0] is not None:
        raise ValueError(
            "`model` must take any number of images at once. "
            f"Received: model with inputs {shapes[0]}"
        )
    for layer in model.layers[1:]:
        if layer.compute_dtype != "float32":
            raise ValueError(
                "`model` must compute in float32: build it so and give it the "
                f"weights of this one. Received: model {model.name!r} with "
                f"{layer.name!r} in {layer.compute_dtype}"
            )


def _noise(model):
    shape, dtype = model.inputs[0].shape[1:], model.inputs[0].dtype
    pixels = any(x.name == "subtract_mean" for x in model.layers)
    centre = 127.5 if pixels or "int" in dtype else 0.0
    noise = np.random.default_rng(0).uniform(-1, 1, (len(CONTRASTS), *shape))
    return centre + noise * np.reshape(CONTRASTS, (-1, 1, 1, 1))


def _check_images(model, images):
    image = model.inputs[0]
    images = np.asarray(images).astype(image.dtype)
    if images.shape[1:] != tuple(image.shape[1:]) or len(images) < 2:
        raise ValueError(
            "`images` must be two images or more as the model takes them, "
            f"{tuple(image.shape)}. Received: images of shape {images.shape}"
        )
    return images


def _outputs(model, images):
    outputs = model(images, training=False)
    if not ops.is_tensor(outputs):
        raise ValueError(
            "`model` must have one output. "
            f"Received: model with {len(model.outputs)}"
        )
    outputs = ops.convert_to_numpy(outputs)
    if not np.isfinite(outputs).all():
        raise ValueError(
            "`model` answers with values that are not finite. "
            f"Received: model {model.name!r}"
        )
    return outputs


def _difference(found, expected):
    if found.shape != expected.shape:
        return float("inf")
    scale = max(1.0, float(abs(expected).max()))
    return float(abs(found - expected).max()) / scale


def _size(path):
    files = [path, *path.rglob("*")]
    return sum(file.stat().st_size for file in files if file.is_file())
