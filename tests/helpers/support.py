"""Tools of the tests: small tables, lively weights, gradients, subprocesses."""

import dataclasses
import importlib.util
import math
import os
import pathlib
import subprocess
import sys

import keras
import numpy as np
import pytest
from keras import ops

from alexnet_keras import VARIANTS
from alexnet_keras import variants

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
# Holds the lock of `locking` in a process of its own, until it is told.
HOLD = """
import sys
from alexnet_keras.utils import locking
with locking.locked(sys.argv[1]):
    print("held", flush=True)
    sys.stdin.readline()
"""
# The side, in pixels, of the smallest image that each variant takes.
SMALLEST = {
    "paper": 64,
    "original": 36,
    "caffe": 39,
    "single_tower": 67,
    "torchvision": 63,
    "d2l": 65,
}
NAMES = ("paper", "original", "caffe", "single_tower", "torchvision", "d2l")


def narrow(name, divisor=8, units=24):
    """A variant with fewer filters and units, and the same windows."""

    def thin(layer):
        if isinstance(layer, variants.Conv):
            return dataclasses.replace(layer, filters=layer.filters // divisor)
        if isinstance(layer, variants.Dense) and layer.units is not None:
            return dataclasses.replace(layer, units=units)
        return layer

    table = VARIANTS[name]
    return dataclasses.replace(
        table, layers=tuple(map(thin, table.layers)), classes=7
    )


def pixels(shape, seed=0):
    """Pixels from 0 to 255 with their mean subtracted."""
    generator = np.random.default_rng(seed)
    return generator.uniform(-127, 127, shape).astype("float32")


def enliven(model, images, seed=0):
    """Gives `model` weights with which its outputs differ and are of order 1.

    With the initialization of 2012 the logits of an untrained network are all
    but equal, and a comparison of two networks would compare their biases.
    """
    generator = np.random.default_rng(seed)
    weights = []
    for weight in model.weights:
        if len(weight.shape) == 1:
            values = generator.uniform(-0.5, 0.5, weight.shape)
        else:
            scale = math.sqrt(2 / math.prod(weight.shape[:-1]))
            values = scale * generator.standard_normal(weight.shape, "float32")
        weights.append(values.astype("float32"))
    model.set_weights(weights)
    spread = float(np.std(to_numpy(model(images))))
    weights[-2] /= spread
    weights[-1] /= spread
    model.set_weights(weights)
    return model


def to_numpy(tensor):
    """A float32 array, from a tensor of any backend and precision."""
    return ops.convert_to_numpy(ops.cast(tensor, "float32"))


def gradients(function, *arrays):
    """The gradients of a scalar function with respect to its arguments."""
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        tensors = [tf.constant(array) for array in arrays]
        with tf.GradientTape() as tape:
            tape.watch(tensors)
            value = function(*tensors)
        found = tape.gradient(value, tensors)
    elif keras.backend.backend() == "jax":
        import jax

        every = tuple(range(len(arrays)))
        found = jax.grad(function, argnums=every)(*arrays)
    else:
        tensors = [ops.convert_to_tensor(array) for array in arrays]
        for tensor in tensors:
            tensor.requires_grad_(True)
        function(*tensors).backward()
        found = [tensor.grad for tensor in tensors]
    return [to_numpy(gradient) for gradient in found]


def run_python(code, *arguments, backend="tensorflow"):
    """Runs `code` in a process of its own; returns what it printed."""
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        env=surroundings(backend),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def surroundings(backend="tensorflow"):
    """The environment of a process that sees the package and these helpers."""
    return {
        **os.environ,
        "KERAS_BACKEND": backend,
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "JAX_PLATFORMS": "cpu",
        "PYTHONPATH": os.pathsep.join(
            map(str, [ROOT, *(ROOT / "tests").glob("*/")])
        ),
    }


def start(code, *words):
    """A process that may import parts of the package, but not Keras."""
    alone = (
        "import importlib.util, sys, types\n"
        "package = types.ModuleType('alexnet_keras')\n"
        f"package.__path__ = [{str(ROOT / 'alexnet_keras')!r}]\n"
        "sys.modules['alexnet_keras'] = package\n"
    )
    return subprocess.Popen(
        [sys.executable, "-c", alone + code, *map(str, words)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def load_tool(name):
    """The module of a script in tools/, which is no package."""
    path = ROOT / "tools" / f"{name}.py"
    specification = importlib.util.spec_from_file_location(f"tool_{name}", path)
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def message_of(function, *arguments, error=ValueError, **keywords):
    """The text of the error that a call raises."""
    with pytest.raises(error) as raised:
        function(*arguments, **keywords)
    return str(raised.value)
