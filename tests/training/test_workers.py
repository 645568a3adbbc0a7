"""Several machines: two processes on one, and what `TF_CONFIG` may say."""

import json
import re
import signal
import socket
import subprocess
import sys
import time

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st
from support import message_of
from support import surroundings

tf = pytest.importorskip("tensorflow")

import toy_runs  # noqa: E402

from alexnet_keras.data import color_noise  # noqa: E402
from alexnet_keras.data import datasets  # noqa: E402
from alexnet_keras.data import input_pipeline  # noqa: E402
from alexnet_keras.training import workers  # noqa: E402

TWO = {"worker": ["host1:1234", "host2:1234"]}


def describe(monkeypatch, cluster, task):
    text = json.dumps({"cluster": cluster, "task": task})
    monkeypatch.setenv("TF_CONFIG", text)


@pytest.mark.parametrize(
    ("cluster", "task", "found"),
    [
        (TWO, ("worker", 1), (TWO["worker"], 1)),
        (
            {"chief": ["a:1"], "worker": ["b:1", "c:1"]},
            ("worker", 0),
            ("abc", 1),
        ),
        ({"worker": ["b:1"], "chief": ["a:1"]}, ("chief", 0), ("ab", 0)),
        ({"worker": ["a:1"]}, ("worker", 0), (["localhost"], 0)),
        ({}, ("worker", 0), (["localhost"], 0)),
    ],
)
def test_a_cluster_is_found(cluster, task, found, monkeypatch):
    describe(monkeypatch, cluster, dict(zip(("type", "index"), task)))
    addresses, number = found
    if isinstance(addresses, str):
        addresses = [f"{host}:1" for host in addresses]
    assert workers.find() == workers.Cluster(tuple(addresses), number)


def test_without_a_cluster_this_machine_is_alone(monkeypatch):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    assert workers.find().count == 1 and workers.find().is_chief


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("worker=2", "is not JSON of a cluster and a task"),
        ("[1]", "is not JSON of a cluster and a task"),
        ('{"cluster": 3}', "is not JSON of a cluster and a task"),
        ({"cluster": TWO}, "must say in `task` which of 2 this one is"),
        (
            {"cluster": TWO, "task": {"type": "worker", "index": 2}},
            "must say in `task` which of 2 this one is",
        ),
        (
            {"cluster": {"worker": ["a:1", "a:1"]}, "task": {}},
            "names 'a:1' more than once",
        ),
        ({"cluster": {"worker": ["a", "b:1"]}}, "needs host:port"),
        (
            {"cluster": {**TWO, "ps": ["c:1"]}},
            "has tasks that training does not use: ps",
        ),
    ],
)
def test_a_description_that_is_wrong_is_named(text, wrong, monkeypatch):
    text = text if isinstance(text, str) else json.dumps(text)
    monkeypatch.setenv("TF_CONFIG", text)
    message = message_of(workers.find)
    assert wrong in message and f"Received: TF_CONFIG={text!r}" in message


def test_a_port_in_use_is_named():
    with socket.socket() as other:
        other.bind(("", 0))
        other.listen()
        here = f"localhost:{other.getsockname()[1]}"
        cluster = workers.Cluster((here, "host2:1"), 0)
        message = message_of(workers.make_strategy, cluster, 2)
    assert "a port that is in use" in message and here in message


@pytest.mark.parametrize(
    ("options", "received"),
    [
        ({"batch_size": 7}, "batch_size=7"),
        ({"replicas": 3, "batch_size": 6}, "replicas=3"),
    ],
)
def test_what_machines_do_not_divide_is_refused(options, received, monkeypatch):
    describe(monkeypatch, TWO, {"type": "worker", "index": 0})
    message = message_of(toy_runs.run, "photo_patches", **options)
    assert "2 machines" in message and message.endswith(received)


def test_a_strategy_comes_before_anything_else(monkeypatch):
    tf.constant(0)
    hosts = [f"localhost:{free_port()}" for _ in range(2)]
    describe(monkeypatch, {"worker": hosts}, {"type": "worker", "index": 0})
    message = message_of(workers.make_strategy, workers.find(), 2)
    assert "Restart Python" in message


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    return toy_runs.make_images(tmp_path_factory.mktemp("images"), 24, 5)


@hypothesis.settings(max_examples=6, deadline=None)
@hypothesis.given(machines=st.integers(1, 4), apart=st.booleans())
def test_shares_make_up_the_batches(machines, apart, dataset):
    """Every image once, in its place, with the noise that is its own."""
    data = datasets.load_dataset(dataset)
    noise = input_pipeline.ColorNoise(
        color_noise.IMAGENET_COLORS, (0.1, 0.0), 1, np.zeros(3), 1.1
    )

    def training(share):
        stream = input_pipeline.training_batches(
            *(data, 16, 12),
            noise=noise,
            noise_apart=apart,
            share=share,
        )
        return list(stream.take(3).as_numpy_iterator())

    def validation(share):
        stream = input_pipeline.validation_batches(data, 16, 12, share)
        return list(stream.as_numpy_iterator())

    for batches in (training, validation):
        whole = batches((0, 1))
        shares = [batches((number, machines)) for number in range(machines)]
        for batch, *parts in zip(whole, *shares, strict=True):
            flat = tf.nest.flatten(batch)
            for array, *pieces in zip(flat, *map(tf.nest.flatten, parts)):
                together = np.stack(pieces, axis=1).reshape(array.shape)
                if batches is validation:  # filled up with other images
                    real = flat[-1] > 0
                    array, together = array[real], together[real]
                np.testing.assert_array_equal(array, together)


