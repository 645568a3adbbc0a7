"""What `fit` takes: batches of crops, always full, whatever the data set.

Full batches are a matter of safety: under `tf.distribute` a replica that gets
an empty share of the last batch crashes TensorFlow's convolutions on a CPU.

Every choice (order, crops, flips, colours) depends on the seed and on the
number of the image or batch alone, so a stream that starts at step n goes on
exactly as one that came there: a resumed run sees what it would have seen.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from alexnet_keras.data import color_noise
from alexnet_keras.data import image_data
from alexnet_keras.data import preprocessing

CACHE_BYTES = 2**30  # resized images up to this much are kept in memory
SHUFFLE_BYTES = 2**29  # of images wait in the shuffle buffer otherwise
EPOCH_SEEDS = 1_000_003  # apart, so that runs share no order of images


@dataclass(frozen=True)
class ColorNoise:
    """The colour noise of a run: how strong, in which epoch.

    Attributes:
        colors: a `color_noise.ColorPCA`.
        strengths: by epoch, 0.1 in 2012; 0 switches noise and divisor off.
        steps: batches in an epoch.
        mean: what the model subtracts, broadcastable to the images.
        divisor: of noised images, after the mean is subtracted; 1.1 in 2012.
    """

    colors: color_noise.ColorPCA
    strengths: Sequence[float]
    steps: int
    mean: np.ndarray
    divisor: float = 1.0


def training_batches(
    data,
    input_size,
    batch_size,
    seed=0,
    *,
    first_step=0,
    crop_chunk=1,
    last_offset=True,
    random_crops=True,
    random_flips=True,
    noise=None,
    noise_apart=False,
    share=(0, 1),
):
    """Random crops and flips in full batches, without end.

    Batches straddle epochs, so every batch is full whatever the number of
    images: a replica never gets an empty share, on which convolutions crash.

    Args:
        data: an `ImageData`.
        input_size: side of the crops in pixels.
        batch_size: images in a batch, over all replicas and machines together.
        seed: of the order, the crops, the flips and the noise; the order
            follows `keras.utils.set_random_seed` too. Defaults to 0.
        first_step: number of the first batch. Defaults to 0.
        crop_chunk: how many images in a row share a draw of crop and flip;
            32 in the 2012 code. Defaults to 1.
        last_offset: as in `preprocessing.random_crop_and_flip`. Defaults to `True`.
        random_crops: whether to crop and flip at random; otherwise the centre
            is taken. Defaults to `True`.
        random_flips: whether random crops are mirrored every other time.
            Defaults to `True`.
        noise: a `ColorNoise`. Defaults to none.
        noise_apart: whether the noise is beside the images, for
            `training.step.TrainingNetwork` to add: a quarter of the bytes, and no
            work for the CPU that feeds a GPU. Defaults to `False`.
        share: number of this machine, from 0, and how many there are: it gets
            every so-manieth image of a batch, and reads no other. Defaults
            to all.

    Returns:
        A `tf.data.Dataset` of images `(batch_size / machines, input_size,
        input_size, 3)`, `uint8` or with noise `float32`, and labels. With noise apart a
        dict stands in place of the images: `images`, `noise` and `kept`.
    """
    first_image = first_step * batch_size
    ordered = _in_random_order(
        data, preprocessing.resize_for(input_size), seed, first_image, share
    )

    def crop(index, example):
        image, label = example
        if not random_crops:
            return preprocessing.center_crop(image, input_size), label
        draw = tf.stack([tf.constant(seed, tf.int64), index // crop_chunk])
        return (
            preprocessing.random_crop_and_flip(
                image, input_size, draw, last_offset, random_flips
            ),
            label,
        )

    batches = ordered.map(crop, num_parallel_calls=tf.data.AUTOTUNE).batch(
        batch_size // share[1], drop_remainder=True
    )
    if noise is not None and any(noise.strengths):
        batches = batches.enumerate(first_step).map(
            _recolor(noise, seed, batch_size, noise_apart, share),
            num_parallel_calls=tf.data.AUTOTUNE,
        )
    return image_data.without_autotune(batches.prefetch(2))


def fit_in_memory(data, size):
    """Whether the training images of a data set are kept, cut to squares."""
    return 3 * size * size * data.train_size < CACHE_BYTES


def _in_random_order(data, size, seed, first_image, share):
    """Numbers and square images, in an order of their own for every epoch."""

    def square(image, label):
        return data.cut(image, size), label

    def read(index, example):
        record, label = example
        return index, square(data.read(record), label)

    parallel = {"num_parallel_calls": tf.data.AUTOTUNE}
    fits = fit_in_memory(data, size)
    cached = fits and data.square is None
    source = data.train
    if cached:
        source = data.images("train").map(square, **parallel).cache()
    # Of images that are cached the buffer takes no memory of its own. The
    # order is the same for squares that were prepared.
    waiting = data.train_size
    if not fits:
        waiting = min(waiting, SHUFFLE_BYTES // (3 * size * size))

    def epoch(number):
        _leave_seed_zero()
        return source.shuffle(
            waiting,
            seed=EPOCH_SEEDS * seed + number,
            reshuffle_each_iteration=False,
        )

    first_epoch, behind = divmod(first_image, data.train_size)
    ordered = tf.data.Dataset.range(first_epoch, tf.int64.max).flat_map(epoch)
    ordered = ordered.skip(behind).enumerate(first_image)
    number, machines = share
    ordered = ordered.shard(machines, number)  # before anything is decoded
    return ordered if cached else ordered.map(read, **parallel)


def _leave_seed_zero():
    """Gives the graph that is being traced another seed than 0.

    TensorFlow, which takes seeds modulo 2³¹ − 1, compares one of 0 and that of
    the shuffle with (0, 0), and a seed that depends on the epoch is no number.
    """
    graph = tf.compat.v1.get_default_graph()
    if graph.seed is not None and graph.seed % (2**31 - 1) == 0:
        graph.seed = 2**31 - 2


def _recolor(noise, seed, batch_size, apart, share):
    number, machines = share
    strengths = tf.constant(noise.strengths, tf.float32)

    def recolor(step, batch):
        pictures, labels = batch
        epoch = tf.minimum(step // noise.steps, len(noise.strengths) - 1)
        strength = strengths[epoch]
        divisor = tf.where(strength > 0, noise.divisor, 1.0)
        # Apart from the seeds of the crops, which are not negative.
        draw = tf.stack([tf.constant(seed, tf.int64), -1 - step])
        drawn = color_noise.draw_color_noise(
            batch_size, draw, noise.colors, strength
        )[number::machines]
        if apart:
            kept = tf.fill((batch_size // machines, 1), 1 / divisor)
            beside = {"images": pictures, "noise": drawn, "kept": kept}
            return beside, labels
        noised = color_noise.shift_colors(pictures, drawn)
        return color_noise.shrink_contrast(noised, noise.mean, divisor), labels

    return recolor


def validation_batches(data, input_size, batch_size, share=(0, 1)):
    """Centre crops in full batches, each image counted once.

    The last batch is filled up with images of weight 0, so that every replica
    gets a share. The others weigh a little over 1, because Keras divides the
    loss by the number of images, filling included: `val_loss` and weighted
    metrics (`compile(weighted_metrics=…)`) are then exact means.

    Args:
        data: an `ImageData`.
        input_size: side of the crops in pixels.
        batch_size: images in a batch, over all replicas and machines together.
        share: as of `training_batches`. Defaults to all.

    Returns:
        A `tf.data.Dataset` of `(images, labels, weights)`.
    """
    number, machines = share
    missing = -data.validation_size % batch_size
    full_weight = (data.validation_size + missing) / data.validation_size
    share_size = (data.validation_size + missing) // machines
    filling = share_size - len(range(number, data.validation_size, machines))

    def crops_of(dataset, weight):
        def crop(image, label):
            square = data.cut(image, preprocessing.resize_for(input_size))
            return preprocessing.center_crop(square, input_size), label, weight

        return dataset.map(crop, num_parallel_calls=tf.data.AUTOTUNE)

    batches = (
        crops_of(data.images("validation", share), tf.constant(full_weight))
        .concatenate(
            crops_of(
                data.images("validation").repeat().take(filling),
                tf.constant(0.0),
            )
        )
        .batch(batch_size // machines, drop_remainder=True)
    )
    if 3 * data.validation_size * input_size**2 < CACHE_BYTES:
        batches = batches.cache()
    return image_data.without_autotune(batches.prefetch(2))
