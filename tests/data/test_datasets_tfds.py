"""Data sets of TFDS: read as TFDS reads them, refused with a full sentence."""

import functools
import pathlib

import numpy as np
import pytest
from PIL import Image
from support import message_of

tf = pytest.importorskip("tensorflow")
tfds = pytest.importorskip("tensorflow_datasets")

from alexnet_keras.data import datasets  # noqa: E402

SHARED = pathlib.Path(__file__).parents[3] / "shared/data/tensorflow_datasets"
UINT8 = tfds.features.Image(shape=(None, None, 3))
LABEL = tfds.features.ClassLabel(names=["cat", "dog"])


class SmallImages(tfds.core.GeneratorBasedBuilder):
    """Six pictures of noise; what differs below is what is tested."""

    VERSION = tfds.core.Version("1.0.0")
    FEATURES = {"picture": UINT8, "class": LABEL}
    KEYS = ("picture", "class")
    SPLITS = ("train", "test")

    def _info(self):
        return tfds.core.DatasetInfo(
            builder=self,
            features=tfds.features.FeaturesDict(self.FEATURES),
            supervised_keys=self.KEYS,
        )

    def _split_generators(self, downloads):
        return {split: self._generate_examples() for split in self.SPLITS}

    def _generate_examples(self):
        for number in range(6):
            yield number, {"picture": self.picture(number), "class": number % 2}

    def picture(self, number):
        return noise(number)


class GreySmallImages(SmallImages):
    FEATURES = {
        "picture": tfds.features.Image(shape=(None, None, 1)),
        "class": LABEL,
    }

    def picture(self, number):
        return noise(number)[..., :1]


class FloatSmallImages(SmallImages):
    FEATURES = {
        "picture": tfds.features.Image(shape=(5, 7, 1), dtype=np.float32),
        "class": LABEL,
    }

    def picture(self, number):
        return noise(number)[..., :1].astype("float32")


class ArraySmallImages(SmallImages):
    FEATURES = {
        "picture": tfds.features.Tensor(shape=(5, 7, 3), dtype=np.uint8),
        "class": LABEL,
    }


class UnlabelledSmallImages(SmallImages):
    KEYS = None


class NumberedSmallImages(SmallImages):
    FEATURES = {
        "picture": UINT8,
        "class": tfds.features.Scalar(dtype=np.int64),
    }


class TrainOnlySmallImages(SmallImages):
    SPLITS = ("train",)


class DamagedSmallImages(SmallImages):
    """One picture's file was cut short before TFDS packed it."""

    def picture(self, number):
        path = pathlib.Path(self.data_dir).parent / f"{number}.png"
        Image.fromarray(noise(number)).save(path)
        if number == 3:
            path.write_bytes(path.read_bytes()[:60])
        return str(path)


class FarSmallImages(SmallImages):
    """Has to be fetched from a port where nobody answers."""

    def _split_generators(self, downloads):
        downloads.download("http://127.0.0.1:9/images.tar")


def noise(number):
    generator = np.random.default_rng(number)
    return generator.integers(0, 256, (5, 7, 3), dtype="uint8")


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """An empty folder for the data sets."""
    tfds.disable_progress_bar()
    use(tmp_path, monkeypatch)
    return tmp_path


def use(folder, monkeypatch):
    monkeypatch.setenv("TFDS_DATA_DIR", str(folder))
    # TFDS reads the variable when it is first imported.
    monkeypatch.setattr(tfds.core.constants, "DATA_DIR", str(folder))


error = functools.partial(message_of, datasets.load_dataset)


def test_records_are_bytes_and_images_those_of_tfds():
    data = datasets.load_dataset("small_images")
    assert data.class_names == ("cat", "dog")
    assert (data.train_size, data.validation_size) == (6, 6)
    for record, _ in data.train:
        assert record.dtype == tf.string and record.shape == ()
    seen = {
        image.tobytes(): label
        for image, label in data.images("train").as_numpy_iterator()
    }
    assert seen == {noise(n).tobytes(): n % 2 for n in range(6)}
    data.check()


def test_contents_are_by_split():
    contents = datasets.load_dataset("small_images").contents
    assert contents.keys() == {"train", "test"}
    assert datasets.load_dataset("small_images").contents == contents
    assert datasets.load_dataset("grey_small_images").contents != contents


def test_grey_images_get_three_channels():
    data = datasets.load_dataset("grey_small_images")
    expected = {np.repeat(noise(n)[..., :1], 3, -1).tobytes() for n in range(6)}
    images = {
        image.tobytes() for image, _ in data.images("train").as_numpy_iterator()
    }
    assert images == expected


