"""Two devices by name: GPUs, or logical CPUs that stand in for them."""

import tensorflow as tf

from alexnet_keras.training.distribution import count_gpus
from alexnet_keras.training.distribution import split_cpu


def two_devices(devices=None):
    """Returns the names of two devices, such as `("GPU:0", "GPU:1")`.

    Args:
        devices: two names as TensorFlow writes them, long or short. Defaults
            to the first two GPUs; on a machine with fewer, to two logical
            CPUs, into which the CPU is split if need be.

    Raises:
        ValueError: if they are not two, not different or not there; if the
            CPU can no longer be split.
    """
    if devices is None:
        if count_gpus() >= 2:
            return "GPU:0", "GPU:1"
        split_cpu(2, "`devices`", "devices=None")
        return "CPU:0", "CPU:1"
    if not (
        isinstance(devices, (tuple, list))
        and len(devices) == 2
        and all(isinstance(device, str) for device in devices)
    ):
        raise ValueError(
            "`devices` must be two names, one device for each tower, such as "
            f'("GPU:0", "GPU:1"). Received: devices={devices!r}'
        )
    there = [short_name(d.name) for d in tf.config.list_logical_devices()]
    first, second = map(short_name, devices)
    if unknown := {first, second} - set(there):
        raise ValueError(
            "`devices` must be among those that TensorFlow has: "
            f"{', '.join(there)}. Not among them: "
            f"{', '.join(sorted(unknown))}. Received: devices={devices!r}"
        )
    if first == second:
        raise ValueError(
            "`devices` must be two different devices, one for each tower. "
            f"Received: devices={devices!r}"
        )
    return first, second


def short_name(name):
    """`"/device:CPU:0"` and `"cpu:0"` as `"CPU:0"`; no device as it is."""
    try:
        spec = tf.DeviceSpec.from_string(name)
    except ValueError:
        return name
    return f"{spec.device_type}:{spec.device_index}"
