"""Wheel and source distribution, in environments with little else."""

import importlib.metadata
import shutil
import subprocess
import sys
import tomllib
import venv

import pytest
from packaging.requirements import Requirement
from support import ROOT

# What whoever installs it for `build_alexnet()` may do, and what they are told.
LIGHT = """
import importlib.util
import sys

import keras
import numpy as np

import alexnet_keras
from alexnet_keras import diagnostics

assert keras.backend.backend() == sys.argv[1]
for heavy in ("tensorflow", "matplotlib", "pandas", "PIL", "onnx"):
    assert importlib.util.find_spec(heavy) is None, heavy
layers = alexnet_keras.derive_layers()
assert sum(layer.parameters for layer in layers) == 60965224
assert alexnet_keras.build_alexnet().count_params() == 60965224
table = alexnet_keras.VARIANTS["paper"].replace_layer("fc6", units=32)
model = alexnet_keras.build_alexnet(
    input_shape=(64, 64, 3),
    classes=3,
    classifier_activation=None,
    variant=table.replace_layer("fc7", units=32),
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


def experiments():
    from alexnet_lab import experiments


def towers():
    from alexnet_lab.two_gpus import model_parallel


def probe():
    from alexnet_lab import linear_probe

    linear_probe.fit_probe(np.eye(4), np.arange(4))


def evaluation():
    from alexnet_keras.inference import evaluation


def gradients():
    from alexnet_lab import gradients

    gradients.trace(model, images, labels)


def weights():
    alexnet_keras.build_alexnet(variant="caffe", weights="imagenet")


needs_train = data, train, figures, experiments, towers, probe
for act in (*needs_train, evaluation, gradients):
    assert "pip install 'alexnet-keras[train]'" in said(act), said(act)
assert "pip install 'alexnet-keras[onnx]'" in said(weights), said(weights)

import json

from alexnet_lab.published_results import stored_result

path = stored_result("imagenette_original")
print(len(json.loads(path.read_text(encoding="utf-8"))["history"]["loss"]))
"""


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A wheel and a source distribution, from a copy without build folders."""
    folder = tmp_path_factory.mktemp("built")
    root = shutil.copytree(
        ROOT,
        folder / "copy",
        ignore=shutil.ignore_patterns(".*", "build", "*.egg-info", "runs"),
    )
    command = [sys.executable, "-m", "build", "--no-isolation"]
    command += ["--outdir", folder / "dist", root]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return {path.suffix: path for path in (folder / "dist").iterdir()}


def required(*names):
    """The names of packages and of all that they need, without extras."""
    found, todo = set(), list(names)
    while todo:
        name = todo.pop()
        if name not in found:
            found.add(name)
            for text in importlib.metadata.requires(name) or ():
                needed = Requirement(text)
                if not needed.marker or needed.marker.evaluate({"extra": ""}):
                    todo.append(needed.name)
    return found


def make_environment(folder, *names):
    """A bare environment that sees these packages of ours, and no others."""
    venv.create(folder, with_pip=True)
    (site,) = (folder / "lib").glob("python*/site-packages")
    for old in site.glob("setuptools*"):  # of older Pythons, too old to build
        shutil.rmtree(old)
    for name in required(*names):
        one = importlib.metadata.distribution(name)
        for part in {file.parts[0] for file in one.files} - {".."}:
            if not (site / part).exists():
                (site / part).symlink_to(one.locate_file(part))
    return folder / "bin" / "python"


def test_every_package_goes_into_the_wheel():
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    named = tomllib.loads(text)["tool"]["setuptools"]["packages"]
    there = [
        ".".join(path.parent.relative_to(ROOT).parts)
        for top in ("alexnet_keras", "alexnet_lab")
        for path in (ROOT / top).rglob("__init__.py")
    ]
    assert sorted(named) == sorted([*there, "alexnet_lab.stored_results"])


@pytest.mark.slow
@pytest.mark.extra
@pytest.mark.parametrize("suffix, backend", [(".whl", "jax"), (".gz", "torch")])
def test_a_bare_environment_with_one_backend(
    suffix, backend, built, tmp_path, monkeypatch
):
    pytest.importorskip(backend, reason=f"needs the {backend} backend")
    # What builds the source distribution goes with it.
    python = make_environment(tmp_path / "venv", "keras", "setuptools", backend)
    install = [python, "-m", "pip", "install", "--quiet", "--no-index"]
    install += ["--no-build-isolation", built[suffix]]
    monkeypatch.delenv("PYTHONPATH", raising=False)
    subprocess.run(install, check=True)
    monkeypatch.setenv("KERAS_BACKEND", backend)
    done = subprocess.run(
        [python, "-c", LIGHT, backend],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert int(done.stdout.splitlines()[-1]) > 1  # epochs of a stored run
    command = [python, "-m", "alexnet_keras", "shapes"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0 and "60,965,224" in done.stdout
    command[-1:] = ["shapes", "--figure", "alexnet.png"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 2 and "alexnet-keras[train]" in done.stderr
    assert done.stderr.count("\n") == 1
