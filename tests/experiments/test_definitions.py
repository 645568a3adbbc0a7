"""The compared tables differ in what they compare, and in nothing else."""

import dataclasses
import itertools

import pytest

from alexnet_keras import VARIANTS
from alexnet_keras import build_alexnet
from alexnet_keras import derive_layers
from alexnet_keras import variants
from alexnet_lab.experiments import small_networks
from alexnet_lab.published_results import stored_result

pytest.importorskip("tensorflow")

from alexnet_lab.experiments import definitions  # noqa: E402
from alexnet_lab.experiments import results_file  # noqa: E402

WEIGHTED = variants.Conv | variants.Dense
STARTS = list(
    itertools.product(
        definitions.INITS, definitions.BIASES, definitions.DROPOUTS
    )
)


def strip(table):
    """The table without what a start changes."""
    layers = []
    for layer in table.layers:
        if isinstance(layer, WEIGHTED):
            layer = dataclasses.replace(layer, init=0, bias=0)
        elif isinstance(layer, variants.Dropout):
            layer = dataclasses.replace(layer, rescale="test")
        layers.append(layer)
    return dataclasses.replace(table, layers=tuple(layers), classes=10)


@pytest.mark.parametrize("start", STARTS, ids=str)
def test_a_start_is_the_network_of_2012_otherwise(start):
    table = definitions.start_table(*start)
    assert strip(table) == strip(VARIANTS["original"])


def test_one_start_is_that_of_2012_itself():
    start = "0.01, conv3–5 0.03 (2012)", 1.0, "2012"
    original = dataclasses.replace(VARIANTS["original"], classes=10)
    assert definitions.start_table(*start) == original


def test_caffes_start_by_hand():
    table = definitions.start_table(
        "0.01, fc6–7 0.005 (Caffe)", 0.1, "inverted"
    )
    found = {
        layer.name: (layer.init, layer.bias)
        for layer in table.layers
        if isinstance(layer, WEIGHTED)
    }
    caffe = VARIANTS["caffe"]
    for name, start in found.items():
        layer = caffe.layer(name)
        assert start == (layer.init, layer.bias), name
    assert table.layer("drop6").rescale == caffe.layer("drop6").rescale


def test_the_grid_has_every_start_once():
    experiment = definitions.EXPERIMENTS["initialization"]
    assert len(experiment.conditions) == 5 * 3 * 2 == len(STARTS)
    tables = {condition.table for condition in experiment.conditions}
    assert len(tables) == 30
    for start, condition in zip(STARTS, experiment.conditions):
        assert condition.name == definitions.start_name(*start)
        assert condition.table == definitions.start_table(*start)
        assert (condition.learning_rate, condition.weight_decay) == (0.01, 5e-4)


@pytest.mark.parametrize(
    "name, size",
    [
        ("normalization_and_pooling", 32),
        ("normalization_and_pooling_of_photographs", 99),
    ],
)
def test_normalizers_and_pools_leave_every_shape(name, size):
    """So that nothing else than they can make the difference."""
    experiment = definitions.EXPERIMENTS[name]
    assert experiment.size == size
    shapes = set()
    for condition in experiment.conditions:
        rows = derive_layers(condition.table, (size, size, 3))
        shapes.add(
            tuple(
                (row.name, row.output_shape)
                for row in rows
                if row.kind in ("conv", "max_pool", "dense")
            )
        )
    assert len(shapes) == 1
    kinds = {
        condition.name: sorted(
            {
                row.kind
                for row in derive_layers(condition.table, (size, size, 3))
            }
            & {"lrn", "batch_norm"}
        )
        for condition in experiment.conditions
    }
    assert kinds["neither"] == kinds["2/2 pooling"] == []
    assert kinds["LRN"] == ["lrn"]
    assert kinds["batch normalization"] == ["batch_norm"]


@pytest.mark.parametrize(
    ("name", "record"),
    [
        ("normalization_and_pooling", "cifar10"),
        ("normalization_and_pooling_of_photographs", "imagenette"),
    ],
)
def test_lrn_is_compared_at_equal_rates_too(name, record):
    """At the rate that the search found for the network without it."""
    conditions = {
        condition.name: condition
        for condition in definitions.EXPERIMENTS[name].conditions
    }
    stored = stored_result(f"normalization_and_pooling_{record}")
    found = {
        name: part["learning_rate"]
        for name, part in results_file.load_results(stored)
        .record["conditions"]
        .items()
    }
    assert found["neither"] < found["LRN"]
    pairs = [("LRN", "neither"), ("neither", "LRN"), ("LRN of 2012", "neither")]
    for network, other in pairs:
        fixed = conditions[f"{network}, rate {found[other]:g}"]
        assert fixed.learning_rate == found[other]
        assert fixed.table == conditions[network].table
    assert len(conditions) == 5 + len(pairs)


# --- The networks ---


def test_quarter_alexnet_by_hand():
    rows = {
        row.name: (row.output_shape, row.parameters)
        for row in derive_layers(small_networks.quarter_alexnet())
    }
    # ⌊(99 − 11) / 4⌋ + 1 = 23, then (23 − 3) / 2 + 1 = 11, 5, 2.
    assert rows["conv1"] == ((23, 23, 24), 11 * 11 * 3 * 24 + 24)
    assert rows["conv2"] == ((11, 11, 64), 5 * 5 * 24 * 64 + 64)
    assert rows["conv5"] == ((5, 5, 64), 3 * 3 * 96 * 64 + 64)
    assert rows["pool5"] == ((2, 2, 64), 0)
    assert rows["fc6"] == ((1024,), 2 * 2 * 64 * 1024 + 1024)
    assert rows["predictions"] == ((10,), 1024 * 10 + 10)
    assert not {"norm1", "norm2", "drop6", "drop7"} & rows.keys()


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_batch_normalization_in_keras(data_format, image_data_format):
    image_data_format(data_format)
    table = small_networks.normalized(
        small_networks.four_layer(), variants.BatchNorm
    )
    shape = (32, 32, 3) if data_format == "channels_last" else (3, 32, 32)
    model = build_alexnet(variant=table, input_shape=shape)
    for number, maps in ((1, 32), (2, 64)):
        norm = model.get_layer(f"norm{number}")
        assert norm.gamma.shape == (maps,)
        trained = sum(weight.shape[0] for weight in norm.trainable_weights)
        rows = {row.name: row for row in derive_layers(table)}
        assert rows[norm.name].parameters == trained == 2 * maps
        assert (norm.momentum, norm.epsilon) == (0.9, 1e-3)
        conv = model.get_layer(f"conv{number}")
        assert conv.activation.__name__ == "linear"
        assert conv.output is norm.input
        assert model.get_layer(f"relu{number}").input is norm.output


def test_lrn_follows_the_relu_as_in_the_paper():
    table = small_networks.normalized(small_networks.four_layer(), variants.LRN)
    names = [layer.name for layer in table.layers]
    assert names[:6] == ["conv1", "norm1", "pool1", "conv2", "norm2", "pool2"]
    assert table.layer("conv1").activation == "relu"
    paper = VARIANTS["paper"]
    for name in ("norm1", "norm2"):
        assert table.layer(name) == paper.layer(name)
