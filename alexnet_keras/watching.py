"""What can be seen of a run while it lasts: bar, lines, a warning in words."""

import contextlib
import math
import sys
import time

import keras
import tensorflow as tf
import tqdm

from alexnet_keras import checkpoints
from alexnet_keras import diagnostics

# A loss this near to ln(classes) is that of guessing.
NEAR_CHANCE = 0.95
WARN_AFTER = 300  # steps, and again after each such number
PATIENCE = (
    "Nothing on the check-list was found. A table whose weights are small "
    "(init 0.01) needs some hundred steps before it starts."
)


class Progress(keras.callbacks.Callback):
    """A bar with loss, top-1, images per second and time left.

    Args:
        epochs: of the whole run.
        steps: batches in an epoch.
        batch_size: images in a batch.
        first_step: where the run goes on. Defaults to 0.
        bar: whether to draw the bar, on stderr; lines by epoch are printed
            in any case. Defaults to `True`.
    """

    def __init__(self, epochs, steps, batch_size, first_step=0, bar=True):
        super().__init__()
        self.epochs, self.batch_size = epochs, batch_size
        self.bar = tqdm.tqdm(
            total=epochs * steps * batch_size,
            initial=first_step * batch_size,
            unit=" images",
            unit_scale=True,
            disable=None if bar else True,  # None: only on a terminal
            file=sys.stderr,
        )

    def on_train_batch_end(self, batch, logs=None):
        if not self.bar.disable:
            self.bar.set_postfix_str(
                f"loss {logs['loss']:.3f}, top-1 {logs['top_1']:.1%}",
                refresh=False,
            )
        self.bar.update(self.batch_size)

    def on_epoch_end(self, epoch, logs=None):
        self.bar.clear()
        print(
            f"epoch {epoch + 1}/{self.epochs}: loss {logs['loss']:.3f}, top-1 "
            f"{logs['top_1']:.1%}; validation loss {logs['val_loss']:.3f}, "
            f"top-1 {logs['val_top_1']:.1%}, top-5 {logs['val_top_5']:.1%}; "
            f"{logs['images_per_second']:.0f} images/s",
            flush=True,
        )


def close(watchers):
    """Ends the bar of a run, after its last `fit` or whatever broke it off."""
    for watcher in watchers:
        if isinstance(watcher, Progress):
            watcher.bar.close()


class Stopwatch(keras.callbacks.Callback):
    """Adds `images_per_second` of training, without validation, to the logs."""

    def __init__(self, batch_size):
        super().__init__()
        self.batch_size = batch_size

    def on_epoch_begin(self, epoch, logs=None):
        self.steps, self.seconds = 0, 0.0
        self.last = time.perf_counter()

    def on_train_batch_end(self, batch, logs=None):
        now = time.perf_counter()
        self.seconds += now - self.last
        self.last = now
        self.steps += 1
        self.rate = self.steps * self.batch_size / max(self.seconds, 1e-9)
        logs["images_per_second"] = self.rate

    def on_epoch_end(self, epoch, logs=None):
        if self.steps:  # or they were made before a resumption
            logs["images_per_second"] = self.rate


@contextlib.contextmanager
def naming_full_disk(folder):
    """Says in words that TensorBoard's events could not be written."""
    try:
        yield
    except tf.errors.OpError as error:
        if "Summary" not in str(error):
            raise
        reason = error.message.splitlines()[0].rpartition("; ")[2]
        checkpoints.refuse(folder / "tensorboard", reason, error)


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

    def __init__(self, classes, draw, say=print, after=WARN_AFTER):
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
        if loss > NEAR_CHANCE * self.chance:
            self.say(
                f"The loss of the last {self.steps} steps is {loss:.3f}; "
                f"guessing has ln({math.exp(self.chance):.0f}) = "
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
        faults = diagnostics.diagnose(self.model, *self.draw())
        self.say(diagnostics.report(faults) if faults else PATIENCE)
        self.draw = None
