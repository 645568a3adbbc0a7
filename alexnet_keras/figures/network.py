"""One function a kind of figure, drawn from the tables and their rows.

Every function draws on the `ax` it is given, or on a new figure, and returns
the Axes. What matters differs in lightness, hatching or line style, never in
hue alone.
"""

from types import SimpleNamespace

import matplotlib.pyplot as plt
from matplotlib import patches

from alexnet_keras import shapes
from alexnet_keras import variants

DARK, MEDIUM, LIGHT = "#08519c", "#6baed6", "#deebf7"
# The scale of `plot_network`: a pixel of height is one unit; a pixel of depth
# runs to the upper right by DEPTH_X, DEPTH_Y units.
CHANNELS_PER_UNIT, DENSE_PER_UNIT, UNITS_PER_INCH = 4, 20, 88
DEPTH_X, DEPTH_Y = 0.45, 0.3
_OTHER = {"facecolor": "#d95f0240", "edgecolor": "#a63603", "lw": 1.3}
_OWN = {"facecolor": "#bdbdbd60", "edgecolor": "#636363", "ls": ":"}


def plot_network(variant="paper", input_shape=None, classes=None, ax=None):
    """Draws a network to scale from its table, tower above tower.

    A box is a stack of maps: pixels high and deep, channels wide; a bar is a
    fully connected layer. A cone shows what one value of the next box reads:
    a window (white) of every map in the box that the cone leaves. Below a box
    stand its window and stride, and the layers behind it that keep the size.

    Args:
        variant, input_shape, classes: as for `derive_layers()`.
        ax: Axes to draw on. Defaults to a new figure of the right size.

    Returns:
        The Axes. The gid of a cone is `"fc6: 0>1"`: who reads, from which
        tower, in which tower.
    """
    variant = variants.get_variant(variant)
    boxes = _boxes(variant, input_shape, classes)
    towers = max(box.copies for box in boxes)
    pitch = 24 + max(box.tall for box in boxes if box.copies == towers)
    edge, x = 0, 0
    for box in boxes:
        highest = pitch * (box.copies - 1) / 2
        box.y = [highest - pitch * tower for tower in range(box.copies)]
        box.x = x + max(0, 56 - box.wide) / 2
        x += max(56, box.wide) + 26
        edge = max(edge, highest + box.tall / 2)
    inches = x / UNITS_PER_INCH, (2 * edge + 124) / UNITS_PER_INCH
    ax = ax or plt.subplots(figsize=inches, layout="constrained")[1]
    for before, box in zip([None, *boxes[:-1]], boxes, strict=True):
        for tower in range(box.copies):
            _draw_box(ax, box, tower)
            for source in range(before.copies if before else 0):
                _draw_cone(ax, box, tower, before, source)
        place = {"x": box.x + box.wide / 2, "ha": "center", "va": "top"}
        ax.text(y=-edge - 10, s=box.name, weight="bold", size=9, **place)
        ax.text(y=-edge - 23, s="\n".join(box.notes), size=8, **place)
    if towers > 1:
        keys = patches.Patch(**_OWN), patches.Patch(**_OTHER)
        labels = "reads its own tower, or the images", "reads the other tower"
        ax.legend(keys, labels, loc="upper right", fontsize=9)
    ax.set_title(
        f"{variant.name}, to scale: 1 pixel of height = {CHANNELS_PER_UNIT} "
        f"channels of width = {DENSE_PER_UNIT} units of a bar",
        size=10,
    )
    ax.set(xlim=(-5, x - 20), ylim=(-edge - 68, edge + 44), aspect="equal")
    ax.axis("off")
    return ax