@pytest.mark.parametrize(
    "name, feature",
    [
        ("float_small_images", "Image(shape=(5, 7, 1), dtype=float32)"),
        ("array_small_images", "Tensor(shape=(5, 7, 3), dtype=uint8)"),
    ],
)
def test_images_that_are_not_stored_as_images(name, feature):
    assert error(name) == (
        f"`dataset` must hold uint8 images; 'picture' is {feature}. "
        f"Received: {name!r}"
    )


@pytest.mark.parametrize(
    "name", ["unlabelled_small_images", "numbered_small_images"]
)
def test_data_set_without_labels(name):
    assert error(name) == (
        "`dataset` has no labels to learn: one class for each image. "
        f"Received: {name!r}"
    )


def test_data_set_without_validation():
    assert error("train_only_small_images") == (
        "`dataset` needs a train split and a validation or test split; it has "
        "train. Received: 'train_only_small_images'"
    )


def test_record_that_cannot_be_decoded_is_named_by_its_number():
    data = datasets.load_dataset("damaged_small_images")
    with pytest.raises(tf.errors.InvalidArgumentError):
        list(data.images("train"))
    number, number_2 = (
        [len(record) for record, _ in split.as_numpy_iterator()].index(60)
        for split in (data.train, data.validation)
    )
    with pytest.raises(ValueError) as caught:
        data.check()
    reason = "(PNG, damaged or cut short)"
    assert str(caught.value) == (
        "`dataset`: of 12 images, 2 cannot be read: train record "
        f"{number} {reason}, validation record {number_2} {reason}. "
        "Replace or remove what is listed. Received: 'damaged_small_images'"
    )


def test_damaged_file_of_records(folder):
    data = datasets.load_dataset("small_images")
    (path,) = folder.rglob("*train.tfrecord*")
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 255
    path.write_bytes(content)
    with pytest.raises(tf.errors.DataLossError):
        list(data.images("train"))
    with pytest.raises(ValueError) as caught:
        data.check()
    message = str(caught.value)
    assert message.startswith(
        "`dataset`: a file of records is damaged (corrupted record at "
    )
    assert message.endswith(
        "). Remove the data set's folder and load it again. "
        "Received: 'small_images'"
    )


@pytest.mark.parametrize(
    "name, reason",
    [
        ("no_such_dataset", "Dataset no_such_dataset not found."),
        ("no words", "Parsing builder name string no words failed."),
        (
            "imagenette/9px",
            'Failed to construct dataset "imagenette", builder_kwargs '
            "\"{'config': '9px'}\": BuilderConfig 9px not found with version "
            "1.0.0.",
        ),
    ],
)
def test_unknown_name_is_refused(name, reason):
    assert error(name) == (
        "`dataset` is neither 'photo_patches', nor a folder, nor a data set "
        f"that TFDS knows: {reason} Received: {name!r}"
    )


def test_no_network(folder, monkeypatch):
    def download(self, **options):
        raise ConnectionError("no route to storage.example.org\nmore lines")

    monkeypatch.setattr(
        tfds.core.DatasetBuilder, "download_and_prepare", download
    )
    assert error("cifar10") == (
        f"`dataset` is known to TFDS, but is not in {folder}/cifar10/3.0.2 "
        "and could not be downloaded and prepared there: ConnectionError: no "
        "route to storage.example.org. Without a network, set TFDS_DATA_DIR "
        "to a folder that holds it. Received: 'cifar10'"
    )


def test_refused_connection(monkeypatch):
    # TFDS tries ten times, with pauses that add up to minutes.
    monkeypatch.setattr("urllib3.util.retry.Retry.sleep", lambda *_: None)
    message = error("far_small_images")
    assert "could not be downloaded and prepared there: " in message
    assert "127.0.0.1" in message and "\n" not in message


@pytest.mark.extra
@pytest.mark.skipif(
    not SHARED.is_dir(), reason="needs the photographs in ../shared/data"
)
@pytest.mark.parametrize(
    "name, sizes, first_class",
    [
        ("cifar10", (50_000, 10_000), "airplane"),
        ("imagenette/320px-v2", (4_000, 1_000), "n01440764"),
    ],
)
def test_reads_real_photographs(name, sizes, first_class, monkeypatch):
    use(SHARED, monkeypatch)
    data = datasets.load_dataset(name)
    assert (data.train_size, data.validation_size) == sizes
    assert len(data.class_names) == 10 and data.class_names[0] == first_class
    held_out = "test" if name == "cifar10" else "validation"
    for ours, theirs in (("train", "train"), ("validation", held_out)):
        expected = tfds.load(name, split=f"{theirs}[:50]", as_supervised=True)
        for (image, label), (image_2, label_2) in zip(
            data.images(ours), expected
        ):
            assert image.dtype == tf.uint8 and label == label_2
            assert np.array_equal(image, image_2)
