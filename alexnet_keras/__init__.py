"""AlexNet for Keras 3: the tables, the shapes, the layers and the models."""

import os
import sys

# `python -m alexnet_keras` puts its own words on the screen, not TensorFlow's
# start-up messages, and takes the kernels that TensorFlow leaves off on CPUs
# without AVX-512, where they train AlexNet 1.7 times as fast. Whoever imports
# the package keeps what they set.
if sys.argv[:1] == ["-m"] and "alexnet" in " ".join(sys.orig_argv):
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
    from alexnet_keras.utils import console

    console.set_up()

from alexnet_keras import metrics  # noqa: F401  registers its metrics
from alexnet_keras.layers import AdaptiveAveragePooling2D
from alexnet_keras.layers import CeilMaxPooling2D
from alexnet_keras.layers import Dropout2012
from alexnet_keras.layers import GroupedConv2D
from alexnet_keras.layers import LocalResponseNormalization
from alexnet_keras.layers import SpatialResponseNormalization
from alexnet_keras.model import build_alexnet
from alexnet_keras.optimizers import SGD2012
from alexnet_keras.shapes import derive_layers
from alexnet_keras.shapes import output_size
from alexnet_keras.utils import moved
from alexnet_keras.variants import VARIANTS
from alexnet_keras.weights.imagenet import preprocess_input
from alexnet_keras.weights.names import decode_predictions

__version__ = "0.1.0"
__all__ = [
    "SGD2012",
    "VARIANTS",
    "AdaptiveAveragePooling2D",
    "CeilMaxPooling2D",
    "Dropout2012",
    "GroupedConv2D",
    "LocalResponseNormalization",
    "SpatialResponseNormalization",
    "build_alexnet",
    "decode_predictions",
    "derive_layers",
    "output_size",
    "preprocess_input",
]

moved.install()
