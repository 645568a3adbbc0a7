"""`evaluate` and `predict` as a user types them, and names that mean harm."""

import json

import pytest
from PIL import Image
from support import narrow
from toy_classifier import build_toy

from alexnet_keras import __main__ as command_line
from alexnet_keras import build_alexnet
from alexnet_keras.inference.transfer import new_top


@pytest.fixture
def run_folder(tmp_path):
    """The output folder of a run: ant is red 0, bee red 10, cat red 20."""
    folder = tmp_path / "run"
    folder.mkdir()
    build_toy(("ant", "bee", "cat")).save(folder / "model.keras")
    return folder


@pytest.fixture
def red_images(tmp_path):
    """A folder of class folders: 3 ants, 2 bees and 1 cat to validate on."""
    pytest.importorskip("tensorflow")
    folder = tmp_path / "data"
    for split in ("train", "val"):
        for name, reds in (
            ("cat", [20]),
            ("ant", [0, 10, 20]),
            ("bee", [10, 15]),
        ):
            (folder / split / name).mkdir(parents=True)
            for number, red in enumerate(reds):
                image = Image.new("RGB", (12, 9), (red, 0, 0))
                image.save(folder / split / name / f"{number}.png")
    return folder


# −ln of 1 / (1 + e^-5 + e^-10) and so on, by hand: ants 0.0068, 5.0134 and
# 10.0068, bees 0.0134 and 0.6968, the cat 0.0068.
SUMMARY = """\
top-1 50.0 % (3 of 6), chance 33.3 %
top-5 says nothing of 3 classes
loss 2.624 nats, chance 1.099
undecided: 1 of 6 have no best class, but a tie or NaN; no hits
"""


CLASSES = """
       images  top-1  undecided mostly mistaken for
class
ant         3  33.3%          0             bee (1)
bee         2  50.0%          1
cat         1 100.0%          0
"""


def test_evaluate_prints_counts(run_folder, red_images, capsys):
    words = ["evaluate", str(run_folder), "--dataset", str(red_images)]
    assert command_line.main(words) == 0
    printed = capsys.readouterr()
    assert printed.out == (
        f"{run_folder} on {red_images}: 6 validation images, centre crop\n"
        f"{SUMMARY}"
    )
    assert printed.err == ""


def test_evaluate_takes_the_data_set_of_the_run(run_folder, red_images, capsys):
    (red_images / "val" / "ant" / "bad.png").write_text("not an image")
    text = json.dumps({"dataset": str(red_images), "skip_bad": True})
    (run_folder / "settings.json").write_text(text)
    for model in (run_folder, run_folder / "model.keras"):
        assert command_line.main(["evaluate", str(model)]) == 0
        out, err = capsys.readouterr()
        assert out == (
            f"{model} on {red_images}: 6 validation images, centre crop\n"
            f"{SUMMARY}"
        )
        assert err.startswith("Left out 1 image that cannot be read")
    red_images.rename(run_folder / "elsewhere")
    assert command_line.main(["evaluate", str(run_folder)]) == 2
    out, err = capsys.readouterr()
    assert "that of the run cannot be loaded" in err
    assert err.endswith(f"is not there. Received: {str(red_images)!r}\n")


def test_evaluate_without_a_run_needs_a_data_set(run_folder, capsys):
    for damaged in (None, "{", "[]", "{}"):
        if damaged is not None:
            (run_folder / "settings.json").write_text(damaged)
        assert command_line.main(["evaluate", str(run_folder)]) == 2
        assert capsys.readouterr().err == (
            "error: `--dataset` must be named, as `model` has no "
            "settings.json of a run beside it that does. "
            f"Received: model={str(run_folder)!r}\n"
        )


def test_evaluate_with_all_options(run_folder, red_images, tmp_path, capsys):
    (red_images / "val" / "ant" / "bad.png").write_text("not an image")
    model, figure = run_folder / "model.keras", tmp_path / "confusion.png"
    words = ["evaluate", str(model), "--dataset", str(red_images)]
    words += ["--ten-crop", "--per-class", "--skip-bad", "--batch-size", "4"]
    assert command_line.main([*words, "--confusion", str(figure)]) == 0
    printed = capsys.readouterr()
    lines = [line.rstrip() for line in printed.out.splitlines()]
    assert "\n".join(lines) + "\n" == (
        f"{model} on {red_images}: 6 validation images, ten crops\n"
        f"{SUMMARY}{CLASSES}"
    )
    assert printed.err == (
        "Left out 1 image that cannot be read: val/ant/bad.png (no image).\n"
    )
    assert min(Image.open(figure).size) > 400


