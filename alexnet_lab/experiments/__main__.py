"""The command line: `python -m alexnet_lab.experiments NAME`."""

import argparse
import pathlib
import shlex
import sys

from alexnet_keras.training import config
from alexnet_keras.utils.printing import printable
from alexnet_lab.experiments.definitions import EXPERIMENTS
from alexnet_lab.experiments.runner import run


def main(arguments=None):
    """Runs the command line; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m alexnet_lab.experiments",
        description="Runs a comparison, or goes on with it.",
        epilog="\n".join(
            f"{e.name}: {e.question}" for e in EXPERIMENTS.values()
        ),
        formatter_class=argparse.RawTextHelpFormatter,
    )
    parser.add_argument("name", metavar="NAME", help=", ".join(EXPERIMENTS))
    parser.add_argument(
        "--dataset",
        default="photo_patches",
        help="photo_patches (default), a TFDS name such as cifar10, a folder",
    )
    parser.add_argument(
        "--seeds", type=int, default=3, help="trials each; default: 3"
    )
    parser.add_argument(
        "--epochs", type=int, help="at most; default: the experiment's"
    )
    parser.add_argument(
        "--output", help="default: runs/experiment-NAME-DATASET.json"
    )
    typed = parser.parse_args(arguments)
    dataset = config.path_name(typed.dataset)
    output = pathlib.Path(
        typed.output or f"runs/experiment-{typed.name}-{dataset}.json"
    )
    words = sys.argv[1:] if arguments is None else arguments
    again = shlex.join(["python", "-m", "alexnet_lab.experiments", *words])
    try:
        found = run(
            typed.name,
            typed.dataset,
            seeds=typed.seeds,
            epochs=typed.epochs,
            output=output,
            say=lambda line: print(line, flush=True),
        )
    except (ValueError, OSError) as error:
        print(f"error: {printable(error)}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        kept = f"complete trials are in {printable(output)}"
        if not output.exists():
            kept = "no trial is complete"
        print(f"Stopped; {kept}. To go on:\n{printable(again)}")
        return 130
    table = found.table()
    table["condition"] = table["condition"].map(printable)
    print(table.to_string(index=False))
    print(f"Written to {printable(output)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
