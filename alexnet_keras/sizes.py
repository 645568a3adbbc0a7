"""The formula: how many windows fit along one axis."""

import math

from alexnet_keras import validation

ROUNDING = {"floor": ("⌊", math.floor, "⌋"), "ceil": ("⌈", math.ceil, "⌉")}


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
    return (
        tuple(padding) if isinstance(padding, tuple | list) else (padding,) * 2
    )


def output_size(size, kernel, stride=1, padding=0, rounding="floor"):
    """How many windows fit along one axis: (size + padding − kernel) / stride + 1.

    Args:
        size: input pixels along the axis.
        kernel: window, in pixels.
        stride: step between windows, in pixels. Defaults to 1.
        padding: zero pixels added; an int (that many on both sides) or a
            pair `(before, after)`. Defaults to 0.
        rounding: `"floor"` (every window must fit: Keras, PyTorch) or
            `"ceil"` (the last may hang over: the 2012 code's convolutions
            and pools, `layer.py`; Caffe's pools). Defaults to `"floor"`.

    Returns:
        The number of windows, at least 1.

    Raises:
        ValueError: if an argument is out of range, or no window fits.

    >>> output_size(224, 11, stride=4, padding=(0, 3))
    55
    >>> output_size(224, 11, stride=4), output_size(224, 11, 4, rounding="ceil")
    (54, 55)
    """
    size = validation.integer("size", size)
    kernel = validation.integer("kernel", kernel)
    stride = validation.integer("stride", stride)
    padding = validation.padding("padding", padding)
    if rounding not in ROUNDING:
        raise ValueError(
            '`rounding` must be "floor" or "ceil". '
            f"Received: rounding={rounding!r}"
        )
    windows = count_windows(size, kernel, stride, padding, rounding)
    if windows < 1:
        raise ValueError(
            f"`size` is too small: {size + sum(sides(padding))} pixels with "
            f"padding hold no window of {kernel}. Received: size={size}, "
            f"kernel={kernel}, stride={stride}, padding={padding!r}, "
            f"rounding={rounding!r}"
        )
    return windows


def count_windows(size, kernel, stride, padding, rounding):
    """`output_size` without its checks; below 1 where no window fits."""
    _, rounded, _ = ROUNDING[rounding]
    added = sum(sides(padding, size, kernel, stride))
    return rounded((size + added - kernel) / stride) + 1
