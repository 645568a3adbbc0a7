"""Where the two towers read each other's maps, and what that costs in bytes.

Plain Python, no Keras: what follows from a table. `model_parallel.py` builds what is
counted here, `transfers.py` measures it.
"""

import dataclasses
import math
from dataclasses import dataclass

from alexnet_keras import shapes
from alexnet_keras import specs
from alexnet_keras import validation
from alexnet_keras import variants

BYTES = 4  # of a value in float32
ALL = math.inf  # maps of the other tower that are read, where it is all


@dataclass(frozen=True)
class Stage:
    """Layers through which a tower goes alone, once it has what it reads.

    Attributes:
        reach: maps of the other tower that the first layer reads: 0 for the
            stage that reads the image, a few for a normalization across the
            border, `ALL` for a layer that reads everything.
        layers: of the table, as in the whole network.
    """

    reach: float
    layers: tuple[specs.Layer, ...]

    @property
    def reader(self):
        """The layer that the stage is called after: the first that computes."""
        names = (
            r.name for r in self.layers if not isinstance(r, specs.Flatten)
        )
        return next(names, self.layers[0].name)

    @property
    def towers(self):
        """How many devices have this stage: of the output layer, only one."""
        last = self.layers[-1]
        return 1 if isinstance(last, specs.Dense) and last.units is None else 2


@dataclass(frozen=True)
class Crossing:
    """A tensor that one tower makes and the other reads.

    Attributes:
        tensor: the layer that it comes out of.
        reader: the layer that reads it.
        source: the tower that makes it, 1 or 2.
        target: the tower that reads it.
        shape: of one image: `(height, width, maps)` or `(units,)`.
        forward: bytes for an image, in float32.
        backward: bytes for an image of the gradient that comes back.
    """

    tensor: str
    reader: str
    source: int
    target: int
    shape: tuple[int, ...]

    @property
    def forward(self):
        """Bytes."""
        return BYTES * math.prod(self.shape)

    @property
    def backward(self):
        """Bytes: the gradient has the shape of its tensor."""
        return self.forward


def cut(variant="original"):
    """Cuts a table wherever a layer reads both towers.

    Args:
        variant: a name in `VARIANTS`, or a table of your own, with grouped
            convolutions.

    Returns:
        A list of `Stage`.

    Raises:
        ValueError: if the table has no groups, or cannot be halved.

    >>> for stage in cut("original"):
    ...     print(stage.towers, stage.reach, stage.reader)
    2 0 conv1
    2 inf conv3
    2 inf fc6
    2 inf fc7
    1 inf predictions
    >>> [stage.reach for stage in cut("paper")][:4]
    [0, 2, 2, inf]
    """
    variant = variants.get_variant(variant)
    _check_halves(variant)
    stages, whole = [Stage(0, ())], True  # both towers get the whole image
    for row in variant.layers:
        reach = 0 if whole else _reach(row)
        if isinstance(row, (specs.Conv, specs.Dense)):
            whole = False
        elif isinstance(row, specs.Flatten):
            whole = True  # gathered: the dense layer behind it need not be
        if reach:
            stages.append(Stage(reach, (row,)))
        else:
            last = stages[-1]
            stages[-1] = Stage(last.reach, (*last.layers, row))
    return stages


