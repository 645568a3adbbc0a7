"""Networks that train are not accused, whatever they are made of."""

import keras
import numpy as np
import pytest
from keras import layers
from planted_faults import IMAGES
from planted_faults import LABELS

from alexnet_keras import SGD2012
from alexnet_keras.diagnostics import activations
from alexnet_keras.diagnostics import checklist
from alexnet_keras.layers import SubtractMean

IS_RED = LABELS == 0
SPARSE = "sparse_categorical_crossentropy"
SHAPE = IMAGES.shape[1:]


def features(scale=True, **options):
    """A small base with vectors as output, for pixels as they are."""
    return keras.Sequential(
        [
            keras.Input(SHAPE),
            layers.Rescaling(1 / 64, -1.5) if scale else layers.Identity(),
            layers.Conv2D(8, 5, 4, activation="relu", **options),
            layers.Conv2D(8, 3, 2, activation="relu", **options),
            layers.Flatten(),
        ],
        name="base",
    )


def with_head(units, activation, loss, optimizer=None, base=None, **options):
    head = layers.Dense(units, activation, name="head", **options)
    model = keras.Sequential([base or features(), head])
    model.compile(optimizer or SGD2012(0.01), loss, jit_compile=False)
    return model


def of_classes(classes, activation="softmax"):
    loss = keras.losses.SparseCategoricalCrossentropy(
        from_logits=not activation
    )
    return with_head(classes, activation, loss)


def softmax_regression():
    model = keras.Sequential(
        [
            keras.Input(SHAPE),
            layers.Rescaling(1 / 64, -1.5),
            layers.Flatten(),
            layers.Dense(3, "softmax", kernel_initializer="zeros"),
        ]
    )
    model.compile("adam", SPARSE)
    return model


def residual():
    """The last layer of the branch begins with zeros, as is usual."""
    inputs = keras.Input(SHAPE)
    x = layers.Rescaling(1 / 64, -1.5)(inputs)
    x = layers.Conv2D(8, 4, 4, use_bias=False)(x)
    branch = layers.BatchNormalization()(x)
    branch = layers.Conv2D(8, 3, padding="same", activation="relu")(branch)
    branch = layers.Conv2D(8, 3, padding="same", kernel_initializer="zeros")(
        branch
    )
    x = layers.GlobalAveragePooling2D()(layers.Add()([x, branch]))
    model = keras.Model(inputs, layers.Dense(3, "softmax")(x))
    model.compile(keras.optimizers.Adam(0.01), SPARSE)
    return model


def frozen_base():
    base = features()
    base.trainable = False
    return with_head(3, "softmax", SPARSE, base=base)


def frozen_first():
    """With a kernel that is not what was drawn."""
    base = features()
    base.layers[1].kernel.assign(base.layers[1].kernel * 1.1)
    base.layers[1].trainable = False
    return with_head(3, "softmax", SPARSE, base=base)


def normalized(scale=1e-4):
    normalization = layers.Normalization()
    normalization.adapt(IMAGES * scale)
    base = keras.Sequential([normalization, features(scale=False)])
    return with_head(3, "softmax", SPARSE, base=base)


def in_front(layer):
    return with_head(
        3, "softmax", SPARSE, base=keras.Sequential([layer, features(False)])
    )


def with_penalty():
    base = features(kernel_regularizer=keras.regularizers.L2(1.0))
    return with_head(3, "softmax", SPARSE, base=base)


def in_half_precision():
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_float16")
    try:
        return with_head(3, "softmax", SPARSE, dtype="float32")
    finally:
        keras.config.set_dtype_policy(policy)


def scheduled():
    schedule = keras.optimizers.schedules.CosineDecay(
        0.0, 9, warmup_target=0.1, warmup_steps=9
    )
    return with_head(3, "softmax", SPARSE, keras.optimizers.Adam(schedule))


@keras.saving.register_keras_serializable("tests")
class Subclassed(keras.Model):
    def __init__(self, units, **options):
        super().__init__(**options)
        self.scale = layers.Rescaling(1 / 64, -1.5)
        self.convolution = layers.Conv2D(8, 8, 8, activation="relu")
        self.top = [layers.Flatten(), layers.Dense(units, "softmax")]
        self.units = units

    def call(self, inputs):
        x = self.convolution(self.scale(inputs))
        for layer in self.top:
            x = layer(x)
        return x

    def get_config(self):
        return {"units": self.units}