def plot_layer_step(name, variant="paper", input_shape=None, ax=None):
    """Draws how one layer's window slides along one axis of its input.

    The strip is the axis in pixels, its middle left out where it is long:
    hatched pixels lie beyond the edge, crossed ones are never read. The bars
    are the first three and the last two windows, numbered as the output's.

    Args:
        name: a convolution or a max pooling layer of the table.
        variant, input_shape: as for `derive_layers()`.
        ax: Axes to draw on. Defaults to a new figure.

    Returns:
        The Axes.

    Raises:
        ValueError: if `name` is no layer with a sliding window.
    """
    variant = variants.get_variant(variant)
    layer = variant.layer(name)
    if not isinstance(layer, (variants.Conv, variants.MaxPool)):
        raise ValueError(
            "`name` must be a convolution or a max pooling layer. "
            f"Received: name={name!r}"
        )
    rows = shapes.derive_layers(variant, input_shape)
    shown = [tuple(input_shape or variant.input_shape)]
    shown += [row.output_shape for row in rows]
    index = [row.name for row in rows].index(name)
    size, windows = shown[index][1], shown[index + 1][1]
    kernel = getattr(layer, "kernel", getattr(layer, "size", 0))
    before, after = shapes.sides(layer.padding, size, kernel, layer.stride)
    starts = [i * layer.stride - before for i in range(windows)]
    pixels = range(-before, max(size + after, starts[-1] + kernel))
    cut = starts[min(2, windows - 1)] + kernel, starts[-2:][0]
    kept = [at for at in pixels if at < cut[0] or at >= cut[1]]
    place = {at: x + 2 * (at >= cut[1] > cut[0]) for x, at in enumerate(kept)}
    ax = ax or plt.subplots(figsize=(5, 2.2), layout="constrained")[1]
    for at, x in place.items():
        shade, hatch = (LIGHT, "") if 0 <= at < size else ("#fdae6b", "///")
        hatch = "xxx" if at >= starts[-1] + kernel else hatch
        style = {"facecolor": shade, "hatch": hatch, "edgecolor": "black"}
        ax.add_patch(patches.Rectangle((x, 0), 1, 1, **style))
        if at in (0, size - 1):
            ax.text(x + 0.5, -0.2, at, ha="center", va="top", size=8)
    bars = sorted({*range(3), windows - 2, windows - 1} & {*range(windows)})
    for level, i in enumerate(bars):
        low = 1.4 + (level % 3 if cut[1] > cut[0] else level)
        bar = patches.Rectangle((place[starts[i]], low), kernel, 0.8, fc=DARK)
        ax.add_patch(bar)
        style = {"color": "white", "ha": "center", "va": "center", "size": 8}
        ax.text(place[starts[i]] + kernel / 2, low + 0.38, i, **style)
    if cut[1] > cut[0]:
        ax.text(place[cut[1]] - 1, 0.5, "…", ha="center", va="center")
    old, new = ("×".join(map(str, shown[index + i])) for i in range(2))
    step = f"{kernel}×{kernel}, stride {layer.stride}"
    ax.set_title(f"{name}: {old} → {new}\n{step}", size=10)
    ax.set(
        xlim=(-0.5, max(place.values()) + 1.5), ylim=(-1.4, max(4.6, low + 1))
    )
    ax.axis("off")
    return ax


def plot_counts(rows, ax=None):
    """Draws each layer's share of the parameters and of the MACs.

    Args:
        rows: of `derive_layers()`; layers without weights are left out.
        ax: Axes to draw on. Defaults to a new figure.

    Returns:
        The Axes, with one container of bars for the parameters and one for
        the MACs; heights are percent of the total.
    """
    rows = [row for row in rows if row.parameters]
    ax = ax or plt.subplots(figsize=(8, 3.2), layout="constrained")[1]
    for shift, label, count, style in (
        (-0.2, "parameters", "parameters", {"facecolor": DARK}),
        (0.2, "MACs", "macs", {"facecolor": LIGHT, "hatch": "///"}),
    ):
        total = sum(getattr(row, count) for row in rows)
        heights = [100 * getattr(row, count) / total for row in rows]
        style = {**style, "ec": "black", "label": f"{label}: {total:,}"}
        places = [i + shift for i in range(len(rows))]
        bars = ax.bar(places, heights, 0.4, **style)
        ax.bar_label(bars, fmt="%.1f", size=8)
    ax.set_xticks(range(len(rows)), [row.name for row in rows])
    ax.set_ylabel("share of the total, %")
    ax.margins(y=0.1)
    ax.legend(frameon=False)
    return ax


