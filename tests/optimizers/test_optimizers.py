"""SGD2012: its rule against others', its arguments and its messages."""

import keras
import numpy as np
import pytest
from keras import layers
from test_optimizers_backends import make_step

from alexnet_keras import SGD2012
from alexnet_keras import GroupedConv2D
from alexnet_keras import optimizers


def make_model(*stack, inputs=(4,), name="net"):
    return keras.Sequential([keras.Input(inputs), *stack], name=name)


def built(*arguments, **options):
    """An optimizer that knows a model of layers fc7 and fc8."""
    model = make_model(layers.Dense(3, name="fc7"), layers.Dense(2, name="fc8"))
    optimizer = SGD2012(*arguments, **options)
    optimizer.build(model.trainable_variables)
    return optimizer


def shrink(optimizer, steps, names=("kernel",)):
    """What is left of variables of 1, after steps without gradient."""
    variables = [keras.Variable(np.ones(2, "float32"), name=n) for n in names]
    optimizer.build(variables)
    step = make_step(optimizer, variables)
    for _ in range(steps):
        step([np.zeros(2, "float32") for _ in names])
    return [float(variable.numpy()[0]) for variable in variables]


def shrink_on_paper(steps, rate, momentum, decay):
    weight, velocity = 1.0, 0.0
    for _ in range(steps):
        velocity = momentum * velocity - rate * decay * weight
        weight += velocity
    return weight


class TestAgainstOthers:
    def test_decay_is_ten_times_that_of_kerass_sgd(self):
        """Since it passes through the velocity: 1 / (1 − 0.9) times."""
        (ours,) = shrink(SGD2012(0.01), 300)
        assert ours == pytest.approx(0.98555, abs=5e-6)
        assert ours == pytest.approx(
            shrink_on_paper(300, 0.01, 0.9, 0.0005), abs=2e-6
        )
        stock = keras.optimizers.SGD(0.01, 0.9, weight_decay=0.0005)
        (theirs,) = shrink(stock, 300)
        assert theirs == pytest.approx(0.99850, abs=5e-6)
        assert np.log(ours) / np.log(theirs) == pytest.approx(9.7, abs=0.05)

    def test_biases_do_not_decay_and_keras_decays_them(self):
        assert shrink(SGD2012(0.01), 50, ("bias",)) == [1]
        stock = keras.optimizers.SGD(0.01, 0.9, weight_decay=0.0005)
        assert shrink(stock, 50, ("bias",))[0] < 1

    @pytest.mark.extra
    def test_equals_pytorchs_at_a_constant_rate_and_not_at_another(self):
        torch = pytest.importorskip("torch", reason="compares with PyTorch")
        random = np.random.default_rng(0)
        start = [random.standard_normal(s, "float32") for s in ((4, 3), (3,))]
        kernel, bias = (torch.nn.Parameter(torch.tensor(s)) for s in start)
        theirs = torch.optim.SGD(
            [
                {"params": [kernel], "lr": 0.05, "weight_decay": 0.02},
                {"params": [bias], "lr": 0.1},
            ],
            momentum=0.9,
        )
        model = make_model(layers.Dense(3, name="fc8"))
        model.set_weights(start)
        ours = SGD2012(0.05, 0.9, 0.02, bias_learning_rate=0.1)
        ours.build(model.trainable_variables)
        apply = make_step(ours, model.trainable_variables)

        def step():
            gradients = [
                random.standard_normal(s.shape, "float32") for s in start
            ]
            kernel.grad, bias.grad = map(torch.tensor, gradients)
            theirs.step()
            apply(gradients)

        for _ in range(100):
            step()
        found = model.get_weights()
        for one, other in zip(found, (kernel, bias)):
            np.testing.assert_allclose(
                one, other.detach().numpy(), rtol=1e-5, atol=2e-6
            )
        assert abs(found[0] - start[0]).max() > 0.5

        # PyTorch's velocity is in units of the rate: a new rate takes all of
        # its momentum away at once.
        ours.set_rates(0.0005, 0.001)
        for group in theirs.param_groups:
            group["lr"] /= 100
        step()
        apart = abs(model.get_weights()[0] - kernel.detach().numpy()).max()
        assert apart > 0.01


