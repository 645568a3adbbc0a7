"""What crosses between the towers, against the sizes of the 2012 network."""

import pytest
from support import narrow

from alexnet_keras import variants
from alexnet_lab.two_gpus import communication

# Floats an image and direction: 13·13·128, 6·6·128 and 2048 twice.
MAPS_OF_2012 = {
    "conv3": 21_632,
    "fc6": 4_608,
    "fc7": 2_048,
    "predictions": 2_048,
}


def by_reader(name):
    return {
        reader: [c for c in communication.crossings(name) if c.reader == reader]
        for reader in dict.fromkeys(
            c.reader for c in communication.crossings(name)
        )
    }


def test_original_crosses_where_2012_did():
    found = by_reader("original")
    assert list(found) == list(MAPS_OF_2012)
    for reader, floats in MAPS_OF_2012.items():
        ways = {(c.source, c.target) for c in found[reader]}
        both = {(1, 2), (2, 1)}
        assert ways == ({(2, 1)} if reader == "predictions" else both)
        for crossing in found[reader]:
            assert crossing.forward == crossing.backward == 4 * floats


@pytest.mark.parametrize("name", ["paper", "caffe"])
def test_printed_normalization_adds_two_maps_at_the_border(name):
    found = by_reader(name)
    assert list(found) == ["norm1", "norm2", *MAPS_OF_2012]
    for reader, side in (("norm1", 55), ("norm2", 27)):
        assert [c.shape for c in found[reader]] == [(side, side, 2)] * 2
    for reader, floats in MAPS_OF_2012.items():
        assert {c.forward for c in found[reader]} == {4 * floats}


def test_bytes_of_an_image():
    floats = 2 * (21_632 + 4_608 + 2_048) + 2_048
    border = 2 * 2 * (55 * 55 + 27 * 27)
    parameters, convolutions = 60_965_224, 2_334_080
    for name in ("original", "paper", "caffe"):
        added = 0 if name == "original" else border
        for batch_size in (1, 128, 1000):
            found = communication.bytes_per_image(name, batch_size)
            dense = 2 * (4_608 + 2_048) + 2_048
            assert found == pytest.approx(
                {
                    "model": 8 * (floats + added),
                    "data": 8 * parameters / batch_size,
                    "mixed": 8 * (convolutions / batch_size + dense),
                }
            )


def test_a_layer_with_groups_does_not_read_the_other_tower():
    table = variants.ORIGINAL.replace_layer("conv3", groups=2)
    readers = {c.reader for c in communication.crossings(table)}
    assert readers == {"fc6", "fc7", "predictions"}


def test_four_groups_are_two_in_each_tower():
    table = variants.ORIGINAL.replace_layer("conv4", groups=4)
    assert communication.halve(table.layer("conv4")).groups == 2
    assert communication.crossings(table) == communication.crossings("original")


def error_of(table, **settings):
    with pytest.raises(ValueError) as caught:
        communication.bytes_per_image(table, **settings)
    return str(caught.value)


@pytest.mark.parametrize("name", ["single_tower", "torchvision", "d2l"])
def test_a_network_without_groups(name):
    assert error_of(name) == (
        "`variant` must have two towers, convolutions with `groups=2`, as "
        f"paper, original and caffe have. Received: variant={name!r}"
    )


def test_tables_that_cannot_be_halved():
    paper = variants.PAPER
    assert error_of(paper.replace_layer("conv3", filters=7)) == (
        "conv3: `filters` must be even, half for each tower. "
        "Received: filters=7"
    )
    assert error_of(paper.replace_layer("fc6", units=7)) == (
        "fc6: `units` must be even, half for each tower. Received: units=7"
    )
    assert error_of(paper.replace_layer("conv4", groups=3)) == (
        "conv4: `groups` must be even, half for each tower. Received: groups=3"
    )
    assert error_of(paper.replace_layer("conv1", groups=2)) == (
        "conv1 reads the image, of which both towers get all: it must not be "
        "grouped. Received: groups=2"
    )


@pytest.mark.parametrize("batch_size", [0, -1, 2.0, True, "128"])
def test_batch_sizes_that_are_none(batch_size):
    assert error_of("paper", batch_size=batch_size) == (
        "`batch_size` must be a positive integer. "
        f"Received: batch_size={batch_size!r}"
    )


def test_an_image_that_is_too_small():
    message = error_of(narrow("caffe"), input_shape=(30, 30, 3))
    assert message.endswith("Received: input_shape=(30, 30, 3)")
