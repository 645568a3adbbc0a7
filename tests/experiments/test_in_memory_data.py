"""Images in memory: in order, each once an epoch, cropped where they should."""

import dataclasses

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st
from PIL import Image
from support import message_of
from tiny_arrays import make_arrays

tf = pytest.importorskip("tensorflow")

from alexnet_keras.data import datasets  # noqa: E402
from alexnet_keras.data import image_data  # noqa: E402
from alexnet_keras.data import photo_patches  # noqa: E402
from alexnet_lab.experiments import in_memory_data  # noqa: E402

COUNT, SIZE, BORDER = 40, 8, 4


def numbered(count=COUNT):
    """Images of which no two windows are alike; labels are their numbers."""
    pictures, _ = make_arrays(count, size=SIZE).train
    train = (pictures, np.arange(count))
    names = tuple(map(str, range(count)))
    return in_memory_data.Arrays("numbered", names, train, train)


def read(stream):
    """All images and labels of a stream, one after the other."""
    pictures, labels = zip(*stream.as_numpy_iterator())
    return np.concatenate(pictures), np.concatenate(labels)


# --- Reading ---


def test_images_are_read_in_order_and_resized_as_pillow_does():
    data = datasets.load_dataset("photo_patches")
    counts = {"train": 1003, "validation": 7}  # read 1,000 at a time
    data = dataclasses.replace(
        data,
        train=data.train.take(counts["train"]),
        validation=data.validation.take(counts["validation"]),
    )
    found = in_memory_data.load_arrays(data, SIZE)
    assert found.name == "photo_patches"
    assert found.class_names == photo_patches.PHOTOGRAPHS
    photographs = [
        photo_patches.load_photograph(name)
        for name in photo_patches.PHOTOGRAPHS
    ]
    for split, count in counts.items():
        boxes = photo_patches.make_boxes(split)[:count]
        pictures, labels = getattr(found, split)
        assert pictures.shape == (count, SIZE, SIZE, 3)
        assert (pictures.dtype, labels.dtype) == (np.uint8, np.int64)
        np.testing.assert_array_equal(labels, boxes[:, 0])
        for index in (0, 1, 2, count // 2, count - 2, count - 1):
            label, top, left, side = boxes[index]
            patch = photographs[label][top : top + side, left : left + side]
            expected = Image.fromarray(patch).resize(
                (SIZE, SIZE), Image.Resampling.BILINEAR
            )
            difference = pictures[index].astype(int) - np.asarray(expected)
            assert np.abs(difference).max() <= 1  # Pillow's 8-bit weights


def test_an_image_that_cannot_be_read_is_named(tmp_path):
    for split in ("train", "validation"):
        for name in ("cat", "dog"):
            path = tmp_path / split / name / "1.png"
            path.parent.mkdir(parents=True)
            Image.fromarray(np.zeros((40, 40, 3), "uint8")).save(path)
    data = datasets.load_dataset(tmp_path)
    bad = tmp_path / "train" / "dog" / "1.png"
    bad.write_bytes(bad.read_bytes()[:60])
    assert message_of(in_memory_data.load_arrays, data, SIZE) == (
        f"`dataset`: of 4 images, 1 cannot be read: {bad} (PNG, damaged or "
        "cut short). Replace or remove what is listed. "
        f"Received: {str(tmp_path)!r}"
    )


def test_another_error_stays_itself():
    def fail(record):
        # Only on the way to the arrays: a check finds nothing.
        if tf.inside_function():
            tf.debugging.assert_equal(record[0, 0, 0], tf.constant(0, "uint8"))
        return record

    pictures = np.ones((3, 20, 20, 3), "uint8")
    dataset = tf.data.Dataset.from_tensor_slices((pictures, np.zeros(3, int)))
    data = image_data.ImageData("ones", ("a",), dataset, dataset, 3, 3, fail)
    with pytest.raises(tf.errors.InvalidArgumentError):
        in_memory_data.load_arrays(data, SIZE)


def test_the_mean_of_each_channel():
    data = make_arrays(5, size=3)
    sums = [0, 0, 0]
    for picture in data.train[0].tolist():
        for row in picture:
            for pixel in row:
                sums = [a + b for a, b in zip(sums, pixel)]
    np.testing.assert_allclose(data.mean, [s / (5 * 9) for s in sums])


# --- Parts ---


@hypothesis.settings(max_examples=25)
@hypothesis.given(size=st.integers(1, COUNT + 5), other=st.integers(1, COUNT))
def test_a_part_is_drawn_without_repeats_the_same_every_time(size, other):
    data = numbered()
    part, again = data.part(size, other), data.part(size)
    assert (part.name, part.class_names) == (data.name, data.class_names)
    pictures, labels = part.train
    assert len(labels) == len(set(labels)) == min(size, COUNT)
    assert len(part.validation[1]) == other
    # Each with its own label, which is its number.
    np.testing.assert_array_equal(pictures, data.train[0][labels])
    np.testing.assert_array_equal(again.train[1], labels)
    np.testing.assert_array_equal(again.validation[1], np.arange(COUNT))


def test_a_part_is_no_head():
    labels = numbered().part(20).train[1]
    assert 5 < np.sum(labels >= 20) < 15


def test_all_there_is_stays_in_order():
    for size in (None, COUNT, COUNT + 1):
        np.testing.assert_array_equal(
            numbered().part(size, size).train[1], np.arange(COUNT)
        )


# --- Order ---


@hypothesis.settings(max_examples=15)
@hypothesis.given(
    count=st.integers(1, 40),
    batch_size=st.integers(1, 40),
    epochs=st.integers(1, 3),
    seed=st.integers(0, 2**32 - 1),
)
def test_each_image_comes_once_an_epoch_at_most(
    count, batch_size, epochs, seed
):
    batch_size = min(count, batch_size)
    data = numbered(count)
    stream, steps = in_memory_data.training_stream(
        data, batch_size, epochs, seed
    )
    assert steps == count // batch_size
    pictures, labels = read(stream)
    assert pictures.dtype == np.uint8
    np.testing.assert_array_equal(pictures, data.train[0][labels])
    by_epoch = labels.reshape(epochs, steps * batch_size)
    for epoch in by_epoch.tolist():
        assert len(set(epoch)) == len(epoch)


def test_epoch_and_seed_make_the_order():
    def order(seed):
        stream, _ = in_memory_data.training_stream(numbered(), 10, 2, seed)
        return np.split(read(stream)[1], 2)

    first, second = order(1)
    other, _ = order(2)
    orders = {tuple(o) for o in (first, second, other, range(COUNT))}
    assert len(orders) == 4
    np.testing.assert_array_equal(np.stack(order(1)), [first, second])


def test_less_than_a_batch_is_refused():
    assert message_of(in_memory_data.training_stream, numbered(7), 8, 1, 0) == (
        "`dataset` must have at least 8 training images, a batch. "
        "Received: 'numbered' with 7"
    )


# --- Augmentation ---


def windows(picture):
    """All that augmentation may make of an image, and how."""
    framed = np.zeros((SIZE + 2 * BORDER, SIZE + 2 * BORDER, 3), "uint8")
    framed[BORDER:-BORDER, BORDER:-BORDER] = picture
    found = {}
    for top in range(2 * BORDER + 1):
        for left in range(2 * BORDER + 1):
            window = framed[top : top + SIZE, left : left + SIZE]
            found[window.tobytes()] = (top, left, False)
            found[window[:, ::-1].tobytes()] = (top, left, True)
    assert len(found) == 162
    return found


def places(seed, epochs):
    """How each image of a stream was augmented."""
    data = numbered()
    stream, _ = in_memory_data.training_stream(
        data, COUNT, epochs, seed, augment=True
    )
    pictures, labels = read(stream)
    assert pictures.dtype == np.uint8
    possible = list(map(windows, data.train[0]))
    return [
        possible[label][picture.tobytes()]
        for picture, label in zip(pictures, labels)
    ]


def test_images_are_cropped_from_everywhere_and_half_are_mirrored():
    found = places(seed=3, epochs=100)  # 4000, of 162 kinds
    counts = np.zeros((9, 9, 2))
    for top, left, mirrored in found:
        counts[top, left, int(mirrored)] += 1
    assert counts.sum(axis=2).min() > 0
    assert abs(counts[..., 1].sum() - 2000) < 5 * np.sqrt(1000)
    # χ² with 161 degrees of freedom, so rows, columns and mirrors are drawn
    # independently; 161 ± 18, so 250 is five standard deviations away.
    expected = len(found) / counts.size
    assert np.sum((counts - expected) ** 2) / expected < 250


def test_epoch_and_seed_make_the_crops():
    first = places(seed=1, epochs=2)
    assert first == places(seed=1, epochs=2)
    assert first != places(seed=2, epochs=2)
    assert first[:COUNT] != first[COUNT:]


# --- To measure on ---


@pytest.mark.parametrize("most", [None, 3, 33, 100])
def test_measured_are_the_first_images_untouched(most, monkeypatch):
    monkeypatch.setattr(in_memory_data, "EVALUATION_BATCH", 16)
    data = numbered()
    pictures, labels = read(
        in_memory_data.evaluation_batches(data.validation, most)
    )
    np.testing.assert_array_equal(pictures, data.validation[0][:most])
    np.testing.assert_array_equal(labels, range(min(most or COUNT, COUNT)))


def test_the_thread_that_tunes_is_off_and_nothing_else():
    options = tf.data.Options()
    options.deterministic = False
    options.threading.private_threadpool_size = 3
    stream = tf.data.Dataset.range(5).with_options(options)
    changed = image_data.without_autotune(stream)
    assert list(changed.as_numpy_iterator()) == [0, 1, 2, 3, 4]
    found = changed.options()
    assert found.autotune.enabled is False
    assert found.deterministic is False
    assert found.threading.private_threadpool_size == 3
    data = numbered()
    for ours in (
        in_memory_data.training_stream(data, 10, 1, 0)[0],
        in_memory_data.evaluation_batches(data.train),
    ):
        assert ours.options().autotune.enabled is False
