"""Runs an experiment, or what of it has not been run yet.

An experiment is a list of conditions, each trained from several seeds. The
result is one JSON file, written anew after every trial, so that a run that
was stopped goes on, and one with more seeds or conditions only adds to it.
"""

from alexnet_keras import validation
from alexnet_keras.data import datasets
from alexnet_lab.experiments import in_memory_data
from alexnet_lab.experiments import results
from alexnet_lab.experiments import results_file
from alexnet_lab.experiments import trial as trials
from alexnet_lab.experiments.definitions import Experiment
from alexnet_lab.experiments.definitions import get_experiment

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
        A `results.ExperimentResults`.

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
    if not isinstance(data, in_memory_data.Arrays):
        photographs = datasets.load_dataset(dataset)
        for sentence in photographs.skipped:
            say(sentence)
        data = in_memory_data.load_arrays(photographs, experiment.size)
    data = data.part(experiment.train_size, experiment.measured)
    with results_file.hold(output):
        found = results_file.open_results(output, experiment, data, epochs)
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
            say(results.describe_trial(condition.name, trial))