def subclassed():
    model = Subclassed(3)
    model.compile(SGD2012(0.01), SPARSE)
    return model


def half_logits(labels, outputs):
    """A loss that Keras knows nothing of."""
    return keras.losses.sparse_categorical_crossentropy(
        labels, outputs / 2, from_logits=True
    )


BINARY = "binary_crossentropy"
LOGIT = keras.losses.BinaryCrossentropy(from_logits=True)
ONE_HOT = np.eye(3)[LABELS].astype(bool)
HEALTHY = {
    "2 classes": (lambda: of_classes(2), IS_RED.astype(int)),
    "2 classes, bool": (lambda: of_classes(2), IS_RED),
    "100 classes": (lambda: of_classes(100), LABELS),
    "1,000 classes": (lambda: of_classes(1000), np.arange(96) * 10),
    "1,000 logits": (lambda: of_classes(1000, None), LABELS + 500),
    "float labels": (lambda: of_classes(3), LABELS.astype("float32")),
    "column": (lambda: of_classes(3), LABELS[:, None]),
    "one-hot, bool": (
        lambda: with_head(3, "softmax", "categorical_crossentropy"),
        ONE_HOT,
    ),
    "sigmoid": (lambda: with_head(1, "sigmoid", BINARY), IS_RED),
    "one logit": (lambda: with_head(1, None, LOGIT), IS_RED[:, None] * 1.0),
    "many sigmoids": (lambda: with_head(3, "sigmoid", BINARY), ONE_HOT),
    "regression": (lambda: with_head(1, None, "mse"), LABELS / 2),
    "far regression": (
        lambda: with_head(1, None, "mae", "adam"),
        1000.0 + LABELS,
    ),
    "loss of one's own": (lambda: with_head(3, None, half_logits), LABELS),
    "softmax regression": (softmax_regression, LABELS),
    "zero head": (
        lambda: with_head(3, "softmax", SPARSE, kernel_initializer="zeros"),
        LABELS,
    ),
    "residual": (residual, LABELS),
    "frozen base": (frozen_base, LABELS),
    "frozen first": (frozen_first, LABELS),
    "own scale of every channel": (
        lambda: in_front(SubtractMean([96.0] * 3, scale=(0.01, 0.02, 0.01))),
        LABELS,
    ),
    "lambda": (lambda: in_front(layers.Lambda(lambda x: x / 64 - 1.5)), LABELS),
    "penalty": (with_penalty, LABELS),
    "half precision": (in_half_precision, LABELS),
    "warm-up": (scheduled, LABELS),
    "subclassed": (subclassed, LABELS),
}


@pytest.mark.parametrize("name", HEALTHY)
def test_a_healthy_network_is_not_accused(name):
    keras.utils.set_random_seed(1)
    make, labels = HEALTHY[name]
    assert checklist.diagnose(make(), IMAGES, labels, steps=20) == []


def test_what_was_adapted_is_adapted_in_copies():
    """With a scale at which a lost mean and variance would show."""
    keras.utils.set_random_seed(1)
    images = IMAGES * 1e-4
    model = normalized()
    assert checklist.diagnose(model, images, LABELS, steps=20) == []
    for fresh in (False, True):
        (copied,) = (
            layer
            for layer in activations.all_layers(
                activations.copy_model(model, fresh)
            )
            if isinstance(layer, layers.Normalization)
        )
        mean, std = images.mean((0, 1, 2)), images.std((0, 1, 2))
        expected = (images - mean) / std
        np.testing.assert_allclose(copied(images), expected, atol=1e-3)


@pytest.mark.parametrize("count", [1, 2, 7])
def test_few_images_are_no_fault(count):
    keras.utils.set_random_seed(1)
    model, few = of_classes(3), slice(count)
    assert checklist.diagnose(model, IMAGES[few], LABELS[few], 20) == []


def test_tensors_are_taken():
    keras.utils.set_random_seed(1)
    images = keras.ops.convert_to_tensor(IMAGES)
    labels = keras.ops.convert_to_tensor(LABELS)
    assert checklist.diagnose(of_classes(3), images, labels, 20) == []


def test_a_subtle_task_is_no_fault():
    """Noise, in which no two images are alike: labels cannot be doubted."""
    keras.utils.set_random_seed(1)
    images = np.random.default_rng(0).uniform(0, 255, IMAGES.shape)
    assert checklist.diagnose(of_classes(2), images, IS_RED, 20) == []
