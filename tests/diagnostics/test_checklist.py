"""A planted fault is named and nothing else; healthy networks are left alone."""

import json

import keras
import numpy as np
import planted_faults
import pytest
from planted_faults import IMAGES
from planted_faults import LABELS
from support import run_python

from alexnet_keras import SGD2012
from alexnet_keras.diagnostics import activations
from alexnet_keras.diagnostics import checklist

# What the text must say besides: the figures that show the fault.
SAYS = {
    "NaN input": "1 of 96 images hold values that are not finite.",
    "one image": "All 96 images are the same.",
    "NaN weights": "Weights of conv2 are not finite: the run has diverged,",
    "one-hot": "The labels are one-hot, (96, 3), and the loss takes numbers, "
    "(96,). Use CategoricalCrossentropy.",
    "not one-hot": "The labels are numbers, (96,), and the loss takes one-hot "
    "ones, (96, 3). Use SparseCategoricalCrossentropy.",
    "from 1": "The labels go from 1 to 3, and the model has 3 outputs: they "
    "must go from 0 to 2.",
    "sorted": "All 96 images have the same label, 0: the data are sorted",
    "frozen": "3 of 6 layers with weights are frozen: conv1, conv2, fc4.",
    "two softmaxes": "The model has 2 softmaxes.",
    "one output": "answer is a softmax over one output, which is 1 whatever",
    "softmax and from_logits": "(`from_logits=True`) and applies a softmax",
    "logits for probabilities": "Say `from_logits=True` to the loss.",
    "shuffled": "the labels may not belong to the images",
    "dead": "100% of fc5 are 0 for every image",
    "rate too high": "instead of 3 that does not happen. The learning rate is too high.",
    "rate too low": "The learning rate of 1e-06 is too low",
    "Adam's rate too high": "instead of 0.3 that does not happen. The learning rate",
    "biases": "with biases of 0 instead of 1 in conv2, conv3, fc4, fc5 that",
    "weights of 0": "100% of conv1, 100% of conv2, 100% of conv3, 100% of "
    "fc4, 100% of fc5 are 0 for every image",
    "weights too small": "The weights are too small: ",
    "weights too large": "Make the weights smaller.",
    "pixels too small": "do not divide by 255.",
    "pixels too large": "Scale the images",
}


@pytest.mark.parametrize("name", planted_faults.ALL)
def test_a_planted_fault_is_named(name):
    found = planted_faults.find(name)
    assert [fault.check for fault in found] == planted_faults.ALL[name][3]
    if found:
        assert SAYS[name] in found[0].text


@pytest.mark.slow
@pytest.mark.extra
@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_on_other_backends_too(backend):
    pytest.importorskip(backend, reason=f"needs the {backend} backend")
    # Not "biases": whether that network dies hangs on the backend's dropout.
    names = ["six layers", "pixels too small", "rate too high", "shuffled"]
    names += [*planted_faults.READ_OFF]
    out = run_python(
        "import runpy, sys; sys.argv = ['planted_faults', *sys.argv[1:]];"
        "runpy.run_module('planted_faults', run_name='__main__')",
        *names,
        backend=backend,
    )
    report = json.loads(out)
    assert report["backend"] == backend
    assert {
        name: [check for check, _ in found]
        for name, found in report["found"].items()
    } == {name: planted_faults.ALL[name][3] for name in names}


def test_weights_of_0_are_told_from_units_that_died():
    found = planted_faults.find("weights of 0")
    assert found[1].text.startswith(
        "Before any training these layers are 0 for every image: conv1, "
    )


def test_two_things_that_show_at_once_are_both_named():
    model = planted_faults.frozen()
    found = checklist.diagnose(model, IMAGES, LABELS + 1)
    assert [fault.check for fault in found] == ["labels", "frozen layers"]


def test_what_is_dead_is_explained_from_new_weights():
    """The weights have died of a rate that is still there."""
    model = planted_faults.build(planted_faults.six_layer(), rate=3.0)
    model.get_layer("fc5").bias.assign(np.full(512, -1e6))
    found = checklist.diagnose(model, IMAGES, LABELS, steps=10)
    assert [fault.check for fault in found] == ["dead units", "learning rate"]


def test_the_model_stays_as_it_is():
    model = planted_faults.build(planted_faults.six_layer(), rate=0.25)
    model.fit(IMAGES, LABELS, verbose=0)  # the optimizer has a state
    before = [*model.get_weights()]
    slots = [np.array(v) for v in model.optimizer.variables]
    checklist.diagnose(model, IMAGES, LABELS, steps=3)
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    for old, new in zip(slots, model.optimizer.variables, strict=True):
        np.testing.assert_array_equal(old, np.array(new))
    assert activations.learning_rate(model) == 0.25


def message_of(*arguments):
    with pytest.raises(ValueError) as caught:
        checklist.diagnose(*arguments)
    return str(caught.value)


