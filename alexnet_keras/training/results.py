"""What remains of a training run: in memory, in words and on disk."""

import json
import math
import os
import platform
from dataclasses import asdict
from dataclasses import dataclass

import keras
import matplotlib.pyplot as plt

from alexnet_keras import metrics
from alexnet_keras.figures.training import plot_history
from alexnet_keras.training import config as configs
from alexnet_keras.training import distribution
from alexnet_keras.training.config import TrainConfig
from alexnet_keras.utils import atomic
from alexnet_keras.weights import keras_format

MODEL = "model.keras"
RESULTS = "results.json"


@dataclass(frozen=True)
class TrainingResult:
    """What `train` returns.

    Attributes:
        model: a `keras.Model` from images 0–255 to probabilities; the mean
            and the class names (`get_layer("class_names")`) are inside.
        history: lists by epoch: `loss`, `top_1`, `top_5` and the same on the
            validation data with `val_` in front. Losses are in nats.
        config: the `TrainConfig`, defaults filled in.
        learned: whether the loss came clearly below ln(classes).
        summary: the result in words, against chance.
    """

    model: keras.Model
    history: dict
    config: TrainConfig
    learned: bool
    summary: str


def summarize(history, classes):
    """Says in words what a run reached, against chance.

    A network that learns nothing has a loss of ln(classes), that of guessing
    with equal probabilities; this is reported as such.

    Args:
        history: lists by epoch, as in `TrainingResult`.
        classes: number of classes.

    Returns:
        `(learned, summary)`: whether the loss came at least 5 % below
        ln(classes), and a sentence.

    >>> summarize({"loss": [2.31], "val_loss": [2.30]}, classes=10)[0]
    False
    """
    chance_loss = math.log(classes)
    loss = history["loss"][-1]
    if not math.isfinite(loss):
        return False, (
            f"The network did not learn: the loss is {loss}. Train again with "
            "a smaller learning rate."
        )
    if (
        min(loss, history.get("val_loss", [loss])[-1])
        > metrics.NEAR_CHANCE * chance_loss
    ):
        return False, (
            f"The network did not learn: the loss is {loss:.3f}, and guessing "
            f"gives ln({classes}) = {chance_loss:.3f}. Accuracies mean "
            "nothing here. Train for more epochs, or with another learning "
            "rate."
        )
    accuracies = [
        f"top-1 {history['val_top_1'][-1]:.1%} (chance {1 / classes:.1%})"
    ]
    if classes > 5:
        accuracies.append(
            f"top-5 {history['val_top_5'][-1]:.1%} (chance {5 / classes:.1%})"
        )
    return True, (
        f"Validation: {', '.join(accuracies)}, loss "
        f"{history['val_loss'][-1]:.3f} (chance {chance_loss:.3f})."
    )


def write(folder, result, seconds):
    """Writes the model, the curves and the results of a run to a folder."""
    record = {
        "command": configs.command(result.config),
        "settings": asdict(result.config),
        "results": {
            name: values[-1] for name, values in result.history.items()
        },
        "history": result.history,
        "learned": result.learned,
        "summary": result.summary,
        "training_seconds": round(seconds, 1),
        "class_names": result.model.get_layer("class_names").class_names,
        "python": platform.python_version(),
        **distribution.versions(),
        "hardware": describe_hardware(),
    }
    put = atomic.write
    put(folder / MODEL, result.model.save)
    axes = plot_history(result.history, result.model.output_shape[-1])
    figure = axes[0].figure
    put(folder / "curves.png", lambda part: figure.savefig(part, dpi=100))
    plt.close(figure)
    # Last: where it stands, the run is complete.
    text = json.dumps(record, indent=2) + "\n"
    put(folder / RESULTS, lambda part: part.write_text(text, encoding="utf-8"))


def read(folder, config):
    """Returns the `TrainingResult` of a complete run, or `None`.

    Raises:
        ValueError: if a file of it is damaged.
    """
    file = folder / RESULTS
    if not file.exists():
        return None
    try:
        record = json.loads(file.read_text(encoding="utf-8"))
        told = [record[name] for name in ("history", "learned", "summary")]
        file = folder / MODEL
        keras_format.check_hdf5(file)
        model = keras.models.load_model(file)
    except Exception as error:
        # Whatever JSON, Keras, zipfile or h5py raise, the file is of no use.
        reason = next(iter(str(error).strip().splitlines()), "")
        raise ValueError(
            f"`output` holds a complete run whose {file.name} is damaged or "
            f"not there ({type(error).__name__}: {reason}). Name another "
            f"folder, or remove {RESULTS} to train it again from the start. "
            f"Received: output={str(folder)!r}"
        ) from error
    history, learned, summary = told
    return TrainingResult(model, history, config, learned, summary)


def describe_hardware():
    """Returns the GPUs, or the number of CPU cores, in words."""
    gpus = distribution.gpu_names()
    if gpus:
        return f"{len(gpus)} × {gpus[0]}"
    return f"{os.cpu_count()} CPU cores, {platform.machine()}"
