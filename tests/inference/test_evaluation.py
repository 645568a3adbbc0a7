"""Evaluation against plain loops: each image once, ties never a hit."""

import functools
import math

import hypothesis
import keras
import numpy as np
import pytest
from hypothesis import strategies as st
from support import enliven
from support import message_of
from support import narrow
from toy_classifier import build_toy

tf = pytest.importorskip("tensorflow")

from alexnet_keras.classifier import build_classifier  # noqa: E402
from alexnet_keras.data.image_data import ImageData  # noqa: E402
from alexnet_keras.inference import evaluation  # noqa: E402

NAMES = tuple("abcdefg")
SIZE = 67  # 77 is to 67 as 256 is to 224: no image below is resized
SHAPES = ((77, 77), (77, 100), (90, 77), (77, 78))


def image_data(pictures, labels, class_names):
    def examples():
        yield from zip(pictures, labels)

    dataset = tf.data.Dataset.from_generator(
        examples,
        output_signature=(
            tf.TensorSpec((None, None, 3), tf.uint8),
            tf.TensorSpec((), tf.int64),
        ),
    )
    nothing = dataset.take(0)
    return ImageData(
        "test", tuple(class_names), nothing, dataset, 0, len(labels)
    )


def reds(values, labels, class_names):
    """Images of one colour, 8×8."""
    pictures = np.zeros((len(values), 8, 8, 3), "uint8")
    pictures[..., 0] = np.reshape(values, (-1, 1, 1))
    return image_data(pictures, labels, class_names)


error = functools.partial(message_of, evaluation.evaluate)


@pytest.fixture(scope="module")
def photographs():
    """23 images of four shapes, each coarse noise of its own, and labels."""
    generator = np.random.default_rng(2)
    pictures = []
    for number in range(23):
        height, width = SHAPES[number % len(SHAPES)]
        coarse = generator.integers(0, 256, (10, 10, 3)).astype("uint8")
        fine = coarse.repeat(11, axis=0).repeat(11, axis=1)
        pictures.append(fine[:height, :width])
    return pictures, generator.integers(0, len(NAMES), 23)


@pytest.fixture(scope="module")
def classifier(photographs):
    """A narrow network whose answers to the photographs differ."""
    arguments = narrow("paper"), SIZE, NAMES, [120.0, 110.0, 100.0]
    logits = build_classifier(*arguments, None)
    crops = np.array([picture[:SIZE, :SIZE] for picture in photographs[0]])
    enliven(logits, crops)
    *others, kernel, bias = logits.get_weights()
    answers = logits.predict(crops, verbose=0)
    spread = answers.std(axis=0)
    bias = (bias - answers.mean(axis=0)) / spread
    model = build_classifier(*arguments)
    model.set_weights([*others, kernel / spread, bias])
    return model


def plain_views(picture, ten_crop):
    """The views of an image whose shorter side is 77, cut by hand."""
    top = (picture.shape[0] - 77) // 2
    left = (picture.shape[1] - 77) // 2
    square = picture[top : top + 77, left : left + 77]
    if not ten_crop:
        return [square[5:72, 5:72]]
    five = [
        square[:67, :67],
        square[:67, 10:],
        square[10:, :67],
        square[10:, 10:],
        square[5:72, 5:72],
    ]
    return five + [view[:, ::-1] for view in five]


@pytest.fixture(scope="module", params=[False, True])
def counted(request, classifier, photographs):
    """Whether ten crops, and what a plain loop over slices counts."""
    confusion = np.zeros((7, 7), int)
    in_top_5, loss = 0, 0.0
    for picture, label in zip(*photographs):
        views = np.array(plain_views(picture, request.param), "float32")
        averaged = classifier.predict_on_batch(views).mean(axis=0)
        confusion[label, averaged.argmax()] += 1
        in_top_5 += label in averaged.argsort()[-5:]
        loss -= math.log(averaged[label]) / 23
    # What is compared is worth comparing: several answers, right and wrong.
    assert np.count_nonzero(confusion.sum(axis=0)) > 2
    assert 0 < np.trace(confusion) < in_top_5 < 23
    return request.param, confusion, in_top_5, loss


