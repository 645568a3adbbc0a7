"""Two devices: by name, by default, and those that do not serve."""

import pytest
from support import message_of

tf = pytest.importorskip("tensorflow")
from alexnet_keras.training import distribution  # noqa: E402
from alexnet_lab.two_gpus import devices  # noqa: E402
from alexnet_lab.two_gpus import model_parallel  # noqa: E402

CPUS = ("CPU:0", "CPU:1")


@pytest.mark.parametrize(
    "given",
    [
        ("CPU:1", "CPU:0"),
        ["/CPU:1", "cpu:0"],
        ("/device:CPU:1", "/job:localhost/replica:0/task:0/device:CPU:0"),
    ],
)
def test_names_of_devices(given):
    assert devices.two_devices(given) == ("CPU:1", "CPU:0")


def test_two_devices_by_default():
    kind = "GPU" if devices.count_gpus() >= 2 else "CPU"
    assert devices.two_devices() == (f"{kind}:0", f"{kind}:1")


@pytest.mark.parametrize(
    "given, message",
    [
        (
            "CPU:0",
            "`devices` must be two names, one device for each tower, such as "
            '("GPU:0", "GPU:1"). Received: devices=\'CPU:0\'',
        ),
        (
            ("CPU:0",),
            "`devices` must be two names, one device for each tower, such as "
            '("GPU:0", "GPU:1"). Received: devices=(\'CPU:0\',)',
        ),
        (
            ("CPU:0", "/device:CPU:0"),
            "`devices` must be two different devices, one for each tower. "
            "Received: devices=('CPU:0', '/device:CPU:0')",
        ),
        (
            ("CPU:0", "TPU:7"),
            "`devices` must be among those that TensorFlow has: {there}. Not "
            "among them: TPU:7. Received: devices=('CPU:0', 'TPU:7')",
        ),
        (
            ("the first", "CPU"),
            "`devices` must be among those that TensorFlow has: {there}. Not "
            "among them: CPU:None, the first. "
            "Received: devices=('the first', 'CPU')",
        ),
    ],
)
def test_devices_that_do_not_serve(given, message):
    there = ", ".join(
        devices.short_name(d.name) for d in tf.config.list_logical_devices()
    )
    assert message_of(
        model_parallel.build_towers, "original", given
    ) == message.format(there=there)


def test_a_cpu_that_can_no_longer_be_split():
    assert message_of(
        distribution.split_cpu, 3, "`devices`", "devices=None"
    ) == (
        "`devices` on a CPU must be set before TensorFlow has run anything. "
        "Restart Python and ask first. Received: devices=None"
    )


def test_a_network_without_towers():
    assert message_of(model_parallel.build_towers, "torchvision", CPUS) == (
        "`variant` must have two towers, convolutions with `groups=2`, as "
        "paper, original and caffe have. Received: variant='torchvision'"
    )
