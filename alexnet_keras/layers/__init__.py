"""What Keras lacks: the normalizers, the grouping and the dropout of 2012.

All layers run on TensorFlow, JAX and PyTorch (`keras.ops` only), in both data
formats, and are registered, so that `keras.models.load_model` finds them with
`safe_mode` on as soon as `alexnet_keras` has been imported.
"""

from alexnet_keras.layers.convolution import GroupedConv2D
from alexnet_keras.layers.dropout import Dropout2012
from alexnet_keras.layers.input_output import ClassNames
from alexnet_keras.layers.input_output import SubtractMean
from alexnet_keras.layers.normalization import LocalResponseNormalization
from alexnet_keras.layers.normalization import SpatialResponseNormalization
from alexnet_keras.layers.pooling import AdaptiveAveragePooling2D
from alexnet_keras.layers.pooling import CeilMaxPooling2D
from alexnet_keras.layers.pooling import RepeatEdges2D

__all__ = [
    "AdaptiveAveragePooling2D",
    "CeilMaxPooling2D",
    "ClassNames",
    "Dropout2012",
    "GroupedConv2D",
    "LocalResponseNormalization",
    "RepeatEdges2D",
    "SpatialResponseNormalization",
    "SubtractMean",
]
