"""A training run: recipe, data, strategy and `fit`, and going on with it."""

import keras

from alexnet_keras import assembly
from alexnet_keras import callbacks
from alexnet_keras import checkpoints
from alexnet_keras import datasets
from alexnet_keras import devices
from alexnet_keras import graphs
from alexnet_keras import recipes
from alexnet_keras import results
from alexnet_keras import run_folder
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
            or `output` cannot be written, is in use by another process, or
            holds a run with other settings or damaged files.
        OSError: if the disk is full; what was saved stays.
        KeyboardInterrupt: after Ctrl-C, with everything saved.
    """
    devices.check_surroundings()
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
    folder = run_folder.claim(output, dataset)
    with run_folder.hold(folder):
        return _train(
            dataset,
            table,
            recipe,
            run,
            folder,
            save_every,
            tensorboard,
            verbose,
        )


def _train(
    dataset, table, recipe, run, folder, save_every, tensorboard, verbose
):
    """Trains, with arguments that were checked and a folder that is held."""
    say = print if verbose else _be_silent
    strategy = devices.make_strategy(run.replicas)
    data = datasets.load_dataset(dataset, run.skip_bad)
    if run.batch_size > 10 * data.train_size:
        raise ValueError(
            "`batch_size` must be at most 10 times the "
            f"{data.train_size} images. Received: batch_size={run.batch_size}"
        )
    description = run_folder.describe(run, table, recipe, data)
    newest = None
    if folder is not None:
        changes = run_folder.check_same(folder, description)
        complete = results.read(folder, run)
        if complete is not None:
            checkpoints.remove_all(folder)  # if it was killed before it could
            summary = printable(complete.summary)
            say(f"Complete already, in {printable(folder)}. {summary}")
            return complete
        newest = checkpoints.load_newest(folder, say, description)
        run_folder.write(folder, description)
        if newest and changes:
            say(changes)
    say(settings.in_words(run, recipe, data))
    for sentence in data.skipped:
        say(sentence)
    keras.utils.set_random_seed(run.seed)
    steps = max(1, round(data.train_size / run.batch_size))
    with data.naming_bad_images():
        mean = assembly.mean_of(data, recipe, run.input_size)
        streams = assembly.make_streams(data, recipe, run, steps, mean)
    with strategy.scope():
        model = assembly.compile_model(
            table, recipe, run, data.class_names, mean
        )
    progress = {"settings": description}
    if newest:
        checkpoints.restore(model, newest)
        progress = newest.progress | progress
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
            with data.naming_bad_images(), watching.naming_full_disk(folder):
                _fit(model, recipe, steps, streams, keeper, watchers, say)
        except KeyboardInterrupt:
            if folder is not None:
                again = settings.command(
                    run,
                    output=folder,
                    save_every=save_every,
                    tensorboard=tensorboard,
                )
                how = "Stopped; nothing is lost."
                if not keeper.saved:
                    how = "Broken off; what was saved last is not lost."
                say(f"{how} To go on:\n{printable(again)}")
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
        names = {path.name for path in folder.iterdir()} - {run_folder.LOCK}
        listed = ", ".join(map(printable, sorted(names)))
        say(f"Written to {printable(folder)}: {listed}")
    return result


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
    watched = [
        keras.callbacks.TerminateOnNaN(),
        watchers[0],  # adds to the logs what the keeper records
        keeper,
        follow,
        *watchers[1:],
    ]
    epoch = len(keeper.history.get("loss", []))
    try:
        while not follow.is_over(epoch):
            behind = keeper.done  # an epoch that was broken off is ended first
            if behind == steps:
                _validate(model, epoch, validation, keeper.begun, watched)
            else:
                model.fit(
                    training_from(epoch * steps + behind),
                    initial_epoch=epoch,
                    epochs=epoch + 1 if behind else recipe.epochs,
                    steps_per_epoch=steps - behind,
                    validation_data=validation,
                    callbacks=watched,
                    shuffle=False,  # the pipeline does
                    verbose=0,
                )
            if model.stop_training:
                break
            epoch = len(keeper.history["loss"])
    finally:
        watching.close(watchers)


def _validate(model, epoch, validation, logs, watched):
    """Ends an epoch, as `fit` does, all steps of which were made before."""
    together = keras.callbacks.CallbackList(watched, model=model)
    together.on_train_begin()
    together.on_epoch_begin(epoch)
    found = model.evaluate(
        validation, callbacks=together, return_dict=True, verbose=0
    )
    found = {f"val_{name}": value for name, value in found.items()}
    together.on_epoch_end(epoch, {**logs, **found})
    together.on_train_end()


def _be_silent(text):
    """Stands in for `print`."""
