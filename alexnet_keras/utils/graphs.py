"""The layers of a model, also of models within it: listed, called, copied."""

import functools

import keras
from keras import layers


def inside(model):
    """Lists a model's operations in order; of models within it first theirs.

    >>> inner = keras.Sequential([keras.Input((4,)), layers.Dense(2, name="a")])
    >>> [one.name for one in inside(keras.Sequential([inner], name="b"))][:1]
    ['a']
    """
    found = []
    for one in getattr(model, "operations", None) or model.layers:
        if isinstance(one, keras.Model):
            parts = inside(one)
            found += [x for x in parts if not isinstance(x, layers.InputLayer)]
        found.append(one)
    return found


def call_each(model, inputs):
    """Calls a model's layers on new inputs, also those of models within it.

    The attribute `output` of a layer is of no use for this: it belongs to the
    first model that the layer was in.

    Args:
        model: a functional model or a `Sequential` that has been built.
        inputs: Keras tensors, as many as in `model.inputs`.

    Returns:
        The output of each layer by its name, in order, the inputs first.

    Raises:
        ValueError: if two layers bear the same name.
    """
    found, bearers = {}, {}
    for tensor in inputs:
        found[tensor._keras_history.operation.name] = tensor

    def call(layer, *args, **kwargs):
        # A `training` that a model within was called with goes; Keras, too,
        # puts that of the whole model in its place.
        y = run(layer, args[0]) if _is_open(layer) else layer(*args, **kwargs)
        if isinstance(layer, layers.Layer):
            if bearers.setdefault(layer.name, layer) is not layer:
                raise ValueError(
                    "`model` must not have two layers of one name. "
                    f"Received: model {model.name!r} with two {layer.name!r}"
                )
            found[layer.name] = y
        return y

    def run(model, x):
        if isinstance(model, keras.Sequential):
            return functools.reduce(
                lambda x, one: call(one, x), model.layers, x
            )
        outputs = model._run_through_graph(
            x, lambda one: functools.partial(call, one)
        )
        return outputs[0] if isinstance(outputs, list) else outputs

    run(model, inputs if len(inputs) > 1 else inputs[0])
    return found


def _is_open(layer):
    """Whether a layer is a model of layers, with one input and one output."""
    return (
        isinstance(layer, keras.Model)
        and (
            isinstance(layer, keras.Sequential) or hasattr(layer, "operations")
        )
        and len(layer.inputs) == len(layer.outputs) == 1
    )


def opened(model):
    """Returns a model of the same layers in which none is within another.

    Args:
        model: a functional model or a `Sequential` that has been built.
    """
    if hasattr(model, "operations") and not any(
        isinstance(one, keras.Model) for one in model.layers
    ):
        return model
    found = call_each(model, model.inputs)
    return keras.Model(input_of(model), found.popitem()[1], name=model.name)


def input_of(model):
    """As `model.input`, which a `Sequential` lacks before it is called."""
    return model.inputs[0] if len(model.inputs) == 1 else model.input


def copy_state(source, target):
    """Copies weights, and what layers derive from them.

    `set_weights` alone leaves `keras.layers.Normalization`, which computes
    with what `adapt` has derived from its weights, as it was.

    Args:
        source: a model or a layer, or the arrays that its `get_weights` gave.
        target: one with weights of the same shapes in the same order.
    """
    arrays = source if isinstance(source, list) else source.get_weights()
    target.set_weights(arrays)
    for layer in target._flatten_layers():
        if hasattr(layer, "finalize_state"):
            layer.finalize_state()
