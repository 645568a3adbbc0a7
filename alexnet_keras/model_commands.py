"""The commands that use a trained network: evaluate, predict, export."""

import os
import pathlib
import sys

from alexnet_keras.utils.printing import printable

MODEL = (
    "a .keras file, the output folder of a run, or torchvision or caffe: "
    "weights published for ImageNet, downloaded once"
)


def add_evaluate(commands):
    """Adds the command `evaluate` to a parser's commands."""
    parser = commands.add_parser(
        "evaluate", help="measure a trained network on validation images"
    )
    parser.add_argument("model", metavar="MODEL", help=MODEL)
    parser.add_argument(
        "--dataset",
        help="as for train; its classes must be those of the network; "
        "default: that of the run",
    )
    parser.add_argument(
        "--skip-bad",
        action="store_true",
        help="leave out images of a folder that cannot be read",
    )
    parser.add_argument(
        "--ten-crop",
        action="store_true",
        help="average over ten views of each image, as in 2012",
    )
    parser.add_argument(
        "--per-class", action="store_true", help="print a row for each class"
    )
    parser.add_argument(
        "--confusion",
        metavar="FILE",
        help="draw what is taken for what into this file, such as a .png",
    )
    parser.add_argument(
        "--batch-size", type=int, default=64, help="default: 64"
    )
    parser.set_defaults(run=_evaluate)


def add_predict(commands):
    """Adds the command `predict` to a parser's commands."""
    parser = commands.add_parser(
        "predict", help="say what image files show: the best five names"
    )
    parser.add_argument("model", metavar="MODEL", help=MODEL)
    parser.add_argument("images", metavar="IMAGE", nargs="+")
    parser.set_defaults(run=_predict)


def add_export(commands):
    """Adds the command `export` to a parser's commands."""
    parser = commands.add_parser(
        "export", help="write a network for other programs, and check it"
    )
    parser.add_argument("model", metavar="MODEL", help=MODEL)
    parser.add_argument(
        "--format",
        required=True,
        help="saved_model (TensorFlow), litert (TensorFlow Lite) or onnx",
    )
    parser.add_argument(
        "--output",
        required=True,
        help="a new folder for saved_model, a .tflite or an .onnx file",
    )
    parser.add_argument(
        "--tolerance",
        type=float,
        default=1e-4,
        help="largest difference of outputs that passes; default: 1e-4",
    )
    parser.set_defaults(run=_export)


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
    print(evaluation.format_summary(result))
    if arguments.per_class:
        print(f"\n{evaluation.format_classes(result)}")
    if arguments.confusion:
        from alexnet_keras.figures import evaluation

        axes = evaluation.plot_confusion(result)
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
    remark = classifier.remark(model)
    if remark:
        print(f"warning: {remark}", file=sys.stderr)
    return model


def _check_figure(path):
    """An hour of counting must not end at a figure that cannot be written."""
    from matplotlib.backend_bases import FigureCanvasBase

    path = pathlib.Path(path)
    known = FigureCanvasBase.get_supported_filetypes()
    if path.suffix[1:].lower() not in known or not path.parent.is_dir():
        raise ValueError(
            "`--confusion` must name a figure, such as a .png file, in a "
            f"folder that is there. Received: {str(path)!r}"
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
        print(
            f"error: {bad:,} of {len(predictions):,} images could not be read",
            file=sys.stderr,
        )
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
