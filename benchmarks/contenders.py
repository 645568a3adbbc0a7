"""AlexNet from several hands, as steps that can be timed.

`paper` where nothing else is said.

Each contender makes a pair of functions without arguments, `train` and
`infer`, that run one batch and return when it is done. All train on the same
kind of batch with cross-entropy and SGD with momentum 0.9. All but those that
compare the decay itself train without weight decay.
"""

import importlib.util

import keras
import numpy as np

LEARNING_RATE, MOMENTUM, DECAY = 0.01, 0.9, 0.0005
PRODUCTS = 5  # in a step, long enough for a steady rate


def make_batch(batch_size, channels_first=False):
    """Returns random images, scaled as photographs less their mean."""
    random = np.random.default_rng(0)
    shape = (batch_size, 224, 224, 3)
    images = random.normal(0, 60, shape).astype("float32")
    if channels_first:
        images = np.ascontiguousarray(images.transpose(0, 3, 1, 2))
    return images, random.integers(0, 1000, batch_size)


def build_ours(dtype="float32", variant="paper"):
    """Returns `build_alexnet()`, logits out."""
    from alexnet_keras import build_alexnet

    keras.config.set_dtype_policy(_policy(dtype))
    model = build_alexnet(classifier_activation=None, variant=variant)
    keras.config.set_dtype_policy("float32")
    return model


def build_stock():
    """Returns the same network of Keras's and TensorFlow's own parts.

    `Conv2D(groups=2)` instead of our grouped convolution, and
    `tf.nn.local_response_normalization` instead of our normalizer.
    """
    import tensorflow as tf

    from alexnet_keras import GroupedConv2D
    from alexnet_keras import LocalResponseNormalization

    class TensorFlowLRN(keras.layers.Layer):
        def call(self, inputs):
            return tf.nn.local_response_normalization(
                inputs, depth_radius=2, bias=2.0, alpha=1e-4, beta=0.75
            )

    def swap(layer):
        if isinstance(layer, GroupedConv2D):
            return keras.layers.Conv2D.from_config(layer.get_config())
        if isinstance(layer, LocalResponseNormalization):
            return TensorFlowLRN(name=layer.name)
        return layer.__class__.from_config(layer.get_config())

    model = build_ours()
    stock = keras.models.clone_model(model, clone_function=swap)
    stock.set_weights(model.get_weights())
    return stock


def build_torch(variant="paper"):
    """Returns the same network written with PyTorch's own modules."""
    import torch
    from torch import nn

    device = "cuda" if torch.cuda.is_available() else "cpu"
    if variant == "torchvision":
        import torchvision

        return torchvision.models.alexnet().to(device)

    class Halve(nn.Module):
        """The 2012 dropout: a mask in training, half of all at test."""

        def forward(self, x):
            return nn.functional.dropout(0.5 * x, 0.5, self.training)

    def convolve(*arguments, bias, **options):
        layer = nn.Conv2d(*arguments, **options)
        nn.init.normal_(layer.weight, std=0.01)
        nn.init.constant_(layer.bias, bias)
        return layer

    def connect(inputs, outputs, bias):
        layer = nn.Linear(inputs, outputs)
        nn.init.normal_(layer.weight, std=0.01)
        nn.init.constant_(layer.bias, bias)
        return layer

    def normalize():  # PyTorch divides its alpha by the window
        return nn.LocalResponseNorm(5, alpha=5e-4, beta=0.75, k=2.0)

    return nn.Sequential(
        nn.ZeroPad2d((0, 3, 0, 3)),
        convolve(3, 96, 11, stride=4, bias=0.0),
        nn.ReLU(),
        normalize(),
        nn.MaxPool2d(3, 2),
        convolve(96, 256, 5, padding=2, groups=2, bias=1.0),
        nn.ReLU(),
        normalize(),
        nn.MaxPool2d(3, 2),
        convolve(256, 384, 3, padding=1, bias=0.0),
        nn.ReLU(),
        convolve(384, 384, 3, padding=1, groups=2, bias=1.0),
        nn.ReLU(),
        convolve(384, 256, 3, padding=1, groups=2, bias=1.0),
        nn.ReLU(),
        nn.MaxPool2d(3, 2),
        nn.Flatten(),
        connect(9216, 4096, 1.0),
        nn.ReLU(),
        Halve(),
        connect(4096, 4096, 1.0),
        nn.ReLU(),
        Halve(),
        connect(4096, 1000, 0.0),
    ).to(device)


def decay_in_optimizer(model):
    """Returns the optimizer of 2012, which decays `model`'s kernels."""
    from alexnet_keras import SGD2012

    return SGD2012(LEARNING_RATE, MOMENTUM, DECAY)


def decay_in_loss(model):
    """Returns Keras's SGD and lets `model`'s loss decay its kernels.

    Keras's regularizer has no ½: the gradient of l2 · w² is 2 · l2 · w.
    """
    for variable in model.trainable_variables:
        if variable.name != "bias":
            variable.regularizer = keras.regularizers.L2(DECAY / 2)
    return keras.optimizers.SGD(LEARNING_RATE, MOMENTUM)