def test_bad_arguments():
    model = planted_faults.build(planted_faults.six_layer())
    assert message_of(model, IMAGES, LABELS[:5]) == (
        "`labels` must have one for each of the `images`, and there must be "
        "some. Received: 96 images, 5 labels"
    )
    assert message_of(model, IMAGES[:0], LABELS[:0]) == (
        "`labels` must have one for each of the `images`, and there must be "
        "some. Received: 0 images, 0 labels"
    )
    assert "`images` must be one batch" in message_of(model, {"a": 1}, LABELS)
    inputs = keras.Input((4,), name="x")
    raw = keras.Model(inputs, keras.layers.Dense(2)(inputs), name="raw")
    assert message_of(raw, IMAGES, LABELS) == (
        "`model` must be compiled: its loss and its optimizer are looked at "
        "too. Received: model='raw'"
    )
    empty = keras.Model(inputs, keras.layers.ReLU()(inputs), name="empty")
    empty.compile("sgd", "mse")
    # With an image as the model takes it: it is built by calling it.
    assert message_of(empty, np.ones((2, 4)), LABELS[:2]) == (
        "`model` must be made of layers of which some have a kernel, and have "
        "one output. Received: model='empty' with 1"
    )
    twofold = keras.Model(inputs, [keras.layers.Dense(2)(inputs)] * 2)
    twofold.compile("sgd", "mse")
    assert "with 2" in message_of(twofold, np.ones((2, 4)), LABELS[:2])
    assert "`labels` must be numbers" in message_of(
        model, IMAGES[:1], np.array(["red"])
    )


class WithoutConfig(keras.Model):
    def __init__(self, function):
        super().__init__()
        self.function, self.top = function, keras.layers.Dense(3)

    def call(self, inputs):
        return self.top(self.function(inputs))


def test_a_model_that_cannot_be_made_again_is_refused_in_words():
    model = WithoutConfig(lambda x: keras.ops.mean(x, (1, 2)))
    model.compile("sgd", planted_faults.LOGITS_LOSS)
    message = message_of(model, IMAGES, LABELS)
    assert "`get_config`" in message
    assert message.endswith("a WithoutConfig")


# --- What is nested, and networks with one output ---


def nested(kernel="he_normal", bias="zeros", rate=0.01):
    layers = keras.layers
    keras.utils.set_random_seed(1)
    options = {"bias_initializer": bias, "kernel_initializer": kernel}
    inner = [
        layers.Conv2D(8, 5, 4, activation="relu", name="deep", **options),
        layers.GlobalAveragePooling2D(),
    ]
    base = keras.Sequential([keras.Sequential(inner)])
    scale = layers.Rescaling(1 / 64, -1.5)
    top = layers.Dense(1, "sigmoid")
    model = keras.Sequential([keras.Input((32, 32, 3)), scale, base, top])
    model.compile(SGD2012(rate), "binary_crossentropy", jit_compile=False)
    return model


def named(model):
    found = checklist.diagnose(model, IMAGES, LABELS == 0, steps=20)
    return [fault.check for fault in found], checklist.report(found)


def test_what_is_nested_is_looked_into():
    model = nested()
    deep = model.layers[1].layers[0].layers[0]
    deep.bias.assign(np.full(8, -1e6))
    checks, text = named(model)
    assert checks == ["dead units"] and "100% of deep" in text
    deep.bias.assign(np.full(8, np.nan))
    checks, text = named(model)
    assert checks == ["weights"] and "deep" in text
    deep.bias.assign(np.zeros(8))
    deep.trainable = False
    checks, text = named(model)
    assert checks == ["frozen layers"] and "deep" in text


def test_one_output_is_compared_with_its_own_chance():
    assert named(nested(rate=0.1))[0] == []
    checks, text = named(nested(rate=100.0))
    assert checks == ["learning rate"] and "too high" in text


@pytest.mark.parametrize(
    "loss, labels, chance",
    [
        ("binary_crossentropy", [0, 0, 0, 1], -0.75 * np.log(0.75) - 0.25 * np.log(0.25)),
        (keras.losses.BinaryCrossentropy(from_logits=True), [0, 1, 0, 1], np.log(2)),
        ("mse", [1, 2, 3, 6], np.var([1, 2, 3, 6])),
        ("mae", [1, 2, 3, 6], 6 / 4),  # the median is 2.5
        ("mse", [5, 5, 5, 5], 0),
    ],
)  # fmt: skip
def test_chance_is_the_loss_of_the_best_constant(loss, labels, chance):
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile("sgd", loss)
    labels = np.array(labels, "float32")[:, None]
    found = activations._loss_of_guessing(model, labels, np.ones((4, 1)))
    assert found == pytest.approx(chance, abs=1e-5)


def test_a_partly_frozen_nested_model_is_so_in_copies():
    model = nested()
    model.layers[1].layers[0].layers[0].trainable = False
    twin = activations.copy_model(model)
    assert len(twin.trainable_weights) == len(model.trainable_weights) == 2


def test_the_report_counts():
    faults = [checklist.Fault("a", "B."), checklist.Fault("c", "D.")]
    assert checklist.report(faults) == "1. a: B.\n2. c: D."
    assert checklist.report([]) == "Nothing on the check-list was found."
