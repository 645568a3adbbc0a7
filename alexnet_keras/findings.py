"""What an experiment found: on disk after every trial, tidy in memory."""

import hashlib
import json
import pathlib
import platform
import shlex

import keras
import numpy as np
import pandas as pd
import tensorflow as tf

from alexnet_keras import checkpoints
from alexnet_keras import settings
from alexnet_keras import trials
from alexnet_keras.results import describe_hardware


class Findings:
    """The record of an experiment, and what follows from it.

    Attributes:
        record: a dict for JSON: `experiment`, `question`, `command`,
            `settings`, `software`, `hardware`, and for each condition its
            `learning_rate`, what was `tried` to find it, and its `trials` as
            `trials.run_trial` gives them.
    """

    def __init__(self, record, path=None):
        self.record = record
        self._path = path

    @property
    def conditions(self):
        """Names of the conditions that have trials, in order."""
        parts = self.record["conditions"]
        return [name for name, part in parts.items() if part["trials"]]

    def trials(self, name):
        """Returns the trials of a condition, a dict each."""
        parts = self.record["conditions"]
        if name not in parts:
            raise ValueError(
                f"`name` must be one of {', '.join(map(repr, parts))}. "
                f"Received: name={name!r}"
            )
        return parts[name]["trials"]

    def curves(self, name, curve):
        """Returns a curve of a condition, a row a seed.

        Args:
            name: of the condition.
            curve: `"train_error"`, `"val_error"`, `"train_loss"` or
                `"val_loss"`.

        Returns:
            A float array `(seeds, 1 + epochs)`; NaN after the end of a trial.
        """
        rows = self._rows(name, curve)
        longest = max(map(len, rows), default=0)
        table = np.full((len(rows), longest), np.nan)
        for line, row in zip(table, rows):
            line[: len(row)] = row
        return table

    def epochs_to(self, name, error, curve="train_error"):
        """Returns when the trials of a condition first reach an error.

        Between two epochs the error is taken to fall in a straight line.

        Returns:
            A list with a number of epochs for each seed; `None` for a trial
            that does not come there.
        """
        return [epochs_to(row, error) for row in self._rows(name, curve)]

    def table(self):
        """Returns a `pandas.DataFrame` with a row a trial.

        Columns: `condition`, `learning_rate`, `seed`, `epochs`, the last
        `train_error` and `val_error`, their difference `gap`, the lowest
        `best_val_error`, `seconds`, `diverged`.
        """
        return pd.DataFrame(
            [
                {
                    "condition": name,
                    "learning_rate": trial["learning_rate"],
                    "seed": trial["seed"],
                    "epochs": len(trial["val_error"]) - 1,
                    "train_error": trial["train_error"][-1],
                    "val_error": trial["val_error"][-1],
                    "gap": trial["val_error"][-1] - trial["train_error"][-1],
                    "best_val_error": min(trial["val_error"]),
                    "seconds": trial["seconds"],
                    "diverged": trial["diverged"],
                }
                for name in self.conditions
                for trial in self.trials(name)
            ]
        )

    def rate(self, condition):
        """The learning rate of a condition, `None` if not yet searched."""
        if condition.learning_rate is not None:
            return condition.learning_rate
        return self._part(condition)["learning_rate"]

    def has(self, condition, seed):
        """Whether a trial is there already."""
        trials_there = self._part(condition)["trials"]
        return any(trial["seed"] == seed for trial in trials_there)

    def add_rate(self, condition, rate, tried):
        """Adds the result of a search, and writes the file."""
        tried = {f"{key:g}": value for key, value in tried.items()}
        self._part(condition).update(learning_rate=rate, tried=tried)
        self._write()

    def add_trial(self, condition, trial):
        """Adds a trial, and writes the file."""
        part = self._part(condition)
        part["learning_rate"] = trial["learning_rate"]
        part["trials"].append(trial)
        self._write()

    def _rows(self, name, curve):
        if curve not in trials.CURVES:
            raise ValueError(
                f"`curve` must be one of {', '.join(map(repr, trials.CURVES))}."
                f" Received: curve={curve!r}"
            )
        return [trial[curve] for trial in self.trials(name)]

    def _part(self, condition):
        return self.record["conditions"][condition.name]

    def _write(self):
        if self._path is None:
            return
        text = json.dumps(self.record, indent=1) + "\n"
        checkpoints.write_atomically(
            self._path, lambda part: part.write_text(text, encoding="utf-8")
        )


