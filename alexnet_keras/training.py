"""A training run: recipe, data, strategy and `fit`, and going on with it."""

import contextlib

import keras
import tensorflow as tf

from alexnet_keras import assembly
from alexnet_keras import callbacks
from alexnet_keras import checkpoints
from alexnet_keras import datasets
from alexnet_keras import devices
from alexnet_keras import graphs
from alexnet_keras import recipes
from alexnet_keras import results
from alexnet_keras import sanity
from alexnet_keras import settings
from alexnet_keras import validation
from alexnet_keras import variants
from alexnet_keras import watching
from alexnet_keras.printing import printable


def train(
    dataset="photo_patches",
    variant="original",
    *,
    recipe="quick",
    epochs=None,
    batch_size=None,
    replicas=None,
    input_size=None,
    learning_rate=None,
    scale_rate=False,
    precision="float32",
    seed=2012,
    output=None,
    save_every=None,
    tensorboard=False,
    skip_bad=False,
    verbose=1,
):
    """Trains an AlexNet by a recipe with `fit` under `MirroredStrategy`.

    Called again with the same settings and the same `output`, it goes on
    where it was stopped, by whatever, and ends with the same weights; a run
    that is complete is returned as it is.

    Args:
        dataset: `"photo_patches"`, a TFDS name or the path of a folder of
            class folders. Defaults to `"photo_patches"`.
        variant: a name in `VARIANTS` or a table. Defaults to `"original"`,
            which as in 2012 starts with larger weights than the paper says
            and learns sooner.
        recipe: a name in `RECIPES` or a `Recipe`. Defaults to `"quick"`.
        epochs: passes over the training images; the recipe's schedule is
            stretched to them. Defaults to the recipe's, and for
            `photo_patches` to 4.
        batch_size: images in a batch, over all replicas together; raised to
            a multiple of `replicas`, so that every replica gets as many.
            Defaults to the recipe's, and for `photo_patches` to 32.
        replicas: GPUs, or logical CPUs on a machine without. Defaults to all
            GPUs, or one CPU.
        input_size: side of the crops in pixels. Defaults to the variant's
            own, and for `photo_patches` to 83.
        learning_rate: of the weights in the first stage; all other rates
            change in proportion. Defaults to the recipe's.
        scale_rate: whether to multiply all rates by `batch_size` over the
            recipe's batch size (the linear rule). Defaults to `False`.
        precision: `"float32"`, `"mixed_bfloat16"` or `"mixed_float16"`. The
            normalizers compute in float32 in any case, and the model that is
            returned does. Defaults to `"float32"`.
        seed: of weights, dropout, order, crops, flips and colours. Defaults
            to 2012.
        output: folder for checkpoints, `history.csv`, `settings.json` and at
            the end `model.keras`, `results.json` and `curves.png`. Defaults
            to `None`: nothing is written.
        save_every: steps between checkpoints, besides those at the end of
            each epoch. Defaults to `None`: those only.
        tensorboard: whether to write events to `output/tensorboard`.
            Defaults to `False`.
        skip_bad: whether to leave out image files that cannot be read;
            otherwise they are an error. Defaults to `False`.
        verbose: 1 shows a bar, 2 a line an epoch, 0 nothing. Defaults to 1.

    Returns:
        A `TrainingResult`.

    Raises:
        ValueError: before anything runs, if an argument is out of range, the
            data set cannot be read, the crops are too small for the variant,
            or `output` cannot be written or holds a run with other settings.
        KeyboardInterrupt: after Ctrl-C, with everything saved.
    """
    say = print if verbose else _be_silent
    table = variants.get_variant(variant)
    recipe = recipes.get_recipe(recipe)
    recipe.check_layers(
        [layer.name for layer in table.layers if _trains(layer)]
    )
    if replicas is not None:
        replicas = validation.integer("replicas", replicas)
    if save_every is not None:
        save_every = validation.integer("save_every", save_every)
    if tensorboard and output is None:
        raise ValueError(
            "`tensorboard` needs `output`, the folder for its events. "
            f"Received: tensorboard={tensorboard!r}, output=None"
        )
    run, recipe = settings.fill_in(
        dataset,
        table,
        recipe,
        epochs=epochs,
        batch_size=batch_size,
        replicas=replicas or devices.count_gpus() or 1,
        input_size=input_size,
        learning_rate=learning_rate,
        scale_rate=scale_rate,
        precision=precision,
        seed=seed,
        skip_bad=skip_bad,
    )
    folder = settings.claim_folder(output)
    strategy = devices.make_strategy(run.replicas)
    data = datasets.load_dataset(dataset, skip_bad)
    description = settings.describe(run, table, recipe, data)
    if folder is not None:
        settings.check_same(folder, description)
        complete = results.read(folder, run)
        if complete is not None:
            summary = printable(complete.summary)
            say(f"Complete already, in {printable(folder)}. {summary}")
            return complete
        settings.write(folder, description)
    newest = folder and checkpoints.load_newest(folder, say)
    say(_describe(run, recipe, data))
    for sentence in data.skipped:
        say(sentence)
    keras.utils.set_random_seed(run.seed)
    steps = max(1, round(data.train_size / run.batch_size))
    with _naming_bad_images(data):
        mean = assembly.mean_of(data, recipe, run.input_size)
        streams = assembly.make_streams(data, recipe, run, steps, mean)
    with strategy.scope():
        model = assembly.compile_model(
            table, recipe, run, data.class_names, mean
        )
    progress = {}
    if newest:
        checkpoints.restore(model, newest)
        progress = newest.progress
        say(f"Goes on after step {newest.step} of {recipe.epochs * steps}.")

    with callbacks.gentle_interruption() as interruption:
        keeper = callbacks.Keeper(
            folder, progress, steps, save_every, interruption
        )
        warning = watching.ChanceWarning(
            len(data.class_names), lambda: _draw_batch(streams[0]), say
        )
        watchers = _watchers(run, recipe, steps, keeper, warning, verbose)
        if tensorboard:
            watchers.append(keras.callbacks.TensorBoard(folder / "tensorboard"))
        try:
            with _naming_bad_images(data):
                _fit(model, recipe, steps, streams, keeper, watchers, say)
        except KeyboardInterrupt:
            if folder is not None:
                again = settings.command(
                    run,
                    output=folder,
                    save_every=save_every,
                    tensorboard=tensorboard,
                )
                say(f"Stopped; nothing is lost. To go on:\n{printable(again)}")
            raise

    classifier = assembly.build_in(
        "float32", table, run.input_size, data.class_names, mean
    )
    graphs.copy_state(model, classifier)
    learned, summary = results.summarize(keeper.history, len(data.class_names))
    seconds = keeper.elapsed()
    say(f"{summary} ({seconds:.0f} s of training)")
    result = results.TrainingResult(
        classifier, keeper.history, run, learned, summary
    )
    if folder is not None:
        results.write(folder, result, seconds)
        checkpoints.remove_all(folder)
        names = sorted(printable(path.name) for path in folder.iterdir())
        say(f"Written to {printable(folder)}: {', '.join(names)}")
    return result


