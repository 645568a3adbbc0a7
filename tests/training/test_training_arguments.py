"""What `train` refuses, before anything runs."""

import os

import pytest
from support import message_of

tf = pytest.importorskip("tensorflow")
from toy_runs import make_images  # noqa: E402
from toy_runs import run  # noqa: E402

from alexnet_keras import VARIANTS  # noqa: E402
from alexnet_keras.data import datasets  # noqa: E402
from alexnet_keras.training import distribution  # noqa: E402
from alexnet_keras.training.recipes import Recipe  # noqa: E402
from alexnet_keras.training.recipes import Stage  # noqa: E402

pytestmark = pytest.mark.skipif(
    bool(tf.config.list_physical_devices("GPU")),
    reason="two logical CPUs stand in for two GPUs",
)


COUNT = "`{0}` must be a positive integer. Received: {0}={1}"


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    return make_images(tmp_path_factory.mktemp("images"), 24, 5)


@pytest.mark.parametrize(
    "options, message",
    [
        ({"epochs": 0}, COUNT.format("epochs", 0)),
        ({"replicas": -1}, COUNT.format("replicas", -1)),
        ({"save_every": 0}, COUNT.format("save_every", 0)),
        (
            {"variant": "alexnet"},
            f"`variant` must be one of {', '.join(VARIANTS)}, or a "
            "`variants.Variant` table of your own. Received: "
            "variant='alexnet'",
        ),
        (
            {"recipe": "fast"},
            "`recipe` must be one of paper, original, quick, or a "
            "`recipes.Recipe` of your own. Received: recipe='fast'",
        ),
        (
            # A layer, but not one that trains.
            {"recipe": Recipe("own", 1, (Stage(0, 1, 1, (("norm1", 0),)),))},
            "`recipe` 'own' has a rate for norm1, and the variant has no such "
            "layer to train. Received: layers conv1, fc6, predictions",
        ),
        (
            {"tensorboard": True},
            "`tensorboard` needs `output`, the folder for its events. "
            "Received: tensorboard=True, output=None",
        ),
    ],
)
def test_arguments_are_checked_first(options, message, monkeypatch):
    monkeypatch.setattr(datasets, "load_dataset", None)  # not even that
    assert message_of(run, "photo_patches", **options) == message


def test_a_folder_with_another_run_is_left_as_it_is(tmp_path):
    (tmp_path / "settings.json").write_text("{}")
    assert message_of(run, "photo_patches", output=tmp_path).startswith(
        "`output` holds a run with other settings: dataset is None there and "
        "'photo_patches' here; variant is None there and 'toy' here; "
    )
    assert (tmp_path / "settings.json").read_text() == "{}"
    assert os.listdir(tmp_path) == ["settings.json"]


def test_more_logical_cpus_than_tensorflow_started_with():
    assert message_of(distribution.make_strategy, 3) == (
        "`replicas` on a CPU must be set before TensorFlow has run anything. "
        "Restart Python and ask first. Received: replicas=3"
    )


def test_what_the_caller_has_switched_on_is_refused(dataset, image_data_format):
    with tf.distribute.MirroredStrategy(["CPU:0"]).scope():
        with pytest.raises(ValueError, match="outside of the scope"):
            run(dataset)
    with pytest.raises(ValueError, match="at most 10 times the"):
        run(dataset, batch_size=10_000)
    image_data_format("channels_first")
    with pytest.raises(ValueError, match="as channels_last"):
        run(dataset)
