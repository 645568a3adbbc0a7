"""Where images come from; what is refused is refused with a full sentence."""

import functools
import os

import numpy as np
import pytest
from PIL import Image
from support import message_of

tf = pytest.importorskip("tensorflow")

from alexnet_keras.data import datasets  # noqa: E402


def save(path, value=0, size=(12, 10), mode="RGB"):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, size, value).save(path)


error = functools.partial(message_of, datasets.load_dataset)


def test_photo_patches_are_squares_of_the_photographs():
    data = datasets.load_dataset()
    assert (data.train_size, data.validation_size) == (5000, 500)
    for split, size in (("train", 5000), ("validation", 500)):
        split = data.images(split)
        assert split.cardinality() == size
        for image, label in split.take(20):
            assert image.dtype == tf.uint8
            assert image.shape[0] == image.shape[1] and image.shape[2] == 3
            assert 0 <= label < 10


def test_folder_without_splits_validates_on_every_fifth(tmp_path):
    for number in range(10):
        save(tmp_path / "cat" / f"{number}.png", (number, 0, 0))
        save(tmp_path / "dog" / f"{number}.jpg", (0, 0, 200))
    save(tmp_path / "cat" / "deep" / "x.bmp", (10, 0, 0))
    (tmp_path / "cat" / "notes.txt").write_text("not an image")
    (tmp_path / ".hidden").mkdir()
    data = datasets.load_dataset(str(tmp_path))
    assert data.class_names == ("cat", "dog")
    assert (data.train_size, data.validation_size) == (16, 5)
    assert data.skipped == (
        "Not read 1 file whose name or place is no image's: cat/notes.txt.",
    )
    reds = {
        int(image[0, 0, 0])
        for image, label in data.images("validation").as_numpy_iterator()
        if label == 0
    }
    assert reds == {0, 5, 10}  # every fifth of 0.png … 9.png, deep/x.bmp
    for image, _ in data.images("train"):
        assert image.shape == (10, 12, 3) and image.dtype == tf.uint8


@pytest.mark.parametrize("validation", ["validation", "val"])
def test_folder_with_splits(tmp_path, validation):
    for name, label in (("a", 0), ("b", 1)):
        for number in range(3):
            save(tmp_path / "train" / name / f"{number}.png", (label, 0, 0))
        save(tmp_path / validation / name / "0.png", (label, 0, 0))
    data = datasets.load_dataset(tmp_path)
    assert (data.train_size, data.validation_size) == (6, 2)
    for image, label in data.images("train").concatenate(
        data.images("validation")
    ):
        assert int(image[0, 0, 0]) == label


def test_grey_images_of_a_folder_get_three_channels(tmp_path):
    for name in ("a", "b"):
        for number in range(2):
            save(tmp_path / name / f"{number}.png", 77, mode="L")
    for image, _ in datasets.load_dataset(tmp_path).images("train"):
        assert image.shape == (10, 12, 3) and np.all(image == 77)


def test_folder_with_one_class_is_refused(tmp_path):
    save(tmp_path / "only" / "0.png")
    assert error(tmp_path) == (
        "`dataset` must be a folder with a folder for each class, at least "
        f"two. Received: {str(tmp_path)!r}, with 1"
    )


def test_class_without_images_is_refused(tmp_path):
    save(tmp_path / "a" / "0.png")
    (tmp_path / "b").mkdir()
    assert error(tmp_path) == (
        "`dataset`: class 'b' has no image (.jpg, .jpeg, .png, .bmp, .gif, "
        f".webp) in {str(tmp_path / 'b')!r}. Remove its folder or add images. "
        f"Received: {str(tmp_path)!r}"
    )
    (tmp_path / "b" / "0001").write_bytes(b"")
    assert error(tmp_path) == (
        "`dataset`: class 'b' has no image (.jpg, .jpeg, .png, .bmp, .gif, "
        f".webp) in {str(tmp_path / 'b')!r}, but 0001. Remove its folder or "
        f"add images. Received: {str(tmp_path)!r}"
    )


def test_class_with_one_image_cannot_be_split(tmp_path):
    save(tmp_path / "a" / "0.png")
    save(tmp_path / "b" / "0.png")
    assert error(tmp_path) == (
        "`dataset`: class 'a' has one image, and training and validation need "
        f"one each. Received: {str(tmp_path)!r}"
    )


def test_classes_of_the_two_splits_must_agree(tmp_path):
    for place in ("train/a", "train/b", "val/a", "val/c"):
        save(tmp_path / place / "0.png")
    assert error(tmp_path) == (
        "`dataset` must have the same classes for training and validation: "
        "only train has b; only val has c. "
        f"Received: {str(tmp_path)!r}"
    )


