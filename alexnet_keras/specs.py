"""The kinds of line that a table of an AlexNet has, and the table itself.

Plain Python, no Keras. Units: kernels, strides and paddings are pixels, the
same on both axes.
"""

import dataclasses
import functools
from dataclasses import dataclass

from alexnet_keras import validation


def sides(padding, size=None, kernel=None, stride=None):
    """Returns `(before, after)` in pixels from an int, a pair or `"same"`.

    That depends on the other arguments: as many pixels as it takes for
    ⌈size / stride⌉ windows, an odd one after (TensorFlow's meaning).

    >>> sides(2), sides((0, 3)), sides("same", 224, kernel=11, stride=4)
    ((2, 2), (0, 3), (3, 4))
    """
    if padding == "same":
        whole = (-(-size // stride) - 1) * stride + kernel
        added = max(whole - size, 0)
        return added // 2, added - added // 2
    pair = isinstance(padding, tuple | list)
    return tuple(padding) if pair else (padding, padding)


class _Checked:
    """Checks every field of a line when it is made."""

    def __post_init__(self):
        for field in dataclasses.fields(self):
            check = validation.FIELDS[field.name]
            value = check(field.name, getattr(self, field.name))
            object.__setattr__(self, field.name, value)


@dataclass(frozen=True)
class Conv(_Checked):
    """A convolution. With `groups=2` each tower reads its own half only.

    `padding` is an int (both sides), a pair `(top and left, bottom and
    right)`, or `"same"`: as much as it takes for ⌈size / stride⌉ pixels, an
    odd one at the bottom and right, as in TensorFlow. `init` is the standard
    deviation of a normal distribution, or `"glorot_uniform"`, or
    `"fan_in_uniform"` (limits ±1/√fan_in, PyTorch's default). `bias` is a
    constant, `"fan_in_uniform"`, or `None`: no biases.
    """

    kind = "conv"
    name: str
    filters: int
    kernel: int
    stride: int = 1
    padding: int | tuple[int, int] | str = 0
    groups: int = 1
    activation: str | None = "relu"
    init: float | str = 0.01
    bias: float | str | None = 0.0


@dataclass(frozen=True)
class Dense(_Checked):
    """A fully connected layer; `units=None` means one unit a class."""

    kind = "dense"
    name: str
    units: int | None
    activation: str | None = "relu"
    init: float | str = 0.01
    bias: float | str | None = 0.0


@dataclass(frozen=True)
class LRN(_Checked):
    """Local response normalization across the maps of a tower (§3.3).

    `alpha` multiplies the plain sum of squares, as in the paper's formula;
    `groups=2` stops the window at the border between the two towers.
    """

    kind = "lrn"
    name: str
    size: int = 5
    k: float = 2.0
    alpha: float = 1e-4
    beta: float = 0.75
    groups: int = 1


@dataclass(frozen=True)
class SpatialNorm(_Checked):
    """The unpublished second normalizer of 2012: a window within one map."""

    kind = "spatial_norm"
    name: str
    size: int = 5
    k: float = 1.0
    alpha: float = 4e-5
    beta: float = 0.75


@dataclass(frozen=True)
class BatchNorm(_Checked):
    """Batch normalization, which no AlexNet had; the answer of 2015.

    The running mean and variance go `1 − momentum` of the way to those of
    each batch: 0.9 serves short runs too, for which Keras's 0.99 is too slow.
    """

    kind = "batch_norm"
    name: str
    momentum: float = 0.9
    epsilon: float = 1e-3


@dataclass(frozen=True)
class MaxPool(_Checked):
    """Max pooling; overlapping where `stride` is less than `size` (§3.4).

    `padding` as in `Conv`, less than `size`; what lies there never wins.
    """

    kind = "max_pool"
    name: str
    size: int = 3
    stride: int = 2
    padding: int | tuple[int, int] | str = 0

    def __post_init__(self):
        super().__post_init__()
        same = self.padding == "same"  # fits by definition
        if not same and max(sides(self.padding)) >= self.size:
            raise ValueError(
                "`padding` of a pool must be less than its `size`, or windows "
                "lie outside the image. "
                f"Received: padding={self.padding}, size={self.size}"
            )

    def reach(self):
        """How wide a window must be that hangs over and holds a pixel."""
        if self.padding == "same":
            return 1
        return self.stride + sides(self.padding)[1]

    def __repr__(self):
        # Stored results are found by this text: a default adds nothing.
        text = f"name={self.name!r}, size={self.size}, stride={self.stride}"
        if self.padding != 0:
            text += f", padding={self.padding!r}"
        return f"MaxPool({text})"


@dataclass(frozen=True)
class AdaptiveAveragePool(_Checked):
    """Averages a map of any size to `output` × `output`."""

    kind = "average_pool"
    name: str
    output: int


@dataclass(frozen=True)
class Activation(_Checked):
    """An activation that stands apart from the layer before it."""

    kind = "activation"
    name: str
    activation: str = "relu"


@dataclass(frozen=True)
class Flatten(_Checked):
    """Rows, then columns, then channels, into one vector."""

    kind = "flatten"
    name: str = "flatten"


@dataclass(frozen=True)
class Dropout(_Checked):
    """Sets a share `rate` of the values to zero in training.

    `rescale="test"` is 2012's: plain mask in training, × (1 − rate) at test
    (§4.2). `rescale="train"` is today's ("inverted"): ÷ (1 − rate) in
    training, nothing at test.
    """

    kind = "dropout"
    name: str
    rate: float = 0.5
    rescale: str = "train"


Layer = Conv | Dense | LRN | SpatialNorm | BatchNorm
Layer |= MaxPool | AdaptiveAveragePool | Activation | Flatten | Dropout


@dataclass(frozen=True)
class Variant:
    """One AlexNet: its layers, its default input and how sizes are rounded.

    `conv_rounding` and `pool_rounding` are `"floor"` (windows must fit) or
    `"ceil"` (the last window may hang over the bottom and right edge).
    `classes` is the number of classes when the caller names none.
    `pixel_scale` is what the variant's source multiplies pixels of 0 to 255
    by, after their mean is subtracted.
    """

    kind = "variant"
    name: str
    layers: tuple[Layer, ...]
    input_shape: tuple[int, int, int] = (224, 224, 3)
    conv_rounding: str = "floor"
    pool_rounding: str = "floor"
    classes: int = 1000
    pixel_scale: float = 1.0

    def __post_init__(self):
        validation.text("name", self.name)
        for argument in ("conv_rounding", "pool_rounding"):
            value = getattr(self, argument)
            validation.choice(argument, value, ("floor", "ceil"))
        positive = functools.partial(validation.number, positive=True)
        for argument, check in {
            "input_shape": validation.image_shape,
            "classes": validation.integer,
            "pixel_scale": positive,
        }.items():
            value = check(argument, getattr(self, argument))
            object.__setattr__(self, argument, value)
        object.__setattr__(self, "layers", self._checked_layers())

    def _checked_layers(self):
        if not isinstance(self.layers, tuple | list) or not all(
            isinstance(layer, Layer) for layer in self.layers
        ):
            raise ValueError(
                "`layers` must be a tuple of lines such as `Conv(…)`. "
                f"Received: layers={self.layers!r}"
            )
        names = [layer.name for layer in self.layers]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(
                "`layers` must have a name each that no other has. "
                f"Received twice: {', '.join(twice)}"
            )
        for pool in self.layers if self.pool_rounding == "ceil" else ():
            if isinstance(pool, MaxPool) and pool.reach() > pool.size:
                raise ValueError(
                    "`stride` and `padding` together must not be wider than "
                    '`size` where `pool_rounding` is "ceil", or windows could '
                    f"lie outside the image. Received: {pool}"
                )
        return tuple(self.layers)

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
