"""The formula: how many windows fit along one axis."""

import math
import numbers

ROUNDING = {"floor": ("⌊", math.floor, "⌋"), "ceil": ("⌈", math.ceil, "⌉")}


def sides(padding):
    """Returns `(before, after)` in pixels from an int or a pair.

    >>> sides(2), sides((0, 3))
    ((2, 2), (0, 3))
    """
    return (padding, padding) if isinstance(padding, int) else tuple(padding)


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
    for argument, value, least in (
        ("size", size, 1),
        ("kernel", kernel, 1),
        ("stride", stride, 1),
    ):
        if not is_int(value, least):
            raise ValueError(
                f"`{argument}` must be an integer of at least {least}. "
                f"Received: {argument}={value!r}"
            )
    if not is_int(padding, 0) and not (
        isinstance(padding, (tuple, list))
        and len(padding) == 2
        and all(is_int(side, 0) for side in padding)
    ):
        raise ValueError(
            "`padding` must be an integer of at least 0 (both sides), or a "
            f"pair of them (before, after). Received: padding={padding!r}"
        )
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


def is_int(value, least):
    """Whether `value` is an integer, no boolean, of at least `least`."""
    return (
        isinstance(value, numbers.Integral)
        and not isinstance(value, bool)
        and value >= least
    )


def count_windows(size, kernel, stride, padding, rounding):
    """`output_size` without its checks; below 1 where no window fits."""
    _, rounded, _ = ROUNDING[rounding]
    return rounded((size + sum(sides(padding)) - kernel) / stride) + 1
