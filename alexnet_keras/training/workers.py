"""Several machines that train in step, as `TF_CONFIG` describes them."""

import contextlib
import errno
import json
import os
import re
import socket
from dataclasses import dataclass

import tensorflow as tf

from alexnet_keras.training import distribution
from alexnet_keras.utils.printing import printable

VARIABLE = "TF_CONFIG"
TASKS = ("chief", "worker")
EXAMPLE = (
    '{"cluster": {"worker": ["host1:12345", "host2:12345"]}, '
    '"task": {"type": "worker", "index": 0}}'
)
# What TensorFlow raises where another process or the network is gone.
LOST = (
    tf.errors.AbortedError,
    tf.errors.CancelledError,
    tf.errors.DeadlineExceededError,
    tf.errors.InternalError,
    tf.errors.UnavailableError,
)


@dataclass(frozen=True)
class Cluster:
    """The machines of a run, or rather its processes, one on each as a rule.

    Attributes:
        addresses: host:port of each. Defaults to this machine alone.
        number: of this one, from 0. The first is the chief, which alone
            writes and prints.
    """

    addresses: tuple[str, ...] = ("localhost",)
    number: int = 0

    @property
    def count(self):
        """How many machines there are."""
        return len(self.addresses)

    @property
    def is_chief(self):
        """Whether this is the first of them."""
        return self.number == 0

    @property
    def share(self):
        """Number and count, as `input_pipeline` takes them."""
        return self.number, self.count

    def name(self, number):
        """Returns how a machine is called in errors."""
        return f"machine {number} ({self.addresses[number]})"


def find():
    """Returns the `Cluster` that `TF_CONFIG` describes, or this machine alone.

    Raises:
        ValueError: if it is not JSON, lacks the task, names a machine twice,
            or has tasks other than `chief` and `worker`.
    """
    text = os.environ.get(VARIABLE, "").strip()
    if not text:
        return Cluster()

    def refuse(what):
        raise ValueError(
            f"`{VARIABLE}` {what}. It looks like {EXAMPLE}, with an index of "
            f"its own on each machine. Received: {VARIABLE}={text!r}"
        )

    try:
        there = json.loads(text)
        cluster, task = there.get("cluster") or {}, there.get("task")
        addresses = {
            kind: [str(address) for address in cluster[kind]]
            for kind in cluster
        }
    except (ValueError, AttributeError, TypeError):
        return refuse("is not JSON of a cluster and a task")
    if others := [kind for kind in addresses if kind not in TASKS]:
        refuse(f"has tasks that training does not use: {', '.join(others)}")
    places = [
        (kind, index)
        for kind in TASKS
        for index, _ in enumerate(addresses.get(kind, ()))
    ]
    if len(places) < 2:
        return Cluster()
    names = tuple(addresses[kind][index] for kind, index in places)
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        refuse(f"names {twice!r} more than once")
    for name in names:
        if not name.rpartition(":")[0] or not name.rpartition(":")[2].isdigit():
            refuse(f"needs host:port for each machine, not {name!r}")
    try:
        here = (task["type"], int(task["index"]))
        number = places.index(here)
    except (KeyError, TypeError, ValueError):
        return refuse(f"must say in `task` which of {len(names)} this one is")
    return Cluster(names, number)


def make_strategy(cluster, replicas):
    """Returns the `tf.distribute` strategy of a run.

    Args:
        cluster: a `Cluster`. Alone, a `MirroredStrategy`.
        replicas: how many copies of the model train, over all machines.

    Raises:
        ValueError: as `distribution.make_strategy`; if a machine has not its
            share of them; if its port is in use.
    """
    if cluster.count == 1:
        return distribution.make_strategy(replicas)
    if not distribution.on_tensorflow():
        raise ValueError(
            "Several machines need Keras's TensorFlow backend: set "
            "KERAS_BACKEND=tensorflow, or unset TF_CONFIG. "
            f"Received: {cluster.count} machines"
        )
    here = distribution.count_gpus() or 1
    if replicas != here * cluster.count:
        raise ValueError(
            f"`replicas` must be {here * cluster.count}: on {cluster.count} "
            f"machines each trains on all its GPUs, here {here}, or on its "
            "CPU. CUDA_VISIBLE_DEVICES hides GPUs. "
            f"Received: replicas={replicas}"
        )
    _check_port(cluster)
    try:
        return tf.distribute.MultiWorkerMirroredStrategy()
    except RuntimeError:
        raise ValueError(
            f"Several machines (`{VARIABLE}`) must be asked for before "
            "TensorFlow has run anything. Restart Python and train first. "
            f"Received: {cluster.count} machines"
        ) from None


