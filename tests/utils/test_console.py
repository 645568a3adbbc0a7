"""As a user sees them: the commands' own words on both streams, no others."""

import os
import signal
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image
from support import ROOT

from alexnet_keras import derive_layers
from alexnet_keras.shapes import format_table
from alexnet_keras.utils import console

# TensorFlow's stand-in, which writes as C++ does, and then ends the process.
SCRIPT = r"""
import os
import sys

import console

console.set_up()
os.write(2, b"I0000 00:00:1764.1 5 port.cc:153] oneDNN operations are on.\n")
os.write(2, b"F0000 00:00:1764.2 5 cpu.cc:28] No AVX on this machine\n")
print("caf\udce9 \u2308", flush=True)
print("own", sys.stderr.isatty(), file=sys.stderr)
os.write(2, b"To enable the following instructions: AVX2\nlast words")
os.abort()
"""


def run(*words, cwd=None, **variables):
    """Runs Python without the variables that quieten TensorFlow."""
    environment = {
        name: value
        for name, value in os.environ.items()
        if name not in ("TF_CPP_MIN_LOG_LEVEL", "TF_ENABLE_ONEDNN_OPTS")
    }
    return subprocess.run(
        [sys.executable, *map(os.fsencode, words)],
        env={**environment, "PYTHONPATH": str(ROOT), **variables},
        cwd=cwd,
        capture_output=True,
        text=True,
        errors="surrogateescape",
    )


@pytest.mark.parametrize("level, notes", [("3", 0), ("0", 2)])
def test_notes_are_left_out_and_last_words_are_not(level, notes):
    done = run(
        "-c",
        SCRIPT,
        PYTHONPATH=str(ROOT / "alexnet_keras" / "utils"),
        TF_CPP_MIN_LOG_LEVEL=level,
    )
    assert done.returncode == -signal.SIGABRT
    lines = done.stderr.splitlines()
    assert sum(word in done.stderr for word in ("I0000", "AVX2")) == notes
    assert len(lines) == notes + 3
    assert {"own False", "last words"} <= {*lines}
    assert "F0000 00:00:1764.2 5 cpu.cc:28] No AVX on this machine" in lines


@pytest.mark.parametrize(
    "encoding, roof", [("ascii", "\\u2308"), ("utf8", "⌈")]
)
def test_no_name_is_too_strange_for_a_stream(encoding, roof):
    done = run(
        "-c",
        SCRIPT,
        PYTHONPATH=str(ROOT / "alexnet_keras" / "utils"),
        PYTHONIOENCODING=encoding,
        TF_CPP_MIN_LOG_LEVEL="3",
    )
    assert done.stdout == f"caf\\udce9 {roof}\n"


def test_shapes_prints_its_table_only():
    done = run("-m", "alexnet_keras", "shapes", "--variant", "caffe")
    table = format_table(derive_layers("caffe"))
    assert (done.returncode, done.stdout) == (0, table + "\n")
    assert done.stderr == ""


@pytest.mark.slow
@pytest.mark.parametrize(
    "words",
    [
        "alexnet_keras shapes --variant vgg",
        "alexnet_keras train --dataset ./none",
        "alexnet_lab.experiments none",
    ],
)
def test_a_command_that_fails_says_so_in_one_line(words):
    done = run("-m", *words.split())
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: `") and done.stderr.count("\n") == 1


@pytest.fixture
def photographs(tmp_path):
    """Ten pictures of two classes, one of which is not UTF-8."""
    generator = np.random.default_rng(0)
    for name, darkest in ((b"ant", 0), (b"caf\xe9", 150)):
        folder = tmp_path / "photos" / os.fsdecode(name)
        folder.mkdir(parents=True)
        for number in range(5):
            pixels = generator.integers(0, 90, (70, 70, 3)) + darkest
            image = Image.fromarray(pixels.astype("uint8"))
            image.save(folder / f"{number}.png")
    return tmp_path


@pytest.mark.slow
def test_every_command_says_its_own_words_only(photographs):
    pytest.importorskip("tensorflow")

    def call(words, *more):
        done = run("-m", *words.split(), *more, cwd=photographs)
        assert (done.returncode, done.stderr) == (0, ""), words
        return done.stdout.splitlines()

    out = call(
        "alexnet_keras train --dataset photos --variant d2l --input-size 65 "
        "--epochs 1 --batch-size 4 --seed 0 --output run --verbose 2"
    )
    assert out[0].startswith("d2l at 65×65 on photos: 8 training and 2 ")
    assert out[-1].startswith("Written to run: ")
    out = call(
        "alexnet_keras evaluate run --ten-crop --per-class --confusion c.png"
    )
    assert out[0] == "run on photos: 2 validation images, ten crops"
    assert out[-1].startswith(r"caf\xe9")
    path = os.fsdecode(b"photos/caf\xe9/0.png")
    out = call("alexnet_keras predict run", path)
    assert out[0] == r"photos/caf\xe9/0.png" and len(out) == 3
    for format, name in (
        ("saved_model", "exported"),
        ("litert", "e.tflite"),
        ("onnx", "e.onnx"),
    ):
        if format == "onnx":
            pytest.importorskip("tf2onnx")
            pytest.importorskip("onnxruntime")
        (out,) = call(
            f"alexnet_keras export run --format {format} --output {name}"
        )
        assert out.startswith(f"{name}: {format}, ")


@pytest.mark.skipif(os.name != "posix", reason="closes streams by the shell")
def test_no_file_takes_the_place_of_a_closed_stream(tmp_path):
    """As daemons start commands; TensorFlow's notes would go into it."""
    code = f"""
import runpy
runpy.run_path({console.__file__!r})["set_up"]()
with open("first", "w") as file:
    print(file.fileno(), file=file)
"""
    done = subprocess.run(
        ["sh", "-c", f'{sys.executable} -c "$CODE" <&- >&- 2>&-'],
        env={**os.environ, "CODE": code, "TF_CPP_MIN_LOG_LEVEL": "3"},
        cwd=tmp_path,
    )
    assert done.returncode == 0
    assert int((tmp_path / "first").read_text()) > 2
