"""Checkpoint files: whole or not there, checked, and only of this model."""

import os

import keras
import numpy as np
import pytest
from support import message_of

pytest.importorskip("tensorflow")

from alexnet_keras import SGD2012  # noqa: E402
from alexnet_keras.training import checkpoints  # noqa: E402
from alexnet_keras.utils import atomic  # noqa: E402

ARRAYS = {"0000": np.arange(6.0).reshape(2, 3), "0001": np.int64(7)}


def compiled(units=3):
    model = keras.Sequential(
        [
            keras.Input((4,)),
            keras.layers.Dense(units, name="fc6"),
            keras.layers.Dropout(0.5),
            keras.layers.Dense(2, name="fc7"),
        ]
    )
    model.compile(SGD2012(0.01), "mse")
    model.optimizer.build(model.trainable_variables)
    return model


def batch(seed):
    generator = np.random.default_rng(seed)
    return generator.normal(size=(8, 4)), generator.normal(size=(8, 2))


def test_what_is_saved_is_loaded(tmp_path):
    path = checkpoints.save(tmp_path, 12, ARRAYS, {"history": {"loss": [1.5]}})
    assert path.name == "checkpoint-00000012.npz"
    found = checkpoints.load_newest(tmp_path)
    assert found.step == 12
    assert found.progress == {"history": {"loss": [1.5]}}
    assert found.arrays.keys() == ARRAYS.keys()
    for name, array in ARRAYS.items():
        np.testing.assert_array_equal(found.arrays[name], array)


def test_an_empty_folder_has_none(tmp_path):
    assert checkpoints.load_newest(tmp_path) is None


