"""Every odd file is read as Pillow reads it, or refused by name and counted."""

import io
import os
import pathlib
import struct
import tempfile
import warnings
import zlib

import hypothesis
import keras
import numpy as np
import pytest
from hypothesis import strategies as st
from PIL import ExifTags
from PIL import Image

tf = pytest.importorskip("tensorflow")

from alexnet_keras.data import datasets  # noqa: E402
from alexnet_keras.data import image_files  # noqa: E402


def smooth(height, width):
    """A picture in which neighbours are alike, as in a photograph."""
    y, x = np.mgrid[:height, :width]
    channels = (
        np.sin(x / 9) * 90 + 120,
        np.cos(y / 7) * 90 + 120,
        np.sin((x + y) / 11) * 90 + 120,
    )
    return Image.fromarray(np.stack(channels, -1).astype("uint8"))


PICTURE = smooth(40, 60)
ALPHA = Image.fromarray(np.arange(2400).reshape(40, 60).astype("uint8"))
DEEP = (np.arange(2400).reshape(40, 60) * 27).astype("uint16")


def encode(image, kind, **options):
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def with_alpha(mode):
    image = PICTURE.convert(mode)
    image.putalpha(ALPHA)
    return image


def png(width, height, bits, rows):
    """A PNG of three channels, whatever its header says of the rows."""

    def chunk(name, data):
        check = struct.pack(">I", zlib.crc32(name + data))
        return struct.pack(">I", len(data)) + name + data + check

    header = struct.pack(">IIBBBBB", width, height, bits, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


def deep_png(pixels):
    """A PNG of 16 bits and three channels, which Pillow does not write."""
    height, width, _ = pixels.shape
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in pixels)
    return png(width, height, 16, rows)


def animation(kind):
    mirrored = PICTURE.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    return encode(PICTURE, kind, save_all=True, append_images=[mirrored])


def upright():
    """A camera's note that it was held upright; neither reader follows it."""
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    return exif


JPEG = encode(PICTURE, "JPEG", quality=95)
PNG = encode(PICTURE, "PNG")
GIF = encode(PICTURE, "GIF")
BMP = encode(PICTURE, "BMP")
RGB_16 = np.stack([DEEP, DEEP[::-1], DEEP[:, ::-1]], -1)


def damage(encoded, place, value=0xFF):
    """Inverts bits of one byte in the middle: nothing is missing at the end."""
    changed = bytearray(encoded)
    changed[int(len(changed) * place)] ^= value
    return bytes(changed)