def test_missing_folder_is_refused():
    assert error("./no/such/folder") == (
        "`dataset` names a folder that is not there. "
        "Received: './no/such/folder'"
    )


def test_file_is_refused(tmp_path):
    (tmp_path / "images.zip").write_bytes(b"x")
    assert error(tmp_path / "images.zip") == (
        "`dataset` names a file; it must be a folder. "
        f"Received: {str(tmp_path / 'images.zip')!r}"
    )


@pytest.mark.parametrize("name", [None, 5, ["cifar10"]])
def test_name_of_another_type_is_refused(name):
    assert error(name) == (
        f"`dataset` must be a name or the path of a folder. Received: {name!r}"
    )


def test_a_class_may_be_called_train(tmp_path):
    for name in ("bus", "train"):
        for number in range(2):
            save(tmp_path / name / f"{number}.png")
    assert datasets.load_dataset(tmp_path).class_names == ("bus", "train")


def test_links_to_class_folders_are_followed(tmp_path):
    for name in "ab":
        for number in range(2):
            save(tmp_path / "store" / name / f"{number}.png")
        (tmp_path / "data").mkdir(exist_ok=True)
        (tmp_path / "data" / name).symlink_to(tmp_path / "store" / name)
    assert datasets.load_dataset(tmp_path / "data").train_size == 2


@pytest.mark.parametrize(
    "link, target, listed",
    [
        ("c", ".", "c, a"),  # the data set itself, with everybody's images
        ("c", "..", "c, a"),
        ("a0", "a", "a, a0"),
        ("c", "a/inside", "a, c"),
        ("c", "../elsewhere", None),
    ],
)
def test_links_to_images_that_are_there_already(tmp_path, link, target, listed):
    root = tmp_path / "data"
    places = ("data/a", "data/a/inside", "data/b", "elsewhere")
    for place in places:
        for number in range(2):
            save(tmp_path / place / f"{number}.png")
    (root / link).symlink_to(target)
    if listed is None:
        assert datasets.load_dataset(root).class_names == ("a", "b", "c")
        return
    assert error(root) == (
        "`dataset`: by a link, two classes or splits have images in common: "
        f"{listed}. Remove the link, or let it lead to a folder that no other "
        f"is in. Received: {str(root)!r}"
    )


def test_links_between_splits(tmp_path):
    for place in ("train/a", "train/b", "val/a"):
        save(tmp_path / place / "0.png")
    (tmp_path / "val/b").symlink_to("../train/b")
    assert "in common: train/b, val/b." in error(tmp_path)
    (tmp_path / "val").rename(tmp_path / "old")
    (tmp_path / "val").symlink_to("train")
    assert "in common: train/a, val/a." in error(tmp_path)


def test_links_that_lead_nowhere_are_no_classes(tmp_path):
    for name in "ab":
        save(tmp_path / name / "0.png")
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "\x1bgone").symlink_to("unplugged")
    assert error(tmp_path) == (
        "`dataset`: a link where a class may be leads nowhere: \\x1bgone, "
        f"loop. Mend or remove what is listed. Received: {str(tmp_path)!r}"
    )


def test_names_of_classes_are_text_in_one_line(tmp_path):
    for name in ("a\nb", os.fsdecode(b"caf\xe9"), "naïve"):
        for number in range(2):
            save(tmp_path / name / f"{number}.png")
    data = datasets.load_dataset(tmp_path)
    assert data.class_names == (r"a\nb", r"caf\xe9", "naïve")
    assert len(list(data.images("train"))) == 3


def test_order_is_always_the_same(tmp_path):
    for name in "ab":
        for number in range(20):
            save(tmp_path / name / f"{number}.png", (number, 0, 0))
    runs = [
        [
            (int(image[0, 0, 0]), int(label))
            for image, label in datasets.load_dataset(tmp_path).images("train")
        ]
        for _ in range(2)
    ]
    assert runs[0] == runs[1] != sorted(runs[0])


def test_images_names_its_splits():
    assert message_of(datasets.load_dataset().images, "test") == (
        "`split` must be 'train' or 'validation'. Received: split='test'"
    )


def test_records_may_be_images_already():
    pictures = np.arange(2 * 4 * 5 * 3, dtype="uint8").reshape(2, 4, 5, 3)
    split = tf.data.Dataset.from_tensor_slices((pictures, [0, 1]))
    data = datasets.ImageData("test", ("a", "b"), split, split, 2, 2)
    for image, label in data.images("validation"):
        assert np.array_equal(image, pictures[label])
    data.check()