@pytest.mark.parametrize("batch_size", [5, 64, 10**9])
def test_equals_a_loop_over_slices(
    counted, classifier, photographs, batch_size
):
    ten_crop, confusion, in_top_5, loss = counted
    pictures, labels = photographs
    result = evaluation.evaluate(
        classifier,
        image_data(pictures, labels, NAMES),
        ten_crop=ten_crop,
        batch_size=batch_size,
    )
    np.testing.assert_array_equal(result.confusion, confusion)
    assert result.class_names == NAMES
    assert result.images == 23
    assert result.undecided == 0
    assert result.top_1 == np.trace(confusion) / 23
    assert result.top_5 == in_top_5 / 23
    np.testing.assert_allclose(result.loss, loss, rtol=1e-5)


def test_probabilities_are_averaged_not_logits():
    """Two views in ten cannot outvote eight, however sure they are."""
    inputs = keras.Input((8, 8, 3))
    red = inputs[:, 0, 0, :1]  # the view's own corner
    logits = keras.ops.concatenate([red * 0, red - 100], axis=-1)
    model = keras.Model(inputs, keras.ops.softmax(logits))
    picture = np.full((9, 9, 3), 101, "uint8")  # logit 1, probability 0.73
    # Logit −100, probability 0: the top left and, 8 of 9 pixels, the centre.
    picture[0, 0] = 0
    expected = 0.8 / (1 + math.exp(-1))
    result = evaluation.evaluate(
        model, image_data([picture], [1], "ab"), ten_crop=True
    )
    np.testing.assert_allclose(result.loss, -math.log(expected), rtol=1e-5)
    assert result.top_1 == 1  # the mean of the logits says the other
    result = evaluation.evaluate(model, image_data([picture], [1], "ab"))
    assert result.top_1 == 0


@hypothesis.settings(max_examples=50)
@hypothesis.given(data=st.data(), count=st.integers(1, 12))
def test_counts_equal_plain_loops(data, count):
    # Few different values: many ties.
    value = st.sampled_from([0.0, 0.125, 0.25, 0.5, math.nan])
    row_of = st.lists(value, min_size=7, max_size=7)
    rows = [data.draw(row_of) for _ in range(count)]
    labels = [data.draw(st.integers(0, 6)) for _ in rows]
    result = evaluation.Evaluation(
        NAMES, np.array(labels), np.array(rows, "float32")
    )
    images, undecided = np.zeros((2, 7), int)
    hits, confusion, loss = np.zeros((2, 7)), np.zeros((7, 7), int), 0.0
    for label, row in zip(labels, rows):
        images[label] += 1
        finite = not any(map(math.isnan, row))
        own = max(row[label], 2.0**-126)
        loss -= math.log(own) if finite else math.nan
        as_good = sum(other >= row[label] for other in row)
        hits[:, label] += finite * np.array([as_good <= 1, as_good <= 5])
        if finite and row.count(max(row)) == 1:
            confusion[label, row.index(max(row))] += 1
        else:
            undecided[label] += 1
    np.testing.assert_array_equal(result.confusion, confusion)
    assert result.images == count and result.undecided == sum(undecided)
    np.testing.assert_allclose(result.loss, loss / count, rtol=1e-6)
    shares = hits.sum(axis=1) / count
    np.testing.assert_allclose([result.top_1, result.top_5], shares, rtol=1e-6)
    table = result.per_class()
    assert tuple(table.index) == NAMES
    np.testing.assert_array_equal(table["images"], images)
    np.testing.assert_array_equal(table["undecided"], undecided)
    with np.errstate(invalid="ignore"):  # a class without images has NaN
        shares = hits / images
    found = table[["top-1", "top-5"]].to_numpy().T
    np.testing.assert_allclose(found, shares, rtol=1e-6)


def test_what_a_class_is_mostly_mistaken_for():
    guesses = np.eye(3, dtype="float32")[[0, 1, 1, 2, 0, 2]]
    result = evaluation.Evaluation(
        ("cat", "dog", "elk"), np.array([0, 0, 0, 0, 0, 2]), guesses
    )
    mistakes = list(result.per_class()["mostly mistaken for"])
    assert mistakes == ["dog (2)", "", ""]