RUN = """
import os
import pathlib
import signal
import sys

import keras
import numpy as np
import toy_runs

dataset, output, number, victim, dropout, seed = sys.argv[1:]

class Kill(keras.callbacks.Callback):
    seen = 0

    def on_train_batch_end(self, batch, logs=None):
        self.seen += 1
        if number == victim and self.seen == 5:
            os.kill(os.getpid(), signal.SIGKILL)

table = toy_runs.TOY
if dropout == "off":
    table = toy_runs.without_dropout(table)
result = toy_runs.run(
    dataset,
    variant=table,
    epochs=4,
    output=output,
    replicas=2,
    save_every=2,
    seed=int(seed),
    verbose=2,
    callbacks=[Kill()],
)
file = pathlib.Path(f"{output}_{number}.npz")
np.savez(file, *result.model.get_weights(), *result.history.values())
"""


def free_port():
    with socket.socket() as some:
        some.bind(("", 0))
        return some.getsockname()[1]


def run_together(
    dataset, output, count=2, victim="none", dropout="on", seeds=(1, 1)
):
    """Processes that train in step; what each of them said and left."""
    hosts = [f"localhost:{free_port()}" for _ in range(count)]
    processes = []
    for number in range(count):
        environment = surroundings()
        if count > 1:
            task = {"type": "worker", "index": number}
            described = {"cluster": {"worker": hosts}, "task": task}
            environment["TF_CONFIG"] = json.dumps(described)
        words = (dataset, output, number, victim, dropout, seeds[number])
        processes.append(
            subprocess.Popen(
                [sys.executable, "-c", RUN, *map(str, words)],
                env=environment,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
        )
    said = [process.communicate(timeout=240) for process in processes]
    return [p.returncode for p in processes], said


def left_by(output, number):
    with np.load(f"{output}_{number}.npz") as file:
        return [file[name] for name in file.files]


def test_two_machines_train_as_one_with_two_replicas(dataset, tmp_path):
    for name, count in (("two", 2), ("one", 1)):
        codes, said = run_together(
            dataset, tmp_path / name, count, dropout="off"
        )
        assert codes == [0] * count, said
    ours, theirs = left_by(tmp_path / "two", 0), left_by(tmp_path / "two", 1)
    for arrays in zip(ours, theirs, left_by(tmp_path / "one", 0)):
        np.testing.assert_array_equal(arrays[0], arrays[1])
        np.testing.assert_allclose(arrays[0], arrays[2], rtol=1e-6, atol=1e-6)


@pytest.fixture(scope="module")
def left_alone(dataset, tmp_path_factory):
    """What a run of two machines leaves that nobody kills."""
    output = tmp_path_factory.mktemp("runs") / "whole"
    codes, said = run_together(dataset, output)
    assert codes == [0, 0], said
    return output


@pytest.mark.slow
@pytest.mark.parametrize("victim", [0, 1])
def test_a_killed_machine_ends_the_others_and_the_run_goes_on(
    victim, dataset, left_alone, tmp_path
):
    started = time.monotonic()
    codes, said = run_together(dataset, tmp_path / "killed", victim=victim)
    assert time.monotonic() - started < 60
    assert codes[victim] == -signal.SIGKILL
    survivor = 1 - victim
    assert codes[survivor] == 1
    error = said[survivor][1]
    assert f"ConnectionError: machine {survivor} (" in error
    assert "give every machine this command: python -m alexnet_keras" in error

    codes, said = run_together(dataset, tmp_path / "killed")
    assert codes == [0, 0], said
    # The chief notices before or after its own fifth step.
    assert re.search(r"Goes on after step [45] of 12\.", said[0][0])
    assert said[1][0] == ""  # the chief speaks for all
    for number in (0, 1):
        for one, other in zip(
            left_by(tmp_path / "killed", number),
            left_by(left_alone, number),
        ):
            np.testing.assert_allclose(one, other, rtol=1e-6)
            if one.ndim > 1:  # weights; means of an epoch are of two parts
                np.testing.assert_array_equal(one, other)


@pytest.mark.slow
def test_machines_must_train_the_same(dataset, tmp_path):
    codes, said = run_together(dataset, tmp_path / "run", seeds=(1, 2))
    assert codes == [1, 1]
    for _, error in said:
        assert (
            "by the same command: seed differs. Received: 1 on machine 0"
            in error
        )
        assert ", 2 on machine 1 (" in error