def epochs_to(errors, error):
    """Returns when a curve first reaches `error`, in epochs; or `None`.

    Args:
        errors: by epoch, the first before the training.
        error: what is to be reached.

    >>> epochs_to([0.9, 0.5, 0.1], 0.3)
    1.5
    >>> epochs_to([0.9, 0.5], 0.3) is None
    True
    """
    if errors and errors[0] <= error:
        return 0.0
    for epoch, (before, after) in enumerate(zip(errors, errors[1:])):
        if after <= error < before:
            return epoch + (before - error) / (before - after)
    return None


def load_findings(path):
    """Reads the file that an experiment wrote.

    Raises:
        ValueError: if it is not there, or is no such file.
    """
    return Findings(_read(path, "path"), pathlib.Path(path))


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


def open_findings(output, experiment, data, epochs):
    """Returns the findings to add to: those in `output`, or empty ones.

    Raises:
        ValueError: if `output` holds another experiment, or this one with
            other settings, or cannot be written.
    """
    record = _new_record(experiment, data, epochs)
    if output is None:
        return Findings(record)
    path = pathlib.Path(output)
    try:
        settings.claim_folder(path.parent)
    except ValueError as error:
        # What was typed is the file, not its folder.
        reason = str(error).partition(" Received: ")[0]
        raise ValueError(f"{reason} Received: output={str(output)!r}") from None
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        return Findings(record, path)
    there = _read(path, "output")
    differing = [
        f"{name} is {there['settings'].get(name)!r} there and {value!r} here"
        for name, value in record["settings"].items()
        if there["settings"].get(name) != value
    ]
    for name, part in record["conditions"].items():
        old = there["conditions"].get(name)
        if old is not None and old["contents"] != part["contents"]:
            differing.append(f"condition {name!r} is not the same")
    if differing:
        raise ValueError(
            f"`output` holds an experiment with other settings: "
            f"{'; '.join(differing)}. Name another file. "
            f"Received: output={str(output)!r}"
        )
    # In the order of the experiment, what is there first.
    record["conditions"] |= there["conditions"]
    record["command"] = there["command"]
    return Findings(record, path)


def _new_record(experiment, data, epochs):
    words = ["python", "-m", "alexnet_keras.experiments", experiment.name]
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
            "train_size": len(data.train[1]),
            "validation_size": len(data.validation[1]),
            "batch_size": trials.BATCH_SIZE,
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
                "contents": hashlib.sha256(
                    repr(condition).encode()
                ).hexdigest()[:12],
                "learning_rate": condition.learning_rate,
                "trials": [],
            }
            for condition in experiment.conditions
        },
    }


def describe_trial(name, trial):
    """Returns a trial in a line.

    >>> describe_trial("relu", {"seed": 1, "train_error": [0.9, 0.25],
    ...     "val_error": [0.9, 0.3], "seconds": 60.0, "diverged": False})
    'relu, seed 1: training error 25.0 %, validation 30.0 % after 1 epochs
    (60 s)'
    """
    if trial["diverged"]:
        outcome = "the loss is no number any more"
    else:
        outcome = (
            f"training error {trial['train_error'][-1]:.1%}, validation "
            f"{trial['val_error'][-1]:.1%}"
        ).replace("%", " %")
    return (
        f"{name}, seed {trial['seed']}: {outcome} after "
        f"{len(trial['train_error']) - 1} epochs ({trial['seconds']:.0f} s)"
    )
