"""Exported files: how they are written, what they say, their outputs' names."""

import importlib.util
import pathlib
import sys
import warnings
import zipfile

import keras

from alexnet_keras.printing import printable

NAMES = "class_names.txt"


def write(model, path, format):
    """Writes a network, with the names of a classifier's outputs.

    Args:
        model: a `keras.Model` from images of one size, on TensorFlow.
        path: the file, or the folder of a SavedModel.
        format: as for `run`.

    Raises:
        ValueError: if TensorFlow, Keras or a converter fails; something may
            be left at `path`.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the converters' own code
            if format == "saved_model":
                _write_saved_model(model, path)
            else:
                model.export(path, format=format, verbose=False)
        named = [x for x in model.layers if x.name == "class_names"]
        if named:
            add_names(path, format, named[0].class_names)
    except Exception as error:
        # TensorFlow and the converters raise what they like.
        reason = printable(next(iter(str(error).strip().splitlines()), ""))
        raise ValueError(
            f"`model` could not be written as {format} "
            f"({type(error).__name__}: {reason}).{_known_reason()} "
            f"Received: model {model.name!r}"
        ) from error


def run(path, format, images):
    """Asks an exported file, by the program that it is for, on the CPU.

    Args:
        path: the file, or the folder of a SavedModel.
        format: `"saved_model"` (TensorFlow), `"litert"` (ai-edge-litert, or
            the interpreter inside TensorFlow) or `"onnx"` (onnxruntime).
        images: an array `(batch, height, width, channels)` of the dtype that
            the network takes.

    Returns:
        An array, such as `(batch, classes)`.
    """
    if format == "saved_model":
        import tensorflow as tf

        loaded = tf.saved_model.load(str(path))
        return loaded.serve(tf.constant(images)).numpy()
    if format == "litert":
        return _run_litert(path, images)
    import onnxruntime

    session = onnxruntime.InferenceSession(
        str(path), providers=["CPUExecutionProvider"]
    )
    (outputs,) = session.run(None, {session.get_inputs()[0].name: images})
    return outputs


def add_names(path, format, names):
    r"""Puts the names of the outputs, one a line, with an exported file.

    In `assets.extra/class_names.txt` of a SavedModel's folder; in
    `class_names.txt` of a .tflite file, which becomes a zip archive as well,
    as TensorFlow Lite's own tools make it; under `class_names` in the
    metadata of an .onnx file.

    Args:
        path: as for `run`.
        format: as for `run`.
        names: of the outputs, in order. Of a name that is not UTF-8, or
            has line breaks, what is neither is written as `\udce9` or `\n`.
    """
    lines = "".join(f"{_in_one_line(name)}\n" for name in names)
    if format == "saved_model":
        extra = pathlib.Path(path) / "assets.extra"
        extra.mkdir()
        (extra / NAMES).write_bytes(lines.encode())
    elif format == "litert":
        with zipfile.ZipFile(path, "a") as archive:
            archive.writestr(NAMES, lines)
    else:
        import onnx

        network = onnx.load(path)
        onnx.helper.set_model_props(network, {"class_names": lines})
        onnx.save(network, path)


def read_names(path, format):
    """Returns the names of the outputs of an exported classifier.

    Args:
        path: as for `run`.
        format: as for `run`.

    Returns:
        A tuple of names, in the order of the outputs; an empty one for a
        network without names.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     add_names(folder, "saved_model", ["cat", "dog"])
    ...     read_names(folder, "saved_model")
    ('cat', 'dog')
    """
    lines = ""
    if format == "saved_model":
        file = pathlib.Path(path) / "assets.extra" / NAMES
        if file.exists():
            lines = file.read_bytes().decode()
    elif format == "litert":
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                lines = archive.read(NAMES).decode()
    else:
        import onnxruntime

        session = onnxruntime.InferenceSession(
            str(path), providers=["CPUExecutionProvider"]
        )
        metadata = session.get_modelmeta().custom_metadata_map
        lines = metadata.get("class_names", "")
    # `splitlines` takes more characters for the end of a line.
    return tuple(lines.split("\n")[:-1])


def _in_one_line(name):
    name = name.replace("\n", r"\n").replace("\r", r"\r")
    return name.encode(errors="backslashreplace").decode()


def _run_litert(path, images):
    if importlib.util.find_spec("ai_edge_litert"):
        from ai_edge_litert.interpreter import Interpreter
    else:
        import tensorflow as tf

        Interpreter = tf.lite.Interpreter
    interpreter = Interpreter(str(path))
    (image,) = interpreter.get_input_details()
    # A file for one image only refuses this.
    interpreter.resize_tensor_input(image["index"], images.shape, strict=True)
    interpreter.allocate_tensors()
    interpreter.set_tensor(image["index"], images)
    interpreter.invoke()
    (output,) = interpreter.get_output_details()
    return interpreter.get_tensor(output["index"])


def _write_saved_model(model, path):
    """Writes each weight once, where `model.export` writes it twice."""
    import tensorflow as tf

    image = model.inputs[0]
    module = tf.Module()
    for position, variable in enumerate(model.variables):
        setattr(module, f"variable_{position:03}", variable.value)
    module.serve = tf.function(
        lambda images: model(images, training=False),
        input_signature=[tf.TensorSpec(image.shape, image.dtype, "images")],
    )
    serving = module.serve.get_concrete_function()
    tf.saved_model.save(module, path, {"serving_default": serving})


def _known_reason():
    version = tuple(map(int, keras.__version__.split(".")[:2]))
    if version < (3, 15) and sys.version_info >= (3, 12):
        return (
            f" Keras {keras.__version__} is known to fail at it on Python 3.12 "
            "and newer: pip install -U 'keras>=3.15', or export with Python "
            "3.11."
        )
    return ""