def _tensorflow_steps(model, batch_size, optimizer=None):
    """Steps of a Keras model on TensorFlow, as `fit` and `predict` run them."""
    import tensorflow as tf

    images, labels = map(tf.constant, make_batch(batch_size))
    model.compile(
        optimizer=optimizer or keras.optimizers.SGD(LEARNING_RATE, MOMENTUM),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        jit_compile=False,
    )
    forward = tf.function(lambda x: model(x, training=False))
    return (
        lambda: model.train_on_batch(images, labels),
        lambda: forward(images).numpy(),
    )


def tensorflow_ours(batch_size):
    """`build_alexnet()` on TensorFlow."""
    return _tensorflow_steps(build_ours(), batch_size)


def tensorflow_stock(batch_size):
    """Keras's and TensorFlow's own parts."""
    return _tensorflow_steps(build_stock(), batch_size)


def tensorflow_decay(batch_size, decay):
    """`build_alexnet()` with weight decay, by one of the two functions."""
    model = build_ours()
    return _tensorflow_steps(model, batch_size, decay(model))[:1]


def tensorflow_product(size):
    """Float32 matrix products: what the machine can do."""
    import tensorflow as tf

    a = tf.random.normal((size, size))
    b = tf.random.normal((size, size))
    return (lambda: [tf.matmul(a, b) for _ in range(PRODUCTS)],)


def jax_ours(batch_size, dtype, variant):
    """`build_alexnet()` on JAX, compiled."""
    import jax

    model = build_ours(dtype, variant)

    images, labels = map(jax.numpy.asarray, make_batch(batch_size))
    optimizer = keras.optimizers.SGD(LEARNING_RATE, MOMENTUM)
    optimizer.build(model.trainable_variables)
    values = [
        [variable.value for variable in variables]
        for variables in (
            model.trainable_variables,
            model.non_trainable_variables,
            optimizer.variables,
        )
    ]
    loss_of = keras.losses.SparseCategoricalCrossentropy(from_logits=True)

    def loss_and_state(weights, state):
        logits, state = model.stateless_call(
            weights, state, images, training=True
        )
        return loss_of(labels, logits), state

    @jax.jit
    def step(weights, state, slots):
        gradients, state = jax.grad(loss_and_state, has_aux=True)(
            weights, state
        )
        weights, slots = optimizer.stateless_apply(slots, gradients, weights)
        return weights, state, slots

    forward = jax.jit(
        lambda weights, state: model.stateless_call(
            weights, state, images, training=False
        )[0]
    )

    def train():
        values[:] = step(*values)
        jax.block_until_ready(values)

    return train, lambda: jax.block_until_ready(forward(*values[:2]))


def _torch_steps(model, batch_size, dtype, compiled):
    """Steps of a PyTorch module; a Keras model on PyTorch is one too."""
    import torch

    is_keras = isinstance(model, keras.Model)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    if device == "cuda":  # TensorFloat-32, as JAX and TensorFlow by default
        torch.set_float32_matmul_precision("high")
    images, labels = (
        torch.from_numpy(array).to(device)
        for array in make_batch(batch_size, channels_first=not is_keras)
    )
    optimizer = torch.optim.SGD(
        model.parameters(), lr=LEARNING_RATE, momentum=MOMENTUM
    )
    call = torch.compile(model) if compiled else model
    half = dtype != "float32" and not is_keras  # Keras has its own policy

    def forward(training):
        with torch.autocast(device, torch.bfloat16, enabled=half):
            if is_keras:
                return call(images, training=training)
            model.train(training)
            return call(images)

    def finish():
        if device == "cuda":
            torch.cuda.synchronize()

    def train():
        optimizer.zero_grad(set_to_none=True)
        loss = torch.nn.functional.cross_entropy(forward(True).float(), labels)
        loss.backward()
        optimizer.step()
        finish()

    def infer():
        with torch.no_grad():
            forward(False)
        finish()

    return train, infer


def torch_ours(batch_size, dtype, variant):
    """`build_alexnet()` on PyTorch, compiled."""
    import torch

    # Keras calls each layer through the same function: a program for each.
    torch._dynamo.config.recompile_limit = 64
    model = build_ours(dtype, variant)
    return _torch_steps(model, batch_size, dtype, compiled=True)


def torch_own(batch_size, dtype="float32", variant="paper", compiled=False):
    """PyTorch's own modules."""
    return _torch_steps(build_torch(variant), batch_size, dtype, compiled)


def device():
    """Names the processor that the backend computes on."""
    if importlib.util.find_spec("torch") is not None:
        import torch

        if torch.cuda.is_available():
            return torch.cuda.get_device_name()
    return "CPU"


def _policy(dtype):
    return dtype if dtype == "float32" else f"mixed_{dtype}"
