"""An experiment whose trials take no time, for the order in which they run."""

import pytest
from tiny_arrays import condition
from tiny_arrays import make_arrays

pytest.importorskip("tensorflow")

from alexnet_lab.experiments import runner  # noqa: E402

DATA = make_arrays(16, 8)
SEARCHED = condition("relu")
GIVEN = condition("tanh", "tanh", learning_rate=0.3)
EXPERIMENT = runner.Experiment(
    "tiny", "Which?", (SEARCHED, GIVEN), epochs=2, target=0.05
)
# The search tries 0.03, 0.01 and 0.1; then come the trials.
SEARCH = [("relu", rate, 0, 3) for rate in (0.03, 0.01, 0.1)]
TRIALS = [("relu", 0.03, 1, 2), ("tanh", 0.3, 1, 2)]
MORE = [("relu", 0.03, 2, 2), ("tanh", 0.3, 2, 2)]


class Runner:
    """Stands in for `run_trial`: what it is asked for decides the result."""

    def __init__(self, stop_at=None, stop=KeyboardInterrupt):
        self.asked, self.parts, self.targets, self.settings = [], [], [], []
        self.stop_at, self.stop = stop_at, stop

    def __call__(
        self, tried, data, rate, seed, epochs, target=None, **settings
    ):
        if len(self.asked) == self.stop_at:
            raise self.stop
        self.asked.append((tried.name, rate, seed, epochs))
        self.parts.append((len(data.train[1]), len(data.validation[1])))
        self.targets.append(target)
        self.settings.append(settings)
        loss = 0.1 + abs(rate - 0.03)  # 0.03 is the best rate
        errors = [0.9, loss / seed if seed else loss]
        return {
            "seed": seed,
            "learning_rate": rate,
            "diverged": False,
            "seconds": 60.0,
            "train_loss": [1.1, loss],
            "train_error": errors,
            "val_loss": [1.1, loss],
            "val_error": errors,
        }
