"""Where images come from; what is refused is refused with a full sentence."""

import pathlib

import numpy as np
import pytest
from PIL import Image

tf = pytest.importorskip("tensorflow")

from alexnet_keras import datasets  # noqa: E402

SHARED = pathlib.Path(__file__).parents[2] / "shared/data/tensorflow_datasets"


def save(path, value=0, size=(12, 10), mode="RGB"):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, size, value).save(path)


def error(name):
    with pytest.raises(ValueError) as caught:
        datasets.load_dataset(name)
    return str(caught.value)


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
        "`dataset`: class 'b' has no image (.jpg, .jpeg, .png, .bmp, .gif) in "
        f"{str(tmp_path / 'b')!r}. Remove its folder or add images. "
        f"Received: {str(tmp_path)!r}"
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
        "`dataset`: train has the classes a, b, and val has a, c. "
        f"Received: {str(tmp_path)!r}"
    )


def test_missing_folder_is_refused():
    assert error("./no/such/folder") == (
        "`dataset` names a folder that is not there. "
        "Received: './no/such/folder'"
    )


def test_unknown_name_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path))
    message = error("no_such_dataset")
    assert message.startswith(
        "`dataset` is neither photo_patches, nor a folder, nor a TFDS name "
        f"that can be read from {tmp_path} or downloaded: "
    )
    assert message.endswith("Received: 'no_such_dataset'")


@pytest.mark.skipif(
    not SHARED.is_dir(), reason="needs the photographs in ../shared/data"
)
@pytest.mark.parametrize(
    "name, sizes, first_class",
    [
        ("cifar10", (50_000, 10_000), "airplane"),
        ("imagenette/320px-v2", (4_000, 1_000), "n01440764"),
    ],
)
def test_tfds_reads_real_photographs(name, sizes, first_class, monkeypatch):
    monkeypatch.setenv("TFDS_DATA_DIR", str(SHARED))
    # TFDS reads the variable when it is first imported.
    import tensorflow_datasets as tfds

    monkeypatch.setattr(
        tfds.core.constants, "DATA_DIR", str(SHARED), raising=False
    )
    data = datasets.load_dataset(name)
    assert (data.train_size, data.validation_size) == sizes
    assert len(data.class_names) == 10 and data.class_names[0] == first_class
    record, _ = next(iter(data.train))
    assert record.dtype == tf.string and record.shape == ()
    image, label = next(iter(data.images("train")))
    assert image.dtype == tf.uint8 and image.shape[-1] == 3
    assert 0 <= label < 10
