"""The commands as a user types them."""

import json
import os
import threading

import pytest
from PIL import Image

from alexnet_keras import __main__ as command_line
from alexnet_keras import commands
from alexnet_keras import derive_layers
from alexnet_keras.shapes import format_table


def test_shapes_prints_the_table(capsys):
    assert command_line.main(["shapes"]) == 0
    printed = capsys.readouterr().out
    assert printed == format_table(derive_layers()) + "\n"
    assert "⌊(224 + 3 − 11) / 4⌋ + 1 = 55" in printed
    assert printed.splitlines()[-1].split() == [
        "total",
        "60,965,224",
        "659,272",
        "724,406,816",
    ]


def test_shapes_of_another_variant_and_size(capsys):
    command_line.main(
        "shapes --variant d2l --input-size 96 --classes 3".split()
    )
    rows = derive_layers("d2l", (96, 96, 1), 3)
    assert capsys.readouterr().out == format_table(rows) + "\n"


@pytest.mark.parametrize(
    "words, message",
    [
        (
            "shapes --variant vgg",
            "error: `variant` must be one of paper, original, caffe, "
            "single_tower, torchvision, d2l, or a `variants.Variant` table of "
            "your own. Received: variant='vgg'\n",
        ),
        (
            "shapes --input-size 63",
            "error: `input_shape` is too small for variant 'paper': pool5 "
            "gets 2×2 pixels for its window of 3×3. The smallest image that "
            "works is 64×64. Received: input_shape=(63, 63, 3)\n",
        ),
    ],
)
def test_errors_are_one_sentence_and_status_2(words, message, capsys):
    assert command_line.main(words.split()) == 2
    assert capsys.readouterr().err == message


@pytest.mark.parametrize(
    "words, received",
    [
        ("--epochs 0", "epochs=0"),
        ("--epochs -1", "epochs=-1"),
        ("--batch-size 0", "batch_size=0"),
        ("--replicas 0", "replicas=0"),
        ("--save-every 0", "save_every=0"),
        ("--seed -1", "seed=-1"),
        ("--seed 4294967296", "seed=4294967296"),
        ("--input-size 10", "input_size=10"),
        ("--input-size 0", "input_size=0"),
        ("--learning-rate 0", "learning_rate=0.0"),
        ("--learning-rate nan", "learning_rate=nan"),
    ],
)
def test_numbers_out_of_range_are_refused_before_work(
    words, received, tmp_path, capsys
):
    pytest.importorskip("tensorflow")
    output = tmp_path / "run"
    words = ["train", "--output", str(output), *words.split()]
    assert command_line.main(words) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.startswith("error: `") and err.count("\n") == 1
    assert err.endswith(f" Received: {received}\n")
    assert not output.exists()


def test_shapes_draws_a_figure(tmp_path, capsys):
    path = tmp_path / "network.png"
    command_line.main(["shapes", "--figure", str(path)])
    assert Image.open(path).size[0] > 1000


def test_default_folder_is_never_one_that_exists(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    parsed = command_line._parser().parse_args(
        "train --dataset imagenette/320px-v2 --variant caffe".split()
    )
    names = []
    threads = [
        threading.Thread(
            target=lambda: names.append(commands._new_folder(parsed))
        )
        for _ in range(9)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    # Whoever makes it has it.
    assert sorted(names) == [
        os.path.join("runs", f"imagenette_320px-v2-caffe{suffix}")
        for suffix in ("", *(f"-{number}" for number in range(2, 10)))
    ]


def test_several_machines_need_a_folder_that_has_a_name(monkeypatch, capsys):
    two = {"cluster": {"worker": ["a:1", "b:1"]}}
    two["task"] = {"type": "worker", "index": 0}
    monkeypatch.setenv("TF_CONFIG", json.dumps(two))
    assert command_line.main(["train"]) == 2
    assert "`--output` must name a folder that all" in capsys.readouterr().err


def test_a_default_folder_of_a_run_that_did_not_begin_is_removed(
    tmp_path, monkeypatch, capsys
):
    pytest.importorskip("tensorflow")
    monkeypatch.chdir(tmp_path)
    assert command_line.main(["train", "--dataset", "./none"]) == 2
    assert "names a folder that is not there" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_a_stored_summary_cannot_act_on_the_terminal(
    tmp_path, capsys, monkeypatch
):
    pytest.importorskip("tensorflow")
    from alexnet_keras.training import results
    from alexnet_keras.training import trainer

    stored = results.TrainingResult(None, {}, None, True, "100 %\x1b[2J\n!")
    monkeypatch.setattr(results, "read", lambda *_: stored)
    assert trainer.train(output=tmp_path / "\x1b") is stored
    assert capsys.readouterr().out == (
        f"Complete already, in {tmp_path}/\\x1b. 100 %\\x1b[2J\\n!\n"
    )


def test_a_lack_of_memory_is_said_in_one_line(monkeypatch, capsys):
    def lack(*_):
        raise MemoryError("80 GiB\nor more")

    monkeypatch.setattr("alexnet_keras.shapes.derive_layers", lack)
    assert command_line.main(["shapes"]) == 2
    message = "error: the memory is too small: 80 GiB\n"
    assert capsys.readouterr().err == message
