"""What crosses between two devices is what is derived, and nothing else."""

import collections

import keras
import pytest
from support import narrow
from test_model_parallel import CPUS
from test_model_parallel import SHAPE
from test_model_parallel import batch
from test_model_parallel import every_grouped

tf = pytest.importorskip("tensorflow")
from alexnet_keras import SGD2012  # noqa: E402
from alexnet_lab.two_gpus import communication  # noqa: E402
from alexnet_lab.two_gpus import model_parallel  # noqa: E402
from alexnet_lab.two_gpus import transfers  # noqa: E402


def between_towers(sent):
    return collections.Counter(
        (CPUS.index(s.source) + 1, CPUS.index(s.target) + 1, s.shape, s.bytes)
        for s in sent
        if s.kind == "value"
    )


def derived_crossings(table, images):
    """By tower, tower, shape and bytes: those forward, those backward."""
    expected = communication.crossings(table, SHAPE)
    forward = collections.Counter(
        (c.source, c.target, (images, *c.shape), images * c.forward)
        for c in expected
    )
    back = collections.Counter(
        (c.target, c.source, (images, *c.shape), images * c.backward)
        for c in expected
    )
    return forward, back


@every_grouped
def test_what_crosses_forward_is_what_is_derived(name):
    model = model_parallel.build_towers(narrow(name), CPUS, SHAPE)
    images, _ = batch(5)
    forward, _ = derived_crossings(narrow(name), 5)
    assert between_towers(transfers.execute(model, images).sent()) == forward


@pytest.mark.parametrize(
    "name, optimizer",
    [("original", SGD2012()), ("paper", keras.optimizers.Adam())],
)
def test_a_training_step_stays_on_its_devices(name, optimizer):
    """Maps and their gradients cross, images come, rates too: nothing else."""
    table = narrow(name, units=600)  # with fewer, zeros would not be sent
    model = model_parallel.build_towers(table, CPUS, SHAPE)
    model.compile(optimizer, "sparse_categorical_crossentropy")
    images, labels = batch(5)
    execution = transfers.execute(model.train_step, (images, labels))
    sent = execution.sent()

    forward, back = derived_crossings(table, 5)
    scalars = {key for key in between_towers(sent) if key[2] == ()}
    rest = between_towers(s for s in sent if s.shape)
    assert rest == forward + back
    assert all(key[3] <= 8 for key in scalars)

    (image,) = [s for s in sent if s.kind == "argument"]
    assert (image.shape, image.bytes) == (images.shape, images.nbytes)
    rates = {s.shape for s in sent if s.kind == "variable"}
    assert rates <= {(), (len(model.trainable_variables),)}

    seen = collections.Counter()
    for operation, device in execution.operations().items():
        for tower, expected in zip((1, 2), CPUS):
            if f"/tower{tower}_" in operation and "/_" not in operation:
                assert device == expected, operation
                way = "back" if "gradient_tape" in operation else "forward"
                seen[tower, way] += 1
    assert len(seen) == 4 and min(seen.values()) > 30
