"""What an experiment found: on disk after every trial, tidy in memory."""

import json

import numpy as np
import pandas as pd

from alexnet_keras.utils import atomic
from alexnet_lab.experiments import trial as trials


class ExperimentResults:
    """The record of an experiment, and what follows from it.

    Attributes:
        record: a dict for JSON: `experiment`, `question`, `command`,
            `settings`, `software`, `hardware`, and for each condition its
            `learning_rate`, what was `tried` to find it, and its `trials` as
            `trial.run_trial` gives them.
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
        atomic.write(
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
