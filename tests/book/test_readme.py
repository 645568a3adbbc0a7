"""What README and docs say is run: examples, tables, commands, links."""

import math
import re
import shlex

import keras
import numpy as np
import pytest
from PIL import Image
from support import ROOT
from support import load_tool
from support import narrow

import alexnet_keras
from alexnet_keras import VARIANTS
from alexnet_keras import __main__ as command_line
from alexnet_keras import derive_layers
from alexnet_keras.data import photo_patches
from alexnet_keras.data.photo_patches import PHOTOGRAPHS
from alexnet_keras.diagnostics import interventions
from alexnet_keras.shapes import smallest_size
from alexnet_keras.weights import imagenet as published
from alexnet_lab.two_gpus import communication

PAGES = {
    path.stem: path.read_text(encoding="utf-8")
    for path in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
}
README = PAGES["README"]
CLAIMS = load_tool("claims").read_claims()


def code_blocks(language, page="README"):
    return re.findall(rf"```{language}\n(.*?)```", PAGES[page], re.DOTALL)


def test_the_readme_is_one_page():
    assert len(README.split()) <= 1200


def write_patches(folder, count):
    """A folder for each of the ten embedded photographs, with pieces of it."""
    pictures = [photo_patches.load_photograph(n) for n in PHOTOGRAPHS]
    boxes = photo_patches.make_boxes("train")[:count]
    for number, (label, top, left, side) in enumerate(boxes):
        piece = pictures[label][top : top + side, left : left + side]
        path = folder / PHOTOGRAPHS[label] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(piece).save(path)


@pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="reads images with tf.data"
)
@pytest.mark.usefixtures("free_memory")
def test_the_ten_lines_learn_from_a_folder(tmp_path, monkeypatch):
    """As typed but for the size of the images: 36 updates in all.

    With the paper's network and `SGD(0.01)` 6 % are right, a loss of 2.6.
    """
    example = code_blocks("python")[0]
    assert len(example.strip().splitlines()) <= 13
    smaller = example.replace("80, 80", "48, 48")
    assert smaller != example
    write_patches(tmp_path / "images", 240)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(interventions, "PATIENCE", 1)
    scope = {}
    exec(smaller, scope)
    model, held_out = scope["model"], scope["held_out"]
    history = model.history.history
    assert len(history["val_loss"]) == 6
    assert max(history["val_accuracy"]) >= 2 / len(PHOTOGRAPHS), history
    assert history["val_loss"][-1] < 0.85 * math.log(len(PHOTOGRAPHS)), history
    loaded = keras.models.load_model("mine.keras")
    batch = next(iter(held_out))[0]
    np.testing.assert_allclose(loaded(batch), model(batch), rtol=1e-4)


def test_the_question_why_gets_an_answer(capsys):
    """Of the same network with fewer filters and units."""
    tf = pytest.importorskip("tensorflow")
    model = alexnet_keras.build_alexnet(
        input_shape=(67, 67, 3), variant=narrow("original")
    )
    model.compile("sgd", "sparse_categorical_crossentropy")
    batch = np.random.default_rng(0).uniform(-99, 99, (8, 67, 67, 3))
    images = tf.data.Dataset.from_tensors((batch, np.arange(8) % 7))
    (question,) = code_blocks("python", "why_mine_does_not_train")
    exec(question, {"model": model, "images": images})
    answer = capsys.readouterr().out
    assert answer.startswith("1. ") or answer.startswith("Nothing on the")


def test_the_lines_on_published_weights(tmp_path, monkeypatch, capsys):
    """With random weights and made-up names in place of the downloads."""
    example = code_blocks("python")[1]
    assert example == code_blocks("python", "weights")[0]
    whole = alexnet_keras.build_alexnet

    def build(variant, weights):
        assert weights == "imagenet" and variant in published.PUBLISHED
        return whole(variant=variant)

    index = {str(i): [f"n{i:08}", f"name {i}"] for i in range(1000)}
    utilities = keras.src.applications.imagenet_utils
    monkeypatch.setattr(utilities, "CLASS_INDEX", index)
    monkeypatch.setattr(alexnet_keras, "build_alexnet", build)
    Image.new("RGB", (400, 300)).save(tmp_path / "photograph.jpg")
    monkeypatch.chdir(tmp_path)
    exec(example, {})
    assert "name " in capsys.readouterr().out


