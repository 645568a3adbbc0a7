"""Files that are downloaded: by one process, in time, whole, and only once."""

import dataclasses
import hashlib
import os
import shutil
import socket
import subprocess
import sys
import time
import types

import keras
import numpy as np
import pth_files
import pytest
from support import ROOT
from support import message_of
from support import narrow
from support import to_numpy
from weight_servers import publish
from weight_servers import serving

from alexnet_keras import VARIANTS
from alexnet_keras import build_alexnet
from alexnet_keras import decode_predictions
from alexnet_keras import preprocess_input
from alexnet_keras.weights import downloads
from alexnet_keras.weights import imagenet
from alexnet_keras.weights import names as imagenet_names

SHAPE = (67, 67, 3)
CONTENT = bytes(range(256)) * 100


@pytest.fixture
def published(tmp_path, monkeypatch):
    """A function that fetches a file from a server on this machine."""
    folder, home = tmp_path / "server", tmp_path / "home"
    folder.mkdir()
    (folder / "narrow.pth").write_bytes(CONTENT)

    def fetch(sha256=None, gone=False, **how):
        file = folder / "narrow.pth"
        with serving(folder, **how) as address:
            publish(monkeypatch, home, "torchvision", address, file, sha256)
            if gone:
                file.unlink()
            return imagenet.fetch("torchvision")

    def left():
        names = [name for _, _, names in os.walk(home) for name in names]
        return [name for name in names if not name.endswith(".lock")]

    fetch.left = left
    fetch.home = home
    return fetch


def test_fetching_keeps_one_file(published):
    path = published()
    assert published.left() == ["narrow.pth"]
    changed = os.stat(path).st_mtime_ns
    assert published() == path
    assert os.stat(path).st_mtime_ns == changed


@pytest.mark.parametrize("size", [0, 1000, None])
def test_a_damaged_file_is_fetched_again(published, size, capsys):
    path = published()
    damaged = CONTENT[:-1] + b"x" if size is None else CONTENT[:size]
    with open(path, "wb") as file:
        file.write(damaged)
    capsys.readouterr()
    assert published() == path
    assert "does not match" in capsys.readouterr().out
    with open(path, "rb") as file:
        assert file.read() == CONTENT
    with open(path, "wb") as file:
        file.write(damaged)
    message = message_of(published, gone=True, error=ConnectionError)
    assert "404" in message and published.left() == []


def test_a_wrong_hash(published):
    message = message_of(published, sha256="0" * 64)
    address = imagenet.PUBLISHED["torchvision"].address
    assert message == (
        f"`weights`: what {address} sent is not the published file (its "
        f"SHA-256 is not {'0' * 64}), and was deleted. Try again later. "
        'Received: weights="imagenet"'
    )
    assert published.left() == []
    published()  # the next call starts anew


def test_a_connection_that_breaks(published):
    message = message_of(published, cut_at=1000, error=ConnectionError)
    address = imagenet.PUBLISHED["torchvision"].address
    assert message.startswith('`weights="imagenet"` could not be downloaded: ')
    assert message.endswith(
        f" Download {address} in another way and pass its path: "
        'weights="narrow.pth".'
    )
    assert "retrieval incomplete" in message
    assert published.left() == []
    published()


def test_no_network(published, monkeypatch):
    nowhere = imagenet.Published("http://127.0.0.1:9/x.pth", "0" * 64, (), ())
    monkeypatch.setenv("KERAS_HOME", str(published.home))
    monkeypatch.setitem(imagenet.PUBLISHED, "torchvision", nowhere)
    message = message_of(imagenet.fetch, "torchvision", error=ConnectionError)
    assert "Connection refused" in message
    assert published.left() == []


def test_a_file_that_is_gone(published):
    assert "404" in message_of(published, gone=True, error=ConnectionError)
    assert published.left() == []


@pytest.mark.parametrize("cut_at", [None, 1000])
def test_a_server_that_falls_silent(published, monkeypatch, cut_at):
    monkeypatch.setattr(downloads, "TIMEOUT", 0.3)
    started = time.monotonic()
    message = message_of(
        published, cut_at=cut_at, silent=5, error=ConnectionError
    )
    assert time.monotonic() - started < 4
    assert "timed out" in message
    assert published.left() == []
    assert socket.getdefaulttimeout() is None


def test_a_folder_that_cannot_be_written(published, tmp_path, monkeypatch):
    """Said before the download, not after; what is there is used."""
    published()
    published.home.rename(tmp_path / "moved")
    (tmp_path / "home").write_text("no folder")
    monkeypatch.setattr(keras.utils, "get_file", None)
    message = message_of(
        imagenet.fetch, "torchvision", error=NotADirectoryError
    )
    assert message.startswith('`weights="imagenet"` is kept in ')
    assert "which cannot be written: " in message
    assert message.endswith("Set KERAS_HOME to another folder.")
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "moved"))
    monkeypatch.setattr(downloads, "alone", None)
    assert os.path.exists(imagenet.fetch("torchvision"))


