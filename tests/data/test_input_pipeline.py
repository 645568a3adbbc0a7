"""Full batches, each image counted, the same stream from any step on."""

import hypothesis
import keras
import numpy as np
import pytest
from hypothesis import strategies as st

tf = pytest.importorskip("tensorflow")

from alexnet_keras.data import color_noise  # noqa: E402
from alexnet_keras.data import image_data  # noqa: E402
from alexnet_keras.data import input_pipeline  # noqa: E402
from alexnet_keras.data import readers  # noqa: E402
from alexnet_keras.training.step import TrainingNetwork  # noqa: E402

AS_IT_IS = readers.Reader()


def data_of(pictures, read=AS_IT_IS):
    count = len(pictures)
    dataset = tf.data.Dataset.from_tensor_slices(
        (pictures, np.arange(count, dtype="int64"))
    )
    names = tuple(map(str, range(count)))
    return image_data.ImageData(
        "test", names, dataset, dataset, count, count, read
    )


def numbered(count):
    """Images of one colour each, the image's number, which is its label."""

    def paint(number):
        return tf.fill((20, 20, 3), number)

    return data_of(np.arange(count, dtype="uint8"), paint)


def textured(count, seed=0):
    """Images of which no two windows are alike."""
    generator = np.random.default_rng(seed)
    return generator.integers(0, 256, (count, 20, 20, 3), "uint8")


def take(stream, count):
    """Images `(images, height, width, 3)` and labels of some batches."""
    pictures, labels = zip(*stream.take(count).as_numpy_iterator())
    return np.concatenate(pictures), np.concatenate(labels)


@hypothesis.settings(max_examples=6)
@hypothesis.given(count=st.integers(1, 40), batch_size=st.integers(1, 50))
def test_validation_counts_every_image_once(count, batch_size):
    seen, loss_sum, images_in_batches = [], 0.0, 0
    for images, labels, weights in input_pipeline.validation_batches(
        numbered(count), 8, batch_size
    ):
        assert images.shape == (batch_size, 8, 8, 3)
        real = weights.numpy() > 0
        np.testing.assert_array_equal(images[:, 0, 0, 0], labels)
        seen += labels.numpy()[real].tolist()
        loss_sum += float(np.sum(weights.numpy() * labels.numpy()))
        images_in_batches += batch_size
    assert sorted(seen) == list(range(count))
    # Keras divides by all images, filling included: the mean comes out exact.
    np.testing.assert_allclose(
        loss_sum / images_in_batches, np.mean(range(count)), rtol=1e-5
    )


# --- Order ---


@hypothesis.settings(max_examples=9)
@hypothesis.given(
    count=st.integers(1, 40),
    batch_size=st.integers(1, 50),
    first_step=st.integers(0, 9),
    chunk=st.sampled_from([1, 3, 32]),
    waiting=st.sampled_from([None, 1, 7, 100]),
)
def test_a_stream_from_any_step_is_the_tail_of_the_stream(
    count, batch_size, first_step, chunk, waiting
):
    """And in it, each epoch has every image once, in full batches."""
    data = data_of(textured(count))
    size, steps = 16, first_step + 3
    with pytest.MonkeyPatch.context() as patch:
        if waiting is not None:  # images are not kept, and so many are mixed
            patch.setattr(input_pipeline, "CACHE_BYTES", 0)
            patch.setattr(
                input_pipeline, "SHUFFLE_BYTES", waiting * 3 * 18 * 18
            )
        options = {"seed": 5, "crop_chunk": chunk}
        whole = input_pipeline.training_batches(
            data, size, batch_size, **options
        )
        tail = input_pipeline.training_batches(
            data, size, batch_size, first_step=first_step, **options
        )
        pictures, labels = take(whole, steps)
        last_pictures, last_labels = take(tail, 3)
    assert pictures.shape == (steps * batch_size, size, size, 3)
    assert pictures.dtype == np.uint8
    np.testing.assert_array_equal(last_pictures, pictures[-3 * batch_size :])
    np.testing.assert_array_equal(last_labels, labels[-3 * batch_size :])
    for start in range(0, len(labels) - count + 1, count):
        assert sorted(labels[start : start + count]) == list(range(count))


