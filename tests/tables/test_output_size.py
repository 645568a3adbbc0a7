"""`output_size` against windows laid down one by one; its messages."""

import pytest
from hypothesis import example
from hypothesis import given
from hypothesis import strategies as st
from support import message_of

from alexnet_keras import output_size


def brute_force(size, kernel, stride, padding, rounding):
    """Counts the windows by laying them down one after the other."""
    before, after = padding if isinstance(padding, tuple) else (padding,) * 2
    end = before + size + after
    # With "ceil" a window may hang over, but by less than a whole step.
    room = stride - 1 if rounding == "ceil" else 0
    count = 0
    while count * stride + kernel <= end + room:
        count += 1
    return count


@given(
    size=st.integers(1, 60),
    kernel=st.integers(1, 20),
    stride=st.integers(1, 9),
    padding=st.integers(0, 7) | st.tuples(st.integers(0, 7), st.integers(0, 7)),
    rounding=st.sampled_from(["floor", "ceil"]),
)
@example(size=224, kernel=11, stride=4, padding=(0, 3), rounding="floor")
@example(size=224, kernel=11, stride=4, padding=0, rounding="ceil")
@example(size=2, kernel=3, stride=1, padding=0, rounding="ceil")
@example(size=2, kernel=3, stride=2, padding=0, rounding="ceil")
def test_output_size_counts_windows(size, kernel, stride, padding, rounding):
    count = brute_force(size, kernel, stride, padding, rounding)
    if count:
        found = output_size(size, kernel, stride, padding, rounding)
        assert found == count
        return
    end = size + (sum(padding) if isinstance(padding, tuple) else 2 * padding)
    assert message_of(output_size, size, kernel, stride, padding, rounding) == (
        f"`size` is too small: {end} pixels with padding hold no window of "
        f"{kernel}. Received: size={size}, kernel={kernel}, "
        f"stride={stride}, padding={padding!r}, rounding={rounding!r}"
    )


@given(size=st.integers(11, 300))
def test_defaults_are_stride_one_no_padding_floor(size):
    assert output_size(size, 11) == size - 10


@pytest.mark.parametrize("argument", ["size", "kernel", "stride"])
@pytest.mark.parametrize("value", [0, -1, 2.0, "3", None, True])
def test_output_size_wants_positive_integers(argument, value):
    arguments = {"size": 9, "kernel": 3, "stride": 1, argument: value}
    assert message_of(output_size, **arguments) == (
        f"`{argument}` must be a positive integer. "
        f"Received: {argument}={value!r}"
    )


@pytest.mark.parametrize(
    "padding", [-1, 1.5, "same", None, (1,), (1, 2, 3), (0, -1), [1.0, 2], True]
)
def test_output_size_wants_an_integer_or_a_pair_of_padding(padding):
    assert message_of(output_size, 9, 3, padding=padding) == (
        "`padding` must be an integer of at least 0 (both sides), or a pair "
        f"of them (before, after). Received: padding={padding!r}"
    )


@pytest.mark.parametrize("rounding", ["round", "", None, 1])
def test_output_size_knows_two_roundings(rounding):
    assert message_of(output_size, 9, 3, rounding=rounding) == (
        f'`rounding` must be "floor" or "ceil". Received: rounding={rounding!r}'
    )


def test_output_size_says_when_no_window_fits():
    assert message_of(output_size, 5, 11, 4, (0, 3)) == (
        "`size` is too small: 8 pixels with padding hold no window of 11. "
        "Received: size=5, kernel=11, stride=4, padding=(0, 3), "
        "rounding='floor'"
    )
