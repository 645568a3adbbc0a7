"""What crosses between devices when a function runs: measured, not derived.

Before TensorFlow executes a function it cuts its graph into one part a device
and puts a pair of operations, `_Send` and `_Recv`, wherever a tensor goes from
one part to another. Those of the graphs that were executed are counted here.
"""

import math
import pathlib
import tempfile
from dataclasses import dataclass

import tensorflow as tf

from alexnet_lab.two_gpus.devices import short_name


@dataclass(frozen=True)
class Sent:
    """A tensor that was sent from one device to another.

    Attributes:
        tensor: the operation that it comes out of.
        kind: `"argument"` of the function, `"variable"` that is read from
            afar, or `"value"` that is computed.
        source: the device that sends, such as `"CPU:0"`.
        target: the device that gets it.
        shape: batch included.
        bytes: what its values take.
    """

    tensor: str
    kind: str
    source: str
    target: str
    shape: tuple[int, ...]
    bytes: int


KINDS = {
    "_Arg": "argument",
    "ReadVariableOp": "variable",
    "VarHandleOp": "variable",
}


@dataclass(frozen=True)
class Execution:
    """A function that has been run: its graph as traced and as executed."""

    graph: tf.Graph
    parts: list

    def operations(self):
        """Returns a dict from names of operations to where they were run."""
        return {
            node.name: short_name(node.device)
            for nodes in self.parts
            for node in nodes
        }

    def sent(self):
        """Returns a list of `Sent`; mere signals, without values, left out.

        Raises:
            ValueError: if the size of something that was sent is not known
                before the function runs.
        """
        found = []
        for nodes in self.parts:
            by_name = {node.name: node for node in nodes}
            for node in nodes:
                if node.op != "_Send":
                    continue
                source, target = (
                    short_name(node.attr[f"{end}_device"].s.decode())
                    for end in ("send", "recv")
                )
                name, _, output = node.input[0].partition(":")
                maker = by_name[name]
                signal = maker.op == "Const" and "/ctrl/" in name
                if source == target or signal:
                    continue
                if maker.op == "_Arg":
                    tensor = self.graph.inputs[maker.attr["index"].i]
                else:
                    output = f"{name}:{output or 0}"
                    tensor = self.graph.get_tensor_by_name(output)
                found.append(_describe(tensor, maker.op, source, target))
        return found


def _describe(tensor, operation, source, target):
    shape = tensor.shape
    if not shape.is_fully_defined():
        raise ValueError(
            "`function` sends a tensor whose shape is not known before it "
            f"runs: {tensor.name}. Received: shape={shape}"
        )
    kind = KINDS.get(operation, "value")
    size = tensor.dtype.size * math.prod(shape)
    return Sent(tensor.op.name, kind, source, target, tuple(shape), size)


def execute(function, *arguments):
    """Runs a function once, as a graph, and returns the `Execution`.

    TensorFlow's rewriting of graphs is off for this run, since it renames
    what is computed. Where things are computed is settled before it.

    Args:
        function: of tensors, for example a model's `train_step`. It is run: a
            training step trains.
        *arguments: what it is called with: arrays, or tuples of arrays.

    >>> execution = execute(tf.square, [1.0, 2.0])
    >>> set(execution.operations().values()), execution.sent()
    ({'CPU:0'}, [])
    """
    arguments = tf.nest.map_structure(tf.convert_to_tensor, arguments)
    function = tf.function(function, jit_compile=False)
    before = tf.config.optimizer.get_experimental_options()
    rewriting = {"disable_meta_optimizer": True}
    tf.config.optimizer.set_experimental_options(rewriting)
    try:
        graph = function.get_concrete_function(*arguments).graph
        with tempfile.TemporaryDirectory() as folder:
            with tf.summary.create_file_writer(folder).as_default(step=0):
                tf.summary.trace_on(graph=True)
                function(*arguments)
                tf.summary.trace_export("executed")
            (file,) = pathlib.Path(folder).iterdir()
            executed = list(_read_executed(file))
    finally:
        before = {"disable_meta_optimizer": False, **before}
        tf.config.optimizer.set_experimental_options(before)
    # Functions of others may have run meanwhile, those of data sets say.
    names = {operation.name for operation in graph.get_operations()}
    ours = max(executed, key=lambda parts: _count(parts, names))
    return Execution(graph, ours)


def _count(parts, names):
    return sum(node.name in names for nodes in parts for node in nodes)


def _read_executed(file):
    """Yields, from a file of summaries, the parts of each executed graph."""
    for record in tf.data.TFRecordDataset(str(file)):
        event = tf.compat.v1.Event.FromString(record.numpy())
        for value in event.summary.value:
            for text in value.tensor.string_val:
                metadata = tf.compat.v1.RunMetadata.FromString(text)
                for executed in metadata.function_graphs:
                    yield [part.node for part in executed.partition_graphs]
