"""The weights in an ONNX file, in the order in which data flows."""

import importlib
import os


def read_layers(path):
    """Reads the convolutions and fully connected layers of an ONNX file.

    Takes the package `onnx`; an ONNX file is data, without code.

    Args:
        path: of the file. Its tensors must be inside, not in files beside it.

    Returns:
        A list of `(kernel, bias)`, one for each `Conv` and `Gemm` node; the
        kernel as PyTorch has it, `(filters, channels / groups, height,
        width)` or `(units, inputs)`.

    Raises:
        ImportError: if the package `onnx` is not installed.
        ValueError: if the file is cut off, is no ONNX file, names tensors in
            other files (which are not opened), or has a layer without a
            kernel and a bias.
    """
    onnx = require(path)
    try:
        graph = onnx.load(path, load_external_data=False).graph
        constants = {
            tensor.name: _inside(onnx, tensor) for tensor in graph.initializer
        }
    except Exception as error:
        # The protocol buffers' own errors have no common class.
        raise ValueError(
            "`weights` is no whole ONNX file with its tensors inside "
            f"({type(error).__name__}: {error}). "
            f"Received: weights={os.fspath(path)!r}"
        ) from error
    layers = [
        _layer(node, constants, path)
        for node in graph.node
        if node.op_type in ("Conv", "Gemm")
    ]
    if not layers:
        raise ValueError(
            "`weights` has no layer of the types Conv and Gemm, so it is no "
            f"AlexNet in ONNX. Received: weights={os.fspath(path)!r}"
        )
    return layers


def require(weights):
    """Returns the package `onnx`.

    Args:
        weights: what the caller typed, for the message.

    Raises:
        ImportError: if it is not installed.
    """
    try:
        return importlib.import_module("onnx")
    except ImportError as error:
        raise ImportError(
            "`weights` come from an ONNX file, which the package onnx reads: "
            "pip install 'alexnet-keras[onnx]'. "
            f"Received: weights={os.fspath(weights)!r}"
        ) from error


def _inside(onnx, tensor):
    # `to_array` would read any file of the current folder.
    if tensor.data_location or tensor.external_data:
        raise ValueError(f"{tensor.name!r} lies in another file")
    return onnx.numpy_helper.to_array(tensor)


def _layer(node, constants, path):
    known = [name for name in node.input[1:] if name in constants]
    found = [constants[name] for name in known]
    if [values.dtype.kind for values in found] != ["f", "f"]:
        raise ValueError(
            f"`weights` has a layer {node.name or ' '.join(node.output)!r} "
            f"({node.op_type}) without a kernel and a bias of its own, in "
            f"floating point. Received: weights={os.fspath(path)!r}"
        )
    kernel, bias = found
    turned = any(item.name == "transB" and item.i for item in node.attribute)
    if node.op_type == "Gemm" and not turned:
        kernel = kernel.T
    return kernel, bias.ravel()
