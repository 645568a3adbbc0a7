"""What `fit` takes: batches of crops, always full, whatever the data set.

Full batches are a matter of safety: under `tf.distribute` a replica that gets
an empty share of the last batch crashes TensorFlow's convolutions on a CPU.
"""

import tensorflow as tf

from alexnet_keras import images

CACHE_BYTES = 2**30  # resized images up to this much are kept in memory
SHUFFLE_BYTES = 2**29  # of images wait in the shuffle buffer


def resize_for(input_size):
    """The shorter side from which crops of `input_size` are cut: 256 for 224.

    >>> resize_for(224), resize_for(115)
    (256, 131)
    """
    return round(input_size * 256 / 224)


def training_batches(data, input_size, batch_size, seed=0):
    """Random crops and flips in full batches, without end.

    Batches straddle epochs, so every batch is full whatever the number of
    images: a replica never gets an empty share, on which convolutions crash.

    Args:
        data: an `ImageData`.
        input_size: side of the crops in pixels.
        batch_size: images in a batch, over all replicas together.
        seed: of the order, the crops and the flips. Defaults to 0.

    Returns:
        A `tf.data.Dataset` of `uint8` images `(batch_size, input_size,
        input_size, 3)` and labels.
    """

    resize = resize_for(input_size)
    image_bytes = 3 * resize * resize
    resized = data.train.map(
        lambda image, label: (
            images.resize_shorter_side(image, resize),
            label,
        ),
        num_parallel_calls=tf.data.AUTOTUNE,
    )
    if data.train_size * image_bytes < CACHE_BYTES:
        resized = resized.cache()

    def augment(index, example):
        image, label = example
        seeds = tf.stack([tf.constant(seed, tf.int64), index])
        return images.random_crop_and_flip(image, input_size, seeds), label

    return (
        resized.shuffle(
            min(data.train_size, SHUFFLE_BYTES // image_bytes), seed=seed
        )
        .repeat()
        .enumerate()
        .map(augment, num_parallel_calls=tf.data.AUTOTUNE)
        .batch(batch_size, drop_remainder=True)
        .prefetch(tf.data.AUTOTUNE)
    )


def validation_batches(data, input_size, batch_size):
    """Centre crops in full batches, each image counted once.

    The last batch is filled up with images of weight 0, so that every replica
    gets a share. The others weigh a little over 1, because Keras divides the
    loss by the number of images, filling included: `val_loss` and weighted
    metrics (`compile(weighted_metrics=…)`) are then exact means.

    Args:
        data: an `ImageData`.
        input_size: side of the crops in pixels.
        batch_size: images in a batch, over all replicas together.

    Returns:
        A `tf.data.Dataset` of `(images, labels, weights)`.
    """
    missing = -data.validation_size % batch_size
    full_weight = (data.validation_size + missing) / data.validation_size

    def crops_of(dataset, weight):
        def crop(image, label):
            resized = images.resize_shorter_side(image, resize_for(input_size))
            return images.center_crop(resized, input_size), label, weight

        return dataset.map(crop, num_parallel_calls=tf.data.AUTOTUNE)

    batches = (
        crops_of(data.validation, tf.constant(full_weight))
        .concatenate(
            crops_of(data.validation.repeat().take(missing), tf.constant(0.0))
        )
        .batch(batch_size, drop_remainder=True)
    )
    if 3 * data.validation_size * input_size**2 < CACHE_BYTES:
        batches = batches.cache()
    return batches.prefetch(tf.data.AUTOTUNE)
