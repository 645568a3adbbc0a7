"""Names for image files; a bad file is named and does not stop the others."""

import functools
import math
import os

import numpy as np
import pytest
from PIL import Image
from support import message_of
from toy_classifier import build_toy

tf = pytest.importorskip("tensorflow")

from alexnet_keras.data import image_data  # noqa: E402
from alexnet_keras.data import image_files  # noqa: E402
from alexnet_keras.data import readers  # noqa: E402
from alexnet_keras.inference import evaluation  # noqa: E402
from alexnet_keras.inference import prediction  # noqa: E402

NAMES = ("ant", "bee", "cat", "dog", "elk", "fox", "gnu")


def save(path, red, size=(12, 9)):
    Image.new("RGB", size, (red, 0, 0)).save(path)
    return str(path)


error = functools.partial(message_of, prediction.predict)


def test_the_best_five_with_their_probabilities(tmp_path):
    path = save(tmp_path / "a.png", 20)
    (found,) = prediction.predict(build_toy(NAMES), [path])
    assert (found.path, found.error) == (path, None)
    # bee and dog are as far from cat: the order is the network's.
    names, values = zip(*found.guesses)
    assert names == ("cat", "bee", "dog", "ant", "elk")
    weights = {name: math.exp(-5 * abs(i - 2)) for i, name in enumerate(NAMES)}
    total = sum(weights.values())
    expected = [weights[name] / total for name in names]
    np.testing.assert_allclose(values, expected, rtol=1e-5)


@pytest.mark.parametrize("top, given", [(1, 1), (7, 7), (50, 7)])
def test_as_many_guesses_as_are_asked_for(tmp_path, top, given):
    path = save(tmp_path / "a.png", 20)
    (found,) = prediction.predict(build_toy(NAMES), [path], top=top)
    assert len(found.guesses) == given


def test_an_image_is_prepared_as_in_the_evaluation(tmp_path):
    """Resized, squared and cropped alike: equal to the last bit."""
    pixels = np.random.default_rng(0).integers(0, 256, (23, 40, 3), "uint8")
    path = str(tmp_path / "a.png")
    Image.fromarray(pixels).save(path)
    (found,) = prediction.predict(build_toy(NAMES), [path], top=7)
    dataset = tf.data.Dataset.from_tensors((path, 6))
    data = image_data.ImageData(
        "test", NAMES, dataset, dataset, 1, 1, readers.FileReader()
    )
    result = evaluation.evaluate(build_toy(NAMES), data)
    assert result.loss == -math.log(dict(found.guesses)["gnu"])


def test_bad_files_are_named_and_the_others_predicted(tmp_path):
    good = [save(tmp_path / f"{red}.png", red) for red in (0, 60)]
    empty, text = tmp_path / "empty.jpg", tmp_path / "text.jpg"
    empty.write_bytes(b"")
    text.write_text("not an image")
    missing = tmp_path / "missing.jpg"
    paths = [good[0], str(empty), text, missing, tmp_path, good[1]]
    found = prediction.predict(build_toy(NAMES), paths, top=1)
    assert [image.path for image in found] == list(map(str, paths))
    assert [image.error for image in found] == [
        None,
        "empty",
        "no image",
        "not there",
        "not a file",
        None,
    ]
    assert [dict(image.guesses).keys() for image in found] == [
        {"ant"},
        *[set()] * 4,
        {"gnu"},
    ]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_nothing_is_read_of_what_has_no_end(tmp_path):
    os.mkfifo(tmp_path / "pipe.png")  # nobody ever writes to it
    (tmp_path / "loop.png").symlink_to("loop.png")
    (tmp_path / "device.png").symlink_to(os.devnull)
    names = "pipe.png", "loop.png", "device.png"
    found = prediction.predict(build_toy(NAMES), [tmp_path / n for n in names])
    assert [image.error for image in found] == [
        "not a file",
        "broken link",
        "not a file",
    ]


def test_an_image_is_decoded_once_and_one_too_large_not_at_all(
    tmp_path, monkeypatch
):
    large = save(tmp_path / "large.png", 20, size=(100, 100))
    paths = [save(tmp_path / f"{red}.png", red) for red in (0, 20)] + [large]
    decode, decoded = image_files.decode, []

    def count(encoded):
        decoded.append(decode(encoded).shape)
        return decode(encoded)

    monkeypatch.setattr(image_files, "decode", count)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 9_999)
    found = prediction.predict(build_toy(NAMES), paths)
    assert decoded == [(9, 12, 3)] * 2
    assert [image.error for image in found] == [
        None,
        None,
        "more than 9,999 pixels",
    ]


def test_a_name_need_not_be_utf_8(tmp_path):
    name = os.fsencode(tmp_path) + b"/caf\xe9.png"
    image = save(tmp_path / "a.png", 20)
    os.rename(image, name)
    for path in (name, os.fsdecode(name)):
        (found,) = prediction.predict(build_toy(NAMES), [path], top=1)
        assert (found.path, found.error) == (os.fsdecode(name), None)
        assert found.guesses[0][0] == "cat"


def test_wrong_arguments_are_refused(tmp_path):
    path = save(tmp_path / "a.png", 20)
    model = build_toy(NAMES)
    assert error(model, path) == (
        f"`paths` must be a list of files. Received: paths={path!r}"
    )
    assert error(model, [path], top=0) == (
        "`top` must be a positive integer. Received: top=0"
    )
    assert error(build_toy(NAMES, named=False), [path]) == (
        "`model` has no layer class_names, which training puts behind the "
        "network. Received: model 'toy'"
    )
    diverged = build_toy(NAMES)
    diverged.add_weight((2,), lambda *_, **__: np.array([0, np.nan]))
    assert "weights that are not finite" in error(diverged, [path])
    assert error(build_toy(NAMES, bad_from=20), [path]) == (
        "`model` answers with values that are not finite: it has diverged in "
        f"training. Received: model 'toy', image {path!r}"
    )