@pytest.mark.parametrize(
    "labels, shape", [([0, 1], (1, 7)), ([0], (1, 6)), ([], (0, 7))]
)
def test_probabilities_of_another_shape_are_refused(labels, shape):
    with pytest.raises(ValueError, match="`probabilities` must have a row"):
        evaluation.Evaluation(NAMES, np.array(labels, int), np.ones(shape))


@hypothesis.settings(max_examples=15)
@hypothesis.given(
    count=st.integers(1, 25),
    batch_size=st.integers(1, 30),
    ten_crop=st.booleans(),
)
def test_every_image_counts_once(count, batch_size, ten_crop):
    names = tuple(map(str, range(25)))
    values = 10 * np.arange(count)
    result = evaluation.evaluate(
        build_toy(names),
        reds(values, range(count), names),
        ten_crop=ten_crop,
        batch_size=batch_size,
    )
    expected = np.diag([1] * count + [0] * (25 - count))
    np.testing.assert_array_equal(result.confusion, expected)
    assert (result.images, result.top_1, result.top_5) == (count, 1, 1)


def test_names_may_come_in_another_order():
    # Red 0, 10, 20 are "x", "y", "z" to the network, labels 2, 0, 1.
    data = reds([0, 0, 10, 20, 20], [2, 2, 0, 1, 2], ("y", "z", "x"))
    result = evaluation.evaluate(build_toy(("x", "y", "z")), data)
    assert result.class_names == ("x", "y", "z")
    assert result.confusion.tolist() == [[2, 0, 1], [0, 1, 0], [0, 0, 1]]
    assert list(result.per_class()["images"]) == [3, 1, 1]


def test_a_model_without_names_takes_those_of_the_data():
    model = build_toy(("x", "y", "z"), named=False)
    result = evaluation.evaluate(model, reds([0, 10], [0, 2], "pqr"))
    assert result.class_names == ("p", "q", "r")
    assert result.confusion.tolist() == [[1, 0, 0], [0, 0, 0], [0, 1, 0]]


def test_an_image_between_two_classes_is_undecided():
    names = tuple("abcdefgh")
    # 15 is as near to b as to c; both are among the best five.
    data = reds([15, 15, 20], [1, 7, 2], names)
    result = evaluation.evaluate(build_toy(names), data)
    assert (result.top_1, result.top_5) == (1 / 3, 2 / 3)
    assert result.undecided == 1 + 1
    assert result.confusion.sum() == 1 == result.confusion[2, 2]


@pytest.mark.parametrize("ten_crop", [False, True])
def test_nan_is_a_miss_and_is_said(ten_crop):
    names = tuple("abcdefgh")
    model = build_toy(names, bad_from=30)
    data = reds([0, 10, 40, 50], [0, 1, 4, 0], names)
    result = evaluation.evaluate(model, data, ten_crop=ten_crop)
    assert (result.top_1, result.top_5) == (0.5, 0.5)
    assert (result.images, result.undecided) == (4, 2)
    assert math.isnan(result.loss)
    undecided = list(result.per_class()["undecided"])
    assert undecided == [1, 0, 0, 0, 1, 0, 0, 0]
    assert str(result) == (
        "top-1 50.0 % (2 of 4), chance 12.5 %\n"
        "top-5 50.0 % (2 of 4), chance 62.5 %\n"
        "loss nan nats, chance 2.079\n"
        "undecided: 2 of 4 have no best class, but a tie or NaN; no hits"
    )


def test_progress_is_counted_on_stderr(capsys):
    data = reds([0] * 5, [0] * 5, "ab")
    evaluation.evaluate(build_toy("ab"), data, batch_size=3, verbose=1)
    assert capsys.readouterr() == (
        "",
        "\r3 of 5 images\r5 of 5 images\n",
    )
    evaluation.evaluate(build_toy("ab"), data)
    assert capsys.readouterr() == ("", "")
