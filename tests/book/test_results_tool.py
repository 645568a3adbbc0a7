"""`make results`: what is stored, and that a second start repeats nothing."""

import json

import numpy as np
import pytest
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
    monkeypatch.setattr(module, "DATASET", str(root))
    monkeypatch.setattr(module, "EPOCHS", 2)
    train = trainer.train
    monkeypatch.setattr(
        trainer,
        "train",
        lambda dataset, variant, **options: train(
            dataset, narrow(variant), input_size=67, batch_size=4, **options
        ),
    )
    return module


def test_a_record_has_the_run_and_both_measurements(tool, capsys):
    tool.make("paper")
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
    tool.make("paper")
    assert "Complete already" in capsys.readouterr().out
    assert json.loads(path.read_text()) == record


def test_a_recipe_without_a_name_is_repeated_by_the_tool(tool):
    tool.make("original_without_crops")
    file = tool.RESULTS / "imagenette_original_without_crops.json"
    record = json.loads(file.read_text())
    expected = "python tools/results.py original_without_crops"
    assert record["command"] == expected
    assert record["settings"]["recipe"] == "quick_without_crops"


def test_each_run_differs_from_the_first_in_one_thing():
    runs = load_tool("results").RUNS
    assert runs.pop("original") == {}
    assert all(len(options) == 1 for options in runs.values())
    assert len({str(options) for options in runs.values()}) == len(runs)


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
    assert (
        "'lenet' is none of original, paper, caffe" in capsys.readouterr().err
    )
