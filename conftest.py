"""For every test, those of the notebooks included: quiet and without a GPU.

The one place where TensorFlow's messages are dealt with: kernels that nbval
starts inherit the environment, and their stderr, where TensorFlow logs with
times and addresses, is not compared.
"""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# The same kernels on every CPU: without AVX-512 they would be off.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")


def pytest_collectstart(collector):
    """Leaves stderr out of nbval's comparison."""
    if hasattr(collector, "skip_compare"):
        collector.skip_compare += ("stderr",)