def test_two_are_kept(tmp_path):
    for step in (1, 20, 300):
        checkpoints.save(tmp_path, step, ARRAYS, {})
    assert [path.name for path in sorted(tmp_path.iterdir())] == [
        "checkpoint-00000020.npz",
        "checkpoint-00000300.npz",
    ]
    checkpoints.remove_all(tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("place", [0.0, 0.2, 0.5, 0.8, 0.999])
@pytest.mark.parametrize("damage", ["bit", "cut", "empty"])
def test_damage_is_found_and_the_one_before_is_taken(tmp_path, place, damage):
    large = {"0000": np.arange(500.0)}
    checkpoints.save(tmp_path, 1, large, {"x": 1})
    path = checkpoints.save(tmp_path, 2, large, {"x": 2})
    contents = bytearray(path.read_bytes())
    at = int(place * len(contents))
    if damage == "bit":
        contents[at] ^= 4
    path.write_bytes({"cut": contents[:at], "empty": b""}.get(damage, contents))
    said = []
    found = checkpoints.load_newest(tmp_path, said.append)
    if found.step == 2:  # a bit that says nothing, such as a date
        assert damage == "bit"
        np.testing.assert_array_equal(found.arrays["0000"], large["0000"])
        assert found.progress == {"x": 2}
    else:
        assert found.progress == {"x": 1}
        assert said == [
            "checkpoint-00000002.npz is damaged; the one before it is taken."
        ]


def test_a_bit_in_the_numbers_is_always_found(tmp_path):
    large = {"0000": np.zeros(2000)}
    for seed in range(10):
        path = checkpoints.save(tmp_path, 1, large, {})
        contents = bytearray(path.read_bytes())
        at = 400 + np.random.default_rng(seed).integers(15_000)
        contents[at] ^= 1 << seed % 8
        path.write_bytes(contents)
        with pytest.raises(ValueError):
            checkpoints.load_newest(tmp_path, lambda text: None)


SETTINGS = {"seed": 2012, "contents": {"cat": "1f"}}


@pytest.mark.parametrize("step", [11, pytest.param(1, marks=pytest.mark.slow)])
def test_no_bit_of_a_file_loads_something_else(tmp_path, step):
    """Whatever NumPy and zipfile make of it, and most is in their headers."""
    progress = {"settings": SETTINGS}
    checkpoints.save(tmp_path, 1, ARRAYS, progress | {"x": 1})
    path = checkpoints.save(tmp_path, 2, ARRAYS, progress | {"x": 2})
    content = path.read_bytes()
    for bit in range(0, 8 * len(content), step):
        changed = bytearray(content)
        changed[bit // 8] ^= 1 << bit % 8
        path.write_bytes(changed)
        found = checkpoints.load_newest(tmp_path, lambda text: None, SETTINGS)
        assert found.progress["x"] == found.step
        assert found.arrays.keys() == ARRAYS.keys()
        for name, array in ARRAYS.items():
            assert found.arrays[name].dtype == array.dtype
            np.testing.assert_array_equal(found.arrays[name], array)


def test_one_of_another_run_is_passed_over(tmp_path):
    checkpoints.save(tmp_path, 1, ARRAYS, {"settings": SETTINGS})
    other = SETTINGS | {"seed": 7}
    path = checkpoints.save(tmp_path, 2, ARRAYS, {"settings": other})
    said = []
    found = checkpoints.load_newest(tmp_path, said.append, SETTINGS)
    assert found.step == 1
    assert said == [
        f"{path.name} is of a run with another seed; the one before it is "
        "taken."
    ]


def test_what_was_passed_over_displaces_nothing(tmp_path):
    other = SETTINGS | {"seed": 7}
    for step in (900, 1000):
        checkpoints.save(tmp_path, step, ARRAYS, {"settings": other})
    for step in (1, 2, 3):
        checkpoints.save(tmp_path, step, ARRAYS, {"settings": SETTINGS})
    found = checkpoints.load_newest(tmp_path, [].append, SETTINGS)
    assert found.step == 3
    steps = [path.stem[-4:] for path in sorted(tmp_path.iterdir())]
    assert steps == ["0002", "0003", "0900", "1000"]


def test_files_of_earlier_versions_are_taken(tmp_path):
    """Without checksum and settings."""
    text = np.frombuffer(b'{"done": 3}', "uint8")
    np.savez(tmp_path / "checkpoint-00000003.npz", progress=text, **ARRAYS)
    found = checkpoints.load_newest(tmp_path, print, SETTINGS)
    assert (found.step, found.progress) == (3, {"done": 3})
    assert found.arrays.keys() == ARRAYS.keys()


def test_files_of_the_user_are_no_checkpoints(tmp_path):
    own = [tmp_path / f"checkpoint-{word}.npz" for word in ("best", "3", "")]
    for path in own:
        path.write_bytes(b"")
    assert checkpoints.load_newest(tmp_path) is None
    own.append(tmp_path / "checkpoint-00000010.npz")
    own[-1].mkdir()
    if hasattr(os, "mkfifo"):  # nobody ever writes to it
        own.append(tmp_path / "checkpoint-00000020.npz")
        os.mkfifo(own[-1])
    for step in (1, 2, 3, 100_000_000):
        checkpoints.save(tmp_path, step, ARRAYS, {})
    assert checkpoints.load_newest(tmp_path).step == 100_000_000
    checkpoints.remove_all(tmp_path)
    assert {*tmp_path.iterdir()} == {*own}


def test_all_damaged_is_an_error(tmp_path):
    for step in (1, 2):
        checkpoints.save(tmp_path, step, ARRAYS, {}).write_bytes(b"no")
    assert message_of(checkpoints.load_newest, tmp_path, lambda text: None) == (
        "All 2 checkpoints are damaged or of another run. Name another folder, "
        f"or remove this one. Received: output={str(tmp_path)!r}"
    )


def test_a_file_that_could_not_be_written_leaves_the_old_one(tmp_path):
    path = tmp_path / "settings.json"
    path.write_text("old")

    def fail(part):
        part.write_text("ne")
        raise OSError(28, "No space left on device")

    with pytest.raises(atomic.NotSaved) as caught:
        atomic.write(path, fail)
    assert str(caught.value) == (
        f"{str(path)!r} could not be written: No space left on device. Make "
        "room or choose another folder."
    )
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_restored_training_goes_on_bit_by_bit(tmp_path):
    model = compiled()
    for seed in range(3):
        model.train_on_batch(*batch(seed))
    checkpoints.save(tmp_path, 3, checkpoints.state_of(model), {})
    other = compiled()
    checkpoints.restore(other, checkpoints.load_newest(tmp_path))
    for seed in range(3, 6):
        for each in (model, other):
            each.train_on_batch(*batch(seed))
    for ours, theirs in zip(model.get_weights(), other.get_weights()):
        np.testing.assert_array_equal(ours, theirs)


def test_keras_files_lose_the_state_of_dropout(tmp_path):
    """Why this module exists: the day this fails, Keras keeps it."""
    model = compiled()
    for seed in range(3):
        model.train_on_batch(*batch(seed))
    model.save(tmp_path / "model.keras")
    other = keras.models.load_model(tmp_path / "model.keras")
    for seed in range(3, 6):
        for each in (model, other):
            each.train_on_batch(*batch(seed))
    assert any(
        not np.array_equal(ours, theirs)
        for ours, theirs in zip(model.get_weights(), other.get_weights())
    )


def test_another_models_checkpoint_is_refused(tmp_path):
    checkpoints.save(tmp_path, 5, checkpoints.state_of(compiled(3)), {})
    other = compiled(5)
    before = other.get_weights()
    assert message_of(
        checkpoints.restore, other, checkpoints.load_newest(tmp_path)
    ) == (
        "The checkpoint is not of this model: 13 variables there, 13 here, "
        "the first that differs is number 0. Received: step 5"
    )
    for ours, theirs in zip(before, other.get_weights()):
        np.testing.assert_array_equal(ours, theirs)
