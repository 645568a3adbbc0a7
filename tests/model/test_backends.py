"""The same weights give the same logits on TensorFlow, JAX and PyTorch.

And `train` runs on each, on one device.

TensorFlow saves each network as a `.keras` file; one process for JAX and one
for PyTorch load them all.
"""

import json

import pytest
from support import NAMES
from support import run_python

# Name: variant, what its widths are divided by, image size. Two at full width;
# in the rectangles pools hang over the edge and the average has bins of
# several sizes.
NETWORKS = {
    "paper full width": ("paper", None, None),
    "original full width": ("original", None, None),
    "original rectangle": ("original", 8, (75, 62)),
    "caffe rectangle": ("caffe", 8, (75, 103)),
    "single_tower narrow": ("single_tower", 8, None),
    "torchvision rectangle": ("torchvision", 8, (110, 300)),
    "d2l narrow": ("d2l", 8, None),
}
SAVE = """
import json
import pathlib
import sys

import keras
import numpy as np
import support

import alexnet_keras

folder = pathlib.Path(sys.argv[1])
assert keras.backend.backend() == "tensorflow"
for name, (variant, divisor, size) in json.loads(sys.argv[2]).items():
    table = alexnet_keras.VARIANTS[variant]
    if divisor:
        table = support.narrow(variant, divisor)
    shape = table.input_shape
    if size:
        shape = (*size, shape[-1])
    images = support.pixels((2, *shape))
    model = alexnet_keras.build_alexnet(
        input_shape=shape, classifier_activation=None, variant=table
    )
    support.enliven(model, images)
    model.save(folder / f"{name}.keras")
    logits = support.to_numpy(model(images, training=False))
    np.savez(folder / f"{name}.npz", images=images, logits=logits)
"""
LOAD = """
import json
import pathlib
import sys

import alexnet_keras
import keras
import numpy as np

report = {}
for path in sorted(pathlib.Path(sys.argv[1]).glob("*.keras")):
    saved = np.load(path.with_suffix(".npz"))
    model = keras.models.load_model(path)
    # `predict` compiles on JAX, where a call on values does not.
    logits = model.predict(saved["images"], verbose=0)
    report[path.stem] = {
        "difference": float(abs(logits - saved["logits"]).max()),
        "spread": float(saved["logits"].std()),
        "apart": float(abs(np.diff(saved["logits"], axis=0)).max()),
        "backend": keras.backend.backend(),
    }
print(json.dumps(report))
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder of models that TensorFlow has saved, with their logits."""
    pytest.importorskip("tensorflow", reason="TensorFlow saves the models")
    folder = tmp_path_factory.mktemp("networks")
    run_python(SAVE, folder, json.dumps(NETWORKS))
    return folder


@pytest.fixture(scope="module", params=["jax", "torch"])
def report(request, folder):
    """What one backend says about every model."""
    backend = request.param
    pytest.importorskip(backend, reason=f"needs the {backend} backend")
    printed = run_python(LOAD, folder, backend=backend)
    return backend, json.loads(printed.splitlines()[-1])


def test_every_variant_is_compared():
    assert {variant for variant, _, _ in NETWORKS.values()} == set(NAMES)


@pytest.mark.extra
@pytest.mark.parametrize("name", NETWORKS)
def test_logits_agree(name, report):
    backend, rows = report
    row = rows[name]
    assert row["backend"] == backend
    assert row["spread"] > 0.9 and row["apart"] > 0.1, "worth comparing"
    assert row["difference"] < 1e-4


# One device of another backend, a crash in the second epoch, and the same
# command again.
TRAIN = """
import json
import pathlib
import sys

import keras
import numpy as np
import toy_runs
from support import message_of

from alexnet_keras.data import datasets
from alexnet_keras.inference import evaluation
from alexnet_keras.training import distribution

class Crash(keras.callbacks.Callback):
    def on_train_batch_end(self, batch, logs=None):
        if keras.ops.convert_to_numpy(self.model.optimizer.iterations) == 5:
            raise toy_runs.Stop

folder = sys.argv[1]
dataset = toy_runs.make_images(pathlib.Path(folder, "images"), 24, 5)
alone = toy_runs.run(dataset, epochs=4)
plain = toy_runs.run_plain(dataset, epochs=4)
options = {"epochs": 4, "output": f"{folder}/run", "save_every": 2}
try:
    toy_runs.run(dataset, callbacks=[Crash()], **options)
except toy_runs.Stop:
    resumed = toy_runs.run(dataset, **options)

def apart(one, other):
    weights = zip(one.model.get_weights(), other.model.get_weights())
    return max(float(abs(a - b).max()) for a, b in weights)

print(json.dumps({
    "apart": apart(alone, resumed),
    "apart from a bare network": apart(alone, plain),
    "loss": alone.history["loss"],
    "history apart": max(
        abs(a - b)
        for name in alone.history
        for a, b in zip(alone.history[name], resumed.history[name])
    ),
    "ten views": evaluation.evaluate(
        resumed.model, datasets.load_dataset(dataset), ten_crop=True
    ).images,
    "refused": message_of(distribution.make_strategy, 2),
    "backend": json.load(open(f"{folder}/run/results.json"))["backend"],
}))
"""


@pytest.mark.extra
@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_a_run_on_another_backend_goes_on(backend, tmp_path):
    pytest.importorskip(backend, reason=f"needs the {backend} backend")
    printed = run_python(TRAIN, tmp_path, backend=backend)
    report = json.loads(printed.splitlines()[-1])
    if backend == "jax":  # Keras on PyTorch does not save dropout's state
        assert report["apart"] == 0
        assert report["history apart"] < 1e-6  # of means, of two parts
    assert report["apart from a bare network"] < 1e-6
    assert report["loss"][-1] < report["loss"][0]
    assert report["ten views"] == 5
    assert report["backend"].startswith(f"{backend} ")
    assert report["refused"] == (
        f"`replicas` must be 1 on Keras's {backend} backend; set "
        "KERAS_BACKEND=tensorflow for more. Received: replicas=2"
    )
