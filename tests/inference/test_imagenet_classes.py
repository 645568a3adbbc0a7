"""ImageNet's classes, by WordNet id and by word: the same, in any order."""

import pathlib

import keras
import numpy as np
import pytest
from PIL import Image
from toy_classifier import build_toy

pytest.importorskip("tensorflow")
tfds = pytest.importorskip("tensorflow_datasets")

from alexnet_keras import __main__ as command_line  # noqa: E402
from alexnet_keras import classifier  # noqa: E402
from alexnet_keras.data import datasets  # noqa: E402
from alexnet_keras.inference import evaluation  # noqa: E402

SYNSETS = pathlib.Path(__file__).parents[3] / "shared/data/synset_words.txt"


def set_index(monkeypatch, cranes=True):
    """Keras's file of names, with the 1,000 real ids where they are there."""
    ids = [f"n{number:08}" for number in range(1000)]
    if SYNSETS.exists():
        lines = SYNSETS.read_text(encoding="utf-8").splitlines()
        ids = [line.split(" ")[0] for line in lines]
    words = [f"name_{number}" for number in range(1000)]
    if cranes:  # a bird and a machine, as in Keras's file
        words[517] = words[134] = "crane"
    utilities = keras.src.applications.imagenet_utils
    index = {str(i): list(pair) for i, pair in enumerate(zip(ids, words))}
    monkeypatch.setattr(utilities, "CLASS_INDEX", index)
    return ids, words


class ThousandClasses(tfds.core.GeneratorBasedBuilder):
    """Four images of one colour each, in TFDS's layout."""

    VERSION = tfds.core.Version("1.0.0")
    NAMES, SHOWN = (), ()

    def _info(self):
        features = {
            "image": tfds.features.Image(encoding_format="jpeg"),
            "label": tfds.features.ClassLabel(names=self.NAMES),
        }
        return tfds.core.DatasetInfo(
            builder=self,
            features=tfds.features.FeaturesDict(features),
            supervised_keys=("image", "label"),
        )

    def _split_generators(self, downloads):
        return {n: self._generate_examples() for n in ("train", "validation")}

    def _generate_examples(self):
        for key, label in enumerate(self.SHOWN):
            picture = np.full((9, 12, 3), 60 * key, "uint8")
            yield key, {"image": picture, "label": label}


@pytest.mark.parametrize("of_model", ["words", "ids"])
def test_ids_and_words_of_imagenet_are_the_same_classes(
    of_model, tmp_path, monkeypatch
):
    """The data's classes are in another order; TFDS wants names that differ."""
    ids, words = set_index(monkeypatch, cranes=of_model == "words")
    numbers = [0, 134, 517, 999]  # with both cranes
    order = np.random.default_rng(0).permutation(1000)
    of_data, of_toy = (ids, words) if of_model == "words" else (words, ids)
    monkeypatch.setattr(ThousandClasses, "NAMES", [of_data[n] for n in order])
    shown = [int(np.flatnonzero(order == n)[0]) for n in numbers]
    monkeypatch.setattr(ThousandClasses, "SHOWN", shown)
    ThousandClasses(data_dir=tmp_path).download_and_prepare()
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path))
    data = datasets.load_dataset("thousand_classes")
    result = evaluation.evaluate(build_toy(tuple(of_toy)), data)
    assert sorted(result.labels.tolist()) == numbers


def test_evaluate_says_what_was_published(tmp_path, monkeypatch, capsys):
    """57.1 % of 50,000; of 3 images √(0.571 · 0.429 / 3) = 28.6 points."""
    ids, words = set_index(monkeypatch)
    toy = build_toy(tuple(words[:3]))
    monkeypatch.setattr(classifier, "load_classifier", lambda path: toy)
    folder = tmp_path / "imagenet2012"
    for split in ("train", "validation"):
        for number in (0, 1, 2):
            path = folder / split / ids[number] / "0.png"
            path.parent.mkdir(parents=True)
            Image.new("RGB", (9, 9), (10 * number, 0, 0)).save(path)
    few = datasets.load_dataset(str(folder))
    object.__setattr__(few, "class_names", tuple(ids[:3]))
    object.__setattr__(few, "name", "imagenet2012")
    monkeypatch.setattr(datasets, "load_dataset", lambda *_: few)
    words_typed = ["evaluate", "caffe", "--dataset", "imagenet2012"]
    assert command_line.main(words_typed) == 0
    out = capsys.readouterr().out
    assert "top-1 100.0 % (3 of 3)" in out
    assert "published: top-1 57.1 % with the centre crop" in out
    assert "chance moves that of 3 by 28.6 points" in out


def test_predict_prints_words_for_ids(tmp_path, monkeypatch, capsys):
    ids, words = set_index(monkeypatch)
    build_toy(tuple(ids[:3])).save(tmp_path / "model.keras")
    Image.new("RGB", (9, 9), (20, 0, 0)).save(tmp_path / "two.png")
    typed = [str(tmp_path / name) for name in ("model.keras", "two.png")]
    assert command_line.main(["predict", *typed]) == 0
    assert f"99.3 %  {ids[2]} {words[2]}\n" in capsys.readouterr().out


def test_predict_without_the_file_of_words(tmp_path, monkeypatch, capsys):
    def get_file(*_, **__):
        raise Exception("no route")

    utilities = keras.src.applications.imagenet_utils
    monkeypatch.setattr(utilities, "CLASS_INDEX", None)
    monkeypatch.setattr(utilities.file_utils, "get_file", get_file)
    names = ("n01440764", "n01443537")
    build_toy(names).save(tmp_path / "model.keras")
    Image.new("RGB", (9, 9), (0, 0, 0)).save(tmp_path / "zero.png")
    typed = [str(tmp_path / name) for name in ("model.keras", "zero.png")]
    assert command_line.main(["predict", *typed]) == 0
    out, err = capsys.readouterr()
    assert "99.3 %  n01440764\n" in out
    assert err.startswith("warning: no words for WordNet ids: ")
