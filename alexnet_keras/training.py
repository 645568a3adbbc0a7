"""A training run: data, strategy and `fit`, and what remains of it on disk."""

import os
import pathlib
import time
from dataclasses import replace

import keras
import tensorflow as tf

from alexnet_keras import batches
from alexnet_keras import datasets
from alexnet_keras import devices
from alexnet_keras import evaluation
from alexnet_keras import images
from alexnet_keras import layers
from alexnet_keras import model
from alexnet_keras import results
from alexnet_keras import shapes
from alexnet_keras import variants

MOMENTUM = 0.9  # §5
# The embedded photographs are small: so are the crops and the batches, and a
# CPU is done in about two minutes. Other data sets get the paper's sizes.
EMBEDDED = {"input_size": 83, "batch_size": 32, "epochs": 4}
DEFAULT_BATCH_SIZE = 128
DEFAULT_EPOCHS = 10
# The rate is divided by 10 once, after this share of the epochs.
RATE_DROP = 0.6


def build_classifier(
    variant, input_size, class_names, mean, classifier_activation="softmax"
):
    """Builds the network with all that its use needs inside.

    Args:
        variant: a name in `VARIANTS` or a table.
        input_size: side of the images in pixels.
        class_names: names of the outputs.
        mean: what to subtract from the red, green and blue of each pixel.
        classifier_activation: as in `build_alexnet`. Defaults to `"softmax"`.

    Returns:
        A `keras.Model` from RGB images `(batch, input_size, input_size, 3)`
        with values from 0 to 255 to `(batch, classes)`. Inside, the mean is
        subtracted, the rest scaled as the variant expects, and greyed for a
        variant that takes grey images.
    """
    table = variants.get_variant(variant)
    scale = table.pixel_scale
    pixels = keras.Input((input_size, input_size, 3), name="images")
    x = keras.layers.Rescaling(
        scale,
        offset=[-scale * float(value) for value in mean],
        name="subtract_mean",
    )(pixels)
    if table.input_shape[-1] == 1:
        x = keras.ops.image.rgb_to_grayscale(x)
    network = model.build_alexnet(
        input_tensor=x,
        classes=len(class_names),
        classifier_activation=classifier_activation,
        variant=table,
    )
    named = layers.ClassNames(class_names, name="class_names")
    return keras.Model(pixels, named(network.output), name=table.name)


def train(
    dataset="photo_patches",
    variant="original",
    *,
    epochs=None,
    batch_size=None,
    replicas=None,
    input_size=None,
    learning_rate=0.01,
    seed=2012,
    output=None,
    verbose=1,
):
    """Trains an AlexNet with `fit` under `MirroredStrategy`.

    SGD with momentum 0.9 and batches of random crops, mirrored every other
    time, less the mean of red, green and blue; the rate is divided by 10 for
    the last 40 % of the epochs. Weight decay, colour noise and the other parts
    of the 2012 recipe are not in it.

    Args:
        dataset: `"photo_patches"`, a TFDS name or the path of a folder of
            class folders. Defaults to `"photo_patches"`.
        variant: a name in `VARIANTS` or a table. Defaults to `"original"`,
            which as in 2012 starts with larger weights than the paper says
            and learns sooner.
        epochs: passes over the training images. Defaults to 10, and for
            `photo_patches` to 4.
        batch_size: images in a batch, over all replicas together; raised to
            a multiple of `replicas`, so that every replica gets as many.
            Defaults to 128, and for `photo_patches` to 32.
        replicas: GPUs, or logical CPUs on a machine without. Defaults to all
            GPUs, or one CPU.
        input_size: side of the crops in pixels. Defaults to the variant's
            own, and for `photo_patches` to 83.
        learning_rate: of SGD, in the first 60 % of the epochs. Defaults to
            0.01.
        seed: of weights, dropout, order, crops and flips. Defaults to 2012.
        output: folder for `model.keras`, `history.csv`, `curves.png` and
            `settings.json`; it must not hold a run yet. Defaults to `None`:
            nothing is written.
        verbose: as in `fit`; 0 is silent. Defaults to 1.

    Returns:
        A `TrainingResult`.

    Raises:
        ValueError: before anything runs, if an argument is out of range, the
            data set cannot be read, the crops are too small for the variant,
            or `output` holds a run or cannot be written.
    """
    table = variants.get_variant(variant)
    settings = _fill_in(
        dataset,
        table,
        epochs,
        batch_size,
        replicas,
        input_size,
        learning_rate,
        seed,
    )
    folder = _check_folder(output)
    strategy = devices.make_strategy(replicas)
    settings = _share_out(settings, strategy.num_replicas_in_sync)
    data = datasets.load_dataset(settings.dataset)
    keras.utils.set_random_seed(settings.seed)
    mean = images.mean_pixel(data.train)
    if folder:
        folder.mkdir(parents=True, exist_ok=True)
    _say(verbose, _describe(settings, data))

    started = time.perf_counter()
    steps = max(1, round(data.train_size / settings.batch_size))
    with strategy.scope():
        trained = build_classifier(
            table, settings.input_size, data.class_names, mean, None
        )
        trained.compile(
            optimizer=_optimizer(settings, steps),
            loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
            weighted_metrics=[evaluation.top_1, evaluation.top_5],
            # Left to Keras, XLA is on without a strategy on a GPU and off
            # under one; said here, it does not depend on the machine.
            jit_compile=False,
        )
    size = (settings.input_size, settings.batch_size)
    callbacks = [keras.callbacks.TerminateOnNaN()]
    if folder:
        callbacks.append(keras.callbacks.CSVLogger(folder / "history.csv"))
    history = trained.fit(
        batches.training_batches(data, *size, seed=settings.seed),
        epochs=settings.epochs,
        steps_per_epoch=steps,
        validation_data=batches.validation_batches(data, *size),
        callbacks=callbacks,
        shuffle=False,  # the pipeline does
        verbose=verbose,
    ).history
    seconds = time.perf_counter() - started

    classifier = build_classifier(
        table, settings.input_size, data.class_names, mean
    )
    classifier.set_weights(trained.get_weights())
    learned, summary = results.summarize(history, len(data.class_names))
    _say(verbose, f"{summary} ({seconds:.0f} s of training)")
    result = results.TrainingResult(
        classifier, history, settings, learned, summary
    )
    if folder:
        results.write(folder, result, seconds)
        _say(verbose, f"Written to {folder}: {_list(folder)}")
    return result


