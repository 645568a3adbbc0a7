"""`train()`: a run, or going on with it."""

import keras

from alexnet_keras import validation
from alexnet_keras.data import datasets
from alexnet_keras.training import config as configs
from alexnet_keras.training import distribution
from alexnet_keras.training import run_folder
from alexnet_keras.training import workers
from alexnet_keras.training.run import Run


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
    prepare=True,
    verbose=1,
    callbacks=(),
):
    """Trains an AlexNet by a recipe, with `fit` on one device or on many.

    Called again with the same settings and the same `output`, it goes on
    where it was stopped, by whatever, and ends with the same weights; a run
    that is complete is returned as it is.

    Several GPUs train in step under `MirroredStrategy`, and several machines,
    which `TF_CONFIG` describes and which get the same call, under
    `MultiWorkerMirroredStrategy`: before TensorFlow has run anything, with an
    `output` that all of them see. The first one writes and prints.

    On Keras's JAX backend (compiled) and PyTorch backend it trains on one
    device; PyTorch's dropout, whose state Keras does not save, begins anew
    when a run goes on.

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
            a multiple of `replicas`, which it must be on several machines.
            Defaults to the recipe's, and for
            `photo_patches` to 32.
        replicas: GPUs, or logical CPUs on a machine without, over all
            machines. Defaults to all GPUs, or one CPU on each.
        input_size: side of the crops in pixels. Defaults to the variant's
            own, and for `photo_patches` to 83.
        learning_rate: of the weights in the first stage; all other rates
            change in proportion. Defaults to the recipe's.
        scale_rate: whether to multiply all rates by `batch_size` over the
            recipe's batch size (the linear rule). Defaults to `False`.
        precision: `"float32"`, `"mixed_bfloat16"` or `"mixed_float16"`. The
            normalizers compute in float32 in any case, and so does the model
            that is returned. Defaults to `"float32"`.
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
        prepare: whether photographs that do not fit in memory, cut to squares
            of 256 pixels (of 1 GiB together, 5,461), are cut once and written
            to `~/.keras/datasets` (or in `KERAS_HOME`), unless the run has a
            single epoch; the network sees the same pictures either way.
            Defaults to `True`.
        verbose: 1 shows Keras's bar, in a terminal; 2 a line an epoch; 0
            nothing. Defaults to 1.
        callbacks: Keras callbacks of your own, called after ours. A run that
            goes on calls `on_train_begin` anew, and an epoch that was broken
            off begins twice. Defaults to none.

    Returns:
        A `TrainingResult`.

    Raises:
        ValueError: before anything runs, if an argument is out of range, the
            data set cannot be read, the crops are too small for the variant,
            `output` cannot be written, is in use by another process, or
            holds a run with other settings or damaged files, `TF_CONFIG` is
            wrong, or machines differ in settings, data or versions.
        ConnectionError: if another machine is lost; what was saved stays.
        OSError: if the disk is full; what was saved stays.
        KeyboardInterrupt: after Ctrl-C, with everything saved.
    """
    distribution.check_surroundings()
    cluster = workers.find()
    config, table, recipe = configs.resolve(
        dataset,
        variant,
        recipe,
        epochs=epochs,
        batch_size=batch_size,
        replicas=replicas,
        input_size=input_size,
        learning_rate=learning_rate,
        scale_rate=scale_rate,
        precision=precision,
        seed=seed,
        skip_bad=skip_bad,
        machines=cluster.count,
    )
    if save_every is not None:
        save_every = validation.integer("save_every", save_every)
    if tensorboard and output is None:
        raise ValueError(
            "`tensorboard` needs `output`, the folder for its events. "
            f"Received: tensorboard={tensorboard!r}, output=None"
        )
    callbacks = list(callbacks)
    wrong = [
        x for x in callbacks if not isinstance(x, keras.callbacks.Callback)
    ]
    if wrong:
        raise ValueError(
            "`callbacks` must be a list of `keras.callbacks.Callback`. "
            f"Received: a {type(wrong[0]).__name__} among callbacks"
        )
    folder = run_folder.claim(output, dataset)
    again = folder and configs.command(
        config,
        output=folder,
        save_every=save_every,
        tensorboard=tensorboard,
        no_prepare=not prepare,
    )
    with (
        workers.naming_lost(cluster, again),
        run_folder.hold(folder if cluster.is_chief else None),
    ):
        strategy = workers.make_strategy(cluster, config.replicas)
        data = datasets.load_dataset(dataset, config.skip_bad)
        run = Run(
            *(config, table, recipe, data, folder, verbose),
            *(cluster, strategy),
        )
        if (complete := run.find()) is not None:
            return complete
        run.prepare(prepare)
        run.fit(save_every, tensorboard, callbacks, again)
        return run.finish()
