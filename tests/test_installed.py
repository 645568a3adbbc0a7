"""Wheel and source distribution, in environments with little else."""

import importlib.metadata
import subprocess
import sys
import venv

import pytest
from support import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.extra]
# What whoever installs it for `build_alexnet()` may do, and what they are told.
LIGHT = """
import sys

import keras
import numpy as np

import alexnet_keras
from alexnet_keras import diagnostics

assert keras.backend.backend() == sys.argv[1]
assert sum(row.parameters for row in alexnet_keras.derive_layers()) == 60965224
model = alexnet_keras.build_alexnet(
    input_shape=(64, 64, 3), classes=3, classifier_activation=None
)
loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
model.compile(alexnet_keras.SGD2012(0.01), loss, metrics=[])
images = np.random.default_rng(0).normal(0, 60, (16, 64, 64, 3))
images, labels = images.astype("float32"), np.arange(16) % 3
model.fit(images, labels, batch_size=8, verbose=0)
print(diagnostics.report(diagnostics.diagnose(model, images, labels)))
assert "tensorflow" not in sys.modules


def said(act):
    try:
        act()
    except ImportError as error:
        return str(error)
    return "nothing is missing"


def data():
    from alexnet_keras.data import datasets


def train():
    from alexnet_keras import training

    training.train()


def figures():
    from alexnet_keras.figures import network


def weights():
    alexnet_keras.build_alexnet(variant="caffe", weights="imagenet")


for act in (data, train, figures):
    assert "pip install 'alexnet-keras[train]'" in said(act), said(act)
assert "pip install 'alexnet-keras[onnx]'" in said(weights), said(weights)

import json

from alexnet_lab.published_results import stored_result

path = stored_result("train_photo_patches")
print(len(json.loads(path.read_text(encoding="utf-8"))["history"]["loss"]))
"""


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A wheel and a source distribution, built as `pip install .` does."""
    folder = tmp_path_factory.mktemp("built")
    command = [sys.executable, "-m", "build", "--outdir", folder, ROOT]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return {path.suffix: path for path in folder.iterdir()}


@pytest.mark.parametrize("suffix, backend", [(".whl", "jax"), (".gz", "torch")])
def test_a_bare_environment_with_one_backend(
    suffix, backend, built, tmp_path, monkeypatch
):
    pytest.importorskip(backend, reason=f"needs the {backend} backend")
    venv.create(tmp_path / "venv", with_pip=True)
    python = tmp_path / "venv" / "bin" / "python"
    same = f"{backend}=={importlib.metadata.version(backend)}"
    install = [python, "-m", "pip", "install", "--quiet", built[suffix], same]
    subprocess.run(install, check=True)
    monkeypatch.setenv("KERAS_BACKEND", backend)
    monkeypatch.delenv("PYTHONPATH", raising=False)
    done = subprocess.run(
        [python, "-c", LIGHT, backend],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert int(done.stdout.splitlines()[-1]) > 1  # epochs of a stored run
    listed = [python, "-m", "pip", "list", "--format=freeze"]
    names = subprocess.run(listed, capture_output=True, text=True).stdout
    for heavy in ("tensorflow", "jupyter", "matplotlib", "pandas"):
        assert f"\n{heavy}==" not in names
