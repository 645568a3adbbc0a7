"""Two towers on two devices: the same network, and only its maps cross."""

import collections

import keras
import numpy as np
import pytest
from support import enliven
from support import message_of
from support import narrow
from support import pixels

tf = pytest.importorskip("tensorflow")
if keras.backend.backend() != "tensorflow":
    pytest.skip("towers need TensorFlow", allow_module_level=True)

from alexnet_keras import SGD2012  # noqa: E402
from alexnet_keras import build_alexnet  # noqa: E402
from alexnet_keras import variants  # noqa: E402
from alexnet_lab.two_gpus import devices  # noqa: E402
from alexnet_lab.two_gpus import model_parallel  # noqa: E402

GROUPED = ("original", "paper", "caffe")
SHAPE = (67, 67, 3)
CPUS = ("CPU:0", "CPU:1")
every_grouped = pytest.mark.parametrize("name", GROUPED)


def without_dropout(table):
    """With dropout, no two networks would draw the same masks."""
    for row in table.layers:
        if isinstance(row, variants.Dropout):
            table = table.replace_layer(row.name, rate=0.0)
    return table


def build_both(name, shape=SHAPE, **settings):
    """The network on one device and on two, with the same lively weights."""
    table = without_dropout(narrow(name)) if isinstance(name, str) else name
    one = build_alexnet(variant=table, input_shape=shape, **settings)
    enliven(one, pixels((8, *shape)))
    two = model_parallel.build_towers(table, CPUS, shape, **settings)
    two.load_from(one)
    return one, two


def batch(count=6):
    return pixels((count, *SHAPE), seed=1), np.arange(count) % 7


def merge(model, values):
    """Puts one value for each weight of two towers together by layer."""
    parts = collections.defaultdict(list)
    for weight, value in zip(model.trainable_variables, values):
        parts[weight.path.rsplit("/", 2)[-2:][0], weight.name].append(value)
    return {key: np.concatenate(part, axis=-1) for key, part in parts.items()}


def gradients(model, images, labels):
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)

    @tf.function
    def compute():
        with tf.GradientTape() as tape:
            value = loss(labels, model(images, training=True))
        return tape.gradient(
            value, [w.value for w in model.trainable_variables]
        )

    return merge(model, [gradient.numpy() for gradient in compute()])


def assert_same_values(one, two, rtol):
    assert one.keys() == two.keys()
    for name, value in one.items():
        size = np.abs(value).max()
        assert size > 0, name
        np.testing.assert_allclose(
            two[name], value, rtol=rtol, atol=rtol * size, err_msg=str(name)
        )


@every_grouped
def test_output_and_gradients_are_those_of_one_device(name):
    one, two = build_both(name, classifier_activation=None)
    images, labels = batch()
    expected = np.asarray(one(images))
    assert np.std(expected) > 0.5
    np.testing.assert_allclose(two(images), expected, rtol=1e-4, atol=1e-5)
    assert_same_values(
        gradients(one, images, labels),
        gradients(two, images, labels),
        rtol=1e-4,
    )


@pytest.mark.parametrize("name", ["original", "paper"])
def test_towers_learn_what_one_device_learns(name):
    """The way from the start is compared, of which the weights hide most."""
    images, labels = batch()
    histories, ways = [], []
    for model in build_both(name):
        start = merge(model, [w.copy() for w in model.get_weights()])
        # Biases move less: at the same rate by little more than rounding.
        model.compile(
            SGD2012(1e-4, bias_learning_rate=1e-2),
            "sparse_categorical_crossentropy",
        )
        history = model.fit(
            images, labels, 3, epochs=3, shuffle=False, verbose=0
        )
        histories.append(history.history["loss"])
        end = merge(model, model.get_weights())
        ways.append({name: end[name] - start[name] for name in end})
    np.testing.assert_allclose(*histories, rtol=1e-4)
    assert histories[0][-1] < histories[0][0]
    assert_same_values(*ways, rtol=1e-3)


def test_a_loss_sees_the_logits():
    """From probabilities alone a wrong, sure answer has no gradient."""
    one, two = build_both("original")
    images, labels = batch()
    for model in (one, two):
        model.compile(SGD2012(), "sparse_categorical_crossentropy")
        weights = model.get_weights()
        model.set_weights([*weights[:-2], weights[-2] * 1e4, weights[-1]])
    losses = [m.test_on_batch(images, labels) for m in (one, two)]
    assert losses[0] > 100
    np.testing.assert_allclose(*losses, rtol=1e-3)


