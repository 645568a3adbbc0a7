"""The command line: `python -m alexnet_keras shapes|train|evaluate|…`."""

import argparse
import contextlib
import itertools
import os
import pathlib
import shlex
import sys

from alexnet_keras.utils import extras
from alexnet_keras.utils.printing import printable

MODEL = (
    "a .keras file, the output folder of a run, or torchvision or caffe: "
    "weights published for ImageNet, downloaded once"
)


class _Parser(argparse.ArgumentParser):
    """Also of subcommands; `predict m *` hands on whatever files are called."""

    def error(self, message):
        super().error(printable(message))


def main(arguments=None):
    """Runs the command line, or a list of words; returns the exit status."""
    parsed = _parser().parse_args(arguments)
    try:
        return parsed.run(parsed)
    except (ValueError, OSError, ImportError) as error:
        print(f"error: {printable(error)}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:  # the run has said how to go on
        return 130
    except Exception as error:
        # TensorFlow's name for it; the module need not be loaded here.
        known = ("MemoryError", "ResourceExhaustedError")
        if type(error).__name__ not in known:
            raise
        line = printable((str(error).splitlines() or [""])[0])
        print(f"error: the memory is too small: {line}", file=sys.stderr)
        return 2


def _parser():
    parser = _Parser(
        prog="python -m alexnet_keras", description="AlexNet for Keras."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(run, help):
        added = commands.add_parser(run.__name__[1:], help=help)
        added.set_defaults(run=run)
        return added.add_argument

    add = command(_shapes, "print a variant's table: sizes, parameters, MACs")
    add("--variant", default="paper", help="default: paper")
    size = "pixels a side; default: the variant's"
    add("--input-size", type=int, help=size)
    add("--classes", type=int, help="default: the variant's own")
    add("--figure", help="also draw the network to scale into this file")

    add = command(_train, "train on photographs, and write what came out")
    add(
        "--dataset",
        default="photo_patches",
        help="photo_patches (embedded, the default), a TFDS name, or the path "
        "of a folder of class folders",
    )
    add("--variant", default="original", help="default: original")
    add("--recipe", default="quick", help="quick (default), paper or original")
    default = "default: the recipe's; photo_patches:"
    add("--epochs", type=int, help=f"{default} 4")
    add("--batch-size", type=int, help=f"over all replicas; {default} 32")
    add(
        "--replicas",
        type=int,
        help="GPUs (default: all), or logical CPUs where there is no GPU "
        "(default: 1)",
    )
    add("--input-size", type=int, help=f"{size}; photo_patches: 83")
    rate = "of the weights at first; default: the recipe's"
    add("--learning-rate", type=float, help=rate)
    rates = "multiply the rates by the batch size over the recipe's"
    add("--scale-rate", action="store_true", help=rates)
    precisions = "float32 (default), mixed_bfloat16 or mixed_float16"
    add("--precision", default="float32", help=precisions)
    add("--seed", type=int, default=2012, help="default: 2012")
    add(
        "--output",
        help="folder of the run; goes on with it if it was stopped; default: "
        "a new one in runs/",
    )
    steps = "steps between checkpoints; default: an epoch"
    add("--save-every", type=int, help=steps)
    events = "write events to OUTPUT/tensorboard"
    add("--tensorboard", action="store_true", help=events)
    skip = "leave out image files that cannot be read"
    add("--skip-bad", action="store_true", help=skip)
    add(
        "--no-prepare",
        dest="prepare",
        action="store_false",
        help="do not keep on disk the squares of photographs too many for "
        "memory",
    )
    add(
        "--verbose",
        type=int,
        default=1,
        choices=(0, 1, 2),
        help="0 silent, 1 a bar (default), 2 a line an epoch",
    )

    add = command(_prepare, "cut photographs to squares once, for quick epochs")
    data = "as for train; --dataset of train then takes OUTPUT"
    add("--dataset", required=True, help=data)
    add("--output", required=True, help="a folder; goes on if it was stopped")
    sides = "pixels a side; default: 256, for crops of 224 (259 for 227)"
    add("--size", type=int, default=256, help=sides)
    forms = "pixels (default; 197 kB each) or jpeg (30 kB, nearly the same)"
    add("--form", default="pixels", help=forms)
    add("--skip-bad", action="store_true", help=skip)

    add = command(_evaluate, "measure a trained network on validation images")
    add("model", metavar="MODEL", help=MODEL)
    add(
        "--dataset",
        help="as for train; its classes must be those of the network; "
        "default: that of the run",
    )
    add("--skip-bad", action="store_true", help=skip)
    views = "average over ten views of each image, as in 2012"
    add("--ten-crop", action="store_true", help=views)
    add("--per-class", action="store_true", help="print a row for each class")
    figure = "draw what is taken for what into this file, such as a .png"
    add("--confusion", metavar="FILE", help=figure)
    add("--batch-size", type=int, default=64, help="default: 64")

    add = command(_predict, "say what image files show: the best five names")
    add("model", metavar="MODEL", help=MODEL)
    add("images", metavar="IMAGE", nargs="+")

    add = command(_export, "write a network for other programs, and check it")
    add("model", metavar="MODEL", help=MODEL)
    formats = "saved_model (TensorFlow), litert (TensorFlow Lite) or onnx"
    add("--format", required=True, help=formats)
    target = "a new folder for saved_model, a .tflite or an .onnx file"
    add("--output", required=True, help=target)
    largest = "largest difference of outputs that passes; default: 1e-4"
    add("--tolerance", type=float, default=1e-4, help=largest)
    return parser


def _shapes(arguments):
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


def _train(arguments):
    from alexnet_keras import training

    options = {
        name: value for name, value in vars(arguments).items() if name != "run"
    }
    made = options["output"] is None and _new_folder(arguments)
    try:
        training.train(**options | ({"output": made} if made else {}))
    finally:
        with contextlib.suppress(OSError):  # it is not empty
            if made:
                os.removedirs(made)
    return 0


def _prepare(arguments):
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


def _evaluate(arguments):
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
    if arguments.per_class:
        table = result.per_class().rename(index=printable)
        shares = dict.fromkeys(("top-1", "top-5"), "{:.1%}".format)
        print(f"\n{table.to_string(formatters=shares, na_rep='–')}")
    if arguments.confusion:
        from alexnet_keras.figures import evaluation as figures

        axes = figures.plot_confusion(result)
        axes.figure.savefig(arguments.confusion, dpi=110)
    return 0


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


def _predict(arguments):
    from alexnet_keras.inference import prediction

    model = _load(arguments.model)
    predictions = prediction.predict(model, arguments.images)
    for image in predictions:
        path = printable(image.path)
        if image.error:
            print(f"{path}: {image.error}", file=sys.stderr)
            continue
        print(path)
        for name, probability in image.guesses:
            print(f"{100 * probability:7.1f} %  {printable(name)}")
    bad = sum(image.error is not None for image in predictions)
    if bad:
        share = f"{bad:,} of {len(predictions):,}"
        print(f"error: {share} images could not be read", file=sys.stderr)
    return 1 if bad else 0


def _export(arguments):
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


if __name__ == "__main__":
    sys.exit(main())
