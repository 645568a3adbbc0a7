"""For every test, those of the notebooks included: quiet and without a GPU.

The one place where TensorFlow's messages are dealt with: kernels that nbval
starts inherit the environment, and their stderr, where TensorFlow logs with
times and addresses, is not compared.
"""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


def pytest_collectstart(collector):
    """Leaves stderr out of nbval's comparison."""
    if hasattr(collector, "skip_compare"):
        collector.skip_compare += ("stderr",)
