"""Experiments go on where they stopped, add only, and refuse before they run."""

import errno
import os

import pytest
from stand_in_trials import DATA
from stand_in_trials import EXPERIMENT
from stand_in_trials import GIVEN
from stand_in_trials import MORE
from stand_in_trials import SEARCH
from stand_in_trials import SEARCHED
from stand_in_trials import TRIALS
from stand_in_trials import Runner
from support import HOLD
from support import message_of
from support import start
from tiny_arrays import condition

tf = pytest.importorskip("tensorflow")

from alexnet_lab.experiments import results_file  # noqa: E402
from alexnet_lab.experiments import runner as experiments  # noqa: E402
from alexnet_lab.experiments import trial as trials  # noqa: E402
from alexnet_lab.experiments.definitions import EXPERIMENTS  # noqa: E402


@pytest.fixture
def runner(monkeypatch):
    def replace(*arguments, **options):
        runner = Runner(*arguments, **options)
        monkeypatch.setattr(trials, "run_trial", runner)
        return runner

    return replace


def run(output=None, seeds=1, experiment=EXPERIMENT, **options):
    lines = []
    defaults = {"dataset": DATA, "say": lines.append}
    found = experiments.run(
        experiment, seeds=seeds, output=output, **{**defaults, **options}
    )
    return found, lines


def test_first_the_rates_then_seed_after_seed(runner):
    runs = runner()
    found, lines = run(seeds=2)
    assert runs.asked == SEARCH + TRIALS + MORE
    assert runs.targets == [None] * 3 + [0.05] * 4
    assert lines[3:5] == [
        "relu, seed 1: training error 10.0 %, validation 10.0 % after 1 epochs "
        "(60 s)",
        "tanh, seed 1: training error 37.0 %, validation 37.0 % after 1 epochs "
        "(60 s)",
    ]
    assert len(lines) == 7
    assert list(found.table()["seed"]) == [1, 2, 1, 2]
    assert found.record["conditions"]["relu"]["tried"] == {
        "0.01": pytest.approx(0.12),
        "0.03": 0.1,
        "0.1": pytest.approx(0.17),
    }


def test_sizes_are_the_experiments_and_the_search_takes_a_part(
    runner, monkeypatch
):
    search = {"train_size": 7, "validation_size": 3, "epochs": 3}
    monkeypatch.setattr(experiments, "SEARCH", search)
    runs = runner()
    small = experiments.Experiment(
        "small",
        "?",
        (SEARCHED,),
        epochs=2,
        train_size=10,
        batch_size=5,
        measured=6,
    )
    found, _ = run(experiment=small, epochs=4)
    assert runs.parts == [(7, 3)] * 3 + [(10, 6)]
    assert runs.asked == [*SEARCH, ("relu", 0.03, 1, 4)]
    assert runs.settings == [{"batch_size": 5, "measured": 6}] * 4
    settings = found.record["settings"]
    assert (settings["train_size"], settings["validation_size"]) == (10, 6)
    assert settings["batch_size"] == 5


def test_images_are_read_in_the_experiments_size(runner, monkeypatch):
    sizes = []

    def load_arrays(data, size):
        sizes.append(size)
        return DATA

    monkeypatch.setattr(experiments.in_memory_data, "load_arrays", load_arrays)
    runner()
    large = experiments.Experiment("large", "?", (GIVEN,), epochs=1, size=99)
    run(experiment=large, dataset="photo_patches")
    assert sizes == [99]


# --- Going on ---


@pytest.mark.parametrize("stop_at", range(8))
@pytest.mark.parametrize("stop", [KeyboardInterrupt, MemoryError])
def test_a_run_that_was_stopped_goes_on(runner, tmp_path, stop_at, stop):
    runner()
    run(tmp_path / "whole.json", seeds=2)
    path = tmp_path / "stopped.json"
    runs, everything = runner(stop_at, stop), SEARCH + TRIALS + MORE
    if stop_at < len(everything):
        with pytest.raises(stop):
            run(path, seeds=2)
    else:
        run(path, seeds=2)
    assert runs.asked == everything[:stop_at]
    # A search is not kept in parts.
    there = stop_at if stop_at >= len(SEARCH) else 0
    rest = runner()
    run(path, seeds=2)
    assert rest.asked == everything[there:]
    assert path.read_text() == (tmp_path / "whole.json").read_text()


def test_one_with_real_trials_goes_on_too(tmp_path, monkeypatch):
    real, calls = trials.run_trial, []

    def until(last):
        def run_trial(tried, *arguments, **settings):
            if len(calls) == last:
                raise KeyboardInterrupt
            calls.append(tried.name)
            return real(tried, *arguments, **settings)

        monkeypatch.setattr(trials, "run_trial", run_trial)

    def curves(path):
        record = results_file.load_results(path).record
        for part in record["conditions"].values():
            for trial in part["trials"]:
                assert trial.pop("seconds") > 0
        return record

    pair = experiments.Experiment(
        "pair",
        "?",
        (condition("relu", learning_rate=0.03), GIVEN),
        epochs=1,
        batch_size=8,
    )
    until(None)
    run(tmp_path / "whole.json", experiment=pair)
    until(3)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "stopped.json", experiment=pair)
    until(None)
    run(tmp_path / "stopped.json", experiment=pair)
    assert calls == ["relu", "tanh"] * 2
    whole = curves(tmp_path / "whole.json")
    assert curves(tmp_path / "stopped.json") == whole
    assert len(whole["conditions"]["tanh"]["trials"][0]["val_loss"]) == 2


