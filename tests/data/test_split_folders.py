"""Splits are no classes, by whatever names; what is left out is counted."""

import functools
import os

import pytest
from PIL import Image
from support import message_of

pytest.importorskip("tensorflow")

from alexnet_keras.data import class_folders  # noqa: E402
from alexnet_keras.data import split_folders  # noqa: E402


def fill(root, places, count=2):
    """Puts images into folders that are written as `Training/{a,b}`."""
    for place in places.split():
        outer, _, inner = place.partition("{")
        for name in inner.strip("}").split(","):
            folder = root / outer / name
            folder.mkdir(parents=True)
            for number in range(count):
                Image.new("RGB", (2, 2)).save(folder / f"{number}.png")
    return root


def parts(root, pairs):
    """The folders from which the images of a split come."""
    return {os.path.relpath(os.path.dirname(path), root) for path, _ in pairs}


error = functools.partial(message_of, class_folders.read_folder)


# As public data sets have them; the folders of training and of validation.
LAYOUTS = [
    ("train/{a,b} validation/{a,b}", "train", "validation"),
    ("Training/{a,b} Testing/{a,b}", "Training", "Testing"),
    ("train/{a,b} valid/{a,b} test/{a,b}", "train", "valid"),
    ("Train/{a,b} Val/{a,b}", "Train", "Val"),
    ("TRAIN/{a,b} TEST/{a,b}", "TRAIN", "TEST"),
    ("train/{a,b} dev/{a,b}", "train", "dev"),
    ("train2017/{a,b} val2017/{a,b}", "train2017", "val2017"),
    ("img_train/{a,b} img_val/{a,b} notes/{x}", "img_train", "img_val"),
    ("train-set/{a,b} validation-set/{a,b}", "train-set", "validation-set"),
    ("train/{a,b} train_masks/{a,b} val/{a,b}", "train", "val"),
    ("data/data/train/{a,b} data/data/val/{a,b}", "data/data/train", None),
    (
        "training_set/training_set/{a,b} test_set/test_set/{a,b}",
        "training_set/training_set",
        "test_set/test_set",
    ),
    (
        "seg_train/seg_train/{a,b} seg_test/seg_test/{a,b} seg_pred/seg_pred/{}",
        "seg_train/seg_train",
        "seg_test/seg_test",
    ),
    ("flowers/flowers/{a,b}", "flowers/flowers", "flowers/flowers"),
]


@pytest.mark.parametrize("layout, train, validation", LAYOUTS)
def test_layouts_of_public_data_sets(layout, train, validation, tmp_path):
    validation = validation or train.replace("train", "val")
    found = class_folders.read_folder(fill(tmp_path, layout))
    assert found.class_names == ("a", "b")
    assert parts(tmp_path, found.train) == {f"{train}/a", f"{train}/b"}
    assert parts(tmp_path, found.validation) == {
        f"{validation}/a",
        f"{validation}/b",
    }
    assert len({*found.train} & {*found.validation}) == 0
    assert len(found.train) == (2 if train == validation else 4)


def test_test_images_that_validate_are_said(tmp_path):
    fill(tmp_path, "brain/Training/{a,b} brain/Testing/{a,b}")
    (said,) = class_folders.read_folder(tmp_path).skipped
    assert "brain/Testing" in said and "no test any more" in said


def test_images_beside_the_splits_are_counted(tmp_path):
    fill(tmp_path, "train/{a,b} val/{a,b} test/{a,b} .cache/{x} __MACOSX/{x}")
    fill(tmp_path, "more/{x}", count=3)
    (tmp_path / "more" / "labels.csv").write_text("")
    assert class_folders.read_folder(tmp_path).skipped == (
        "Left out 7 images beside train and val: more (3), test (4).",
    )


def test_the_folder_may_be_the_one_that_one_is_in(tmp_path, monkeypatch):
    fill(tmp_path, "train/{a,b} val/{a,b} test/{a,b}")
    monkeypatch.chdir(tmp_path)
    (said,) = class_folders.read_folder(".").skipped
    assert "Left out 4 images" in said


def test_what_archives_and_systems_leave_is_no_class(tmp_path):
    fill(tmp_path, "flowers/{a,b} __MACOSX/flowers/{a,b} .git/{a}")
    (tmp_path / ".DS_Store").write_bytes(b"x")
    (tmp_path / "flowers" / ".DS_Store").write_bytes(b"x")
    (tmp_path / "flowers" / "a" / "__MACOSX").mkdir()
    found = class_folders.read_folder(tmp_path)
    assert (found.class_names, found.skipped) == (("a", "b"), ())


@pytest.mark.parametrize(
    "layout",
    [
        "train/{a,b}",
        "Training/{a,b}",
        "train/{a,b} test/{}",
        "train/{a,b} test/{} sample/{}",
        "train/{} test/{}",
        "val/{a,b} test/{a,b}",
    ],
)
def test_one_split_alone_is_refused(layout, tmp_path):
    message = error(fill(tmp_path, layout))
    assert "training and validation images in two folders" in message
    assert message.endswith(", ".join(sorted(os.listdir(tmp_path))))


@pytest.mark.parametrize(
    "layout",
    ["bus/{} train/{}", "bus/{red,blue} train/{steam,electric}", "a/{x} b/{x}"],
)
def test_classes_may_have_such_names_and_folders(layout, tmp_path):
    found = class_folders.read_folder(fill(tmp_path, layout))
    assert list(found.class_names) == sorted(os.listdir(tmp_path))
    assert found.skipped == ()


@pytest.mark.parametrize(
    "layout",
    ["fold1/{a,b} fold2/{a,b}", "cat/{train,test} dog/{train,test}"],
)
def test_equal_folders_in_all_classes_are_refused(layout, tmp_path):
    message = error(fill(tmp_path, layout))
    for name in (*os.listdir(tmp_path), *os.listdir(next(tmp_path.iterdir()))):
        assert name in message
    assert "train and val" in message


def test_a_copy_of_all_classes_in_a_class_is_refused(tmp_path):
    fill(tmp_path, "a/{} b/{} flowers/{a,b}")
    assert "'flowers' holds folders called as all the others" in error(tmp_path)


def test_a_name_of_two_splits_is_none(tmp_path):
    assert split_folders._split_of("train_val") is None
    fill(tmp_path, "train_val/{a,b} test/{a,b}")
    assert "all hold the folders a, b" in error(tmp_path)
