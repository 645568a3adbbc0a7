"""Every odd file is read as Pillow reads it, or refused by name and counted."""

import functools
import io
import os
import pathlib
import warnings

import keras
import numpy as np
import pytest
from odd_images import DAMAGED
from odd_images import DEEP
from odd_images import JPEG
from odd_images import PICTURE
from odd_images import PNG
from odd_images import READ
from odd_images import REFUSED
from odd_images import build
from odd_images import encode
from PIL import Image
from support import message_of

tf = pytest.importorskip("tensorflow")

from alexnet_keras.data import datasets  # noqa: E402
from alexnet_keras.data import image_files  # noqa: E402

error = functools.partial(message_of, datasets.load_dataset)


def read_all(data, split="train"):
    """The pixels of each file, by name."""
    return {
        pathlib.Path(os.fsdecode(path)).name: data.read(path).numpy()
        for path, _ in getattr(data, split).as_numpy_iterator()
    }


@pytest.mark.parametrize("name", READ)
def test_is_read_as_pillow_reads_it(tmp_path, name):
    data = datasets.load_dataset(build(tmp_path, {name: READ[name]}))
    assert data.train_size == 3 and data.skipped == ()
    pixels = read_all(data)[name]
    expected = np.asarray(Image.open(io.BytesIO(READ[name])).convert("RGB"))
    assert pixels.dtype == np.uint8 and pixels.shape == expected.shape
    difference = np.abs(pixels.astype(int) - expected)
    if READ[name].startswith(b"\xff\xd8"):
        # TensorFlow decodes JPEG with a quick transform: about a step or two
        # of 255 beside Pillow's.
        assert difference.mean() < 2 and difference.max() <= 16
    else:
        assert not difference.any()


def test_of_16_bit_grey_the_upper_8_remain(tmp_path):
    # Pillow's `convert` cuts off at 255 instead: nearly all is white.
    content = encode(Image.fromarray(DEEP), "PNG")
    data = datasets.load_dataset(build(tmp_path, {"deep.png": content}))
    pixels = read_all(data)["deep.png"]
    assert np.array_equal(pixels, np.repeat(DEEP[..., None] >> 8, 3, -1))


def test_tensorflow_version_decides_about_webp(tmp_path):
    content = encode(PICTURE, "WEBP", lossless=True)
    root = build(tmp_path, {"picture.webp": content})
    if hasattr(tf.io, "decode_webp"):
        pixels = read_all(datasets.load_dataset(root))["picture.webp"]
        assert np.array_equal(pixels, np.asarray(PICTURE))
    else:
        assert "b/picture.webp (WEBP that TensorFlow does not" in error(root)


@pytest.mark.parametrize("name", REFUSED)
def test_is_refused_by_name(tmp_path, name):
    content, reason = REFUSED[name]
    root = build(tmp_path, {name: content})
    assert error(root) == (
        f"`dataset`: 1 image cannot be read: train/b/{name} ({reason}). "
        "Replace or remove what is listed, or pass `skip_bad=True` "
        f"(`--skip-bad`) to leave it out. Received: {str(root)!r}"
    )


def test_all_bad_files_are_counted_and_ten_named(tmp_path):
    root = build(
        tmp_path, {name: content for name, (content, _) in REFUSED.items()}
    )
    listed = ", ".join(
        f"train/b/{name} ({REFUSED[name][1]})" for name in sorted(REFUSED)[:10]
    )
    listed += f" and {len(REFUSED) - 10} more"
    assert error(root) == (
        f"`dataset`: {len(REFUSED)} images cannot be read: {listed}. "
        "Replace or remove what is listed, or pass `skip_bad=True` "
        f"(`--skip-bad`) to leave it out. Received: {str(root)!r}"
    )
    data = datasets.load_dataset(root, skip_bad=True)
    assert data.train_size == 2 and set(read_all(data)) == {"other.png"}
    assert data.skipped == (
        f"Left out {len(REFUSED)} images that cannot be read: {listed}.",
    )


def test_skipped_images_count_before_the_split(tmp_path):
    for name in "ab":
        (tmp_path / name).mkdir()
        for number in range(6):
            (tmp_path / name / f"{number}.png").write_bytes(PNG)
    (tmp_path / "b/0.png").write_bytes(b"")
    data = datasets.load_dataset(tmp_path, skip_bad=True)
    assert (data.train_size, data.validation_size) == (8, 3)
    assert data.skipped == (
        "Left out 1 image that cannot be read: b/0.png (empty).",
    )


def test_class_of_bad_images_only(tmp_path):
    root = build(tmp_path, {"other.png": b""})
    assert message_of(datasets.load_dataset, root, skip_bad=True) == (
        "`dataset`: class 'b' has no image for train that can be read. "
        f"Received: {str(root)!r}"
    )


def test_other_files_are_counted(tmp_path):
    root = build(
        tmp_path,
        {
            "notes.txt": b"x",
            "Thumbs.db": b"x",
            ".DS_Store": b"x",
            "._x.jpg": b"",
        },
    )
    (root / "train/loose.jpg").write_bytes(JPEG)
    (root / "train/b/.ipynb_checkpoints").mkdir()
    (root / "train/b/.ipynb_checkpoints/copy.png").write_bytes(PNG)
    (root / "train/b/linked").symlink_to(root / "train/a")
    data = datasets.load_dataset(root)
    assert data.train_size == 2
    assert data.skipped == (
        "Not read 4 files whose name or place is no image's: train/loose.jpg, "
        "train/b/Thumbs.db, train/b/linked, train/b/notes.txt.",
    )


