"""Files of Keras whose numbers lie elsewhere are refused wherever one is read."""

import io
import json
import zipfile

import h5py
import numpy as np
import pytest
from support import narrow
from toy_classifier import build_toy

from alexnet_keras import build_alexnet
from alexnet_keras import classifier
from alexnet_keras.training import results
from alexnet_keras.weights import keras_format
from alexnet_keras.weights import loading

TABLE = narrow("torchvision")
ELSEWHERE = "lies somewhere else: a link, external storage or a virtual dataset"


def link(group, name, secret):
    group[name] = h5py.ExternalLink(secret, "data")


def soft_link(group, name, secret):
    group[name] = h5py.SoftLink("/somewhere")


def external(group, name, secret):
    """As with /etc/passwd: the bytes of any file."""
    group.create_dataset(
        name, (4,), "uint8", external=[(secret, 0, h5py.h5f.UNLIMITED)]
    )


def virtual(group, name, secret):
    layout = h5py.VirtualLayout((4,), "uint8")
    layout[:] = h5py.VirtualSource(secret, "data", (4,))
    group.create_virtual_dataset(name, layout)


def link_to_a_group(group, name, secret):
    place = group.name
    group.file.move(place, "/moved")
    group.file[place] = h5py.ExternalLink(secret, "/")


KINDS = (link, soft_link, external, virtual, link_to_a_group)


def change(path, kind, place):
    """Puts something else in the place of a dataset of a saved model."""
    secret = path.parent / "secret.h5"
    with h5py.File(secret, "w") as file:
        file["data"] = np.arange(4, dtype="uint8")
    content = io.BytesIO(path.read_bytes())
    if path.suffix == ".keras":
        with zipfile.ZipFile(path) as archive:
            parts = {name: archive.read(name) for name in archive.namelist()}
        content = io.BytesIO(parts["model.weights.h5"])
    with h5py.File(content, "r+") as file:
        group, _, name = place.rpartition("/")
        file.require_group(group)
        if place in file:
            del file[place]
        kind(file[group], name, str(secret))
    if path.suffix != ".keras":
        path.write_bytes(content.getvalue())
        return
    parts["model.weights.h5"] = content.getvalue()
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in parts.items():
            archive.writestr(name, data)


@pytest.mark.parametrize("ending", [".weights.h5", ".keras"])
def test_weights(tmp_path, ending):
    model, path = build_alexnet(variant=TABLE), tmp_path / f"model{ending}"
    save = model.save if ending == ".keras" else model.save_weights
    before = model.get_weights()
    for kind in KINDS:
        save(path, overwrite=True)
        loading.load(model, TABLE, path)
        change(path, kind, "layers/conv2d/vars/0")
        with pytest.raises(ValueError) as raised:
            loading.load(model, TABLE, path)
        assert ELSEWHERE in str(raised.value), kind
        assert str(raised.value).endswith(f"Received: weights={str(path)!r}")
        for now, then in zip(model.get_weights(), before, strict=True):
            np.testing.assert_array_equal(now, then)


@pytest.mark.parametrize("kind", KINDS)
def test_models(tmp_path, kind):
    path = tmp_path / "model.keras"
    build_toy("abc").save(path)
    classifier.load_classifier(path)
    change(path, kind, "layers/class_names/vars/0")
    with pytest.raises(ValueError) as raised:
        classifier.load_classifier(path)
    assert ELSEWHERE in str(raised.value)
    assert str(raised.value).endswith(f"Received: model={str(path)!r}")
    # The same file as that of a run that is complete.
    record = {"history": {}, "learned": True, "summary": ""}
    (tmp_path / "results.json").write_text(json.dumps(record))
    with pytest.raises(ValueError, match=ELSEWHERE):
        results.read(tmp_path, None)


def test_a_group_that_holds_itself(tmp_path):
    """Hard links may form a circle; each is visited once."""
    path = tmp_path / "x.weights.h5"
    with h5py.File(path, "w") as file:
        file["a/b/0"] = np.ones(3)
        file["a/b/again"] = file["a"]
    keras_format.check_hdf5(path)