def test_the_lines_on_other_uses():
    example = code_blocks("python", "weights")[-1]
    network = alexnet_keras.build_alexnet(
        input_shape=(67, 67, 3), variant=narrow("caffe")
    )
    generator = np.random.default_rng(0)
    scope = {
        "network": network,
        "photographs": generator.uniform(-99, 99, (4, 67, 67, 3)),
        "labels": np.array([0, 1, 0, 1]),
    }
    exec(example, scope)
    assert scope["scores"].shape == (4, 1, 1, 2)
    assert scope["boxes"].shape == (1, 1, 4)
    trained = {
        weight.path.split("/")[-2] for weight in scope["mine"].trainable_weights
    }
    assert {"conv3", "fc7", "predictions"} <= trained
    assert not {"conv1", "conv2"} & trained


def test_the_table_of_variants_is_the_code():
    table = PAGES["variants"]
    head, *rows = re.findall(r"^\| `(\w+)` \|(.*)\|$", table, re.MULTILINE)
    assert head[0] == "variant"
    assert [name for name, _ in rows] == list(VARIANTS)
    for name, cells in rows:
        entries = [cell.strip() for cell in cells.split("|")]
        derived = {row.name: row for row in derive_layers(name)}
        sides = [derived[layer].output_shape[0] for layer in ("conv1", "pool5")]
        shape = "×".join(map(str, VARIANTS[name].input_shape))
        assert entries[0].startswith(shape)
        assert entries[1] == f"{sides[0]} → {sides[1]}"
        assert entries[2] == str(VARIANTS[name].layer("conv2").groups)
        assert entries[-2] == str(smallest_size(name))
        parameters = sum(row.parameters for row in derived.values())
        assert entries[-1] == f"{parameters:,}"
        short = re.search(rf"\| `{name}`.*\| ([\d,]+) \|\n", README)[1]
        assert short == entries[-1]


def test_the_claims_are_counted():
    false = sum(claim["verdict"] == "false" for claim in CLAIMS)
    text = " ".join(README.split())
    assert f"of {len(CLAIMS)} claims {false} are false" in text
    assert f"[{len(CLAIMS)} claims about AlexNet]" in text


def test_the_bytes_between_devices_are_those_of_the_table():
    section = PAGES["results"].split("## Two towers on two devices")[1]
    rows = re.findall(r"^\| `(\w+)` \|(.*)\|$", section, re.MULTILINE)
    assert [name for name, _ in rows][:2] == ["original", "paper"]
    for name, cells in rows[:2]:
        found = communication.bytes_per_image(name, 128)
        written = [cell.strip() for cell in cells.split("|")]
        kinds = ("model", "data", "mixed")
        assert written == [f"{found[kind]:,.0f}" for kind in kinds]


def test_the_commands_are_ones_that_exist():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([\w-]+):", makefile, re.MULTILINE))
    everything = "\n".join(PAGES.values())
    named = set(re.findall(r"(?:`|^)make ([\w-]+)", everything, re.MULTILINE))
    assert {"train", "test"} <= named <= targets
    parser = command_line._parser()
    blocks = [block for page in PAGES for block in code_blocks("bash", page)]
    commands = re.findall(r"python -m alexnet_keras (.+)", "\n".join(blocks))
    assert len(commands) >= 8
    for command in commands:
        parser.parse_args(shlex.split(command, comments=True))


def test_every_link_into_the_repository_leads_somewhere():
    for page, text in PAGES.items():
        folder = ROOT if page == "README" else ROOT / "docs"
        links = re.findall(r"\]\(((?!https?:)[^)#]+)[^)]*\)", text)
        for link in links:
            assert (folder / link).exists(), (page, link)
    pages = set(re.findall(r"\]\(docs/(\w+)\.md\)", README))
    assert pages == set(PAGES) - {"README"}


def test_every_folder_of_the_module_is_named():
    for path in (ROOT / "alexnet_keras").glob("*/__init__.py"):
        if path.parent.name != "utils":
            row = f"| `alexnet_keras/{path.parent.name}/` |"
            assert row in PAGES["where_things_are"]