@contextlib.contextmanager
def _naming_bad_images(data):
    """Names the images that stop a run; TensorFlow's error does not."""
    try:
        yield
    except tf.errors.OpError:
        data.check()
        raise


def _trains(layer):
    return isinstance(layer, variants.Conv | variants.Dense)


def _draw_batch(training_from):
    """Returns enough training images for all of the check-list."""
    batches = training_from(0).unbatch().batch(sanity.LEAST)
    return next(batches.as_numpy_iterator())


def _watchers(run, recipe, steps, keeper, warning, verbose):
    watchers = [watching.Stopwatch(run.batch_size), warning]
    if verbose:
        first_step = len(keeper.history.get("loss", [])) * steps + keeper.done
        watchers.append(
            watching.Progress(
                recipe.epochs, steps, run.batch_size, first_step, verbose == 1
            )
        )
    return watchers


def _fit(model, recipe, steps, streams, keeper, watchers, say):
    """Runs `fit` from where the keeper stands to the end of the recipe."""
    training_from, validation = streams
    follow = callbacks.ApplyRecipe(recipe, keeper.history, say)
    epoch = len(keeper.history.get("loss", []))
    try:
        while not follow.is_over(epoch):
            behind = keeper.done  # an epoch that was broken off is ended first
            model.fit(
                training_from(epoch * steps + behind),
                initial_epoch=epoch,
                epochs=epoch + 1 if behind else recipe.epochs,
                steps_per_epoch=steps - behind,
                validation_data=validation,
                callbacks=[
                    keras.callbacks.TerminateOnNaN(),
                    watchers[0],  # adds to the logs what the keeper records
                    keeper,
                    follow,
                    *watchers[1:],
                ],
                shuffle=False,  # the pipeline does
                verbose=0,
            )
            if model.stop_training:
                break
            epoch = len(keeper.history["loss"])
    finally:
        watching.close(watchers)


def _describe(run, recipe, data):
    return (
        f"{run.variant} at {run.input_size}×{run.input_size} on "
        f"{printable(data.name)}: {data.train_size} training and {data.validation_size} validation "
        f"images of {len(data.class_names)} classes. Recipe {recipe.name}, "
        f"{recipe.epochs} epochs, batches of {run.batch_size} on "
        f"{run.replicas} replica(s) of "
        f"{'GPU' if devices.count_gpus() else 'CPU'}, {run.precision}, no XLA."
    )


def _be_silent(text):
    """Stands in for `print`."""
