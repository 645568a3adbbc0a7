"""What all tests share: quiet backends, two CPU devices, seeds, small memory."""

import gc
import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import hypothesis  # noqa: E402
import keras  # noqa: E402
import pytest  # noqa: E402

if keras.backend.backend() == "tensorflow":
    import tensorflow as tf

    # Two logical devices stand in for two GPUs. This must happen before
    # TensorFlow runs its first operation, so not in a fixture.
    tf.config.set_logical_device_configuration(
        tf.config.list_physical_devices("CPU")[0],
        [tf.config.LogicalDeviceConfiguration()] * 2,
    )

# Building a network takes longer than hypothesis's deadline of 200 ms; with
# `derandomize` a run that passed here passes everywhere.
hypothesis.settings.register_profile("tests", deadline=None, derandomize=True)
hypothesis.settings.load_profile("tests")

# What is imported by now stays; looking through it at each collection of
# garbage would take a second.
gc.freeze()


# Minutes each: begun first, or one of two workers waits for the other.
LONGEST = (
    "test_learning.py",
    "test_console.py",
    "test_resume.py",
    "test_healthy_networks.py",
    "test_checklist.py",
)


def pytest_collection_modifyitems(items):
    """Puts the longest first; the others keep their order."""
    items.sort(key=lambda item: item.path.name not in LONGEST)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """In CI what skips is marked: it runs again where nothing is missing."""
    report = yield
    unmarked = item.get_closest_marker("extra") is None
    if "CI" in os.environ and report.skipped and unmarked:
        report.outcome = "failed"
        report.longrepr = f"Skipped, but not marked `extra`: {report.longrepr}"
    return report


@pytest.fixture(autouse=True)
def seed():
    """The same random numbers for a test, whatever ran before it."""
    keras.utils.set_random_seed(2012)


@pytest.fixture
def free_memory():
    """Lets go of the models that a test has built."""
    yield
    gc.collect()


@pytest.fixture
def image_data_format():
    """A function that sets the data format; the old one comes back after."""
    before = keras.config.image_data_format()
    yield keras.config.set_image_data_format
    keras.config.set_image_data_format(before)


@pytest.fixture
def dtype_policy():
    """A function that sets the dtype policy; the old one comes back after."""
    before = keras.config.dtype_policy()
    yield keras.config.set_dtype_policy
    keras.config.set_dtype_policy(before)