def _check_port(cluster):
    address = cluster.addresses[cluster.number]
    port = int(address.rpartition(":")[2])
    with socket.socket() as ours:
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            ours.bind(("", port))
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
            raise ValueError(
                f"`{VARIABLE}` gives this machine a port that is in use, "
                f"{port}: by an earlier run, or by another task. "
                f"Received: {address!r}"
            ) from None


def agree(cluster, strategy, facts):
    """Waits for all machines, and compares what each of them knows.

    Args:
        cluster: a `Cluster`.
        strategy: that of `make_strategy`.
        facts: a dict for JSON that must be the same on all.

    Raises:
        ValueError: on every machine, naming the first fact that differs.
    """
    if cluster.count == 1:
        return
    text = json.dumps(facts, sort_keys=True).encode()
    length = max(_gather(strategy, [len(text)]))
    gathered = _gather(strategy, list(text.ljust(length)))
    everyone = [
        json.loads(bytes(gathered[start : start + length]))
        for start in range(0, len(gathered), length)
    ]
    first = everyone[0]
    for number, theirs in enumerate(everyone):
        for name in sorted({*first, *theirs}):
            if first.get(name) != theirs.get(name):
                raise ValueError(
                    "All machines must train the same run, by the same "
                    f"command: {name} differs. Received: "
                    f"{_shorten(first.get(name))} on {cluster.name(0)}, "
                    f"{_shorten(theirs.get(name))} on {cluster.name(number)}"
                )


def wait(cluster, strategy):
    """Waits until all machines have come here."""
    if cluster.count > 1:
        _gather(strategy, [cluster.number])


def chief_first(cluster, strategy, act):
    """Returns what `act()` does, called on the first machine before the rest.

    What it writes is then there for those that see the same disk.
    """
    if cluster.is_chief:
        found = act()
    wait(cluster, strategy)
    if not cluster.is_chief:
        found = act()
    return found


def on_devices(cluster, strategy, batches, size):
    """Splits a machine's batches over its devices; alone, `fit` does."""
    if cluster.count == 1:
        return batches
    return strategy.distribute_datasets_from_function(
        lambda context: batches.rebatch(size, drop_remainder=True)
    )


def _gather(strategy, numbers):
    """Every machine's numbers, one after the other."""

    def value(context):
        return tf.constant(numbers, tf.int64)

    values = strategy.experimental_distribute_values_from_function(value)
    everyone = strategy.gather(values, axis=0).numpy()
    # Each of a machine's devices gave the same.
    devices = len(strategy.extended.worker_devices)
    return everyone.reshape(-1, devices, len(numbers))[:, 0].ravel().tolist()


def _reason(error):
    """The line of a long message that says what happened."""
    found = re.search("aborted by: (.*)", error.message)
    return found[1] if found else error.message.splitlines()[0]


def _shorten(value, most=60):
    text = json.dumps(value)
    return text if len(text) <= most else f"{text[:most]}…"


@contextlib.contextmanager
def naming_lost(cluster, command):
    """Says in words that another machine is gone.

    Args:
        cluster: a `Cluster`.
        command: what goes on with the run; `None` where nothing is saved.

    Raises:
        ConnectionError: in place of TensorFlow's errors.
    """
    try:
        yield
    except LOST as error:
        if cluster.count == 1:
            raise
        how = "Nothing was saved, as the run has no `output`."
        if command:
            how = (
                "What was saved last is not lost. To go on, give every "
                f"machine this command: {printable(command)}"
            )
        raise ConnectionError(
            f"{cluster.name(cluster.number)} has lost another machine, which "
            "was stopped or cannot be reached. Look at what the others said "
            f"last. TensorFlow says: {_reason(error)} {how}"
        ) from None
