"""The layers of a model, also of models within it: listed, called, copied."""

import keras
import numpy as np
from support import message_of
from support import pixels
from support import to_numpy

from alexnet_keras.utils import graphs


def two_layers(name, image=(6, 6, 3)):
    rows = keras.layers
    return keras.Sequential(
        [keras.Input(image), rows.Conv2D(2, 3, name="conv"), rows.ReLU()],
        name=name,
    )


def test_each_layer_is_called_where_the_data_flow_says():
    """A model within another, beside a branch, against the layers by hand."""
    images = keras.Input((6, 6, 3), name="images")
    inner = two_layers("inner")
    right = keras.layers.Conv2D(2, 3, name="right")(images)
    joined = keras.layers.Subtract(name="join")([inner(images), right])
    model = keras.Model(images, joined)
    again = keras.Input((6, 6, 3), name="again")
    found = graphs.call_each(model, [again])
    assert list(found)[0] == "again" and {"conv", "inner", "join"} <= set(found)
    values = pixels((2, 6, 6, 3))
    other = keras.Model(again, found["join"])
    np.testing.assert_array_equal(
        to_numpy(other(values)), to_numpy(model(values))
    )
    cut = keras.Model(again, found["conv"])
    np.testing.assert_array_equal(
        to_numpy(cut(values)), to_numpy(inner.get_layer("conv")(values))
    )
    opened = graphs.opened(model)
    assert opened.get_layer("conv") is inner.get_layer("conv")
    assert "inner" not in [layer.name for layer in opened.layers]
    assert graphs.opened(opened) is opened


def test_a_layer_may_be_called_twice_but_two_not_have_one_name():
    images, twin = keras.Input((6, 6, 3)), two_layers("one")
    both = keras.layers.Add()([twin(images), twin(images)])
    assert "conv" in graphs.call_each(keras.Model(images, both), [images])
    both = keras.layers.Add()([twin(images), two_layers("two")(images)])
    assert "two layers of one name" in message_of(
        graphs.call_each, keras.Model(images, both), [images]
    )


def test_state_is_copied_whatever_a_model_is_made_of():
    rows = keras.layers
    images = pixels((8, 6, 6, 3))

    def make():
        norm = rows.Normalization(name="norm")
        inner = keras.Sequential([keras.Input((6, 6, 3)), norm, rows.Flatten()])
        return keras.Sequential(
            [inner, rows.BatchNormalization(), rows.Dense(3, name="top")]
        ), norm

    (source, norm), (target, _) = make(), make()
    norm.adapt(images * 0.1 + 5)
    source(images, training=True)  # moves the statistics
    target(images)
    graphs.copy_state(source, target)
    np.testing.assert_array_equal(
        to_numpy(target(images)), to_numpy(source(images))
    )
    clone = keras.models.clone_model(source)
    graphs.copy_state(source.get_weights(), clone)
    np.testing.assert_array_equal(
        to_numpy(clone(images)), to_numpy(source(images))
    )
