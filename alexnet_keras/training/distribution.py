"""Which devices train: every GPU, or logical CPUs that stand in for them.

On Keras's JAX and PyTorch backends it is one device, the backend's default.
"""

import importlib.metadata
import os
import pathlib
import platform
import re

import keras
import tensorflow as tf

from alexnet_keras import validation

INSTRUCTIONS = ("fma", "avx2", "avx512f", "avx512_bf16", "amx_bf16")


def check_surroundings():
    """Refuses what the caller has switched on around the call."""
    if keras.config.image_data_format() != "channels_last":
        raise ValueError(
            "Training reads images as channels_last; set "
            "`keras.config.set_image_data_format` to that first. "
            f"Received: {keras.config.image_data_format()!r}"
        )
    if tf.distribute.has_strategy():
        raise ValueError(
            "Training makes a strategy of its own (`replicas`): call it outside "
            "of the scope of another. "
            f"Received: {type(tf.distribute.get_strategy()).__name__}"
        )


def on_tensorflow():
    """Whether TensorFlow is what Keras computes with."""
    return keras.backend.backend() == "tensorflow"


def uses_xla():
    """Whether training steps are compiled by XLA: on JAX only."""
    return keras.backend.backend() == "jax"


def count_gpus():
    """Returns how many GPUs can train: on JAX and PyTorch one at most."""
    return len(gpu_names())


def gpu_names():
    """Returns a list of what the GPUs that can train call themselves."""
    backend = keras.backend.backend()
    if backend == "jax":
        import jax

        gpus = jax.devices() if jax.default_backend() == "gpu" else []
        return [gpu.device_kind for gpu in gpus[:1]]
    if backend == "torch":
        import torch

        there = torch.cuda.is_available()
        return [torch.cuda.get_device_name()] if there else []
    return [
        tf.config.experimental.get_device_details(gpu).get("device_name", "GPU")
        for gpu in tf.config.list_physical_devices("GPU")
    ]


def make_strategy(replicas=None):
    """Returns a `MirroredStrategy` over the GPUs, or over logical CPUs.

    On JAX and PyTorch, where there is one device, the strategy of
    TensorFlow that does nothing.

    Args:
        replicas: how many copies of the model train in step. Defaults to
            every GPU there is, or to one on a machine without. More than one
            on a CPU splits it into logical devices.

    Raises:
        ValueError: if there are fewer GPUs, TensorFlow has already started
            with fewer logical CPUs, or the backend has no replicas.
    """
    if replicas is not None:
        replicas = validation.integer("replicas", replicas)
    if not on_tensorflow():
        if replicas not in (None, 1):
            raise ValueError(
                "`replicas` must be 1 on Keras's "
                f"{keras.backend.backend()} backend; set "
                "KERAS_BACKEND=tensorflow for more. "
                f"Received: replicas={replicas}"
            )
        return tf.distribute.get_strategy()
    gpus = count_gpus()
    if gpus:
        if replicas is not None and replicas > gpus:
            raise ValueError(
                f"`replicas` must be at most the number of GPUs, {gpus}. "
                f"Received: replicas={replicas}"
            )
        devices = [f"GPU:{i}" for i in range(replicas or gpus)]
        return tf.distribute.MirroredStrategy(devices)
    devices = [f"CPU:{i}" for i in range(replicas or 1)]
    split_cpu(len(devices), "`replicas`", f"replicas={len(devices)}")
    # The default on CPUs numbers its all-reduces anew in every strategy, and
    # a second model of another size in one process then fails.
    return tf.distribute.MirroredStrategy(
        devices, cross_device_ops=tf.distribute.ReductionToOneDevice()
    )


def split_cpu(parts, argument, received):
    """Splits the CPU into logical devices, unless it has as many already.

    Args:
        parts: how many.
        argument: what the caller was given that asks for them, for the error.
        received: the same, as the error ends.

    Raises:
        ValueError: if TensorFlow has already started with fewer.
    """
    (cpu,) = tf.config.list_physical_devices("CPU")
    if len(tf.config.get_logical_device_configuration(cpu) or [cpu]) >= parts:
        return
    try:
        tf.config.set_logical_device_configuration(
            cpu, [tf.config.LogicalDeviceConfiguration()] * parts
        )
    except RuntimeError:
        raise ValueError(
            f"{argument} on a CPU must be set before TensorFlow has run "
            "anything. Restart Python and ask first. "
            f"Received: {received}"
        ) from None


def versions():
    """Returns those that a run depends on, as a dict for JSON."""
    found = {"tensorflow": tf.__version__, "keras": keras.__version__}
    backend = keras.backend.backend()
    if not on_tensorflow():
        found["backend"] = f"{backend} {importlib.metadata.version(backend)}"
    return found


def numerics():
    """Returns what the last digits on a CPU depend on, as a dict for JSON."""
    threads = tf.config.threading.get_intra_op_parallelism_threads()
    return {
        **versions(),
        "TF_ENABLE_ONEDNN_OPTS": os.environ.get("TF_ENABLE_ONEDNN_OPTS"),
        "threads": str(
            threads or os.environ.get("TF_NUM_INTRAOP_THREADS") or _cores()
        ),
        "processor": _processor(),
    }


def _cores():
    """As many as this process may use: TensorFlow starts a thread on each."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count()


def _processor():
    """Its name, and which instructions it has that add up in another order."""
    try:
        text = pathlib.Path("/proc/cpuinfo").read_text(encoding="utf-8")
        name, flags = (
            re.search(rf"^{word}\s*: (.*)$", text, re.MULTILINE)[1]
            for word in ("model name", "flags")
        )
    except (OSError, TypeError):  # no Linux, or no x86
        return platform.processor() or platform.machine()
    there = [word for word in INSTRUCTIONS if word in flags.split()]
    return " ".join([name, *there])
