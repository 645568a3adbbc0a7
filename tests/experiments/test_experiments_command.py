"""`python -m alexnet_lab.experiments`: what it prints, and how it ends."""

import errno
import os
import shlex
import types

import pytest
from stand_in_trials import DATA
from stand_in_trials import EXPERIMENT
from stand_in_trials import Runner

tf = pytest.importorskip("tensorflow")

from alexnet_keras.data import datasets  # noqa: E402
from alexnet_lab.experiments import __main__  # noqa: E402
from alexnet_lab.experiments import definitions  # noqa: E402
from alexnet_lab.experiments import in_memory_data  # noqa: E402
from alexnet_lab.experiments import results_file  # noqa: E402
from alexnet_lab.experiments import trial  # noqa: E402


@pytest.fixture(autouse=True)
def loaded(tmp_path, monkeypatch):
    """In an empty folder, with tiny data; the names that are asked for."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(definitions.EXPERIMENTS, "tiny", EXPERIMENT)
    names = []

    def load_dataset(name):
        names.append(name)
        skipped = ("Left out 1 image.",) if name == "photos" else ()
        return types.SimpleNamespace(skipped=skipped)

    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    monkeypatch.setattr(in_memory_data, "load_arrays", lambda data, size: DATA)
    return names


@pytest.fixture
def call(monkeypatch, capsys):
    """Runs a command line; returns status, standard output and error."""

    def call(*words, **options):
        monkeypatch.setattr(trial, "run_trial", Runner(**options))
        status = __main__.main(list(words))
        return status, *capsys.readouterr()

    return call


@pytest.mark.parametrize(
    "dataset, output",
    [
        ("photo_patches", "runs/experiment-tiny-photo_patches.json"),
        (
            "imagenette/320px-v2",
            "runs/experiment-tiny-imagenette_320px-v2.json",
        ),
        ("../my/photos/", "runs/experiment-tiny-my_photos.json"),
    ],
)
def test_the_file_is_named_by_experiment_and_data(
    dataset, output, call, loaded, tmp_path
):
    words = [] if dataset == "photo_patches" else ["--dataset", dataset]
    status, out, err = call("tiny", "--seeds", "1", *words)
    assert (status, err, loaded) == (0, "", [dataset])
    assert out.endswith(f"Written to {output}\n")
    assert results_file.load_results(tmp_path / output).conditions == [
        "relu",
        "tanh",
    ]


def test_it_prints_lines_and_a_table(call):
    status, out, _ = call("tiny", "--seeds", "1", "--output", "found.json")
    assert status == 0
    lines = [line.split() for line in out.splitlines()]
    assert " ".join(lines[0]) == "relu: rate 0.03, loss 0.1"
    assert " ".join(lines[3]).startswith("relu, seed 1: training error 10.0 %")
    assert lines[5] == [
        *("condition", "learning_rate", "seed", "epochs", "train_error"),
        *("val_error", "gap", "best_val_error", "seconds", "diverged"),
    ]
    assert lines[6][:6] == ["relu", "0.03", "1", "1", "0.10", "0.10"]
    assert lines[7][:6] == ["tanh", "0.30", "1", "1", "0.37", "0.37"]
    assert lines[8] == ["Written", "to", "found.json"]
    assert len(lines) == 9


def test_what_the_data_set_leaves_out_is_said(call):
    _, out, _ = call("tiny", "--seeds", "1", "--dataset", "photos")
    assert out.startswith("Left out 1 image.\nrelu: ")


def test_three_seeds_and_the_experiments_epochs_unless_asked(call):
    call("tiny")
    runs = trial.run_trial.asked[3:]
    assert [(seed, epochs) for _, _, seed, epochs in runs] == [
        *[(1, 2)] * 2,
        *[(2, 2)] * 2,
        *[(3, 2)] * 2,
    ]
    call("tiny", "--seeds", "1", "--epochs", "5", "--output", "five.json")
    assert [epochs for *_, epochs in trial.run_trial.asked[3:]] == [5, 5]


@pytest.mark.parametrize(
    "words, message",
    [
        (
            ["lrn"],
            f"`experiment` must be one of {', '.join(definitions.EXPERIMENTS)}, tiny, "
            "or an `Experiment` of your own. Received: experiment='lrn'",
        ),
        (
            ["tiny", "--seeds", "0"],
            "`seeds` must be a positive integer. Received: seeds=0",
        ),
        (
            ["tiny", "--output", "file/found.json"],
            "`output` cannot be written: 'file' is no folder, or is not yours "
            "to write. Received: output='file/found.json'",
        ),
    ],
)
def test_what_is_refused_ends_with_2(words, message, call, tmp_path):
    (tmp_path / "file").write_text("")
    assert call(*words) == (2, "", f"error: {message}\n")
    assert trial.run_trial.asked == []
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_words_that_are_not_understood_end_with_2(call, capsys):
    with pytest.raises(SystemExit) as caught:
        call("tiny", "--seeds", "many")
    assert caught.value.code == 2
    assert "argument --seeds: invalid int value: 'many'" in (
        capsys.readouterr().err
    )


def test_a_full_disk_ends_with_2(call, monkeypatch):
    def full(descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    status, _, err = call("tiny", "--output", "found.json")
    assert (status, err) == (
        2,
        "error: 'found.json' could not be written: No space left on device. "
        "Make room or choose another folder.\n",
    )


def test_ctrl_c_says_how_to_go_on_and_that_goes_on(call):
    words = ["tiny", "--seeds", "1", "--output", "my runs/found.json"]
    status, out, _ = call(*words, stop_at=4)
    assert status == 130
    stopped, again = out.splitlines()[-2:]
    assert stopped == (
        "Stopped; complete trials are in my runs/found.json. To go on:"
    )
    assert again == (
        "python -m alexnet_lab.experiments tiny --seeds 1 "
        "--output 'my runs/found.json'"
    )
    status, *_ = call(*shlex.split(again)[3:])
    assert status == 0
    assert trial.run_trial.asked == [("tanh", 0.3, 1, 2)]


def test_ctrl_c_before_the_first_trial_promises_no_file(call, tmp_path):
    status, out, _ = call("tiny", stop_at=1)
    assert status == 130
    assert out.splitlines()[-2:] == [
        "Stopped; no trial is complete. To go on:",
        "python -m alexnet_lab.experiments tiny",
    ]
    assert not list((tmp_path / "runs").iterdir())


def test_without_a_list_the_command_line_is_read(call, monkeypatch):
    monkeypatch.setattr("sys.argv", ["experiments.py", "tiny", "--seeds", "0"])
    assert __main__.main() == 2


def test_help_lists_the_experiments(call, capsys):
    with pytest.raises(SystemExit) as caught:
        call("--help")
    assert caught.value.code == 0
    out = capsys.readouterr().out
    for name, experiment in definitions.EXPERIMENTS.items():
        assert f"{name}: {experiment.question}" in out
