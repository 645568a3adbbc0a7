"""Caffe's real filters: what they make of photographs, against its own values.

Needs `../shared/data`, which is no part of the repository.
"""

import numpy as np
import pytest
from PIL import Image
from support import ROOT
from support import load_tool
from support import to_numpy

from alexnet_keras import build_alexnet
from alexnet_keras import preprocess_input
from alexnet_keras.data import datasets
from alexnet_lab import linear_probe

SHARED = ROOT.parent / "shared/data"
FILTERS = SHARED / "bvlc_alexnet_q7_partial.npz"
pytestmark = [
    pytest.mark.extra,
    pytest.mark.skipif(
        not FILTERS.is_file(), reason="needs the filters in ../shared/data"
    ),
]


@pytest.fixture(scope="module")
def tool():
    return load_tool("transfer")


@pytest.fixture(scope="module")
def network(tool):
    return tool.trained_filters(FILTERS)


@pytest.fixture(scope="module")
def reference():
    with np.load(FILTERS) as file:
        return {
            name: file[name].astype("float32") / 128
            for name in ("ref_pool5", "ref_fc7", "ref_fc8", "fc8_W", "fc8_b")
        }


@pytest.fixture(scope="module")
def maps(tool, network):
    """pool5 on the photographs of a hundred classes, `(102, 6, 6, 256)`."""
    squares = []
    for path in sorted((SHARED / "photos").glob("n*.JPEG")):
        photograph = Image.open(path).convert("RGB").resize((227, 227))
        squares.append(np.asarray(photograph))
    values = tool.features_of(network, np.stack(squares))
    return values.reshape(-1, 6, 6, 256)


def correlation(a, b):
    return np.corrcoef(np.ravel(a), np.ravel(b))[0, 1]


def test_pool5_is_like_caffes_own(maps, reference):
    """Other photographs, so statistics; Caffe has maps, rows, columns."""
    theirs = reference["ref_pool5"].reshape(-1, 256, 6, 6)
    theirs = theirs.transpose(0, 2, 3, 1)
    assert maps.max() == pytest.approx(theirs.max(), rel=0.5)
    assert maps.mean() == pytest.approx(theirs.mean(), rel=0.15)
    assert (maps > 0).mean() == pytest.approx((theirs > 0).mean(), abs=0.03)
    # How often each map answers, and where the photographs' objects are.
    axes = (0, 1, 2)
    often = (theirs > 0).mean(axes)
    assert correlation((maps > 0).mean(axes), often) > 0.8
    axes = (0, 3)
    assert correlation(maps.mean(axes), theirs.mean(axes)) > 0.7
    # With the values in another order it would not be so.
    turned = reference["ref_pool5"].reshape(-1, 6, 6, 256)
    for axes in ((0, 1, 2), (0, 3)):
        both = ((values > 0).mean(axes) for values in (maps, turned))
        assert abs(correlation(*both)) < 0.4


def test_pool5_of_blue_first_is_unlike_it(tool, network, maps, reference):
    pictures = np.stack(
        [
            np.asarray(Image.open(path).convert("RGB").resize((227, 227)))
            for path in sorted((SHARED / "photos").glob("n*.JPEG"))[:40]
        ]
    )
    theirs = reference["ref_pool5"].reshape(-1, 256, 6, 6).mean((0, 2, 3))
    right = tool.features_of(network, pictures)
    wrong = tool.features_of(network, pictures[..., ::-1])
    by_map = [
        values.reshape(-1, 36, 256).mean((0, 1)) for values in (right, wrong)
    ]
    assert correlation(by_map[0], theirs) > correlation(by_map[1], theirs)


def test_fc8_gives_caffes_logits(reference):
    """`predictions` on Caffe's values of fc7; both in steps of 1/128."""
    from keras import Input
    from keras import Model

    whole = build_alexnet(
        input_shape=(67, 67, 3), classifier_activation=None, variant="caffe"
    )
    last = whole.get_layer("predictions")
    last.set_weights([reference["fc8_W"], reference["fc8_b"]])
    values = Input((4096,))
    ours = to_numpy(Model(values, last(values))(reference["ref_fc7"]))
    assert correlation(ours, reference["ref_fc8"]) > 0.999
    same = ours.argmax(1) == reference["ref_fc8"].argmax(1)
    assert same.mean() >= 0.95


def test_a_probe_on_pool5_knows_imagenette(tool, network, monkeypatch):
    """25 training photographs of each class, 10 others: far above random."""
    import tensorflow as tf
    import tensorflow_datasets as tfds

    # TFDS reads the variable when it is first imported.
    folder = str(SHARED / "tensorflow_datasets")
    monkeypatch.setenv("TFDS_DATA_DIR", folder)
    monkeypatch.setattr(tfds.core.constants, "DATA_DIR", folder)
    data = datasets.load_dataset("imagenette/320px-v2")

    def squares(split, per_class):
        taken = {label: [] for label in range(10)}
        for image, label in data.images(split).as_numpy_iterator():
            if len(taken[label]) < per_class:
                resized = tf.image.resize(image, (227, 227)).numpy()
                taken[label].append(resized.astype("uint8"))
            if all(len(found) == per_class for found in taken.values()):
                break
        pictures = np.concatenate([np.stack(found) for found in taken.values()])
        return pictures, np.repeat(np.arange(10), per_class)

    (pictures, labels), (queries, truth) = (
        squares("train", 25),
        squares("validation", 10),
    )

    def accuracy(filters):
        features = tool.features_of(filters, pictures)
        probe = linear_probe.fit_probe(features, labels)
        return probe.score(tool.features_of(filters, queries), truth)

    trained, untrained = accuracy(network), accuracy(tool.random_filters(0))
    assert trained >= 0.75
    assert 0.2 < untrained < 0.6


def test_the_tool_turns_the_channels(tool, network):
    with np.load(FILTERS) as file:
        kernel = file["conv1_W"] / 128
    ours = network.get_layer("conv1").get_weights()[0]
    np.testing.assert_array_equal(ours, kernel[:, :, ::-1].astype("float32"))
    grey = np.full((1, 227, 227, 3), 130, "uint8")
    assert preprocess_input(grey, variant="caffe").shape == grey.shape


def test_fine_tuning_goes_on_from_step_to_step(monkeypatch):
    """A draw must not begin with the filters that the last one has trained."""
    monkeypatch.syspath_prepend(ROOT / "tools")
    tuning = load_tool("fine_tuning")
    once = {step: (rate, 1) for step, (rate, _) in tuning.STEPS.items()}
    monkeypatch.setattr(tuning, "STEPS", once)
    base = tuning.base_of(FILTERS)
    filters = base.get_weights()
    maps = np.random.default_rng(0).uniform(0, 9, (20, 13, 13, 256))
    pieces = maps.astype("float32"), np.arange(20) % 10
    found = {}
    for step, pair in tuning.steps(base, pieces, pieces, seed=0):
        found[step] = pair
        if step == "conv3 and up":
            moved = [layer.name for layer in base.layers if layer.trainable]
            assert moved == ["conv3", "conv4", "conv5", "pool5"]
    assert list(found) == ["probe", *tuning.STEPS]
    assert found["last layer"][0] == found["probe"][1] == 1.0
    assert found["conv3 and up"][0] == found["last layer"][1]
    for before, now in zip(filters, base.get_weights(), strict=True):
        np.testing.assert_array_equal(now, before)