@pytest.mark.parametrize("cached", [True, False])
def test_the_seed_and_the_epoch_make_the_order(cached, monkeypatch):
    if not cached:
        monkeypatch.setattr(input_pipeline, "CACHE_BYTES", 0)

    def epochs(seed):
        stream = input_pipeline.training_batches(numbered(30), 8, 30, seed=seed)
        pictures, labels = take(stream, 2)
        np.testing.assert_array_equal(pictures[:, 0, 0, 0], labels)
        return np.split(labels, 2)

    first, second = epochs(1)
    assert not np.array_equal(first, second)
    assert not np.array_equal(first, np.arange(30))
    np.testing.assert_array_equal(first, epochs(1)[0])
    assert not np.array_equal(first, epochs(2)[0])
    assert not np.array_equal(second, epochs(2)[0])


# Two epochs of ten images with batches of ten, as they have always been.
ORDERS = {
    (None, 0): ("1284963057", "7936518402"),
    (None, 2012): ("9057681423", "2548693710"),
    (1, 1): ("8501472639", "1789362045"),
    (2012, 2012): ("3178205694", "2435619078"),
    (2012, 0): ("7158946203", "9430185627"),
    (2**31 - 2, 2**31 - 2): ("9152438076", "9328615740"),
    # TensorFlow takes seeds modulo 2³¹ − 1.
    (2**31, 2**31): ("8501472639", "1789362045"),
    (2**32 - 1, 2**32 - 1): ("8501472639", "1789362045"),
    # These seeds of everything could not be used.
    (0, 0): ("3890657142", "1940637852"),
    (0, 5): ("3921640578", "8430516729"),
    (2**31 - 1, 2**31 - 1): ("3890657142", "1940637852"),
    (2**32 - 2, 2**32 - 2): ("3890657142", "1940637852"),
}


@pytest.mark.parametrize("everything, seed", ORDERS)
def test_orders_are_what_they_were(everything, seed):
    if everything is None:  # as if none had been set
        tf.random.set_seed(None)
    else:
        keras.utils.set_random_seed(everything)
    stream = input_pipeline.training_batches(numbered(10), 8, 10, seed=seed)
    _, labels = take(stream, 2)
    found = "".join(map(str, labels))
    assert (found[:10], found[10:]) == ORDERS[everything, seed]


# --- Crops and flips ---


@pytest.mark.parametrize(
    "last_offset, least, most", [(True, 9, 18), (False, 4, 8)]
)
def test_an_image_is_cropped_anew_each_time(last_offset, least, most):
    stream = input_pipeline.training_batches(
        data_of(textured(1)), 16, 40, last_offset=last_offset
    )
    pictures, _ = take(stream, 1)
    # Resized to 18 pixels: 3 × 3 windows or 2 × 2, and their mirrors.
    assert least < len({picture.tobytes() for picture in pictures}) <= most


def test_images_of_a_chunk_share_crop_and_flip():
    """Batches and epochs do not matter: 32 in a row, counted from the first."""
    data = data_of(np.repeat(textured(1), 5, axis=0))

    def crops(**options):
        stream = input_pipeline.training_batches(data, 16, 24, **options)
        return [picture.tobytes() for picture in take(stream, 12)[0]]

    chunks = crops(crop_chunk=32)
    by_chunk = [set(chunks[start : start + 32]) for start in range(0, 288, 32)]
    assert [len(chunk) for chunk in by_chunk] == [1] * 9
    assert len(set.union(*by_chunk)) > 3
    # Without, 32 in a row are never alike.
    alone = crops()
    assert min(len(set(alone[i : i + 32])) for i in range(0, 288, 32)) > 6


def test_without_random_crops_the_centre_is_taken():
    data = data_of(textured(3))
    pictures, labels = take(
        input_pipeline.training_batches(data, 16, 12, random_crops=False), 1
    )
    assert set(labels) == {0, 1, 2}
    validation = input_pipeline.validation_batches(data, 16, 3)
    centres, _, _ = next(validation.as_numpy_iterator())
    np.testing.assert_array_equal(pictures, centres[labels])


def test_without_flips_the_same_windows_are_cut():
    data = data_of(textured(3))

    def crops(**options):
        batches = input_pipeline.training_batches(data, 16, 64, **options)
        return take(batches, 1)[0]

    ours, theirs = crops(random_flips=False), crops()
    mirrored = [not np.array_equal(a, b) for a, b in zip(ours, theirs)]
    assert 16 < sum(mirrored) < 48
    theirs[mirrored] = theirs[mirrored, :, ::-1]
    np.testing.assert_array_equal(ours, theirs)


# --- Colours ---

