"""Trains in child processes and kills them: `python kills.py REPLICAS KILLS`.

Prints a JSON object: the step of the newest checkpoint after each kill, and
whether the weights are those of a run that was left alone. The children are
forks of a process that has imported TensorFlow but not started it, which
spares them the import.
"""

import json
import os
import pathlib
import random
import signal
import sys
import tempfile
import time

import keras
import numpy as np
from PIL import Image
from support import narrow

from alexnet_keras.training import trainer

STEPS_AN_EPOCH, EPOCHS, BATCH_SIZE = 5, 13, 4


class Tell(keras.callbacks.Callback):
    """Writes a byte after every step, and goes on when it has read one."""

    def __init__(self, told, allowed):
        super().__init__()
        self.told, self.allowed = told, allowed

    def on_train_batch_end(self, batch, logs=None):
        os.write(self.told, b".")
        os.read(self.allowed, 1)


def make_images(root):
    generator = np.random.default_rng(0)
    counts = {"train": STEPS_AN_EPOCH * BATCH_SIZE + 1, "validation": 5}
    for split, count in counts.items():
        for number in range(count):
            path = root / split / "ab"[number % 2] / f"{number:03}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            pixels = generator.integers(0, 255, (80, 80, 3), "uint8")
            Image.fromarray(pixels).save(path)
    return str(root)


def train(dataset, output, replicas, *pipes):
    trainer.train(
        dataset,
        narrow("original"),
        recipe="original",  # noise, chunks, a freeze: all that has a state
        epochs=EPOCHS,
        batch_size=BATCH_SIZE,
        input_size=67,
        replicas=replicas,
        output=output,
        save_every=2,
        verbose=0,
        callbacks=[Tell(*pipes)] if pipes else (),
    )


def in_child(function, *arguments):
    """Runs a function in a fork; returns its process number."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            function(*arguments)
            status = 0
        finally:
            os._exit(status)
    return child


def kill_once(dataset, output, replicas, steps, delay):
    """Kills a run after `steps` steps and `delay` of the last one's time.

    However long that was, the run makes two steps more at most: it would come
    to its end before it had been killed often enough.
    """
    told, tell = os.pipe()
    allowed, allow = os.pipe()
    os.write(allow, b"." * (steps + 1))
    child = in_child(train, dataset, output, replicas, tell, allowed)
    os.close(tell)
    for _ in range(steps):
        start = time.perf_counter()
        assert os.read(told, 1), "it ended by itself"
    time.sleep(delay * (time.perf_counter() - start))
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    for end in (told, allowed, allow):
        os.close(end)


def read_weights(model_file, to):
    model = keras.models.load_model(model_file)
    np.savez(to, *model.get_weights())


def main(replicas, kills):
    root = pathlib.Path(tempfile.mkdtemp())
    dataset = make_images(root / "images")
    whole, broken = root / "whole", root / "broken"
    _, status = os.waitpid(in_child(train, dataset, whole, replicas), 0)
    assert status == 0
    chance = random.Random(replicas)
    killed = []
    for _ in range(kills):
        # At least as many steps as lie between checkpoints, or it would
        # never get on; then a moment in the step or in the writing.
        steps, delay = chance.randint(3, 4), chance.uniform(0, 1.5)
        kill_once(dataset, broken, replicas, steps, delay)
        newest = max(broken.glob("checkpoint-*.npz"), default=None)
        killed.append(newest and int(newest.stem.split("-")[1]))
    _, status = os.waitpid(in_child(train, dataset, broken, replicas), 0)
    assert status == 0
    for name in (whole, broken):
        model = name / "model.keras"
        os.waitpid(in_child(read_weights, model, name / "weights.npz"), 0)
    first, second = (np.load(name / "weights.npz") for name in (whole, broken))
    histories = [
        json.loads((name / "results.json").read_text())["history"]
        for name in (whole, broken)
    ]
    print(
        json.dumps(
            {
                "killed": killed,
                "arrays": len(first.files),
                "equal": all(
                    np.array_equal(first[name], second[name])
                    for name in first.files
                ),
                "losses": [history["loss"] for history in histories],
                "val_losses": [history["val_loss"] for history in histories],
            }
        )
    )


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