def _boxes(variant, input_shape, classes):
    towers = max(getattr(layer, "groups", 1) for layer in variant.layers)
    rows = shapes.derive_layers(variant, input_shape, classes)
    shape = tuple(input_shape or variant.input_shape)
    boxes = [_box(shapes.LayerSummary("images", "images", shape, ""), None, 1)]
    for layer, row in zip(variant.layers, rows, strict=True):
        if row.kind in ("conv", "dense", "max_pool", "average_pool"):
            copies = 1 if getattr(layer, "units", 1) is None else towers
            boxes.append(_box(row, layer, copies))
        else:
            boxes[-1].notes.append(f"+ {row.name}")
    return boxes


def _box(row, layer, copies):
    """One column of the network's figure; the sizes are a copy's, in units."""
    *sides, channels = row.output_shape
    channels //= copies
    size = channels / CHANNELS_PER_UNIT, *sides
    if not sides:
        size = 5, channels / DENSE_PER_UNIT, 12
    window = getattr(layer, "kernel", getattr(layer, "size", 0))
    return SimpleNamespace(
        name=row.name,
        label="×".join(map(str, (*sides, channels))),
        notes=[f"{window}×{window} / {layer.stride}"] if window else [],
        copies=copies,
        groups=1 if row.kind == "dense" else getattr(layer, "groups", copies),
        window=window,
        hatch="////" if "pool" in row.kind else None,
        size=size,
        wide=size[0] + DEPTH_X * size[2],
        tall=size[1] + DEPTH_Y * size[2],
    )


def _face(ax, corner, first, second, **style):
    """Draws the parallelogram that two edges span at a corner."""
    (x, y), (a, b), (c, d) = corner, first, second
    corners = [(x, y), (x + a, y + b), (x + a + c, y + b + d), (x + c, y + d)]
    ax.add_patch(patches.Polygon(corners, ec="black", lw=0.7, **style))


def _draw_box(ax, box, tower):
    width, height, depth = box.size
    back = DEPTH_X * depth, DEPTH_Y * depth
    low = box.y[tower] - box.tall / 2
    style = {"hatch": box.hatch, "zorder": 3}
    up, right = (0, height), (width, 0)
    _face(ax, (box.x, low), right, up, facecolor=MEDIUM, **style)
    _face(ax, (box.x, low + height), right, back, facecolor=LIGHT, **style)
    _face(ax, (box.x + width, low), back, up, facecolor="white", **style)
    place = box.x + box.wide / 2, low + box.tall + 4
    text = ax.text(*place, box.label, ha="center", size=8, zorder=6)
    text.set_bbox({"facecolor": "white", "alpha": 0.8, "lw": 0, "pad": 0.5})


def _draw_cone(ax, box, tower, before, source):
    group = source * box.groups // before.copies
    if before.copies > 1 and group != tower * box.groups // box.copies:
        return
    width, height, depth = before.size
    x, y = before.x + width + DEPTH_X * depth / 2, before.y[source]
    half = (box.window or height) / 2
    if box.window:
        back = DEPTH_X * box.window, DEPTH_Y * box.window
        corner = x - back[0] / 2, y - back[1] / 2 - half
        _face(ax, corner, back, (0, 2 * half), facecolor="white", zorder=4)
    end, wide = box.y[tower], 0 if box.window else box.size[1] / 2
    corners = [(x, y - half), (box.x, end - wide)]
    corners += [(box.x, end + wide), (x, y + half)]
    across = before.copies > 1 and (source != tower or box.copies == 1)
    style = {"zorder": 5, **_OTHER} if across else {"zorder": 4.5, **_OWN}
    gid = f"{box.name}: {source}>{tower}"
    ax.add_patch(patches.Polygon(corners, gid=gid, **style))
