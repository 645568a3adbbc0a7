"""Figures of stored experiments, as the README and the claims write them."""

import numpy as np

from alexnet_lab.experiments import results_file
from alexnet_lab.published_results import stored_result


def load(name):
    return results_file.load_results(stored_result(name))


def spread(values, digits=1):
    """Mean and range."""
    mean, low, high = (
        f"{f(values):.{digits}f}" for f in (np.mean, np.min, np.max)
    )
    return f"{mean} ({low} to {high})"


def ratios(found, slow, fast, error):
    """Epochs to a training error, seed by seed; without those not there."""
    pairs = zip(found.epochs_to(slow, error), found.epochs_to(fast, error))
    return [a / b for a, b in pairs if a is not None]


def last(found, name, column, most=1.0):
    """A column of the trials that end at a training error of `most`, in %."""
    table = found.table()
    rows = table[(table.condition == name) & (table.train_error <= most)]
    return 100 * rows[column].to_numpy()
