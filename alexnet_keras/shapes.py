"""A table in, one row a layer out: sizes, parameters, MACs, receptive field.

Plain Python, no Keras: an independent derivation which the tests compare with
the built Keras model, layer by layer. Shapes are `(height, width, channels)`
without the batch, whatever data format the model is later built in.
"""

import math
from dataclasses import dataclass

from alexnet_keras import validation
from alexnet_keras import variants
from alexnet_keras.specs import sides

ROUNDING = {"floor": ("⌊", math.floor, "⌋"), "ceil": ("⌈", math.ceil, "⌉")}


@dataclass(frozen=True)
class LayerSummary:
    """What follows from one line of the table.

    Attributes:
        name: the layer's name, as in the table and the Keras model.
        kind: the kind of layer: `"conv"`, `"dense"`, `"max_pool"`, …
        output_shape: `(height, width, channels)` or `(units,)`.
        formula: how the output size comes about, numbers filled in.
        parameters: weights and biases.
        neurons: values that a layer with weights puts out; 0 for the others.
        macs: multiply-accumulates with weights for one image, taps that fall
            on padding included; 0 for layers without weights.
        receptive_field: side, in input pixels, of the square that can
            influence one value. Nominal: it may be larger than the image.
    """

    name: str
    kind: str
    output_shape: tuple[int, ...]
    formula: str
    parameters: int = 0
    neurons: int = 0
    macs: int = 0
    receptive_field: int = 1


def derive_layers(variant="paper", input_shape=None, classes=None):
    """Derives every layer of an AlexNet from its table.

    Args:
        variant: a name in `VARIANTS` or a `Variant` of your own. Defaults to
            `"paper"`.
        input_shape: `(height, width, channels)` of one image. Defaults to the
            variant's own.
        classes: number of classes. Defaults to the variant's own.

    Returns:
        A list of `LayerSummary`, one a layer, in the order in which data flows.

    Raises:
        ValueError: if `variant` is unknown, `input_shape` or `classes` is not
            positive, groups do not divide channels, or the image runs out of
            pixels; the message names the layer and the smallest size.

    >>> [row.output_shape[0] for row in derive_layers() if row.kind == "conv"]
    [55, 27, 13, 13, 13]
    >>> sum(row.parameters for row in derive_layers())
    60965224
    """
    variant = variants.get_variant(variant)
    if input_shape is None:
        input_shape = variant.input_shape
    input_shape = validation.image_shape("input_shape", input_shape)
    return summarize(variant, input_shape, classes, "input_shape", input_shape)


def summarize(variant, shape, classes, argument, typed):
    """Is `derive_layers` for a shape that the caller gave in other words.

    Args:
        variant: a table.
        shape: `(height, width, channels)`.
        classes: as for `derive_layers`.
        argument: name of the argument by which the shape was given.
        typed: what was given, for the message of an error.
    """
    if classes is None:
        classes = variant.classes
    classes = validation.integer("classes", classes)
    try:
        return list(_derive(variant, shape, classes))
    except _OutOfPixels as stop:
        least = smallest_size(variant)
        raise ValueError(
            f"`{argument}` is too small for variant {variant.name!r}: {stop} "
            f"The smallest image that works is {least}×{least}. "
            f"Received: {argument}={typed}"
        ) from None


def smallest_size(variant="paper"):
    """Returns the side, in pixels, of the smallest square image that works.

    >>> {name: smallest_size(name) for name in ("paper", "original", "d2l")}
    {'paper': 64, 'original': 36, 'd2l': 65}
    """
    variant = variants.get_variant(variant)
    channels = variant.input_shape[-1]
    size = 1
    while True:
        try:
            list(_derive(variant, (size, size, channels), variant.classes))
            return size
        except _OutOfPixels:
            size += 1


