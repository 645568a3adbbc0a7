"""What a run does beside `fit`: follow its recipe, save itself, warn."""

import contextlib
import math
import signal
import sys
import threading
import time

import keras
import pandas as pd
import tensorflow as tf

from alexnet_keras import metrics
from alexnet_keras import optimizers
from alexnet_keras.diagnostics import checklist
from alexnet_keras.training import checkpoints
from alexnet_keras.utils import atomic

PATIENCE = (
    "Nothing on the check-list was found. A table whose weights are small "
    "(init 0.01) needs some hundred steps before it starts."
)


class ApplyRecipe(keras.callbacks.Callback):
    """Sets the rates of each epoch; ends the run when the recipe is over.

    Args:
        recipe: a `Recipe`.
        history: the lists by epoch that `SaveProgress` fills.
        say: a function that gets a sentence when the run ends early.
    """

    def __init__(self, recipe, history, say=print):
        super().__init__()
        self.recipe, self.history, self.say = recipe, history, say

    def _stage(self, epoch):
        errors = [1 - top_1 for top_1 in self.history.get("val_top_1", [])]
        return self.recipe.stage_at(epoch, errors)

    def is_over(self, epoch):
        """Whether nothing is left to do from this epoch on."""
        return self._stage(epoch) is None

    def on_epoch_begin(self, epoch, logs=None):
        stage = self._stage(epoch)
        optimizers.unwrap(self.model.optimizer).set_rates(
            stage.rate, stage.bias_rate, dict(stage.layers)
        )

    def on_epoch_end(self, epoch, logs=None):
        done = epoch + 1
        if done < self.recipe.epochs and self.is_over(done):
            self.model.stop_training = True
            self.say(
                f"The validation error has not fallen for "
                f"{self.recipe.patience} epoch(s) at the last rate: the run ends "
                f"after epoch {done}."
            )


class SaveProgress(keras.callbacks.Callback):
    """Records the history, and saves what a run needs to go on.

    Args:
        folder: where checkpoints and `history.csv` go; `None`: nowhere.
        progress: of the checkpoint that the run goes on from, or an empty
            dict. Its `history` is continued in place; `settings`, of the
            run, go into every checkpoint.
        steps: batches in an epoch.
        save_every: steps between checkpoints inside an epoch; `None`: at the
            ends of epochs only.
        interruption: a `threading.Event`; once set, the next step is saved
            and `KeyboardInterrupt` raised.

    Attributes:
        saved: whether all steps made so far are in a checkpoint.
    """

    def __init__(self, folder, progress, steps, save_every, interruption):
        super().__init__()
        self.folder, self.steps = folder, steps
        self.save_every, self.interruption = save_every, interruption
        self.history = progress.get("history", {})
        self.begun = dict(progress.get("begun", {}))
        for logs in (self.history, self.begun):
            logs.pop("images_per_second", None)  # of runs until November 2026
        self.done = progress.get("done", 0)  # steps of the epoch begun
        self.seconds = progress.get("seconds", 0.0)
        self.settings = progress.get("settings", {})
        self.last = time.perf_counter()
        self.saved = True

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch, self.resumed = epoch, self.done

    def on_train_batch_begin(self, batch, logs=None):
        self.saved = False

    def on_train_batch_end(self, batch, logs=None):
        self.done = self.resumed + batch + 1
        # The last one as well: validation, which comes next, may take long.
        due = self.done % (self.save_every or self.steps) == 0
        due = due or self.done == self.steps
        whole = math.isfinite(logs["loss"])  # or there is nothing to save
        if whole and (due or self.interruption.is_set()):
            self._save(self.epoch, self.done, self._merge(logs))
        self._stop_if_interrupted()

    def on_test_batch_end(self, batch, logs=None):
        self._stop_if_interrupted()

    def on_epoch_end(self, epoch, logs=None):
        logs.update(self._merge(logs))
        for name, value in logs.items():
            self.history.setdefault(name, []).append(float(value))
        self.done, self.begun = 0, {}
        if self.folder is not None:
            table = pd.DataFrame(self.history)
            table.insert(0, "epoch", range(1, len(table) + 1))
            atomic.write(
                self.folder / "history.csv",
                lambda part: table.to_csv(part, index=False),
            )
        if math.isfinite(logs["loss"]):  # or there is nothing to go on from
            self._save(epoch + 1, 0, {})
        self._stop_if_interrupted()

    def elapsed(self):
        """Seconds of training so far, those before a resumption included."""
        now = time.perf_counter()
        self.seconds += now - self.last
        self.last = now
        return self.seconds

    def _merge(self, logs):
        """Means over the epoch, from before and after a resumption."""
        share = self.resumed / max(self.resumed + self._here(), 1)
        return {
            name: share * self.begun.get(name, value) + (1 - share) * value
            for name, value in logs.items()
            if name in ("loss", "top_1", "top_5")
        }

    def _here(self):
        return self.done - self.resumed

    def _save(self, epoch, done, begun):
        if self.folder is None:
            return
        checkpoints.save(
            self.folder,
            epoch * self.steps + done,
            checkpoints.state_of(self.model),
            {
                "settings": self.settings,
                "history": self.history,
                "begun": {name: float(mean) for name, mean in begun.items()},
                "done": done,
                "seconds": self.elapsed(),
            },
        )
        self.saved = True

    def _stop_if_interrupted(self):
        if self.interruption.is_set():
            raise KeyboardInterrupt