def test_evaluate_refuses_before_it_measures(run_folder, red_images, capsys):
    start = ["evaluate", str(run_folder), "--dataset", str(red_images)]
    lost = run_folder / "no" / "folder.png"
    for words, message in (
        (
            ["--batch-size", "0"],
            "`batch_size` must be a positive integer. Received: batch_size=0",
        ),
        *(
            (
                ["--confusion", str(path)],
                "`--confusion` must name a figure, such as a .png file, in a "
                f"folder that is there. Received: {str(path)!r}",
            )
            for path in (lost, run_folder / "figure.txt", run_folder)
        ),
    ):
        assert command_line.main([*start, *words]) == 2
        assert capsys.readouterr() == ("", f"error: {message}\n")
    (run_folder / "model.keras").unlink()
    assert command_line.main(start) == 2
    assert capsys.readouterr().err == (
        "error: `model` names a folder without model.keras, which a run "
        f"writes when it is done. Received: model={str(run_folder)!r}\n"
    )


def test_evaluate_refuses_other_classes(run_folder, red_images, capsys):
    for split in ("train", "val"):
        (red_images / split / "bee").rename(red_images / split / "wasp")
    words = ["evaluate", str(run_folder), "--dataset", str(red_images)]
    assert command_line.main(words) == 2
    assert capsys.readouterr() == (
        "",
        "error: `data` must have the classes of `model`. Only `model` has "
        "bee; only `data` has wasp. "
        f"Received: data={str(red_images)!r}\n",
    )


def test_predict_prints_names_and_probabilities(run_folder, red_images, capsys):
    paths = [
        str(red_images / "val" / name / "0.png") for name in ("cat", "ant")
    ]
    assert command_line.main(["predict", str(run_folder), *paths]) == 0
    assert capsys.readouterr() == (
        f"{paths[0]}\n"
        "   99.3 %  cat\n"
        "    0.7 %  bee\n"
        "    0.0 %  ant\n"
        f"{paths[1]}\n"
        "   99.3 %  ant\n"
        "    0.7 %  bee\n"
        "    0.0 %  cat\n",
        "",
    )


def test_predict_names_bad_files_and_ends_with_status_1(
    run_folder, red_images, capsys
):
    bad, missing = red_images / "bad.jpg", red_images / "missing.jpg"
    bad.write_bytes(b"")
    good = red_images / "val" / "cat" / "0.png"
    words = ["predict", str(run_folder), *map(str, (bad, good, missing))]
    assert command_line.main(words) == 1
    assert capsys.readouterr() == (
        f"{good}\n   99.3 %  cat\n    0.7 %  bee\n    0.0 %  ant\n",
        f"{bad}: empty\n{missing}: not there\n"
        "error: 2 of 3 images could not be read\n",
    )


HOSTILE = "elk\x1b[2J\nerror: none {0}"


SHOWN = "elk\\x1b[2J\\nerror: none {0}"


def test_names_cannot_act_on_the_terminal(tmp_path, capsys):
    """Of classes and of files; a line break does not begin a line."""
    build_toy(("ant", HOSTILE)).save(tmp_path / "model.keras")
    path = tmp_path / f"{HOSTILE}.png"
    Image.new("RGB", (12, 9), (10, 0, 0)).save(path)
    words = ["predict", str(tmp_path), str(path), f"{HOSTILE}.jpg"]
    assert command_line.main(words) == 1
    assert capsys.readouterr() == (
        f"{tmp_path}/{SHOWN}.png\n   99.3 %  {SHOWN}\n    0.7 %  ant\n",
        f"{SHOWN}.jpg: not there\nerror: 1 of 2 images could not be read\n",
    )
    with pytest.raises(SystemExit):
        command_line.main([*words, "--no\x1b"])
    assert "--no\\x1b" in capsys.readouterr().err


def test_names_cannot_forge_a_line_of_an_error(red_images, tmp_path, capsys):
    build_toy(("ant", "bee", HOSTILE)).save(tmp_path / "model.keras")
    words = ["evaluate", str(tmp_path), "--dataset", str(red_images)]
    assert command_line.main(words) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert f"Only `model` has {SHOWN}; only `data` has cat." in line


@pytest.mark.parametrize("preprocess", [None, "caffe"])
def test_evaluate_and_predict_warn_of_images_that_nothing_prepares(
    preprocess, red_images, tmp_path, capsys
):
    network = build_alexnet(input_shape=(64, 64, 3), variant=narrow("paper"))
    model = new_top(network, ["ant", "bee", "cat"], preprocess=preprocess)
    path = tmp_path / "mine.keras"
    model.save(path)
    image = str(red_images / "val" / "ant" / "0.png")
    for words in (
        ["evaluate", str(path), "--dataset", str(red_images)],
        ["predict", str(path), image],
    ):
        assert command_line.main(words) == 0
        printed = capsys.readouterr()
        assert printed.out
        if preprocess:
            assert printed.err == ""
        else:
            assert printed.err.startswith("warning: nothing in front of 'conv1")
            assert printed.err.count("\n") == 1
