"""Every AlexNet, as it is built by default, learns on real photographs."""

import math

import keras
import numpy as np
import pytest
from support import NAMES

pytest.importorskip("tensorflow")

from alexnet_keras import VARIANTS  # noqa: E402
from alexnet_keras import classifier  # noqa: E402
from alexnet_keras.data import datasets  # noqa: E402
from alexnet_keras.data import input_pipeline  # noqa: E402
from alexnet_keras.data import statistics  # noqa: E402

BATCH_SIZE, MOST_STEPS = 32, 150
# The variants that take small pixels want the larger rate.
LEARNING_RATES = dict.fromkeys(NAMES, 0.005) | {
    "torchvision": 0.01,
    "d2l": 0.01,
}
CLEARLY_BELOW = 0.85 * math.log(10)


@pytest.fixture(scope="module")
def photo_patches():
    data = datasets.load_dataset("photo_patches")
    return data, statistics.mean_pixel(data.images("train"))


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.usefixtures("free_memory")
def test_every_variant_gets_clearly_below_chance(name, photo_patches):
    data, mean = photo_patches
    size = VARIANTS[name].input_shape[0]
    model = classifier.build_classifier(
        name, size, data.class_names, mean, None
    )
    model.compile(
        optimizer=keras.optimizers.SGD(LEARNING_RATES[name], momentum=0.9),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        jit_compile=False,
    )
    losses = []
    stream = input_pipeline.training_batches(data, size, BATCH_SIZE, seed=1)
    for photographs, labels in stream.take(MOST_STEPS):
        losses.append(float(model.train_on_batch(photographs, labels)))
        model.reset_metrics()  # or the loss is the mean of all so far
        if np.mean(losses[-10:]) < CLEARLY_BELOW:
            break  # a network that learns need not learn to the end
    assert np.mean(losses[-10:]) < CLEARLY_BELOW, losses[::10]
