"""`make results`: what is stored, and that a second start repeats nothing."""

import json

import numpy as np
import pytest
from support import ROOT
from support import load_tool
from support import narrow

pytest.importorskip("tensorflow")

from PIL import Image  # noqa: E402

from alexnet_keras.training import trainer  # noqa: E402


@pytest.fixture
def tool(tmp_path, monkeypatch):
    """The script, with a narrow network, few images and a folder of its own."""
    root = tmp_path / "images"
    generator = np.random.default_rng(0)
    for split, count in (("train", 8), ("validation", 6)):
        for number in range(count):
            path = root / split / "ab"[number % 2] / f"{number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            pixels = generator.integers(0, 255, (80, 80, 3), "uint8")
            Image.fromarray(pixels).save(path)
    module = load_tool("results")
    monkeypatch.setattr(module, "ROOT", tmp_path)
    monkeypatch.setattr(module, "RESULTS", tmp_path / "assets" / "results")
    train = trainer.train

    def train_small(dataset, variant, epochs, **options):
        return train(
            str(root),
            narrow(variant),
            input_size=67,
            batch_size=4,
            epochs=2,
            **options,
        )

    for options in module.RUNS.values():
        options["dataset"] = str(root)
    monkeypatch.setattr(trainer, "train", train_small)
    return module


def test_a_record_has_the_run_and_both_measurements(tool, capsys):
    tool.make("imagenette_paper")
    path = tool.RESULTS / "imagenette_paper.json"
    record = json.loads(path.read_text())
    assert record["train_size"] == 8
    assert len(record["history"]["val_top_1"]) == 2
    assert record["command"].startswith("python -m alexnet_keras train ")
    assert " --variant paper --recipe quick --epochs 2 " in record["command"]
    for name in ("center", "ten_crop"):
        measured = record["evaluation"][name]
        assert measured["images"] == 6
        assert 6 * measured["top_1"] in range(7)
    # The training's own validation looks at the same centres.
    np.testing.assert_allclose(
        record["evaluation"]["center"]["loss"],
        record["history"]["val_loss"][-1],
        rtol=1e-4,
    )
    capsys.readouterr()
    tool.make("imagenette_paper")
    assert "Complete already" in capsys.readouterr().out
    assert json.loads(path.read_text()) == record


def test_a_recipe_without_a_name_is_repeated_by_the_tool(tool):
    name = "imagenette_original_without_crops_seed_1"
    tool.make(name)
    record = json.loads((tool.RESULTS / f"{name}.json").read_text())
    assert record["command"] == f"python tools/results.py {name}"
    assert record["settings"]["recipe"] == "quick_without_crops"
    assert record["settings"]["seed"] == 1
    # It is a run of this row, and of no other.
    assert tool.load("imagenette_original_without_crops") == [record]
    assert tool.load("imagenette_original") == []


def test_no_two_runs_are_the_same():
    runs = load_tool("results").RUNS
    assert len({str(options) for options in runs.values()}) == len(runs) == 32
    assert runs["photo_patches"] == {"dataset": "photo_patches", "seed": 2012}
    recipes = [
        runs[f"imagenette_original_{name}"]["recipe"]
        for name in (
            "without_color_noise",
            "without_crops",
            "crops_only",
            "not_augmented",
        )
    ]
    assert [
        (r.stages[0].color_noise, r.random_crops, r.random_flips)
        for r in recipes
    ] == [
        (0.0, True, True),
        (0.1, False, True),
        (0.0, True, False),
        (0.0, False, True),
    ]


def test_the_tables_are_those_of_the_records():
    networks, augmentations = load_tool("results").tables()
    page = (ROOT / "docs" / "results.md").read_text(encoding="utf-8")
    assert networks in page and augmentations in page
    assert networks in (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_figure_is_drawn_from_what_is_there(tool):
    for variant, accuracies in (("paper", [0.2, 0.4]), ("caffe", [0.3])):
        tool.store(
            f"imagenette_{variant}.json",
            {
                "history": {"val_top_1": accuracies},
                "train_size": 1000,
                "class_names": ["a", "b"],
            },
        )
    tool.draw()
    assert Image.open(tool.RESULTS / "imagenette.png").size[0] > 500


def test_an_unknown_variant_is_refused(tool, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["results.py", "lenet"])
    with pytest.raises(SystemExit):
        tool.main()
    assert "'lenet' is none of photo_patches, " in capsys.readouterr().err


def test_the_readme_states_the_five_seeds_of_make_train():
    runs = load_tool("results").load("photo_patches")
    right = [100 * run["evaluation"]["center"]["top_1"] for run in runs]
    text = " ".join((ROOT / "README.md").read_text(encoding="utf-8").split())
    assert (
        len(runs) == 5
        and (
            f"classifies {np.mean(right):.1f} % of 500 held-out pieces correctly "
            f"(mean of five seeds, {min(right):.1f} to {max(right):.1f} %; "
        )
        in text
    )