SIZE, BATCH, STEPS, SEED = 16, 6, 2, 11
COLORS = color_noise.ColorPCA(
    (60.0, 20.0, 9.0),
    ((0.6, 0.0, 0.8), (0.8, 0.0, -0.6), (0.0, 1.0, 0.0)),
)
MEAN = np.random.default_rng(1).uniform(90, 130, (SIZE, SIZE, 3))
STRENGTHS = (0.1, 0.5, 0.0)


def noise(**options):
    defaults = {"strengths": STRENGTHS, "divisor": 1.1}
    return input_pipeline.ColorNoise(
        COLORS, steps=STEPS, mean=MEAN, **{**defaults, **options}
    )


def black_and_white():
    """Two images without texture, and three with."""
    flat = np.repeat(np.array([0, 255], "uint8"), 1200).reshape(2, 20, 20, 3)
    return data_of(np.concatenate([flat, textured(3)]))


def streams(data, first_step=0, **options):
    """The same batches without noise and with."""
    arguments = (data, SIZE, BATCH, SEED)
    return (
        input_pipeline.training_batches(*arguments, first_step=first_step),
        input_pipeline.training_batches(
            *arguments, first_step=first_step, noise=noise(**options)
        ),
    )


def expected_noise(step):
    """Colours for a batch, in NumPy, from the same normal draws."""
    draws = tf.random.stateless_normal((BATCH, 3), (SEED, -1 - step)).numpy()
    strength = STRENGTHS[min(step // STEPS, 2)]
    return np.array(
        [
            sum(
                strength * z * deviation * np.array(vector)
                for z, deviation, vector in zip(
                    row, COLORS.deviations, COLORS.vectors
                )
            )
            for row in draws
        ]
    )


def test_noise_and_divisor_by_epoch_against_numpy():
    data, steps = black_and_white(), 4 * STEPS
    plain, noised = streams(data)
    pictures, labels = take(plain, steps)
    found, same_labels = take(noised, steps)
    np.testing.assert_array_equal(labels, same_labels)
    assert found.dtype == np.float32
    for step in range(steps):
        batch = slice(step * BATCH, (step + 1) * BATCH)
        if step >= 2 * STEPS:  # off from here on, the divisor too
            np.testing.assert_array_equal(found[batch], pictures[batch])
            continue
        color = expected_noise(step)[:, None, None]
        expected = MEAN + (pictures[batch] + color - MEAN) / 1.1
        np.testing.assert_allclose(found[batch], expected, atol=1e-3)


def test_an_image_gets_one_colour_and_the_next_one_another():
    plain, noised = streams(black_and_white(), divisor=1.0)
    pictures, labels = take(plain, 2 * STEPS)
    found, _ = take(noised, 2 * STEPS)
    added = found - pictures
    np.testing.assert_allclose(
        added, np.broadcast_to(added[:, :1, :1], added.shape), atol=1e-4
    )
    assert {0, 1} <= set(labels)  # black and white were among them
    one_each = added[:, 0, 0].round(3)
    assert len(np.unique(one_each, axis=0)) == len(one_each)
    # Values leave 0…255: nothing is clipped.
    assert found.min() < 0
    assert found.max() > 255


def test_noise_goes_on_from_any_step():
    whole = take(streams(black_and_white())[1], 5)
    tail = take(streams(black_and_white(), first_step=3)[1], 2)
    for ours, theirs in zip(tail, whole):
        np.testing.assert_array_equal(ours, theirs[3 * BATCH :])


def test_without_any_noise_images_stay_bytes():
    _, noised = streams(black_and_white(), strengths=(0.0, 0.0))
    assert noised.element_spec[0].dtype == tf.uint8


def test_noise_apart_is_the_same_noise_on_the_device():
    """Over the epochs with noise and the one without, to the last bit."""
    network = keras.Sequential(
        [keras.Input((SIZE, SIZE, 3)), keras.layers.Flatten()]
    )
    recolored = TrainingNetwork(network, MEAN)
    arguments = (black_and_white(), SIZE, BATCH, SEED)
    ours, theirs = (
        input_pipeline.training_batches(
            *arguments, noise=noise(), noise_apart=apart
        ).take(6)
        for apart in (True, False)
    )
    for (beside, labels), (pictures, same_labels) in zip(ours, theirs):
        assert beside["images"].dtype == tf.uint8
        np.testing.assert_array_equal(labels, same_labels)
        np.testing.assert_array_equal(recolored(beside), network(pictures))
    # What has no noise beside it goes through as it is.
    np.testing.assert_array_equal(recolored(pictures), network(pictures))
