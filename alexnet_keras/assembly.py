"""What a run is put together from: its mean, its model and its batches."""

import keras

from alexnet_keras import batches
from alexnet_keras import colors
from alexnet_keras import images
from alexnet_keras import optimizers
from alexnet_keras import scores
from alexnet_keras.classifier import build_classifier


def mean_of(data, recipe, input_size):
    """Returns the mean pixel, or the central window of the mean image (§2)."""
    if recipe.mean == "pixel":
        return images.mean_pixel(data.images("train"))
    size = batches.resize_for(input_size)
    whole = images.mean_image(data.images("train"), size)
    return images.center_crop(whole, input_size).numpy()


def build_in(precision, *arguments):
    """Builds the network in a precision, whatever the policy outside."""
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy(precision)
    try:
        return build_classifier(*arguments)
    finally:
        keras.config.set_dtype_policy(policy)


def compile_model(table, recipe, run, class_names, mean):
    """Returns the model that is trained: logits out, in the run's precision."""
    model = build_in(
        run.precision, table, run.input_size, class_names, mean, None
    )
    first = recipe.stages[0]
    optimizer = optimizers.SGD2012(
        first.rate, recipe.momentum, recipe.weight_decay, first.bias_rate
    )
    # In mixed_float16, where small gradients would vanish, `compile` wraps it
    # in an optimizer that scales the loss.
    model.compile(
        optimizer=optimizer,
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        weighted_metrics=[scores.top_1, scores.top_5],
        # Left to Keras, XLA is on without a strategy on a GPU and off under
        # one; said here, it does not depend on the machine.
        jit_compile=False,
    )
    model.optimizer.build(model.trainable_variables)
    return model


def make_streams(data, recipe, run, steps, mean):
    """Returns a function from a step to the batches from there on, and those
    of validation.
    """
    size = (run.input_size, run.batch_size)
    strengths = recipe.noise_by_epoch()
    noise = None
    if any(strengths):
        found = colors.color_pca(data.images("train"))
        noise = batches.ColorNoise(
            found, strengths, steps, mean, recipe.noise_divisor
        )

    def training_from(step):
        return batches.training_batches(
            data,
            *size,
            seed=run.seed,
            first_step=step,
            crop_chunk=recipe.crop_chunk,
            last_offset=recipe.last_offset,
            noise=noise,
        )

    return training_from, batches.validation_batches(data, *size)
