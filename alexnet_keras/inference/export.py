"""A network as a file that other programs run, checked by running it."""

import importlib.util
import os
import pathlib
import shutil
import tempfile
import warnings
from dataclasses import dataclass

import keras
import numpy as np
from keras import ops

from alexnet_keras import validation
from alexnet_keras.utils import graphs
from alexnet_keras.utils.printing import printable

# The ending of the file, and packages beside TensorFlow.
FORMATS = {
    "saved_model": ("", ()),
    "litert": (".tflite", ("ai_edge_litert",)),
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

    The file is run beside the model, on one image and on several, before it
    gets its name. It takes what the model takes, any number of images at once.
    The class names of a classifier are put beside it, into
    `PATH.class_names.txt`, one a line.

    Args:
        model: a `keras.Model` that takes images of one size.
        path: what is to be written, and not there yet: a folder for
            `"saved_model"`, a `.tflite` or an `.onnx` file.
        format: `"saved_model"` (TensorFlow), `"litert"` (TensorFlow Lite) or
            `"onnx"`, whose converter takes some 50 times the memory of the
            weights: about 12 GB for an AlexNet of full width. The last two
            need `pip install 'alexnet-keras[export]'`.
        tolerance: the largest `Export.difference` that passes. Defaults to
            1e-4.
        images: what the file and the model are both asked, as the model
            takes them, two or more. Defaults to noise.

    Returns:
        An `Export`.

    Raises:
        ValueError: before any work if an argument is wrong; later if Keras
            fails or the outputs differ. Nothing is left at `path` then.
        ImportError: if a package is missing.
    """
    path = pathlib.Path(path)
    check_target(path, format, tolerance)
    _check_model(model)
    images = _noise(model) if images is None else np.asarray(images)
    image = model.inputs[0]
    if images.shape[1:] != tuple(image.shape[1:]) or len(images) < 2:
        raise ValueError(
            "`images` must be two images or more as the model takes them, "
            f"{tuple(image.shape)}. Received: images of shape {images.shape}"
        )
    images = images.astype(image.dtype)
    expected = ops.convert_to_numpy(model(images, training=False))
    if not np.isfinite(expected).all():
        raise ValueError(
            "`model` answers with values that are not finite. "
            f"Received: model {model.name!r}"
        )
    part = pathlib.Path(tempfile.mkdtemp(prefix=".part-", dir=path.parent))
    try:
        written = part / path.name
        _write(model, written, format)
        differences = []
        for batch in (1, len(images)):  # a file may be made for one only
            found = run(written, format, images[:batch])
            differences.append(_difference(found, expected[:batch]))
        difference = float(np.max(differences))  # NaN, if one is
        if not difference <= tolerance:
            raise ValueError(
                f"`model` gives other outputs as {format} (largest difference "
                f"{difference:.2g}), so nothing was written. "
                f"Received: tolerance={tolerance!r}"
            )
        files = [x for x in (written, *written.rglob("*")) if x.is_file()]
        size = sum(file.stat().st_size for file in files)
        os.replace(written, path)
    finally:
        shutil.rmtree(part)
    _write_names(model, path)
    return Export(str(path), format, size, difference)


def check_target(path, format, tolerance=1e-4):
    """Raises an error if `export` could not write there, or so."""
    path = pathlib.Path(path)
    validation.choice("format", format, tuple(FORMATS))
    validation.number("tolerance", tolerance, positive=True)
    suffix, packages = FORMATS[format]
    if path.suffix != suffix:
        what = f"end in {suffix}" if suffix else "be a folder without an ending"
        problem = f"must {what} for format {format!r}"
    elif os.path.lexists(path):
        problem = "names something that is there already"
    elif not path.parent.is_dir():
        problem = "must be in a folder that is there"
    else:
        problem = None
    if problem:
        raise ValueError(f"`path` {problem}. Received: path={str(path)!r}")
    if keras.backend.backend() != "tensorflow":
        raise ValueError(
            "`export` needs Keras on TensorFlow: save the model as .keras and "
            "load it with KERAS_BACKEND=tensorflow. "
            f"Received: backend {keras.backend.backend()!r}"
        )
    missing = [p for p in packages if importlib.util.find_spec(p) is None]
    if missing:
        raise ImportError(
            f"`format` {format!r} needs {', '.join(missing)}: "
            "pip install 'alexnet-keras[export]'"
        )


def run(path, format, images):
    """Asks an exported file, by the program that it is for, on the CPU.

    Args:
        path: the file, or the folder of a SavedModel.
        format: as for `export`.
        images: an array `(batch, height, width, channels)` of the dtype that
            the network takes.

    Returns:
        An array, such as `(batch, classes)`.
    """
    if format == "saved_model":
        import tensorflow as tf

        loaded = tf.saved_model.load(str(path))  # has the variables
        return loaded.serve(tf.constant(images)).numpy()
    if format == "onnx":
        import onnxruntime

        session = onnxruntime.InferenceSession(
            str(path), providers=["CPUExecutionProvider"]
        )
        return session.run(None, {session.get_inputs()[0].name: images})[0]
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(str(path))
    (image,) = interpreter.get_input_details()
    # A file for one image only refuses this.
    interpreter.resize_tensor_input(image["index"], images.shape, strict=True)
    interpreter.allocate_tensors()
    interpreter.set_tensor(image["index"], images)
    interpreter.invoke()
    (output,) = interpreter.get_output_details()
    return interpreter.get_tensor(output["index"])


def _write(model, path, format):
    kind = "tf_saved_model" if format == "saved_model" else format
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the converters' own code
            model.export(path, format=kind, verbose=False)
    except Exception as error:
        # TensorFlow and the converters raise what they like.
        reason = printable(next(iter(str(error).strip().splitlines()), ""))
        raise ValueError(
            f"`model` could not be written as {format} "
            f"({type(error).__name__}: {reason}). "
            f"Received: model {model.name!r}"
        ) from error


def _write_names(model, path):
    named = [x for x in graphs.inside(model) if x.name == "class_names"]
    if named:
        lines = "".join(f"{printable(x)}\n" for x in named[-1].class_names)
        file = path.with_name(f"{path.name}.class_names.txt")
        file.write_text(lines, encoding="utf-8")


def _check_model(model):
    if not isinstance(model, keras.Model) or not model.built:
        raise ValueError(
            "`model` must be a `keras.Model` that is built. "
            f"Received: model of type {type(model).__name__}"
        )
    inputs, outputs = (
        [tuple(tensor.shape) for tensor in side]
        for side in (model.inputs, model.outputs)
    )
    one_size = len(inputs) == len(outputs) == 1 and len(inputs[0]) == 4
    if not one_size or None in inputs[0][1:] or inputs[0][0] is not None:
        raise ValueError(
            "`model` must take images of one size, any number at once, and "
            f"have one output. Received: model with inputs {inputs} and "
            f"outputs {outputs}"
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


def _difference(found, expected):
    if found.shape != expected.shape:
        return float("inf")
    scale = max(1.0, float(abs(expected).max()))
    return float(abs(found - expected).max()) / scale
