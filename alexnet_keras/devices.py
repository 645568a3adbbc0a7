"""Which devices train: every GPU, or logical CPUs that stand in for them."""

import tensorflow as tf


def count_gpus():
    """Returns how many GPUs TensorFlow sees."""
    return len(tf.config.list_physical_devices("GPU"))


def make_strategy(replicas=None):
    """Returns a `MirroredStrategy` over the GPUs, or over logical CPUs.

    Args:
        replicas: how many copies of the model train in step. Defaults to
            every GPU there is, or to one on a machine without. More than one
            on a CPU splits it into logical devices.

    Raises:
        ValueError: if there are fewer GPUs, or TensorFlow has already
            started with fewer logical CPUs.
    """
    if replicas is not None:
        check_positive("replicas", replicas)
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
    _split_cpu(len(devices))
    # The default on CPUs numbers its all-reduces anew in every strategy, and
    # a second model of another size in one process then fails.
    return tf.distribute.MirroredStrategy(
        devices, cross_device_ops=tf.distribute.ReductionToOneDevice()
    )


def _split_cpu(parts):
    (cpu,) = tf.config.list_physical_devices("CPU")
    if len(tf.config.get_logical_device_configuration(cpu) or [cpu]) >= parts:
        return
    try:
        tf.config.set_logical_device_configuration(
            cpu, [tf.config.LogicalDeviceConfiguration()] * parts
        )
    except RuntimeError:
        raise ValueError(
            "`replicas` on a CPU must be set before TensorFlow has run "
            "anything. Restart Python and ask first. "
            f"Received: replicas={parts}"
        ) from None


def check_positive(argument, value):
    """Raises a `ValueError` unless `value` is a positive integer."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ValueError(
            f"`{argument}` must be a positive integer. "
            f"Received: {argument}={value!r}"
        )