READ = {
    "good.jpg": JPEG,
    "good.png": PNG,
    "good.gif": GIF,
    "good.bmp": BMP,
    "progressive.jpg": encode(PICTURE, "JPEG", progressive=True, quality=95),
    "upper_case.JPG": JPEG,
    "upper_case.JPEG": JPEG,
    "grey.jpg": encode(PICTURE.convert("L"), "JPEG", quality=95),
    "grey.png": encode(PICTURE.convert("L"), "PNG"),
    "grey.gif": encode(PICTURE.convert("L"), "GIF"),
    "grey.bmp": encode(PICTURE.convert("L"), "BMP"),
    "grey_alpha.png": encode(with_alpha("LA"), "PNG"),
    "rgba.png": encode(with_alpha("RGBA"), "PNG"),
    "rgba.bmp": encode(with_alpha("RGBA"), "BMP"),
    "cmyk.jpg": encode(PICTURE.convert("CMYK"), "JPEG", quality=95),
    "black_and_white.png": encode(PICTURE.convert("1"), "PNG"),
    "palette.png": encode(PICTURE.quantize(64), "PNG"),
    "palette_clear.png": encode(PICTURE.quantize(64), "PNG", transparency=3),
    "colour_16_bit.png": deep_png(RGB_16),
    "1x1.png": encode(PICTURE.resize((1, 1)), "PNG"),
    "1x1.jpg": encode(PICTURE.resize((1, 1)), "JPEG", quality=95),
    "10000x100.png": encode(smooth(100, 10_000), "PNG"),
    "10000x100.jpg": encode(smooth(100, 10_000), "JPEG", quality=95),
    "png_called.jpg": PNG,
    "jpeg_called.png": JPEG,
    "gif_called.jpg": GIF,
    "animation.gif": animation("GIF"),
    "animation.png": animation("PNG"),
    "upright.jpg": encode(PICTURE, "JPEG", exif=upright(), quality=95),
    "more_behind.jpg": JPEG + b"what some cameras add",
    "more_behind.png": PNG + b"\0" * 50,
    "two_pictures.jpg": animation("MPO"),
    "no_trailer.gif": GIF[:-1],
}
REFUSED = {
    "empty.jpg": (b"", "empty"),
    "text.jpg": (b"no picture\n" * 9, "no image"),
    "page.png": (b"<html>404</html>", "no image"),
    "drawing.svg": (b'<svg xmlns="http://www.w3.org/2000/svg"/>', "no image"),
    "half.jpg": (JPEG[: len(JPEG) // 2], "JPEG, damaged or cut short"),
    "header_only.jpg": (JPEG[:40], "JPEG, damaged or cut short"),
    "less_2_bytes.jpg": (JPEG[:-2], "JPEG, damaged or cut short"),
    "half.png": (PNG[: len(PNG) // 2], "PNG, damaged or cut short"),
    "less_4_bytes.png": (PNG[:-4], "PNG, damaged or cut short"),
    "half.gif": (GIF[: len(GIF) // 2], "GIF, damaged or cut short"),
    "header_only.bmp": (BMP[:30], "damaged or cut short"),
    "half.bmp": (BMP[: len(BMP) // 2], "BMP, damaged or cut short"),
    "palette.bmp": (
        encode(PICTURE.quantize(16), "BMP"),
        "BMP that TensorFlow reads wrongly",
    ),
    "black_and_white.bmp": (
        encode(PICTURE.convert("1"), "BMP"),
        "BMP that TensorFlow does not decode",
    ),
    "more_behind.bmp": (BMP + b"more", "BMP that TensorFlow does not decode"),
    "scan.tiff": (
        encode(PICTURE, "TIFF"),
        "TIFF that TensorFlow does not decode",
    ),
    "tiff_called.jpg": (
        encode(PICTURE, "TIFF"),
        "TIFF that TensorFlow does not decode",
    ),
    "pixels.ppm": (
        encode(PICTURE, "PPM"),
        "PPM that TensorFlow does not decode",
    ),
    # To decode it Pillow would run Ghostscript, a program of its own.
    "program.jpg": (
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n",
        "EPS that TensorFlow does not decode",
    ),
    # 1.2 GB of pixels, so its header says; there is none.
    "bomb.png": (
        png(20_000, 20_000, 8, b""),
        "more than 89,478,485 pixels",
    ),
}
# Complete by its last bytes: only decoding all of it finds the damage.
DAMAGED = damage(PNG, 0.5)


def build(root, files):
    """A folder with `files` as class b, and good images for all the rest."""
    for place in ("train/a", "train/b", "val/a", "val/b"):
        (root / place).mkdir(parents=True)
        (root / place / "other.png").write_bytes(PNG)
    for name, content in files.items():
        (root / "train/b" / name).write_bytes(content)
    return root


def check(content):
    """Why the quick check refuses a file of this content, or `None`."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "file.jpg")
        pathlib.Path(path).write_bytes(content)
        return image_files.check([path]).get(path)


def decodes(content):
    """Whether TensorFlow decodes it."""
    try:
        tf.io.decode_image(content, channels=3, expand_animations=False)
    except tf.errors.InvalidArgumentError:
        return False
    return True


def error(root):
    with pytest.raises(ValueError) as caught:
        datasets.load_dataset(root)
    return str(caught.value)


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
    with pytest.raises(ValueError) as caught:
        datasets.load_dataset(root, skip_bad=True)
    assert str(caught.value) == (
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


def test_all_pictures_of_an_animation_count(monkeypatch):
    """TensorFlow unpacks them all, a byte a pixel where a picture has 3."""
    pictures = [PICTURE.rotate(angle) for angle in range(1, 30)]
    content = encode(PICTURE, "GIF", save_all=True, append_images=pictures)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10 * 2400)
    assert check(content) is None
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10 * 2400 - 1)
    assert check(content) == "more than 23,999 pixels"


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


@hypothesis.settings(max_examples=150)
@hypothesis.given(
    encoded=st.sampled_from([JPEG, PNG, GIF, BMP, READ["progressive.jpg"]]),
    share=st.floats(0, 1),
)
def test_a_cut_file_is_refused_where_tensorflow_cannot_read_it(encoded, share):
    content = encoded[: int(len(encoded) * share)]
    assert (check(content) is None) == decodes(content)


@hypothesis.settings(max_examples=150)
@hypothesis.given(
    encoded=st.sampled_from([JPEG, PNG, GIF, BMP, READ["progressive.jpg"]]),
    place=st.floats(0, 0.999),
    value=st.integers(1, 255),
)
def test_no_damaged_file_is_refused_that_tensorflow_reads(
    encoded, place, value
):
    content = damage(encoded, place, value)
    if check(content):
        # Of a BMP it may be the wrong pixels that were read, and of a GIF
        # Pillow reads some headers more strictly.
        assert content.startswith((b"BM", b"GIF")) or not decodes(content)
    elif not decodes(content):
        assert image_files.why_undecodable(content)
