"""The command line: `python -m alexnet_keras shapes|train|evaluate|…`."""

import argparse
import sys

from alexnet_keras import commands
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
    added = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(run, help):
        one = added.add_parser(run.__name__, help=help)
        one.set_defaults(run=run)
        return one.add_argument

    add = command(
        commands.shapes, "print a variant's table: sizes, parameters, MACs"
    )
    add("--variant", default="paper", help="default: paper")
    size = "pixels a side; default: the variant's"
    add("--input-size", type=int, help=size)
    add("--classes", type=int, help="default: the variant's own")
    add("--figure", help="also draw the network to scale into this file")

    add = command(
        commands.train, "train on photographs, and write what came out"
    )
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
        "(default: 1), over all machines of TF_CONFIG",
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

    add = command(
        commands.prepare, "cut photographs to squares once, for quick epochs"
    )
    data = "as for train; --dataset of train then takes OUTPUT"
    add("--dataset", required=True, help=data)
    add("--output", required=True, help="a folder; goes on if it was stopped")
    sides = "pixels a side; default: 256, for crops of 224 (259 for 227)"
    add("--size", type=int, default=256, help=sides)
    forms = "pixels (default; 197 kB each) or jpeg (30 kB, nearly the same)"
    add("--form", default="pixels", help=forms)
    add("--skip-bad", action="store_true", help=skip)

    add = command(
        commands.evaluate, "measure a trained network on validation images"
    )
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

    add = command(
        commands.predict, "say what image files show: the best five names"
    )
    add("model", metavar="MODEL", help=MODEL)
    add("images", metavar="IMAGE", nargs="+")

    add = command(
        commands.export, "write a network for other programs, and check it"
    )
    add("model", metavar="MODEL", help=MODEL)
    formats = "saved_model (TensorFlow), litert (TensorFlow Lite) or onnx"
    add("--format", required=True, help=formats)
    target = "a new folder for saved_model, a .tflite or an .onnx file"
    add("--output", required=True, help=target)
    largest = "largest difference of outputs that passes; default: 1e-4"
    add("--tolerance", type=float, default=1e-4, help=largest)
    return parser


if __name__ == "__main__":
    sys.exit(main())
