"""The folder of a run: let in, refused for other settings, or not writable."""

import dataclasses
import json
import os
import types

import pytest

pytest.importorskip("tensorflow")

from support import message_of  # noqa: E402
from toy_runs import fill_in  # noqa: E402

from alexnet_keras import variants  # noqa: E402
from alexnet_keras.training import recipes  # noqa: E402
from alexnet_keras.training import run_folder  # noqa: E402


def data(names=("cat", "dog"), size=9, **contents):
    return types.SimpleNamespace(
        train_size=size,
        validation_size=3,
        class_names=names,
        contents=dict.fromkeys(names, "as it was") | contents,
    )


def description(table="paper", data=data(), **options):  # noqa: B008
    run, recipe = fill_in(**options)
    table = variants.get_variant(table)
    return run_folder.describe(run, table, recipe, data)


def refusal(folder, differences):
    return (
        f"`output` holds a run with other settings: {differences}. Name "
        "another folder, or the settings of that run. "
        f"Received: output={str(folder)!r}"
    )


def test_the_same_settings_are_let_in(tmp_path):
    folder = tmp_path / "runs" / "one"
    assert run_folder.claim(folder, "cifar10") == folder
    folder.mkdir(parents=True)
    run_folder.check_same(folder, description())
    run_folder.write(folder, description())
    run_folder.check_same(folder, description())
    assert os.listdir(folder) == ["settings.json"]
    there = json.loads((folder / "settings.json").read_text())
    assert there["learning_rate"] == 0.01
    assert there["class_names"] == ["cat", "dog"]


@pytest.mark.parametrize(
    "options, differences",
    [
        ({"seed": 7}, "seed is 2012 there and 7 here"),
        (
            {"recipe": "quick", "epochs": 91},
            "recipe is 'original' there and 'quick' here; "
            "batch_size is 128 there and 64 here",
        ),
        ({"skip_bad": True}, "skip_bad is False there and True here"),
        (
            {"learning_rate": 0.02},
            "learning_rate is 0.01 there and 0.02 here",
        ),
        (
            {"data": data(("cat", "cow"), 8)},
            "train_size is 9 there and 8 here; the classes are not the same; "
            "the images of dog, cow are not the same, by their names or sizes",
        ),
        (
            {"data": data(dog="another")},
            "the images of dog are not the same, by their names or sizes",
        ),
        (
            {
                "table": dataclasses.replace(
                    variants.VARIANTS["paper"], pool_rounding="ceil"
                )
            },
            "the layers or the rates behind the names are not the same",
        ),
        (
            {
                "recipe": dataclasses.replace(
                    recipes.RECIPES["original"], momentum=0.8
                )
            },
            "the layers or the rates behind the names are not the same",
        ),
    ],
)
def test_other_settings_are_named(tmp_path, options, differences):
    run_folder.write(tmp_path, description())
    assert message_of(
        run_folder.check_same, tmp_path, description(**options)
    ) == refusal(tmp_path, differences)


def test_a_setting_that_an_older_file_has_not(tmp_path):
    older = description()
    del older["skip_bad"]
    run_folder.write(tmp_path, older)
    assert message_of(
        run_folder.check_same, tmp_path, description()
    ) == refusal(tmp_path, "skip_bad is None there and False here")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "3",
        "[1, 2]",
        '"text"',
        "\0\0",
        '{"contents": []}',
        "[" * 99_999,
    ],
)
def test_damaged_settings(tmp_path, text):
    (tmp_path / "settings.json").write_text(text)
    assert message_of(run_folder.check_same, tmp_path, description()) == (
        "`output` holds a run whose settings.json is damaged. Name another "
        "folder, or remove this file if you are sure of the settings. "
        f"Received: output={str(tmp_path)!r}"
    )


def test_no_folder_is_asked_for():
    assert run_folder.claim(None, "cifar10") is None


def test_a_run_among_the_images_is_refused(tmp_path, monkeypatch):
    for split in ("train", "val"):
        for name in "ab":
            (tmp_path / "split" / split / name).mkdir(parents=True)
    plain, split = tmp_path / "split" / "train", tmp_path / "split"
    monkeypatch.chdir(plain)
    for output, dataset in (
        ("runs/one", "."),
        (plain / "a", plain),
        (split / "val" / "b" / "run", split),
    ):
        with pytest.raises(ValueError, match="must not lie among the images"):
            run_folder.claim(output, dataset)
    assert run_folder.claim(split / "runs", split) == split / "runs"
    assert run_folder.claim(plain / ".." / "x", plain).name == "x"
    monkeypatch.setenv("HOME", str(tmp_path))
    assert run_folder.claim("~/one", "cifar10") == tmp_path / "one"
    with pytest.raises(ValueError, match="must name a folder"):
        run_folder.claim("", "cifar10")


@pytest.mark.parametrize("inside", ["", "run", "runs/one"])
def test_output_must_be_a_folder(tmp_path, inside):
    (tmp_path / "file").write_text("")
    output = tmp_path / "file" / inside
    assert message_of(run_folder.claim, output, "cifar10") == (
        f"`output` cannot be written: {str(tmp_path / 'file')!r} is no "
        f"folder, or is not yours to write. Received: output={str(output)!r}"
    )


@pytest.mark.parametrize("inside", ["", "run"])
def test_output_must_be_writable(tmp_path, monkeypatch, inside):
    # Not by its mode: root may write anything.
    asked = []

    def access(path, mode):
        asked.append((path, mode))
        return False

    monkeypatch.setattr(os, "access", access)
    output = tmp_path / inside
    assert message_of(run_folder.claim, output, "cifar10") == (
        f"`output` cannot be written: {str(tmp_path)!r} is no folder, or is "
        f"not yours to write. Received: output={str(output)!r}"
    )
    assert asked == [(tmp_path, os.W_OK)]


@pytest.mark.extra
@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0,
    reason="root may enter any folder",
)
def test_output_in_a_locked_folder(tmp_path):
    locked = tmp_path / "locked"
    locked.mkdir(mode=0)
    assert message_of(run_folder.claim, locked / "run", "cifar10") == (
        f"`output` cannot be written: {str(locked)!r} is no folder, or is not "
        f"yours to write. Received: output={str(locked / 'run')!r}"
    )
