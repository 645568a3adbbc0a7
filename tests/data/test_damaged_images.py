"""Cut and damaged files: refused just where TensorFlow cannot read them."""

import os
import pathlib
import tempfile

import hypothesis
import pytest
from hypothesis import strategies as st
from odd_images import BMP
from odd_images import GIF
from odd_images import JPEG
from odd_images import PICTURE
from odd_images import PNG
from odd_images import READ
from odd_images import damage
from odd_images import encode
from PIL import Image

tf = pytest.importorskip("tensorflow")
from alexnet_keras.data import image_files  # noqa: E402


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


def test_all_pictures_of_an_animation_count(monkeypatch):
    """TensorFlow unpacks them all, a byte a pixel where a picture has 3."""
    pictures = [PICTURE.rotate(angle) for angle in range(1, 30)]
    content = encode(PICTURE, "GIF", save_all=True, append_images=pictures)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10 * 2400)
    assert check(content) is None
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10 * 2400 - 1)
    assert check(content) == "more than 23,999 pixels"


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
