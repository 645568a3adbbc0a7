"""The rules for numbers and words that a caller types. Plain Python.

What passes comes back as a plain `int` or `float`, whatever NumPy made of it,
so that it prints, hashes and goes into JSON like one that was typed.
"""

import functools
import math
import numbers


def is_int(value, least):
    """Whether `value` is an integer, no boolean, of at least `least`."""
    return (
        isinstance(value, numbers.Integral)
        and not isinstance(value, bool)
        and value >= least
    )


def integer(argument, value, least=1, most=math.inf):
    """Returns an integer in a range; a `ValueError` names the argument.

    >>> integer("epochs", 3)
    3
    """
    if is_int(value, least) and value <= most:
        return int(value)
    what = "a positive integer"
    if (least, most) != (1, math.inf):
        what = f"an integer from {least} to {most}"
    raise ValueError(
        f"`{argument}` must be {what}. {_received(argument, value)}"
    )


def number(argument, value, positive=False):
    """Returns a finite number, 0 or more; a `ValueError` names the argument.

    >>> number("rate", 0.5), number("rate", 1)
    (0.5, 1)
    """
    if _is_finite(value) and (value > 0 or (value == 0 and not positive)):
        return _plain(value)
    what = "a positive number" if positive else "a finite number, 0 or more"
    raise ValueError(
        f"`{argument}` must be {what}. {_received(argument, value)}"
    )


def choice(argument, value, choices):
    """Returns one of the words; a `ValueError` names the argument."""
    if isinstance(value, str) and value in choices:
        return value
    allowed = " or ".join(f'"{one}"' for one in choices)
    raise ValueError(
        f"`{argument}` must be {allowed}. {_received(argument, value)}"
    )


def text(argument, value):
    """Returns a string that is not empty."""
    if isinstance(value, str) and value:
        return value
    raise ValueError(
        f"`{argument}` must be a string. {_received(argument, value)}"
    )


def optional(check):
    """The same check, which `None` passes too."""
    return lambda argument, value: (
        None if value is None else check(argument, value)
    )


def padding(argument, value):
    """Returns pixels on both sides, or a pair `(before, after)`."""
    if is_int(value, 0):
        return int(value)
    if (
        isinstance(value, tuple | list)
        and len(value) == 2
        and all(is_int(side, 0) for side in value)
    ):
        return tuple(map(int, value))
    raise ValueError(
        f"`{argument}` must be an integer of at least 0 (both sides), or a "
        f"pair of them (before, after). {_received(argument, value)}"
    )


def padding_or_same(argument, value):
    """Returns `"same"`, or what `padding` does."""
    is_same = isinstance(value, str) and value == "same"
    return value if is_same else padding(argument, value)


def init(argument, value):
    """Returns a standard deviation, or the name of an initializer."""
    return (text if isinstance(value, str) else number)(argument, value)


def image_shape(argument, value):
    """Returns height, width and channels as a tuple."""
    if (
        isinstance(value, tuple | list)
        and len(value) == 3
        and all(is_int(side, 1) for side in value)
    ):
        return tuple(map(int, value))
    raise ValueError(
        f"`{argument}` must be three positive integers: height, width and "
        f"channels. {_received(argument, value)}"
    )


def share(argument, value):
    """Returns a number from 0 to 1."""
    if _is_finite(value) and 0 <= value <= 1:
        return _plain(value)
    raise ValueError(
        f"`{argument}` must be a number from 0 to 1. "
        f"{_received(argument, value)}"
    )


def bias(argument, value):
    """Returns what biases begin with: `None`, a word or any finite number."""
    if value is None or (isinstance(value, str) and value == "fan_in_uniform"):
        return value
    if _is_finite(value):
        return _plain(value)
    raise ValueError(
        f'`{argument}` must be a finite number, "fan_in_uniform", or `None` '
        f"for no biases. {_received(argument, value)}"
    )


def _is_finite(value):
    return (
        isinstance(value, numbers.Real)
        and not isinstance(value, bool)
        and math.isfinite(value)
    )


def _plain(value):
    return int(value) if isinstance(value, numbers.Integral) else float(value)


def _received(argument, value):
    return f"Received: {argument}={value!r}"


# Of the lines of a table, by the names of fields, which mean the same in all.
FIELDS = {
    "name": text,
    **dict.fromkeys(
        ("filters", "kernel", "stride", "groups", "size", "output"),
        integer,
    ),
    "units": optional(integer),
    "padding": padding_or_same,
    "activation": optional(text),
    "init": init,
    "bias": bias,
    **dict.fromkeys(("k", "alpha", "beta", "epsilon"), number),
    "momentum": share,
    "rate": share,
    "rescale": functools.partial(choice, choices=("train", "test")),
}