def crossings(variant="original", input_shape=None, classes=None):
    """Returns what crosses between the towers for one image.

    The image itself does not count: each device gets its copy.

    Args:
        variant: a name in `VARIANTS`, or a table of your own, with grouped
            convolutions.
        input_shape: `(height, width, channels)` of one image. Defaults to the
            variant's own.
        classes: number of classes. Defaults to the variant's own.

    Returns:
        A list of `Crossing`, one a tensor and direction.

    Raises:
        ValueError: as `cut` and `derive_layers`.

    >>> for c in crossings("original"):
    ...     print(f"{c.tensor} {c.source} → {c.target}: {c.reader} {c.shape}")
    pool2 1 → 2: conv3 (13, 13, 128)
    pool2 2 → 1: conv3 (13, 13, 128)
    relu5 1 → 2: fc6 (6, 6, 128)
    relu5 2 → 1: fc6 (6, 6, 128)
    drop6 1 → 2: fc7 (2048,)
    drop6 2 → 1: fc7 (2048,)
    drop7 2 → 1: predictions (2048,)
    """
    stages = cut(variant)
    derived = shapes.derive_layers(variant, input_shape, classes)
    outputs = {row.name: row.output_shape for row in derived}
    found = []
    for before, stage in zip(stages, stages[1:]):
        tensor = before.layers[-1].name
        *pixels, maps = outputs[tensor]
        shape = (*pixels, int(min(maps // 2, stage.reach)))
        for source, target in ((1, 2), (2, 1)):
            if target <= stage.towers:
                found.append(
                    Crossing(tensor, stage.reader, source, target, shape)
                )
    return found


def bytes_per_image(
    variant="original", batch_size=128, input_shape=None, classes=None
):
    """Returns what two devices send in a training step, in bytes an image.

    Everything that either device sends, forward and backward, in float32:

    - `"model"`: each device holds a tower, as in 2012: the maps that cross,
      and their gradients. The same for any batch.
    - `"data"`: each device holds the whole network and half of the batch: the
      gradient of every parameter goes over once and comes back once.
    - `"mixed"`: the convolutions as `"data"`, the dense layers as `"model"`
      ("One weird trick", arXiv 1404.5997): the gradients of the convolutions,
      each image's values in front of fc6, which only one device has, and
      what crosses between the halves of the dense layers.

    Args:
        variant: as in `crossings`.
        batch_size: images of a step on both devices together. Defaults to
            128, as in 2012.
        input_shape: as in `crossings`.
        classes: as in `crossings`.

    Raises:
        ValueError: as `crossings`, or if `batch_size` is not positive.

    >>> for way, size in bytes_per_image("original", 128).items():
    ...     print(f"{way}: {size:,.0f}")
    model: 468,992
    data: 3,810,326
    mixed: 268,760
    """
    batch_size = validation.integer("batch_size", batch_size)
    crossing = crossings(variant, input_shape, classes)
    derived = shapes.derive_layers(variant, input_shape, classes)
    dense = {row.name for row in derived if row.kind == "dense"}
    in_dense = sum(
        c.forward + c.backward for c in crossing if c.reader in dense
    )
    parameters = sum(row.parameters for row in derived)
    convolutions = sum(
        row.parameters for row in derived if row.name not in dense
    )
    # Each parameter's gradient goes to the other device, the sum comes back.
    all_reduce = 2 * BYTES / batch_size
    return {
        "model": float(sum(c.forward + c.backward for c in crossing)),
        "data": all_reduce * parameters,
        "mixed": all_reduce * convolutions + in_dense,
    }


def halve(row):
    """Returns the row of one tower: half of the filters or units and groups.

    >>> halve(variants.ORIGINAL.layer("conv2"))
    Conv(name='conv2', filters=128, kernel=5, stride=1, padding=2, groups=1,
         activation='relu', init=0.01, bias=1.0)
    """
    match row:
        case specs.Conv():
            filters, groups = row.filters // 2, max(1, row.groups // 2)
            return dataclasses.replace(row, filters=filters, groups=groups)
        case specs.LRN(groups=groups) if groups > 1:
            return dataclasses.replace(row, groups=groups // 2)
        case specs.Dense(units=units) if units is not None:
            return dataclasses.replace(row, units=units // 2)
    return row


def _reach(row):
    match row:
        case specs.Conv(groups=1) | specs.Dense() | specs.Flatten():
            return ALL
        case specs.LRN(groups=1):
            return row.size // 2
    return 0


def _check_halves(variant):
    convolutions = [
        row for row in variant.layers if isinstance(row, specs.Conv)
    ]
    if all(row.groups == 1 for row in convolutions):
        raise ValueError(
            "`variant` must have two towers, convolutions with `groups=2`, as "
            "paper, original and caffe have. "
            f"Received: variant={variant.name!r}"
        )
    if convolutions[0].groups != 1:
        raise ValueError(
            f"{convolutions[0].name} reads the image, of which both towers "
            f"get all: it must not be grouped. Received: "
            f"groups={convolutions[0].groups}"
        )
    for row in variant.layers:
        for attribute in ("groups", "filters", "units"):
            value = getattr(row, attribute, None) or 2
            if value % 2 and (attribute != "groups" or value > 1):
                raise ValueError(
                    f"{row.name}: `{attribute}` must be even, half for each "
                    f"tower. Received: {attribute}={value}"
                )
