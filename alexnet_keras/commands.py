"""What each command of `python -m alexnet_keras` does, after its words.

Each function gets what was typed, parsed, and returns the exit status. What a
command needs is imported when it runs: `shapes` must not wait for TensorFlow.
"""

import contextlib
import itertools
import os
import pathlib
import shlex
import sys

from alexnet_keras.utils import extras
from alexnet_keras.utils.printing import printable


def shapes(arguments):
    """Prints a variant's table, and draws the network."""
    from alexnet_keras import shapes
    from alexnet_keras import variants

    variant = variants.get_variant(arguments.variant)
    size, input_shape = arguments.input_size, None
    if size is not None:
        input_shape = (size, size, variant.input_shape[-1])
    rows = shapes.derive_layers(variant, input_shape, arguments.classes)
    print(shapes.format_table(rows))
    if arguments.figure:
        from alexnet_keras.figures import network

        axes = network.plot_network(variant, input_shape, arguments.classes)
        axes.figure.savefig(arguments.figure, dpi=110, bbox_inches="tight")
    return 0


def train(arguments):
    """Trains, into a new folder where none is named."""
    from alexnet_keras import training
    from alexnet_keras.training import workers

    options = {
        name: value for name, value in vars(arguments).items() if name != "run"
    }
    if options["output"] is None and workers.find().count > 1:
        raise ValueError(
            "`--output` must name a folder that all machines see. "
            "Received: no --output"
        )
    made = options["output"] is None and _new_folder(arguments)
    try:
        training.train(**options | ({"output": made} if made else {}))
    finally:
        with contextlib.suppress(OSError):  # it is not empty
            if made:
                os.removedirs(made)
    return 0


def prepare(arguments):
    """Cuts photographs to squares, and says how to train on them."""
    from alexnet_keras.data import datasets
    from alexnet_keras.data.squares import writing

    data = datasets.load_dataset(arguments.dataset, arguments.skip_bad)
    for sentence in data.skipped:
        print(sentence, file=sys.stderr)
    try:
        there = writing.prepare(
            data, arguments.output, arguments.size, arguments.form
        )
    except KeyboardInterrupt:
        print("\nStopped; the same command goes on.", file=sys.stderr)
        raise
    folder = pathlib.Path(arguments.output).expanduser()
    size = sum(path.stat().st_size for path in folder.glob("*.*"))
    print(
        f"{printable(folder)}: {there.train_size:,} training and "
        f"{there.validation_size:,} validation squares of {there.square} "
        f"pixels, {size / 1e9:,.2f} GB. To train on them:\n"
        f"python -m alexnet_keras train --dataset "
        f"{shlex.quote(printable(folder))}"
    )
    return 0


def _new_folder(arguments):
    """Makes a folder in runs/, so that nobody else takes it."""
    from alexnet_keras.training import config

    dataset = config.path_name(arguments.dataset)
    name = os.path.join("runs", f"{dataset}-{arguments.variant}")
    for number in itertools.count(1):
        folder = f"{name}-{number}" if number > 1 else name
        with contextlib.suppress(FileExistsError):
            os.makedirs(folder)
            return folder


def evaluate(arguments):
    """Prints how good a network is on validation images."""
    from alexnet_keras import validation
    from alexnet_keras.inference import evaluation

    validation.integer("batch_size", arguments.batch_size)
    if arguments.confusion:
        _check_figure(arguments.confusion)
    model = _load(arguments.model)
    data = _load_data(arguments)
    for sentence in data.skipped:
        print(sentence, file=sys.stderr)
    result = evaluation.evaluate(
        model,
        data,
        ten_crop=arguments.ten_crop,
        batch_size=arguments.batch_size,
        verbose=int(sys.stderr.isatty()),
    )
    views = "ten crops" if arguments.ten_crop else "centre crop"
    print(
        f"{printable(arguments.model)} on {printable(data.name)}: "
        f"{result.images:,} validation images, {views}"
    )
    print(result)
    _print_published(arguments.model, data, result)
    if arguments.per_class:
        table = result.per_class().rename(index=printable)
        shares = dict.fromkeys(("top-1", "top-5"), "{:.1%}".format)
        print(f"\n{table.to_string(formatters=shares, na_rep='–')}")
    if arguments.confusion:
        from alexnet_keras.figures import evaluation as figures

        axes = figures.plot_confusion(result)
        axes.figure.savefig(arguments.confusion, dpi=110)
    return 0


