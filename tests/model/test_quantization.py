"""Full-integer LiteRT says what the floats say: pools pad with nothing huge."""

import keras
import numpy as np
import pytest
from support import enliven
from support import narrow
from support import pixels
from support import to_numpy

from alexnet_keras import CeilMaxPooling2D
from alexnet_keras import build_alexnet
from alexnet_keras.layers import RepeatEdges2D

tf = pytest.importorskip("tensorflow")
if keras.backend.backend() != "tensorflow":
    pytest.skip("LiteRT is written from TensorFlow", allow_module_level=True)


def in_integers(model, images):
    """What the network says in int8, inputs and outputs included."""
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: ([x[None]] for x in images)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = tf.int8
    converter.inference_output_type = tf.int8
    interpreter = tf.lite.Interpreter(model_content=converter.convert())
    interpreter.allocate_tensors()
    (given,) = interpreter.get_input_details()
    (found,) = interpreter.get_output_details()
    step, zero = given["quantization"]
    integers = np.clip(np.round(images / step + zero), -128, 127)
    step, zero = found["quantization"]
    outputs = []
    for image in integers.astype("int8"):
        interpreter.set_tensor(given["index"], image[None])
        interpreter.invoke()
        outputs.append(interpreter.get_tensor(found["index"])[0])
    return (np.array(outputs, "float32") - zero) * step, step


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("size", [(8, 8), (8, 7)])
@pytest.mark.parametrize("sides", [0, 1])
def test_a_convolution_and_a_pool(size, sides):
    inputs = keras.Input((*size, 3))
    x = keras.layers.Conv2D(4, 3, padding="same")(inputs)
    x = RepeatEdges2D(sides)(x)
    model = keras.Model(inputs, CeilMaxPooling2D(3, 2)(x))
    images = pixels((16, *size, 3))
    expected = to_numpy(model(images))
    found, step = in_integers(model, images)
    assert abs(found - expected).max() < 2 * step < 0.05 * np.ptp(expected)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("name,divisor", [("caffe", 1), ("original", 8)])
def test_networks_whose_pools_hang_over(name, divisor):
    table = narrow(name, divisor, units=24 if divisor > 1 else 512)
    model = build_alexnet(
        input_shape=(83, 83, 3), variant=table, classifier_activation=None
    )
    images = pixels((16, 83, 83, 3))
    enliven(model, images)
    expected = to_numpy(model(images))
    found, _ = in_integers(model, images)
    assert np.corrcoef(found.ravel(), expected.ravel())[0, 1] > 0.94
    apart = np.ptp(found, axis=0).max()
    assert apart > 0.5 * np.ptp(expected, axis=0).max(), "one for all images"