class TestVariables:
    def test_names_tell_biases_in_every_layer_of_ours(self):
        model = make_model(
            GroupedConv2D(4, 3, groups=2, name="conv1"),
            layers.BatchNormalization(name="norm"),
            layers.Flatten(),
            layers.Dense(2, name="bias"),  # the layer, not a variable
            inputs=(6, 6, 2),
        )
        optimizer = SGD2012(0.0, bias_learning_rate=0.1, weight_decay=0.5)
        optimizer.build(model.trainable_variables)
        before = model.get_weights()
        optimizer.apply(
            [np.ones(v.shape, "float32") for v in model.trainable_variables]
        )
        moved = {
            weight.path.removeprefix("net/")
            for weight, old in zip(model.weights, before)
            if (weight.numpy() != old).any()
        }
        assert moved == {"conv1/bias", "bias/bias"}

    def test_variables_can_be_excluded_from_the_decay(self):
        optimizer = SGD2012(0.1)
        optimizer.exclude_from_weight_decay(var_names=["gamma"])
        gamma, beta = shrink(optimizer, 1, ("gamma", "beta"))
        assert gamma == 1 and beta == pytest.approx(1 - 0.1 * 0.0005)

    def test_rates_and_velocities_are_among_the_saved_variables(self):
        names = [v.path.partition("/")[2] for v in built().variables]
        assert names == [
            "iteration",
            "learning_rate",
            "net_fc7_kernel_velocity",
            "net_fc7_bias_velocity",
            "net_fc8_kernel_velocity",
            "net_fc8_bias_velocity",
            "bias_learning_rate",
            "multipliers",
        ]

    def test_an_embedding_gets_its_sparse_gradient_and_its_decay(self):
        model = make_model(
            layers.Embedding(3, 2, name="table"), layers.Flatten(), inputs=(1,)
        )
        model.compile(SGD2012(0.1, weight_decay=0.5), "mse")
        (before,) = model.get_weights()
        model.fit(np.array([[1]]), np.ones((1, 2)), verbose=0)
        (after,) = model.get_weights()
        np.testing.assert_allclose(after[[0, 2]], before[[0, 2]] * 0.95)
        step = 0.1 * (before[1] - 1 + 0.5 * before[1])
        np.testing.assert_allclose(after[1], before[1] - step, rtol=1e-5)


class TestRates:
    def test_bias_rate_follows_or_has_its_own(self):
        optimizer = built(0.1)
        assert optimizer.bias_learning_rate is None
        optimizer.set_rates(0.01, 0.5)
        assert optimizer.bias_learning_rate == 0.5
        assert float(optimizer.learning_rate) == np.float32(0.01)
        optimizer.set_rates(0.01)
        assert optimizer.bias_learning_rate is None
        assert SGD2012(bias_learning_rate=0.25).bias_learning_rate == 0.25

    def test_rates_given_before_build_count(self):
        (left,) = shrink(SGD2012(0.1, 0.0, 0.5), 1)
        assert left == pytest.approx(0.95)

    def test_a_schedule_is_a_rate_too_and_biases_follow_it(self):
        schedule = keras.optimizers.schedules.PiecewiseConstantDecay(
            [0, 1], [0.1, 0.01, 0.0]
        )
        optimizer = SGD2012(schedule, momentum=0.0, weight_decay=0.0)
        bias = keras.Variable(np.zeros(1, "float32"), name="bias")
        values = []
        for _ in range(4):
            optimizer.apply([-np.ones(1, "float32")], [bias])
            values.append(float(bias.numpy()[0]))
        np.testing.assert_allclose(values, [0.1, 0.11, 0.11, 0.11], rtol=1e-6)

    def test_a_name_of_an_outer_layer_stands_for_all_inside(self):
        block = make_model(
            layers.Dense(3, name="fc7"),
            layers.Dense(2, name="fc8"),
            name="block",
        )
        outer = make_model(block, layers.Dense(1, name="fc9"))
        optimizer = SGD2012(1.0, 0.0, 0.0)
        optimizer.build(outer.trainable_variables)
        optimizer.set_rates(1.0, layers={"block": 0.5, "fc8": 0.5})
        before = outer.get_weights()
        optimizer.apply([np.ones_like(weight) for weight in before])
        steps = [(a - b).max() for a, b in zip(before, outer.get_weights())]
        np.testing.assert_allclose(
            steps, [0.5] * 2 + [0.25] * 2 + [1] * 2, rtol=1e-5
        )


class TestConfig:
    def test_every_argument_comes_back(self):
        optimizer = SGD2012(
            0.25,
            0.5,
            0.125,
            bias_learning_rate=0.75,
            name="mine",
            clipnorm=2.0,
        )
        config = optimizer.get_config()
        again = SGD2012.from_config(config)
        assert again.get_config() == config
        chosen = ("learning_rate", "momentum", "weight_decay")
        assert [config[name] for name in chosen] == [0.25, 0.5, 0.125]
        chosen = ("bias_learning_rate", "name", "clipnorm")
        assert [config[name] for name in chosen] == [0.75, "mine", 2.0]

    def test_the_config_has_the_rates_of_now(self):
        optimizer = built()
        optimizer.set_rates(0.5, 0.25)
        config = optimizer.get_config()
        assert config["learning_rate"] == 0.5
        assert config["bias_learning_rate"] == 0.25
        optimizer.set_rates(0.5)
        assert optimizer.get_config()["bias_learning_rate"] is None

    def test_keras_finds_the_registered_class(self):
        config = keras.optimizers.serialize(SGD2012(0.5))
        assert config["registered_name"] == "alexnet_keras>SGD2012"
        assert type(keras.optimizers.deserialize(config)) is SGD2012


def test_unwrap_finds_the_optimizer_under_a_loss_scale():
    inner = SGD2012()
    wrapped = keras.optimizers.LossScaleOptimizer(inner)
    assert optimizers.unwrap(wrapped) is optimizers.unwrap(inner) is inner
