"""Controlled comparisons: `python -m alexnet_keras.experiments NAME`.

An experiment is a list of conditions, each trained from several seeds. The
result is one JSON file, written anew after every trial, so that a run that
was stopped goes on, and one with more seeds or conditions only adds to it.
"""

import argparse
import pathlib
import shlex
import sys

from alexnet_keras import arrays
from alexnet_keras import datasets
from alexnet_keras import findings
from alexnet_keras import findings_files
from alexnet_keras import settings
from alexnet_keras import trials
from alexnet_keras import validation
from alexnet_keras.comparisons import EXPERIMENTS
from alexnet_keras.comparisons import Experiment
from alexnet_keras.comparisons import get_experiment
from alexnet_keras.printing import printable

SEARCH = {"train_size": 10_000, "validation_size": 1000, "epochs": 3}


def run(
    experiment,
    dataset="photo_patches",
    *,
    seeds=3,
    epochs=None,
    output=None,
    say=print,
):
    """Runs an experiment, or what of it has not been run yet.

    Seed after seed, all conditions; first the search for the learning rates,
    on a part of the training images, for the conditions that have none.

    Args:
        experiment: a name in `EXPERIMENTS`, or an `Experiment`.
        dataset: as in `datasets.load_dataset`, or `Arrays`. Defaults to
            `"photo_patches"`.
        seeds: number of trials of each condition. Defaults to 3.
        epochs: the most passes. Defaults to the experiment's.
        output: JSON file to write after every trial, and to go on from.
            Defaults to `None`: the result is only returned.
        say: gets a line for each trial. Defaults to `print`.

    Returns:
        A `findings.Findings`.

    Raises:
        ValueError: before anything runs, if an argument is out of range, or
            `output` holds another experiment, cannot be written or is being
            written by another process.
        KeyboardInterrupt: after Ctrl-C; with `output` all complete trials
            are saved.
    """
    if not isinstance(experiment, Experiment):
        experiment = get_experiment(experiment)
    seeds = validation.integer("seeds", seeds)
    epochs = experiment.epochs if epochs is None else epochs
    epochs = validation.integer("epochs", epochs)
    data = dataset
    if not isinstance(data, arrays.Arrays):
        photographs = datasets.load_dataset(dataset)
        for sentence in photographs.skipped:
            say(sentence)
        data = arrays.load_arrays(photographs, experiment.size)
    data = data.part(experiment.train_size, experiment.measured)
    with findings_files.hold(output):
        found = findings_files.open_findings(output, experiment, data, epochs)
        _run_missing(experiment, data, found, seeds, epochs, say)
    return found


def _run_missing(experiment, data, found, seeds, epochs, say):
    part = data.part(SEARCH["train_size"], SEARCH["validation_size"])
    same = {
        "batch_size": experiment.batch_size,
        "measured": experiment.measured,
    }
    for condition in experiment.conditions:
        if found.rate(condition) is None:
            rate, tried = trials.find_rate(
                condition, part, SEARCH["epochs"], say, **same
            )
            found.add_rate(condition, rate, tried)
    for seed in range(1, seeds + 1):
        for condition in experiment.conditions:
            if found.has(condition, seed):
                continue
            trial = trials.run_trial(
                condition,
                data,
                found.rate(condition),
                seed,
                epochs,
                experiment.target,
                **same,
            )
            found.add_trial(condition, trial)
            say(findings.describe_trial(condition.name, trial))


def main(arguments=None):
    """Runs the command line; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m alexnet_keras.experiments",
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
    dataset = settings.path_name(typed.dataset)
    output = pathlib.Path(
        typed.output or f"runs/experiment-{typed.name}-{dataset}.json"
    )
    words = sys.argv[1:] if arguments is None else arguments
    again = shlex.join(["python", "-m", "alexnet_keras.experiments", *words])
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