def format_table(rows):
    """Returns the rows as aligned text with a line of totals.

    >>> print(format_table(derive_layers()[:2]))
    layer  kind    output  parameters  neurons         MACs  field  size from
    conv1  conv  55×55×96      34,944  290,400  105,415,200     11  ⌊(224 + 3 − 11) / 4⌋ + 1 = 55
    norm1  lrn   55×55×96           0        0            0     11  as its input
    total                      34,944  290,400  105,415,200
    """
    head = "layer kind output parameters neurons MACs field".split()
    cells = [[*head, "size from"]]
    for row in rows:
        shape = "×".join(map(str, row.output_shape))
        counts = [f"{n:,}" for n in (row.parameters, row.neurons, row.macs)]
        field = str(row.receptive_field)
        cells.append([row.name, row.kind, shape, *counts, field, row.formula])
    totals = [
        f"{sum(getattr(row, count) for row in rows):,}"
        for count in ("parameters", "neurons", "macs")
    ]
    cells.append(["total", "", "", *totals, "", ""])
    widths = [max(map(len, column)) for column in zip(*cells)]
    aligned = "<<>>>>><"
    return "\n".join(
        "  ".join(
            f"{cell:{side}{width}}"
            for cell, side, width in zip(line, aligned, widths)
        ).rstrip()
        for line in cells
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
    rounding = validation.choice("rounding", rounding, tuple(ROUNDING))
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


class _OutOfPixels(Exception):
    """A window finds no pixels."""


def _slide(layer, shape, kernel, rounding):
    """Returns the sizes after a window has slid, and the filled-in formula."""
    padding, stride = layer.padding, layer.stride
    if padding == "same":
        rounding = "floor"  # its windows fit, whatever the table rounds
    left, _, right = ROUNDING[rounding]
    sizes, formulas = [], []
    for size in shape[:2]:
        windows = count_windows(size, kernel, stride, padding, rounding)
        if windows < 1:
            raise _OutOfPixels(
                f"{layer.name} gets {shape[0]}×{shape[1]} pixels for its "
                f"window of {kernel}×{kernel}."
            )
        sizes.append(windows)
        added = sum(sides(padding, size, kernel, stride))
        plus = f" + {added}" if added else ""
        step = f"{left}({size}{plus} − {kernel}) / {stride}{right}"
        formulas.append(f"{step} + 1 = {windows}")
    # One formula serves a square image; a rectangle shows height and width.
    return sizes, " × ".join(dict.fromkeys(formulas))


def _check_groups(layer, channels):
    if channels % layer.groups:
        raise ValueError(
            f"{layer.name}: `groups` must divide its {channels} channels. "
            f"Received: groups={layer.groups}"
        )


def _biases(layer):
    return 0 if layer.bias is None else 1


def _derive(variant, shape, classes):
    # One value sees `field` pixels; its neighbours' squares start `jump`
    # pixels apart; the whole map together sees `reach` pixels.
    field, jump = 1, 1
    reach = max(shape[:2])
    for layer in variant.layers:
        formula, parameters, neurons, macs = "as its input", 0, 0, 0
        match layer:
            case variants.Conv():
                channels = shape[-1]
                _check_groups(layer, channels)
                _check_groups(layer, layer.filters)
                rounding = variant.conv_rounding
                sizes, formula = _slide(layer, shape, layer.kernel, rounding)
                shape = (*sizes, layer.filters)
                taps = layer.kernel**2 * channels // layer.groups
                parameters = (taps + _biases(layer)) * layer.filters
                neurons = math.prod(shape)
                macs = taps * neurons
                field += (layer.kernel - 1) * jump
                jump *= layer.stride
                reach = field + (max(sizes) - 1) * jump
            case variants.MaxPool():
                rounding = variant.pool_rounding
                sizes, formula = _slide(layer, shape, layer.size, rounding)
                shape = (*sizes, shape[-1])
                field += (layer.size - 1) * jump
                jump *= layer.stride
                reach = field + (max(sizes) - 1) * jump
            case variants.AdaptiveAveragePool():
                widest = max(_widest_bin(n, layer.output) for n in shape[:2])
                formula = f"{shape[0]}×{shape[1]} averaged to {layer.output}"
                shape = (layer.output, layer.output, shape[-1])
                field += (widest - 1) * jump
            case variants.SpatialNorm():
                field += (layer.size - 1) * jump
            case variants.LRN():
                _check_groups(layer, shape[-1])
            case variants.BatchNorm():
                parameters = 2 * shape[-1]  # those that train: scale, shift
            case variants.Flatten():
                formula = " · ".join(map(str, shape))
                shape = (math.prod(shape),)
                formula += f" = {shape[0]}"
            case variants.Dense():
                units = classes if layer.units is None else layer.units
                formula = f"{shape[-1]} → {units}"
                parameters = (shape[-1] + _biases(layer)) * units
                macs = shape[-1]
                shape = (*shape[:-1], units)  # as Keras: the last axis only
                neurons = math.prod(shape)
                macs *= neurons
                field = reach if len(shape) == 1 else field
        counts = parameters, neurons, macs
        yield LayerSummary(
            layer.name, layer.kind, shape, formula, *counts, field
        )


def _widest_bin(size, bins):
    """The most inputs that one of `bins` near-equal, covering bins averages."""
    edges = (
        (i * size // bins, -(-(i + 1) * size // bins)) for i in range(bins)
    )
    return max(end - start for start, end in edges)
