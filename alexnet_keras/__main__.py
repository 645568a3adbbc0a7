"""The command line: `python -m alexnet_keras shapes|train|evaluate|…`."""

import argparse
import contextlib
import os
import sys

from alexnet_keras import model_commands
from alexnet_keras.utils.printing import printable


class _Parser(argparse.ArgumentParser):
    """Also of subcommands; `predict m *` hands on whatever files are called."""

    def error(self, message):
        super().error(printable(message))


def main(arguments=None):
    """Runs a command; returns the exit status.

    Args:
        arguments: list of words; defaults to those of the command line.
    """
    parsed = _parser().parse_args(arguments)
    try:
        return parsed.run(parsed)
    except (ValueError, OSError, ImportError) as error:
        print(f"error: {printable(error)}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130  # the run has said how to go on
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

    shapes = commands.add_parser(
        "shapes", help="print a variant's table: sizes, parameters, MACs"
    )
    shapes.add_argument("--variant", default="paper", help="default: paper")
    shapes.add_argument(
        "--input-size", type=int, help="pixels a side; default: the variant's"
    )
    shapes.add_argument(
        "--classes", type=int, help="default: the variant's own"
    )
    shapes.add_argument(
        "--figure", help="also draw the network to scale into this file"
    )
    shapes.set_defaults(run=_shapes)

    train = commands.add_parser(
        "train", help="train on photographs, and write what came out"
    )
    train.add_argument(
        "--dataset",
        default="photo_patches",
        help="photo_patches (embedded, the default), a TFDS name, or the path "
        "of a folder of class folders",
    )
    train.add_argument(
        "--variant", default="original", help="default: original"
    )
    train.add_argument(
        "--recipe",
        default="quick",
        help="quick (default), paper or original",
    )
    train.add_argument(
        "--epochs", type=int, help="default: the recipe's; photo_patches: 4"
    )
    train.add_argument(
        "--batch-size",
        type=int,
        help="over all replicas; default: the recipe's; photo_patches: 32",
    )
    train.add_argument(
        "--replicas",
        type=int,
        help="GPUs (default: all), or logical CPUs where there is no GPU "
        "(default: 1)",
    )
    train.add_argument(
        "--input-size",
        type=int,
        help="pixels a side; default: the variant's; photo_patches: 83",
    )
    train.add_argument(
        "--learning-rate",
        type=float,
        help="of the weights at first; default: the recipe's",
    )
    train.add_argument(
        "--scale-rate",
        action="store_true",
        help="multiply the rates by the batch size over the recipe's",
    )
    train.add_argument(
        "--precision",
        default="float32",
        help="float32 (default), mixed_bfloat16 or mixed_float16",
    )
    train.add_argument("--seed", type=int, default=2012, help="default: 2012")
    train.add_argument(
        "--output",
        help="folder of the run; goes on with it if it was stopped; default: "
        "a new one in runs/",
    )
    train.add_argument(
        "--save-every",
        type=int,
        help="steps between checkpoints; default: an epoch",
    )
    train.add_argument(
        "--tensorboard",
        action="store_true",
        help="write events to OUTPUT/tensorboard",
    )
    train.add_argument(
        "--skip-bad",
        action="store_true",
        help="leave out image files that cannot be read",
    )
    train.add_argument(
        "--verbose",
        type=int,
        default=1,
        choices=(0, 1, 2),
        help="0 silent, 1 a bar (default), 2 a line an epoch",
    )
    train.set_defaults(run=_train)

    model_commands.add_evaluate(commands)
    model_commands.add_predict(commands)
    model_commands.add_export(commands)
    return parser


def _shapes(arguments):
    from alexnet_keras import shapes
    from alexnet_keras import variants

    variant = variants.get_variant(arguments.variant)
    input_shape = None
    if arguments.input_size is not None:
        size = arguments.input_size
        input_shape = (size, size, variant.input_shape[-1])
    rows = shapes.derive_layers(variant, input_shape, arguments.classes)
    print(shapes.format_table(rows))
    if arguments.figure:
        from alexnet_keras.figures import network

        axes = network.plot_network(variant, input_shape, arguments.classes)
        axes.figure.savefig(arguments.figure, dpi=110, bbox_inches="tight")
    return 0


def _train(arguments):
    from alexnet_keras.training import trainer

    options = {
        name: value for name, value in vars(arguments).items() if name != "run"
    }
    if options["output"] is not None:
        trainer.train(**options)
        return 0
    folder = options["output"] = _new_folder(arguments)
    try:
        trainer.train(**options)
    finally:
        with contextlib.suppress(OSError):  # it is not empty
            os.removedirs(folder)
    return 0


def _new_folder(arguments):
    """Makes a folder in runs/, so that nobody else takes it."""
    from alexnet_keras.training import config

    dataset = config.path_name(arguments.dataset)
    name = os.path.join("runs", f"{dataset}-{arguments.variant}")
    folder, number = name, 2
    while True:
        with contextlib.suppress(FileExistsError):
            os.makedirs(folder)
            return folder
        folder, number = f"{name}-{number}", number + 1


if __name__ == "__main__":
    sys.exit(main())