def test_the_border_maps_matter():
    """With normalization inside of a tower `paper` is another network."""
    one, two = build_both("paper", classifier_activation=None)
    table = without_dropout(narrow("paper"))
    for name in ("norm1", "norm2"):
        table = table.replace_layer(name, groups=2)
    inside = model_parallel.build_towers(
        table, CPUS, SHAPE, classifier_activation=None
    )
    inside.load_from(one)
    images, _ = batch()
    assert np.abs(inside(images) - two(images)).max() > 1e-3


def test_a_border_as_wide_as_a_tower():
    """Windows that reach beyond the other tower read all of it."""
    table = without_dropout(narrow("paper", divisor=32))
    table = table.replace_layer("norm1", size=7)
    one, two = build_both(
        table.replace_layer("conv1", filters=4), classifier_activation=None
    )
    images, _ = batch()
    np.testing.assert_allclose(two(images), one(images), rtol=1e-4, atol=1e-5)


def tower_of(variable, model):
    for layer in model.layers:
        if any(variable is one for one in layer.variables):
            return int(layer.name[len("tower")])
    raise AssertionError(variable.path)


@pytest.mark.parametrize("names", [CPUS, CPUS[::-1]])
def test_variables_are_on_their_device(names):
    model = model_parallel.build_towers(narrow("original"), names, SHAPE)
    model.compile(SGD2012(), "sparse_categorical_crossentropy")
    found = collections.Counter()
    for index, variable in enumerate(model.trainable_variables):
        tower = tower_of(variable, model)
        velocity = model.optimizer.velocities[index]
        for one in (variable, velocity):
            place = devices.short_name(one.value.device)
            assert place == names[tower - 1], one.path
        found[tower] += 1
    # Kernel and bias of seven layers, and of the output layer on the first.
    assert found == {1: 16, 2: 14}


def test_xla_stays_off():
    model = model_parallel.build_towers(narrow("original"), CPUS, SHAPE)
    with pytest.warns(UserWarning, match="doesn't support `jit_compile=True`"):
        model.compile("sgd", "mse", jit_compile=True)
    assert not model.jit_compile


def test_each_tower_draws_its_own_mask():
    model = model_parallel.build_towers(
        narrow("original", units=400), CPUS, SHAPE
    )
    masks = []
    for tower in (1, 2):
        body = model.get_layer(f"tower{tower}_fc6").layer
        dropped = body.get_layer("drop6")(np.ones((1, 200)), training=True)
        masks.append(np.asarray(dropped)[0])
    assert 0.3 < np.mean(masks[0] == masks[1]) < 0.7


def test_weights_go_there_and_back():
    one, two = build_both("paper")
    other = build_alexnet(variant=narrow("paper"), input_shape=SHAPE)
    two.copy_to(other)
    for copied, given in zip(other.get_weights(), one.get_weights()):
        np.testing.assert_array_equal(copied, given)


def test_weights_and_model_in_files(tmp_path):
    _, two = build_both("paper")
    images, _ = batch()
    two.save_weights(tmp_path / "towers.weights.h5")
    other = model_parallel.build_towers(
        without_dropout(narrow("paper")), CPUS[::-1], SHAPE
    )
    other.load_weights(tmp_path / "towers.weights.h5")
    np.testing.assert_allclose(other(images), two(images), rtol=1e-5)

    two.save(tmp_path / "towers.keras")
    loaded = keras.saving.load_model(tmp_path / "towers.keras")
    assert type(loaded) is model_parallel.Towers
    np.testing.assert_array_equal(loaded(images), two(images))
    for variable in loaded.trainable_variables:
        place = devices.short_name(variable.value.device)
        assert place == CPUS[tower_of(variable, loaded) - 1]


def test_weights_of_another_network():
    two = model_parallel.build_towers(narrow("paper"), CPUS, SHAPE)
    before = two.get_weights()
    five = build_alexnet(variant=narrow("paper"), input_shape=SHAPE, classes=5)
    message = (
        "`model` must be the same network on one device: the weights of "
        "predictions have other shapes. Received: "
    )
    assert (
        message_of(two.load_from, five)
        == message + "[(24, 5), (5,)] instead of [(24, 7), (7,)]"
    )
    assert (
        message_of(two.copy_to, five)
        == message + "[(24, 5), (5,)] instead of [(24, 7), (7,)]"
    )
    assert message_of(
        two.load_from, keras.Sequential([keras.Input((1,))], name="empty")
    ) == (
        "`model` must be the same network on one device, and has no layer "
        "conv1. Received: model='empty'"
    )
    for now, then in zip(two.get_weights(), before):
        np.testing.assert_array_equal(now, then)
