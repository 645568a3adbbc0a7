"""What the measurement of transfers sees, and what it refuses to guess."""

import keras
import numpy as np
import pytest
from support import narrow
from support import pixels

tf = pytest.importorskip("tensorflow")
from alexnet_keras import SGD2012  # noqa: E402
from alexnet_keras import build_alexnet  # noqa: E402
from alexnet_keras.training import distribution  # noqa: E402
from alexnet_lab.two_gpus import communication  # noqa: E402
from alexnet_lab.two_gpus import transfers  # noqa: E402

SHAPE = (67, 67, 3)


def batch(count=6):
    return pixels((count, *SHAPE), seed=1), np.arange(count) % 7


def test_traffic_sees_weights_that_cross():
    """What a plain device scope does: the gradient is made elsewhere."""
    with keras.device("CPU:1"):
        dense = keras.layers.Dense(5, use_bias=False)
        dense.build((None, 3))
    first = keras.layers.Dense(3, use_bias=False)
    first.build((None, 2))

    def gradient(x):
        with tf.GradientTape() as tape:
            values = first(x)
            with keras.device("CPU:1"):
                total = tf.reduce_sum(tf.tanh(dense(values)))
        return tape.gradient(total, [first.kernel.value, dense.kernel.value])

    sent = transfers.execute(gradient, np.ones((4, 2), "float32")).sent()
    weights = [s for s in sent if s.kind == "variable"]
    assert [(s.source, s.target, s.shape) for s in weights] == [
        ("CPU:1", "CPU:0", (3, 5))
    ]
    assert weights[0].bytes == 4 * 3 * 5


def test_traffic_of_unknown_size():
    def function(x):
        with tf.device("CPU:0"):
            positive = x[x > 0]
        with tf.device("CPU:1"):
            return positive + 1

    execution = transfers.execute(function, np.ones(4, "float32"))
    with pytest.raises(ValueError, match="not known before it runs") as caught:
        execution.sent()
    assert str(caught.value).endswith("Received: shape=(None,)")


def test_an_all_reduce_sends_each_gradient_there_and_back():
    strategy = distribution.make_strategy(2)
    with strategy.scope():
        model = build_alexnet(variant=narrow("original"), input_shape=SHAPE)
        model.compile(SGD2012(), "sparse_categorical_crossentropy")
        model.optimizer.build(model.trainable_variables)

    def step(images, labels):
        shares = [
            strategy.experimental_distribute_values_from_function(
                lambda context, whole=whole: whole
            )
            for whole in (images, labels)
        ]
        strategy.run(model.train_step, args=(shares,))

    sent = transfers.execute(step, *batch(3)).sent()
    total = sum(s.bytes for s in sent if s.kind == "value")
    derived = (
        6 * communication.bytes_per_image(narrow("original"), 6, SHAPE)["data"]
    )
    assert derived == pytest.approx(2 * 4 * model.count_params())
    assert total == pytest.approx(derived, rel=0.01)