def test_a_full_disk(published, monkeypatch):
    full = types.SimpleNamespace(free=200 * 2**20)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: full)
    assert "needs 256 MiB in" in message_of(published, error=OSError)
    assert published.left() == []


def test_other_errors_are_not_called_the_network(published, monkeypatch):
    def dies(*_, **__):
        raise RuntimeError("a fault of ours")

    monkeypatch.setattr(keras.utils, "get_file", dies)
    assert "a fault of ours" in message_of(published, error=RuntimeError)
    utilities = keras.src.applications.imagenet_utils
    monkeypatch.setattr(utilities, "CLASS_INDEX", None)
    monkeypatch.setattr(utilities.file_utils, "get_file", dies)
    zeros = np.zeros((2, 1000))
    message_of(decode_predictions, zeros, error=RuntimeError)


FETCH = """
import sys
from alexnet_keras.weights import imagenet as weights
address, sha256 = sys.argv[1:]
published = weights.Published(address, sha256, (), ())
weights.PUBLISHED["torchvision"] = published
print(weights.fetch("torchvision"))
"""


def start_fetching(*arguments):
    return subprocess.Popen(
        [sys.executable, "-c", FETCH, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.slow
def test_processes_at_once_and_one_that_is_killed(tmp_path, monkeypatch):
    """The first is killed while it downloads; of two others one does."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("KERAS_BACKEND", "numpy")  # the quickest to import
    sha256 = hashlib.sha256(CONTENT).hexdigest()
    (tmp_path / "x.pth").write_bytes(CONTENT)
    requests = []
    with serving(tmp_path, cut_at=1000, silent=60, seen=requests) as address:
        first = start_fetching(f"{address}/x.pth", sha256)
        while not requests and first.poll() is None:
            time.sleep(0.05)
        assert first.poll() is None, first.communicate()
        first.kill()
        first.communicate()
    requests.clear()
    with serving(tmp_path, silent=1, seen=requests) as address:
        arguments = f"{address}/x.pth", sha256
        others = [start_fetching(*arguments) for _ in range(2)]
        for process in others:
            out, error = process.communicate(timeout=120)
            assert process.returncode == 0, error
            assert out.splitlines()[-1].endswith("x.pth")
    assert len(requests) == 1
    assert (tmp_path / "home/models/x.pth").read_bytes() == CONTENT


def test_a_classifier_of_published_weights(tmp_path, monkeypatch):
    """Photographs in, names out: what `predict caffe cat.jpg` uses."""
    from alexnet_keras import classifier

    table = narrow("torchvision")
    state, storages = {}, []
    for layer in build_alexnet(input_shape=SHAPE, variant=table).layers:
        for part, weight in zip(("weight", "bias"), layer.get_weights()):
            values = np.ascontiguousarray(weight.T)
            strides = tuple(step // 4 for step in values.strides)
            state[f"{layer.name}.{part}"] = pth_files.tensor(
                *(0, values.shape, strides, values.size), str(len(storages))
            )
            storages.append(values.tobytes())
    path = tmp_path / "narrow.pth"
    pth_files.write(path, pth_files.pickled(state), storages)
    network = build_alexnet(weights=path, input_shape=SHAPE, variant=table)
    names = tuple("abcdefg")
    monkeypatch.setattr(imagenet_names, "class_names", lambda: names)
    small = dataclasses.replace(table, input_shape=SHAPE)
    monkeypatch.setitem(VARIANTS, "torchvision", small)
    monkeypatch.setattr(imagenet, "CLASSES", 7)
    with serving(tmp_path) as address:
        publish(monkeypatch, tmp_path / "home", "torchvision", address, path)
        model = classifier.load_classifier("torchvision")
    assert classifier.check(model) == (67, names)
    photographs = np.random.default_rng(0).integers(
        0, 256, (2, *SHAPE), "uint8"
    )
    prepared = preprocess_input(photographs, variant="torchvision")
    np.testing.assert_allclose(
        to_numpy(model(photographs)), to_numpy(network(prepared)), atol=1e-6
    )
    model.save(tmp_path / "model.keras")
    loaded = classifier.load_classifier(tmp_path / "model.keras")
    np.testing.assert_array_equal(
        to_numpy(loaded(photographs)), to_numpy(model(photographs))
    )
    assert classifier.build_pretrained("torchvision").name == "torchvision"
