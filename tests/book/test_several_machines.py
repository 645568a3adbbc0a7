"""docs/several_machines.md: its tables are computed, its scripts are run."""

import os
import re
import subprocess
import sys

import pytest
from support import ROOT

from alexnet_keras import derive_layers

pytest.importorskip("tensorflow")

sys.path.insert(0, str(ROOT / "benchmarks"))

import scaling  # noqa: E402

from alexnet_keras.training import workers  # noqa: E402

PAGE = (ROOT / "docs" / "several_machines.md").read_text(encoding="utf-8")
TRAIN = re.compile(r"python -m alexnet_keras train[^'\n]*")


def blocks(kind):
    return re.findall(rf"```{kind}\n(.*?)```", PAGE, re.DOTALL)


@pytest.mark.parametrize("make", [scaling.training, scaling.network])
def test_tables_are_those_of_the_script(make):
    assert make() in PAGE


def test_feeding_is_that_of_the_script():
    assert scaling.feeding(scaling.COSTS) in PAGE
    assert scaling.cores(1000, 2.5) == 2.5


def test_bytes_sent_by_counting_each_transfer():
    """A ring in plain loops, and what each GPU gives to each other one."""
    gpus, batch, steps = 8, 5, 0
    for _ in range(2):  # sums go round once, results once
        for _ in range(gpus - 1):
            steps += 1
    assert scaling.all_reduced(80, gpus) == steps * 80 / gpus
    read = [9216, 4096, 4096]
    sent = sum(
        2 * 4 * batch * values
        for values in read
        for other in range(gpus)
        if other != 0
    )
    dense = sum(
        row.parameters
        for row in derive_layers("paper")
        if row.name in ("fc6", "fc7", "predictions")
    )
    assert 4 * dense == scaling.DENSE_WEIGHTS
    weights = 4 * (60_965_224 - dense)
    total = sent + scaling.all_reduced(weights, gpus)
    assert scaling.weird_trick(gpus, batch) == total
    # At the break-even both ways send the same.
    even = scaling.break_even() / gpus
    assert scaling.weird_trick(gpus, even) == pytest.approx(
        scaling.all_reduced(scaling.WEIGHTS, gpus)
    )


def told_by(script, monkeypatch, **variables):
    """What a script tells each process: `TF_CONFIG` in place of training."""
    done = subprocess.run(
        ["bash", "-ec", TRAIN.sub('printf "%s" "$TF_CONFIG"', script)],
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=True,
    )
    monkeypatch.setenv("TF_CONFIG", done.stdout)
    return workers.find()


def test_two_terminals(monkeypatch):
    found = told_by(blocks("sh")[0], monkeypatch)
    assert found.addresses == ("localhost:12345", "localhost:12346")
    assert found.number == 0


def test_slurm(tmp_path, monkeypatch):
    stand_ins = {"scontrol": 'printf "node7\\nnode9\\n"', "srun": 'exec "$@"'}
    for name, does in stand_ins.items():
        (tmp_path / name).write_text(f"#!/bin/bash\n{does}\n")
        (tmp_path / name).chmod(0o755)
    path = os.pathsep.join([str(tmp_path), os.environ["PATH"]])
    for number in ("0", "1"):
        found = told_by(
            blocks("sh")[1], monkeypatch, PATH=path, SLURM_PROCID=number
        )
        assert found.addresses == ("node7:12345", "node9:12345")
        assert found.number == int(number)


def test_kubernetes(monkeypatch):
    (script,) = re.findall(
        r"- \|\n(.*?)\n        resources", *blocks("yaml"), re.DOTALL
    )
    found = told_by(script, monkeypatch, JOB_COMPLETION_INDEX="1")
    hosts = ("alexnet-0.alexnet:12345", "alexnet-1.alexnet:12345")
    assert found == workers.Cluster(hosts, 1)
