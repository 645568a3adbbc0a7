"""What `evaluate` refuses: other classes, labels, files; and an order of names."""

import functools

import numpy as np
import pytest
from PIL import Image
from support import message_of
from test_evaluation import reds
from toy_classifier import build_toy

tf = pytest.importorskip("tensorflow")
from alexnet_keras.data import readers  # noqa: E402
from alexnet_keras.data.image_data import ImageData  # noqa: E402
from alexnet_keras.inference import evaluation  # noqa: E402

error = functools.partial(message_of, evaluation.evaluate)


def test_classes_must_agree():
    names = tuple(f"class {letter}" for letter in "abcdefgh")
    data = reds([0], [0], ("class a", "bird"))
    assert error(build_toy(names), data) == (
        "`data` must have the classes of `model`. Only `model` has class b, "
        "class c, class d, class e, class f and 2 more; only `data` has bird. "
        "Received: data='test'"
    )
    more = reds([0], [0], (*names, "bird"))
    assert error(build_toy(names), more) == (
        "`data` must have the classes of `model`. Only `model` has none; only "
        "`data` has bird. Received: data='test'"
    )


def test_names_that_occur_twice_must_keep_their_order():
    twice = ("crane", "heron", "crane")
    data = reds([0, 10, 20], [0, 1, 2], twice)
    result = evaluation.evaluate(build_toy(twice), data)
    assert result.confusion.tolist() == np.eye(3).tolist()
    other = reds([0, 10, 20], [0, 1, 2], ("crane", "crane", "heron"))
    assert error(build_toy(twice), other) == (
        "`data` has the classes of `model` in another order, in which names "
        "that occur twice cannot be told apart: crane. Received: data='test'"
    )


def test_other_wrong_arguments_are_refused():
    named, plain = build_toy("abc"), build_toy("abc", named=False)
    assert error(plain, reds([0], [0], "ab")) == (
        "`model` has no layer class_names, so it must have an output for each "
        "of the 2 classes of `data`. Received: model with 3 outputs"
    )
    assert error(named, reds([], [], "abc")) == (
        "`data` must have validation images. Received: data='test' without"
    )
    assert error(named, reds([0], [0], "abc"), batch_size=0) == (
        "`batch_size` must be a positive integer. Received: batch_size=0"
    )
    for label in (-1, 3):  # TFDS labels an unlabelled split −1
        assert error(named, reds([0, 0], [0, label], "abc")) == (
            f"`labels` must be from 0 to 2. Received: {label}"
        )


def test_an_image_that_cannot_be_decoded_is_named(tmp_path):
    paths = [tmp_path / "good.png", tmp_path / "bad.png"]
    for path in paths:
        Image.new("RGB", (9, 9)).save(path)
    paths[1].write_bytes(paths[1].read_bytes()[:-20])
    dataset = tf.data.Dataset.from_tensor_slices(
        (list(map(str, paths)), [0, 1])
    )
    data = ImageData(
        "mine", ("a", "b"), dataset.take(0), dataset, 0, 2, readers.FileReader()
    )
    assert error(build_toy("ab"), data) == (
        "`dataset`: of 2 images, 1 cannot be read: "
        f"{paths[1]} (PNG, damaged or cut short). Replace or remove what is "
        "listed. Received: 'mine'"
    )