def _print_published(model, data, result):
    """Says what to expect of published weights on ImageNet's validation."""
    from alexnet_keras.weights import imagenet

    if model in imagenet.PUBLISHED and data.name.startswith("imagenet2012"):
        share = imagenet.PUBLISHED[model].top_1 / 100
        chance = (share * (1 - share) / result.images) ** 0.5
        print(
            f"published: top-1 {100 * share:.1f} % with the centre crop of "
            f"50,000 images; chance moves that of {result.images:,} by "
            f"{100 * chance:.1f} points (standard error)"
        )


def _load_data(arguments):
    """Loads the data set that is named, or that of the run."""
    from alexnet_keras.data import datasets
    from alexnet_keras.training import run_folder

    if arguments.dataset is not None:
        return datasets.load_dataset(arguments.dataset, arguments.skip_bad)
    name, skip_bad = run_folder.read_dataset(arguments.model)
    try:
        return datasets.load_dataset(name, skip_bad or arguments.skip_bad)
    except ValueError as error:
        raise ValueError(
            "`--dataset` must be named, as that of the run cannot be loaded "
            f"from {os.getcwd()!r}: {error}"
        ) from error


def _load(path):
    """Loads a classifier; warns of one that gets pixels it may not expect."""
    from alexnet_keras import classifier

    model = classifier.load_classifier(path)
    if remark := classifier.remark(model):
        print(f"warning: {remark}", file=sys.stderr)
    return model


def _check_figure(path):
    """An hour of counting must not end at a figure that cannot be written."""
    extras.require("train", "matplotlib")
    from matplotlib.backend_bases import FigureCanvasBase

    file, known = pathlib.Path(path), FigureCanvasBase.get_supported_filetypes()
    if file.suffix[1:].lower() not in known or not file.parent.is_dir():
        raise ValueError(
            "`--confusion` must name a figure, such as a .png file, in a "
            f"folder that is there. Received: {path!r}"
        )


def predict(arguments):
    """Prints what image files show; 1 if some could not be read."""
    from alexnet_keras.inference import prediction

    model = _load(arguments.model)
    predictions = prediction.predict(model, arguments.images)
    guesses = [name for image in predictions for name, _ in image.guesses]
    words = dict(zip(guesses, _with_words(guesses)))
    for image in predictions:
        path = printable(image.path)
        if image.error:
            print(f"{path}: {image.error}", file=sys.stderr)
            continue
        print(path)
        for name, probability in image.guesses:
            print(f"{100 * probability:7.1f} %  {printable(words[name])}")
    bad = sum(image.error is not None for image in predictions)
    if bad:
        share = f"{bad:,} of {len(predictions):,}"
        print(f"error: {share} images could not be read", file=sys.stderr)
    return 1 if bad else 0


def _with_words(names):
    """Puts words beside WordNet ids, or says why there are none."""
    from alexnet_keras.weights import names as imagenet_names

    try:
        return imagenet_names.with_words(names)
    except ConnectionError as error:
        print(f"warning: no words for WordNet ids: {error}", file=sys.stderr)
        return names


def export(arguments):
    """Writes a network for other programs."""
    from alexnet_keras import classifier
    from alexnet_keras.inference import export

    # The cheap questions first: a network takes seconds to load.
    export.check_target(arguments.output, arguments.format, arguments.tolerance)
    model = classifier.load_network(arguments.model)
    done = export.export(
        model, arguments.output, arguments.format, arguments.tolerance
    )
    print(
        f"{printable(done.path)}: {done.format}, {done.bytes / 1e6:,.1f} MB; "
        f"its outputs differ from the model's by {done.difference:.2g} at most"
    )
    return 0