@contextlib.contextmanager
def graceful_shutdown():
    """Turns the first Ctrl-C (or SIGTERM, SIGHUP) into an event; the third works.

    An interruption in the middle of a step would leave weights of one step
    beside velocities of another. The second is answered in words.
    """
    event = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield event  # signals are for the main thread
        return
    names = ("SIGINT", "SIGTERM", "SIGHUP")  # the last: a lost terminal
    signals = [getattr(signal, x) for x in names if hasattr(signal, x)]
    before = {number: signal.getsignal(number) for number in signals}

    def restore():
        for number, handler in before.items():
            signal.signal(number, handler)

    def handle(number, frame):
        text = "Stopping after this step…"
        if event.is_set():
            restore()
            text = "Still at this step. Once more loses what is not saved yet."
        event.set()
        # Python refuses to print in the middle of printing.
        with contextlib.suppress(RuntimeError):
            print(f"\n{text}", file=sys.stderr, flush=True)

    for number in signals:
        signal.signal(number, handle)
    try:
        yield event
    finally:
        restore()


@contextlib.contextmanager
def naming_full_disk(folder):
    """Says in words that TensorBoard's events could not be written."""
    try:
        yield
    except tf.errors.OpError as error:
        if "Summary" not in str(error):
            raise
        reason = error.message.splitlines()[0].rpartition("; ")[2]
        atomic.refuse(folder / "tensorboard", reason, error)


class ChanceWarning(keras.callbacks.Callback):
    """Says it in words when the loss stays at ln(classes), and why that is.

    The causes are looked for once in a run, the first time.

    Args:
        classes: number of classes.
        draw: a function that returns a batch `(images, labels)` on which the
            causes can be looked for.
        say: a function that gets the sentences. Defaults to `print`.
        after: steps at chance until it says so. Defaults to 300.
    """

    def __init__(self, classes, draw, say=print, after=300):
        super().__init__()
        self.chance, self.say, self.after = math.log(classes), say, after
        self.draw = draw
        self.steps = self.total = 0

    def on_epoch_begin(self, epoch, logs=None):
        self.seen = 0.0  # sum of the losses of this epoch

    def on_train_batch_end(self, batch, logs=None):
        # Keras reports the mean of the epoch so far.
        seen = logs["loss"] * (batch + 1)
        self.total += seen - self.seen
        self.seen = seen
        self.steps += 1
        if self.steps < self.after:
            return
        loss = self.total / self.steps
        if loss > metrics.NEAR_CHANCE * self.chance:
            self.say(
                f"The loss of the last {self.steps} steps is {loss:.3f}; "
                f"chance is ln({math.exp(self.chance):.0f}) = "
                f"{self.chance:.3f}."
            )
            self._explain()
        self.steps = self.total = 0

    def _explain(self):
        if self.draw is None:
            return
        self.say(
            "The cause is looked for on copies of the network; with large "
            "images on a CPU that takes minutes."
        )
        model = getattr(self.model, "network", self.model)
        faults = checklist.diagnose(model, *self.draw())
        self.say(checklist.report(faults) if faults else PATIENCE)
        self.draw = None
