"""The kinds of line that a table of an AlexNet has, and the table itself.

Plain Python, no Keras. Units: kernels, strides and paddings are pixels, the
same on both axes.
"""

import dataclasses
from dataclasses import dataclass


@dataclass(frozen=True)
class Conv:
    """A convolution. With `groups=2` each tower reads its own half only.

    `padding` is an int (both sides) or a pair `(top and left, bottom and
    right)`. `init` is the standard deviation of a normal distribution, or
    `"glorot_uniform"`, or `"fan_in_uniform"` (limits ±1/√fan_in, PyTorch's
    default). `bias` is a constant, or `"fan_in_uniform"`.
    """

    name: str
    filters: int
    kernel: int
    stride: int = 1
    padding: int | tuple[int, int] = 0
    groups: int = 1
    activation: str | None = "relu"
    init: float | str = 0.01
    bias: float | str = 0.0


@dataclass(frozen=True)
class Dense:
    """A fully connected layer; `units=None` means one unit a class."""

    name: str
    units: int | None
    activation: str | None = "relu"
    init: float | str = 0.01
    bias: float | str = 0.0


@dataclass(frozen=True)
class LRN:
    """Local response normalization across the maps of a tower (§3.3).

    `alpha` multiplies the plain sum of squares, as in the paper's formula;
    `groups=2` stops the window at the border between the two towers.
    """

    name: str
    size: int = 5
    k: float = 2.0
    alpha: float = 1e-4
    beta: float = 0.75
    groups: int = 1


@dataclass(frozen=True)
class SpatialNorm:
    """The unpublished second normalizer of 2012: a window within one map."""

    name: str
    size: int = 5
    k: float = 1.0
    alpha: float = 4e-5
    beta: float = 0.75


@dataclass(frozen=True)
class BatchNorm:
    """Batch normalization, which no AlexNet had; the answer of 2015.

    The running mean and variance go `1 − momentum` of the way to those of
    each batch: 0.9 serves short runs too, for which Keras's 0.99 is too slow.
    """

    name: str
    momentum: float = 0.9
    epsilon: float = 1e-3


@dataclass(frozen=True)
class MaxPool:
    """Max pooling; overlapping where `stride` is less than `size` (§3.4)."""

    name: str
    size: int = 3
    stride: int = 2


@dataclass(frozen=True)
class AdaptiveAveragePool:
    """Averages a map of any size to `output` × `output`."""

    name: str
    output: int


@dataclass(frozen=True)
class Activation:
    """An activation that stands apart from the layer before it."""

    name: str
    activation: str = "relu"


@dataclass(frozen=True)
class Flatten:
    """Rows, then columns, then channels, into one vector."""

    name: str = "flatten"


@dataclass(frozen=True)
class Dropout:
    """Sets a share `rate` of the values to zero in training.

    `rescale="test"` is 2012's: plain mask in training, × (1 − rate) at test
    (§4.2). `rescale="train"` is today's ("inverted"): ÷ (1 − rate) in
    training, nothing at test.
    """

    name: str
    rate: float = 0.5
    rescale: str = "train"

    def __post_init__(self):
        _check_choice("rescale", self.rescale, ("train", "test"))


Layer = (
    Conv
    | Dense
    | LRN
    | SpatialNorm
    | BatchNorm
    | MaxPool
    | AdaptiveAveragePool
    | Activation
    | Flatten
    | Dropout
)


@dataclass(frozen=True)
class Variant:
    """One AlexNet: its layers, its default input and how sizes are rounded.

    `conv_rounding` and `pool_rounding` are `"floor"` (windows must fit) or
    `"ceil"` (the last window may hang over the bottom and right edge).
    `classes` is the number of classes when the caller names none.
    `pixel_scale` is what the variant's source multiplies pixels of 0 to 255
    by, after their mean is subtracted.
    """

    name: str
    layers: tuple[Layer, ...]
    input_shape: tuple[int, int, int] = (224, 224, 3)
    conv_rounding: str = "floor"
    pool_rounding: str = "floor"
    classes: int = 1000
    pixel_scale: float = 1.0

    def __post_init__(self):
        for argument in ("conv_rounding", "pool_rounding"):
            value = getattr(self, argument)
            _check_choice(argument, value, ("floor", "ceil"))
        names = [layer.name for layer in self.layers]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(
                "`layers` must have a name each that no other has. "
                f"Received twice: {', '.join(twice)}"
            )

    def layer(self, name):
        """Returns the row called `name`.

        >>> from alexnet_keras import VARIANTS
        >>> VARIANTS["paper"].layer("conv2").groups
        2
        """
        for layer in self.layers:
            if layer.name == name:
                return layer
        names = ", ".join(layer.name for layer in self.layers)
        raise ValueError(
            f"Variant {self.name!r} has no layer of that name. "
            f"Its layers: {names}. Received: name={name!r}"
        )

    def replace_layer(self, name, /, **changes):
        """Returns a copy of the table in which one row is changed.

        >>> from alexnet_keras import VARIANTS
        >>> relu_off = VARIANTS["paper"].replace_layer("conv1", activation=None)
        >>> relu_off.layer("conv1").activation is None
        True
        """
        old = self.layer(name)
        new = dataclasses.replace(old, **changes)
        rows = tuple(new if row is old else row for row in self.layers)
        return dataclasses.replace(self, layers=rows)


def _check_choice(argument, value, choices):
    if value not in choices:
        allowed = " or ".join(f'"{choice}"' for choice in choices)
        raise ValueError(
            f"`{argument}` must be {allowed}. Received: {argument}={value!r}"
        )