def test_more_seeds_only_add(runner, tmp_path):
    path = tmp_path / "found.json"
    runner()
    first, _ = run(path)
    before = {name: first.trials(name)[:] for name in ("relu", "tanh")}
    again = runner()
    found, lines = run(path, seeds=2)
    assert again.asked == MORE
    assert len(lines) == 2
    for name, there in before.items():
        assert found.trials(name)[:1] == there
        assert len(found.trials(name)) == 2
    fewer = runner()
    found, lines = run(path, seeds=1)
    assert (fewer.asked, lines) == ([], [])
    assert len(found.trials("relu")) == 2


def test_a_new_condition_only_adds(runner, tmp_path):
    path = tmp_path / "found.json"
    runner()
    run(path)
    gelu = condition("gelu", "gelu", learning_rate=0.1)
    more = experiments.Experiment(
        "tiny", "Which?", (SEARCHED, gelu, GIVEN), epochs=2, target=0.05
    )
    added = runner()
    found, _ = run(path, experiment=more)
    assert added.asked == [("gelu", 0.1, 1, 2)]
    assert found.conditions == ["relu", "gelu", "tanh"]


def test_two_processes_on_one_file_lose_nothing(runner, tmp_path):
    path = tmp_path / "found.json"
    half = tmp_path / ".part-found.json"
    half.write_text("{")  # of one that was killed
    runs = runner()
    with start(HOLD, tmp_path / ".lock-found.json") as other:
        assert other.stdout.readline() == "held\n"
        assert message_of(run, path) == (
            "`output` is being written by another process. Wait until it ends, "
            f"or name another. Received: output={str(path)!r}"
        )
        assert runs.asked == []
        other.kill()
        other.wait(20)
    run(path)
    assert runs.asked == SEARCH + TRIALS
    assert [*tmp_path.iterdir()] == [path]


def test_a_full_disk_leaves_what_was_there(runner, tmp_path, monkeypatch):
    path = tmp_path / "found.json"
    runner()
    run(path)
    before = path.read_bytes()
    runs = runner()

    def full(descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(OSError) as caught:
            run(path, seeds=2)
    assert str(caught.value) == (
        f"{str(path)!r} could not be written: No space left on device. "
        "Make room or choose another folder."
    )
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]
    assert runs.asked == MORE[:1]
    rest = runner()
    run(path, seeds=2)
    assert rest.asked == MORE


# --- Refused before anything runs ---

KNOWN = (
    f"`experiment` must be one of {', '.join(EXPERIMENTS)}, or an "
    "`Experiment` of your own. Received: experiment="
)
COUNT = "`{0}` must be a positive integer. Received: {0}={1}"


@pytest.mark.parametrize(
    "options, message",
    [
        ({"experiment": "lrn"}, KNOWN + "'lrn'"),
        ({"experiment": ["relu"]}, KNOWN + "['relu']"),
        ({"seeds": 0}, COUNT.format("seeds", 0)),
        ({"seeds": 2.0}, COUNT.format("seeds", 2.0)),
        ({"epochs": 0}, COUNT.format("epochs", 0)),
        (
            {"dataset": "./none"},
            "`dataset` names a folder that is not there. Received: './none'",
        ),
    ],
)
def test_arguments_are_checked_first(options, message, runner, tmp_path):
    runs = runner()
    path = tmp_path / "found.json"
    assert message_of(run, path, **options) == message
    assert (runs.asked, path.exists()) == ([], False)


def test_output_is_checked_first(runner, tmp_path):
    (tmp_path / "file").write_text("")
    path = tmp_path / "file" / "found.json"
    runs = runner()
    assert message_of(run, path) == (
        f"`output` cannot be written: {str(tmp_path / 'file')!r} is no "
        f"folder, or is not yours to write. Received: output={str(path)!r}"
    )
    path = tmp_path / "other.json"
    other = experiments.Experiment("other", "?", (GIVEN,), epochs=2)
    run(path, experiment=other)
    runs = runner()
    assert message_of(run, path) == (
        "`output` holds an experiment with other settings: experiment is "
        "'other' there and 'tiny' here; target is None there and 0.05 here. "
        f"Name another file. Received: output={str(path)!r}"
    )
    assert runs.asked == []


def test_two_conditions_of_one_name_are_refused():
    conditions = GIVEN, SEARCHED, GIVEN
    assert message_of(experiments.Experiment, "twice", "?", conditions, 2) == (
        "`conditions` must have a name each that no other has. "
        "Received twice: tanh"
    )
