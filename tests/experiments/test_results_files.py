"""The file of an experiment: written, read, gone on from, or refused."""

import json
import platform

import keras
import pytest
from example_results import DATA
from example_results import RELU
from example_results import TANH
from example_results import experiment
from example_results import filled
from example_results import trial
from support import message_of
from tiny_arrays import condition
from tiny_arrays import make_arrays

tf = pytest.importorskip("tensorflow")

from alexnet_lab.experiments import results_file  # noqa: E402


def test_what_is_written_is_read(tmp_path):
    path = tmp_path / "new" / "found.json"
    found = filled(path)
    assert list(path.parent.iterdir()) == [path]
    assert results_file.load_results(path).record == found.record
    record = json.loads(path.read_text(encoding="utf-8"))
    assert record["settings"] == {
        "experiment": "test",
        "dataset": "tiny",
        "size": 3,
        "train_size": 4,
        "validation_size": 2,
        "batch_size": 128,
        "epochs": 2,
        "target": None,
    }
    assert record["question"] == "Which?"
    assert record["command"] == (
        "python -m alexnet_lab.experiments test --dataset tiny"
    )
    assert record["software"] == {
        "python": platform.python_version(),
        "tensorflow": tf.__version__,
        "keras": keras.__version__,
    }
    relu = record["conditions"]["relu"]
    assert relu["learning_rate"] == 0.03
    assert relu["tried"] == {"0.01": 1.5, "0.03": 1.0, "0.1": None}
    assert [trial["seed"] for trial in relu["trials"]] == [1, 2]


def test_epochs_of_ones_own_are_in_the_command():
    found = results_file.open_results(None, experiment(), DATA, 7)
    assert found.record["command"] == (
        "python -m alexnet_lab.experiments test --dataset tiny --epochs 7"
    )
    assert found.record["settings"]["epochs"] == 7


def test_the_command_goes_on_with_the_same_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for _ in range(2):
        found = results_file.open_results(
            "some runs/found.json", experiment(), DATA, 2
        )
        found.add_rate(RELU, 0.1, {0.1: 1.0})
        assert found.record["command"] == (
            "python -m alexnet_lab.experiments test --dataset tiny "
            "--output 'some runs/found.json'"
        )


def open_here(path):
    return results_file.open_results(path, experiment(), DATA, 2)


BOTH = [
    (results_file.load_results, "path"),
    (open_here, "output"),
]


def test_a_file_that_is_not_there(tmp_path):
    path = tmp_path / "none.json"
    assert message_of(results_file.load_results, path) == (
        "`path` cannot be read: No such file or directory. "
        f"Received: path={str(path)!r}"
    )


@pytest.mark.parametrize("function, argument", BOTH)
def test_a_folder_is_no_file(function, argument, tmp_path):
    assert message_of(function, tmp_path) == (
        f"`{argument}` cannot be read: Is a directory. "
        f"Received: {argument}={str(tmp_path)!r}"
    )


@pytest.mark.parametrize("function, argument", BOTH)
@pytest.mark.parametrize(
    "contents",
    [
        b"",
        b'{"settings": {"epo',
        b"\xff\xfe",
        b"[1, 2]",
        b'"settings, conditions, command"',
        b'{"settings": {}, "conditions": {}}',
        b'{"settings": 3, "conditions": {}, "command": ""}',
        b'{"settings": {}, "conditions": [], "command": ""}',
        b'{"settings": {}, "conditions": {"relu": {}}, "command": ""}',
    ],
)
def test_a_file_of_something_else_is_refused_and_kept(
    function, argument, contents, tmp_path
):
    path = tmp_path / "found.json"
    path.write_bytes(contents)
    assert message_of(function, path) == (
        f"`{argument}` is no file of an experiment. "
        f"Received: {argument}={str(path)!r}"
    )
    assert path.read_bytes() == contents


@pytest.mark.parametrize("inside", ["found.json", "new/found.json"])
def test_a_file_that_cannot_be_written(inside, tmp_path):
    (tmp_path / "file").write_text("")
    path = tmp_path / "file" / inside
    assert message_of(open_here, path) == (
        f"`output` cannot be written: {str(tmp_path / 'file')!r} is no "
        f"folder, or is not yours to write. Received: output={str(path)!r}"
    )


# --- Going on ---


def test_going_on_takes_what_is_there(tmp_path):
    path = tmp_path / "found.json"
    before = filled(path)
    found = open_here(path)
    assert found.record == before.record
    assert (found.rate(RELU), found.has(RELU, 2)) == (0.03, True)
    assert not found.has(RELU, 3)


def test_a_condition_may_come_to_others(tmp_path):
    path = tmp_path / "found.json"
    before = filled(path)
    gelu = condition("gelu", "gelu")
    more = experiment(RELU, gelu, TANH)
    found = results_file.open_results(path, more, DATA, 2)
    assert list(found.record["conditions"]) == ["relu", "gelu", "tanh"]
    assert found.conditions == ["relu", "tanh"]
    assert found.trials("relu") == before.trials("relu")
    found.add_trial(gelu, trial(1, [0.5], [0.5]))
    assert results_file.load_results(path).conditions == [
        "relu",
        "gelu",
        "tanh",
    ]


def test_one_that_is_no_longer_asked_for_keeps_its_trials(tmp_path):
    path = tmp_path / "found.json"
    before = filled(path)
    found = results_file.open_results(path, experiment(TANH), DATA, 2)
    assert found.trials("relu") == before.trials("relu")


@pytest.mark.parametrize(
    "there, epochs, differences",
    [
        (
            experiment(name="other"),
            2,
            "experiment is 'test' there and 'other' here",
        ),
        (experiment(), 3, "epochs is 2 there and 3 here"),
        (
            experiment(condition("relu", "gelu"), TANH),
            2,
            "condition 'relu' is not the same",
        ),
        (
            experiment(RELU, condition("tanh", "tanh"), target=0.5),
            4,
            "epochs is 2 there and 4 here; target is None there and 0.5 here; "
            "condition 'tanh' is not the same",
        ),
    ],
)
def test_other_settings_are_refused(there, epochs, differences, tmp_path):
    path = tmp_path / "found.json"
    filled(path)
    contents = path.read_bytes()
    assert message_of(results_file.open_results, path, there, DATA, epochs) == (
        f"`output` holds an experiment with other settings: {differences}. "
        f"Name another file. Received: output={str(path)!r}"
    )
    assert path.read_bytes() == contents


def test_other_data_are_refused(tmp_path):
    path = tmp_path / "found.json"
    filled(path)
    other = make_arrays(5, 1, size=3)
    assert message_of(
        results_file.open_results, path, experiment(), other, 2
    ) == (
        "`output` holds an experiment with other settings: train_size is 4 "
        "there and 5 here; validation_size is 2 there and 1 here. Name "
        f"another file. Received: output={str(path)!r}"
    )
