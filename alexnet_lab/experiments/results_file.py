"""The file of an experiment: read, gone on with, or begun."""

import contextlib
import json
import pathlib
import platform
import shlex

import keras
import tensorflow as tf

from alexnet_keras.training import checkpoints
from alexnet_keras.training import run_folder
from alexnet_keras.training.results import describe_hardware
from alexnet_keras.utils.fingerprint import fingerprint
from alexnet_keras.utils.fingerprint import former_fingerprint
from alexnet_lab.experiments.results import ExperimentResults


def load_results(path):
    """Reads the file that an experiment wrote.

    Raises:
        ValueError: if it is not there, or is no such file.
    """
    return ExperimentResults(_read(path, "path"), pathlib.Path(path))


def _read(path, argument):
    """Returns the record in a file, or names the argument that is wrong."""
    received = f"Received: {argument}={str(path)!r}"
    try:
        record = json.loads(pathlib.Path(path).read_text(encoding="utf-8"))
        record["command"], record["settings"].items()
        for part in record["conditions"].values():
            part["contents"], part["learning_rate"], part["trials"]
    except OSError as error:
        raise ValueError(
            f"`{argument}` cannot be read: {error.strerror}. {received}"
        ) from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise ValueError(
            f"`{argument}` is no file of an experiment. {received}"
        ) from None
    return record


@contextlib.contextmanager
def hold(output):
    """Keeps other processes from adding to a file, which would lose trials.

    Raises:
        ValueError: if one is at it, or `output` cannot be written.
    """
    if output is None:
        yield
        return
    path = _claim(output)
    with run_folder.only_here(path.with_name(f".lock-{path.name}"), path):
        checkpoints.remove_parts(path.parent, [path.name])
        yield


def _claim(output):
    """Returns the path of a file whose folder is there and can be written."""
    path = pathlib.Path(output)
    try:
        run_folder.claim(path.parent)
    except ValueError as error:
        # What was typed is the file, not its folder.
        reason = str(error).partition(" Received: ")[0]
        raise ValueError(f"{reason} Received: output={str(output)!r}") from None
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def open_results(output, experiment, data, epochs):
    """Returns the results to add to: those in `output`, or empty ones.

    Raises:
        ValueError: if `output` holds another experiment, or this one with
            other settings, or cannot be written.
    """
    record = new_record(experiment, data, epochs)
    if output is None:
        return ExperimentResults(record)
    path = _claim(output)
    if not path.is_absolute():  # which would mean nothing elsewhere
        words = ["--output", path.as_posix()]
        record["command"] = f"{record['command']} {shlex.join(words)}"
    if not path.exists():
        return ExperimentResults(record, path)
    there = _read(path, "output")
    differing = [
        f"{name} is {there['settings'].get(name)!r} there and {value!r} here"
        for name, value in record["settings"].items()
        if there["settings"].get(name) != value
    ]
    for condition in experiment.conditions:
        old = there["conditions"].get(condition.name)
        known = fingerprint(condition), former_fingerprint(condition)
        if old is not None and old["contents"] not in known:
            differing.append(f"condition {condition.name!r} is not the same")
    if differing:
        raise ValueError(
            f"`output` holds an experiment with other settings: "
            f"{'; '.join(differing)}. Name another file. "
            f"Received: output={str(output)!r}"
        )
    # In the order of the experiment, what is there first.
    record["conditions"] |= there["conditions"]
    record["command"] = there["command"]
    return ExperimentResults(record, path)


def new_record(experiment, data, epochs):
    """Returns the record of an experiment that has no trials yet."""
    words = ["python", "-m", "alexnet_lab.experiments", experiment.name]
    words += ["--dataset", data.name]
    if epochs != experiment.epochs:
        words += ["--epochs", str(epochs)]
    return {
        "experiment": experiment.name,
        "question": experiment.question,
        "command": shlex.join(words),
        "settings": {
            "experiment": experiment.name,
            "dataset": data.name,
            "size": data.train[0].shape[1],
            "train_size": len(data.train[1]),
            "validation_size": len(data.validation[1]),
            "batch_size": experiment.batch_size,
            "epochs": epochs,
            "target": experiment.target,
        },
        "software": {
            "python": platform.python_version(),
            "tensorflow": tf.__version__,
            "keras": keras.__version__,
        },
        "hardware": describe_hardware(),
        "conditions": {
            condition.name: {
                "contents": fingerprint(condition),
                "learning_rate": condition.learning_rate,
                "trials": [],
            }
            for condition in experiment.conditions
        },
    }