def test_folder_called_like_an_image_is_a_folder(tmp_path):
    root = build(tmp_path, {})
    (root / "train/b/folder.jpg").mkdir()
    (root / "train/b/folder.jpg/inside.png").write_bytes(PNG)
    assert set(read_all(datasets.load_dataset(root))) == {
        "inside.png",
        "other.png",
    }


def test_links_to_files_are_read_and_broken_ones_refused(tmp_path):
    root = build(tmp_path, {})
    (root / "train/b/link.png").symlink_to(root / "val/a/other.png")
    assert "link.png" in read_all(datasets.load_dataset(root))
    (root / "train/b/gone.png").symlink_to(root / "nowhere.png")
    assert "1 image cannot be read: train/b/gone.png (broken link)." in error(
        root
    )
    (root / "train/b/gone.png").unlink()
    (root / "train/b/loop.png").symlink_to("loop.png")
    assert "train/b/loop.png (broken link)." in error(root)


@pytest.mark.parametrize("name", ["good.jpg", "good.gif", "good.bmp"])
def test_as_many_pixels_as_pillow_allows(tmp_path, monkeypatch, name):
    """40×60 pixels: 2,400 pass, and 2,399 do not."""
    root = build(tmp_path, {name: READ[name]})
    for limit in (2400, None):
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", limit)
        assert datasets.load_dataset(root).train_size == 3
    for path in root.glob("*/*/other.png"):
        path.write_bytes(READ["1x1.png"])
    for limit in (2399, 1000):  # Pillow warns of the one, refuses the other
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", limit)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            data = datasets.load_dataset(root, skip_bad=True)
        assert data.skipped == (
            "Left out 1 image that cannot be read: "
            f"train/b/{name} (more than {limit:,} pixels).",
        )


def test_a_file_of_too_many_bytes_is_not_read(tmp_path):
    path = tmp_path / "long.jpg"
    path.write_bytes(JPEG)
    os.truncate(path, 10**12)  # takes no room on the disk
    assert image_files.check([path]) == {
        path: "too large: 1,000,000,000,000 bytes"
    }


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_is_not_waited_for(tmp_path):
    root = build(tmp_path, {})
    os.mkfifo(root / "train/b/pipe.png")
    assert "train/b/pipe.png (not a file)." in error(root)


@pytest.mark.extra
def test_what_one_may_not_read(tmp_path):
    root = build(tmp_path, {"secret.png": PNG})
    (root / "train/b/secret.png").chmod(0)
    if os.access(root / "train/b/secret.png", os.R_OK):
        pytest.skip("root may read everything")
    assert "train/b/secret.png (Permission denied)." in error(root)
    (root / "val/b").chmod(0)
    assert error(root) == (
        "`dataset`: a folder cannot be listed (Permission denied). "
        f"Received: {str(root / 'val/b')!r}"
    )
    (root / "val/b").chmod(0o700)


def test_a_file_that_vanishes_before_the_check(tmp_path, monkeypatch):
    root = build(tmp_path, {"short_lived.png": PNG})
    find = image_files.find

    def find_and_remove(folder, *without):
        found = find(folder, *without)
        if folder == root / "train/b":
            (folder / "short_lived.png").unlink()
        return found

    monkeypatch.setattr(image_files, "find", find_and_remove)
    assert "train/b/short_lived.png (not there any more)." in error(root)


def test_damage_in_the_middle_ends_in_an_error_with_names(tmp_path, capsys):
    root = build(tmp_path, {"damaged.png": DAMAGED, "later.png": PNG})
    (root / "val/a/damaged.png").write_bytes(DAMAGED)
    data = datasets.load_dataset(root)
    assert data.train_size == 4  # the quick check has not seen it
    (root / "train/b/later.png").unlink()
    small = data.images("train").map(
        lambda image, label: (tf.image.resize(image, (8, 8)), label)
    )
    model = keras.Sequential(
        [keras.Input((8, 8, 3)), keras.layers.Flatten(), keras.layers.Dense(2)]
    )
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(True))
    with pytest.raises(ValueError) as caught, data.naming_bad_images():
        model.fit(small.batch(4), verbose=0, shuffle=False)
    assert "All are looked through" in capsys.readouterr().err
    listed = ", ".join(
        f"{root}/{name}"
        for name in (
            "train/b/later.png (not there any more)",
            "train/b/damaged.png (PNG, damaged or cut short)",
            "val/a/damaged.png (PNG, damaged or cut short)",
        )
    )
    assert str(caught.value) == (
        f"`dataset`: of 7 images, 3 cannot be read: {listed}. Replace or "
        f"remove what is listed. Received: {str(root)!r}"
    )


@pytest.mark.parametrize(
    "fault",
    [
        # On a GPU the words name the iterator too.
        tf.errors.ResourceExhaustedError(
            None, None, "OOM when allocating tensor [[IteratorGetNext/_4]]"
        ),
        tf.errors.InvalidArgumentError(None, None, "Label out of range"),
    ],
)
def test_other_errors_do_not_make_it_look_at_images(fault, tmp_path, capsys):
    data = datasets.load_dataset(build(tmp_path, {"damaged.png": DAMAGED}))
    with pytest.raises(type(fault)) as caught, data.naming_bad_images():
        raise fault
    assert caught.value is fault
    assert capsys.readouterr().err == ""


def test_check_of_good_images_is_silent(tmp_path):
    datasets.load_dataset(build(tmp_path, READ)).check()
