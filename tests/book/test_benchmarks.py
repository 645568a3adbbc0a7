"""The contenders of `make bench` are the same network."""

import sys

import keras
import numpy as np
import pytest
from support import ROOT
from support import enliven
from support import narrow

from alexnet_keras import build_alexnet

pytest.importorskip("tensorflow")

sys.path.insert(0, str(ROOT / "benchmarks"))

import contenders  # noqa: E402
import speed  # noqa: E402


@pytest.mark.usefixtures("free_memory")
def test_stock_keras_computes_what_ours_does(monkeypatch):
    built = []
    build_ours = contenders.build_ours

    def remember():
        built.append(build_ours())
        return built[0]

    monkeypatch.setattr(contenders, "build_ours", remember)
    stock = contenders.build_stock()
    kinds = {type(layer).__name__ for layer in stock.layers}
    assert not kinds & {"GroupedConv2D", "LocalResponseNormalization"}
    assert stock.get_layer("conv2").groups == 2
    images, _ = contenders.make_batch(2)
    np.testing.assert_allclose(stock(images), built[0](images), atol=1e-4)


@pytest.mark.extra
@pytest.mark.usefixtures("free_memory")
def test_pytorchs_network_has_the_same_weights_and_shapes():
    pytest.importorskip("torch", reason="counts PyTorch's parameters")
    theirs = [tuple(p.shape) for p in contenders.build_torch().parameters()]
    ours = [tuple(w.shape) for w in contenders.build_ours().weights]
    assert [len(shape) for shape in theirs] == [len(shape) for shape in ours]
    assert list(map(np.prod, theirs)) == list(map(np.prod, ours))


def test_both_decays_lead_to_the_same_weights(monkeypatch):
    # A decay that shows: three steps shrink a kernel by half a percent.
    monkeypatch.setattr(contenders, "LEARNING_RATE", 1e-3)
    monkeypatch.setattr(contenders, "DECAY", 1.0)
    images = contenders.make_batch(4)[0][:, :67, :67]
    monkeypatch.setattr(
        contenders, "make_batch", lambda size: (images, np.arange(size))
    )
    trained = []
    for decay in speed.DECAYS.values():
        keras.utils.set_random_seed(2012)
        model = build_alexnet(
            input_shape=(67, 67, 3),
            classifier_activation=None,
            variant=narrow("paper"),
        )
        enliven(model, images)
        start = model.get_weights()
        monkeypatch.setattr(contenders, "build_ours", lambda made=model: made)
        (train,) = contenders.tensorflow_decay(4, decay)
        for _ in range(3):
            train()
        trained.append(model.get_weights())
    for before, ours, theirs in zip(start, *trained, strict=True):
        assert ours.ndim == 1 or abs(ours - before).max() > 1e-3
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-6)


def test_the_report_compares_both_decays(capsys):
    speed.report_decays({"SGD2012": [3.0, 4.0], "SGD with L2": [4.0, 4.0]})
    assert capsys.readouterr().out == (
        "  A step with SGD2012 takes 0.88 (0.75 to 1.00) times that with "
        "SGD with L2\n"
    )
    speed.report_decays({"ours float32": [1.0]})  # another backend
    assert capsys.readouterr().out == ""


def test_operations_are_those_of_three_products_less_one():
    # The table of the paper's layers, counted by hand in notebook 1.
    macs = 105_415_200 + 223_948_800 + 149_520_384 + 112_140_288 + 74_760_192
    macs += 37_748_736 + 16_777_216 + 4_096_000
    assert speed.flops_per_image() == 2 * (3 * macs - 105_415_200)


def test_every_backend_has_its_contenders(monkeypatch):
    monkeypatch.setattr(speed.importlib.util, "find_spec", lambda name: True)
    assert set(speed.list_contenders("tensorflow", 8)) == {
        "ours",
        "stock Keras",
        "PyTorch",
        "SGD2012",
        "SGD with L2",
        "matrix products",
    }
    for backend in ("jax", "torch"):
        assert set(speed.list_contenders(backend, 8)) == {
            f"{who} {dtype}"
            for maker in ("ours", "PyTorch")
            for who in (maker, f"{maker} torchvision")
            for dtype in ("float32", "bfloat16")
        }


def test_steps_run_on_this_backend():
    assert keras.backend.backend() == "tensorflow"
    (product,) = contenders.tensorflow_product(8)
    product()
    assert speed.spread([2.0, 4.0, 9.0], [1.0, 2.0, 3.0]) == (
        "2.00 (2.00 to 3.00)"
    )
