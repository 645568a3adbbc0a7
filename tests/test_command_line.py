"""The commands as a user types them."""

import os
import subprocess
import sys

import pytest
from PIL import Image

from alexnet_keras import __main__ as command_line
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
        (
            "train --epochs 0",
            "error: `epochs` must be a positive integer. Received: epochs=0\n",
        ),
    ],
)
def test_errors_are_one_sentence_and_status_2(words, message, capsys):
    assert command_line.main(words.split()) == 2
    assert capsys.readouterr().err == message


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
    for _ in range(3):
        names.append(command_line._new_folder(parsed))
        os.makedirs(names[-1])
    assert names == [
        os.path.join("runs", f"imagenette_320px-v2-caffe{suffix}")
        for suffix in ("", "-2", "-3")
    ]


def test_module_runs_and_shows_only_its_own_words_on_stdout():
    done = subprocess.run(
        [sys.executable, "-m", "alexnet_keras", "shapes", "--variant", "caffe"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == format_table(derive_layers("caffe")) + "\n"
