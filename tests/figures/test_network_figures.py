"""The figures say what the tables say."""

import itertools

import matplotlib
import pytest

from alexnet_keras import VARIANTS
from alexnet_keras import derive_layers
from alexnet_keras import variants
from alexnet_keras.figures import network

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402

names = pytest.mark.parametrize("name", VARIANTS)


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def count_towers(table):
    return max(getattr(layer, "groups", 1) for layer in table.layers)


def read_texts(ax):
    return [text.get_text() for text in ax.texts]


def read_cones(ax):
    """Which tower of a layer reads which tower of the layer before."""
    gids = [patch.get_gid() for patch in ax.patches if patch.get_gid()]
    cones = {}
    for gid in gids:
        name, towers = gid.split(": ")
        source, target = towers.split(">")
        cones.setdefault(name, set()).add((int(source), int(target)))
    assert len(gids) == sum(map(len, cones.values()))
    return cones


@names
def test_every_size_of_the_table_is_written_once_a_tower(name):
    towers = count_towers(VARIANTS[name])
    texts = read_texts(network.plot_network(name))
    expected = ["×".join(map(str, VARIANTS[name].input_shape))]
    for row in derive_layers(name):
        if row.kind in ("conv", "max_pool", "average_pool", "dense"):
            boxes = 1 if row.name == "predictions" else towers
            *sides, channels = row.output_shape
            label = "×".join(map(str, [*sides, channels // boxes]))
            expected += [label] * boxes
    sizes = [text for text in texts if text[:1].isdigit() and " / " not in text]
    assert sorted(sizes) == sorted(expected)


@names
def test_every_layer_of_the_table_is_named(name):
    words = " ".join(read_texts(network.plot_network(name))).split()
    for row in derive_layers(name):
        assert words.count(row.name) == 1


@names
def test_towers_cross_where_the_groups_say_so(name):
    table = VARIANTS[name]
    towers = range(count_towers(table))
    cones = read_cones(network.plot_network(name))
    everything = set(itertools.product(towers, towers))
    for layer in table.layers:
        if isinstance(layer, variants.Conv) and layer.name != "conv1":
            own = {(tower, tower) for tower in towers}
            reads = own if layer.groups > 1 else everything
            assert cones[layer.name] == reads
    assert cones["conv1"] == {(0, tower) for tower in towers}
    assert cones["fc6"] == cones["fc7"] == everything
    assert cones["predictions"] == {(tower, 0) for tower in towers}


def test_crossing_connections_of_the_paper():
    cones = read_cones(network.plot_network("paper"))
    crossing = [n for n, pairs in cones.items() if {(0, 1), (1, 0)} <= pairs]
    assert crossing == ["conv3", "fc6", "fc7"]


def test_boxes_are_to_scale():
    heights = {}
    ax = network.plot_network("paper")
    front = matplotlib.colors.to_rgba(network.MEDIUM)
    faces = [p for p in ax.patches if p.get_facecolor() == front]
    corners = [face.get_xy() for face in faces]
    heights = [round(xy[:, 1].max() - xy[:, 1].min(), 6) for xy in corners]
    widths = [round(xy[:, 0].max() - xy[:, 0].min(), 6) for xy in corners]
    assert heights[:4] == [224, 55, 55, 27]
    assert widths[:4] == [3 / 4, 48 / 4, 48 / 4, 48 / 4]
    assert heights[-1] == 1000 / 20


def test_network_draws_a_table_of_ones_own_on_given_axes():
    table = variants.Variant(
        name="tiny",
        input_shape=(8, 12, 1),
        classes=3,
        layers=(
            variants.Conv("first", 4, kernel=3),
            variants.MaxPool("pool", size=2, stride=2),
            variants.Flatten(),
            variants.Dense("last", None),
        ),
    )
    _, given = plt.subplots()
    ax = network.plot_network(table, ax=given)
    assert ax is given
    assert {"8×12×1", "6×10×4", "3×5×4", "3"} <= set(read_texts(ax))


def test_network_takes_other_inputs_and_classes():
    texts = read_texts(network.plot_network("paper", (256, 256, 3), classes=10))
    assert {"256×256×3", "63×63×48", "7×7×128", "10"} <= set(texts)


@pytest.mark.parametrize(
    ("name", "table", "windows", "beyond", "unread"),
    [
        ("conv1", "paper", 55, 3, 0),
        ("conv1", "original", 55, 3, 0),
        ("conv1", "caffe", 55, 0, 0),
        ("conv1", "torchvision", 55, 3, 1),
        ("conv1", "d2l", 54, 1, 3),
        ("conv2", "paper", 27, 4, 0),
        ("pool1", "d2l", 26, 0, 1),
    ],
)
def test_layer_step_shows_the_last_window(name, table, windows, beyond, unread):
    ax = network.plot_layer_step(name, table)
    assert str(windows - 1) in read_texts(ax)
    assert f"→ {windows}×{windows}×" in ax.get_title()
    hatches = [patch.get_hatch() for patch in ax.patches]
    assert (hatches.count("///"), hatches.count("xxx")) == (beyond, unread)


def test_layer_step_of_a_short_axis_leaves_nothing_out():
    ax = network.plot_layer_step("pool5", "paper", input_shape=(64, 64, 3))
    assert "…" not in read_texts(ax)
    assert ax.get_title().startswith("pool5: 3×3×256 → 1×1×256")


@pytest.mark.parametrize("side", range(64, 232, 16))
def test_bars_of_a_layer_step_never_touch(side):
    ax = network.plot_layer_step("conv3", "paper", (side, side, 3))
    dark = matplotlib.colors.to_rgba(network.DARK)
    bars = [bar for bar in ax.patches if bar.get_facecolor() == dark]
    rows = derive_layers("paper", (side, side, 3))
    (windows,) = {row.output_shape[0] for row in rows if row.name == "conv3"}
    assert len(bars) == min(5, windows)
    for one, other in itertools.combinations(bars, 2):
        apart = abs(one.get_x() - other.get_x())
        assert one.get_y() != other.get_y() or apart >= 3


@pytest.mark.parametrize("name", ["norm1", "flatten", "fc6"])
def test_layer_step_needs_a_window(name):
    message = rf"`name` must be a convolution .* Received: name='{name}'"
    with pytest.raises(ValueError, match=message):
        network.plot_layer_step(name)


def test_unknown_names_are_refused():
    with pytest.raises(ValueError, match="Received: variant='lenet'"):
        network.plot_network("lenet")
    with pytest.raises(ValueError, match="Received: name='conv9'"):
        network.plot_layer_step("conv9")


@names
def test_bars_are_shares(name):
    rows = [row for row in derive_layers(name) if row.parameters]
    ax = network.plot_counts(derive_layers(name))
    labels = [label.get_text() for label in ax.get_xticklabels()]
    assert labels == [row.name for row in rows]
    for bars, count in zip(ax.containers, ("parameters", "macs"), strict=True):
        counts = [getattr(row, count) for row in rows]
        heights = [bar.get_height() for bar in bars]
        shares = [100 * n / sum(counts) for n in counts]
        assert heights == pytest.approx(shares)
        assert f"{sum(counts):,}" in bars.get_label()