def _fill_in(
    dataset, table, epochs, batch_size, replicas, input_size, rate, seed
):
    """Checks what the caller typed and fills in what depends on the data."""
    small = EMBEDDED if dataset == "photo_patches" else {}
    if epochs is None:
        epochs = small.get("epochs", DEFAULT_EPOCHS)
    if batch_size is None:
        batch_size = small.get("batch_size", DEFAULT_BATCH_SIZE)
    if input_size is None:
        input_size = small.get("input_size", table.input_shape[0])
    devices.check_positive("epochs", epochs)
    devices.check_positive("batch_size", batch_size)
    devices.check_positive("input_size", input_size)
    if isinstance(rate, bool) or not isinstance(rate, float | int) or rate <= 0:
        raise ValueError(
            "`learning_rate` must be a positive number. "
            f"Received: learning_rate={rate!r}"
        )
    if isinstance(seed, bool) or not isinstance(seed, int) or seed < 0:
        raise ValueError(
            f"`seed` must be an integer of at least 0. Received: seed={seed!r}"
        )
    least = shapes.smallest_size(table)
    if input_size < least:
        raise ValueError(
            f"`input_size` must be at least {least} for variant "
            f"{table.name!r}. Received: input_size={input_size}"
        )
    return results.Settings(
        str(dataset),
        table.name,
        epochs,
        batch_size,
        replicas or 1,
        input_size,
        float(rate),
        seed,
    )


def _share_out(settings, replicas):
    """Raises the batch to a multiple of the replicas: equal shares for all."""
    batch_size = -(-settings.batch_size // replicas) * replicas
    return replace(settings, replicas=replicas, batch_size=batch_size)


def _check_folder(output):
    if output is None:
        return None
    folder = pathlib.Path(output)
    if (folder / "settings.json").exists():
        raise ValueError(
            "`output` holds a run already. Name another folder, or remove "
            f"it. Received: output={str(output)!r}"
        )
    there = next(path for path in (folder, *folder.parents) if path.exists())
    if not there.is_dir() or not os.access(there, os.W_OK):
        raise ValueError(
            f"`output` cannot be written: {str(there)!r} is no folder, or is "
            f"not yours to write. Received: output={str(output)!r}"
        )
    return folder


def _optimizer(settings, steps):
    drop = round(RATE_DROP * settings.epochs * steps)
    rates = [settings.learning_rate, settings.learning_rate / 10]
    schedule = keras.optimizers.schedules.PiecewiseConstantDecay([drop], rates)
    return keras.optimizers.SGD(schedule, momentum=MOMENTUM)


def _describe(settings, data):
    return (
        f"{settings.variant} at {settings.input_size}×{settings.input_size} "
        f"on {data.name}: {data.train_size} training and "
        f"{data.validation_size} validation images of "
        f"{len(data.class_names)} classes. {settings.epochs} epochs, batches "
        f"of {settings.batch_size} on {settings.replicas} replica(s) of "
        f"{'GPU' if tf.config.list_physical_devices('GPU') else 'CPU'}, "
        "float32, no XLA."
    )


def _say(verbose, text):
    if verbose:
        print(text, flush=True)


def _list(folder):
    return ", ".join(sorted(path.name for path in folder.iterdir()))
