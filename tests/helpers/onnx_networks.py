"""BVLC's AlexNet as the ONNX model zoo has it, with random weights.

Written from the file's description: input 1×3×224×224 (blue, green, red),
conv1 without padding, pools that round up by a padding at the end, alpha
divided by the window, weights (filters, channels / groups, rows, columns) and
(units, inputs), the nodes of the opset that the file has.
"""

import math

import numpy as np

# name, filters, channels, kernel, stride, padding, groups
CONVOLUTIONS = (
    ("conv1", 96, 3, 11, 4, 0, 1),
    ("conv2", 256, 96, 5, 1, 2, 2),
    ("conv3", 384, 256, 3, 1, 1, 1),
    ("conv4", 384, 384, 3, 1, 1, 2),
    ("conv5", 256, 384, 3, 1, 1, 2),
)


def bvlc_alexnet(onnx, divisor=1, units=4096, classes=1000, side=224, seed=0):
    """Makes the model; `divisor` and `units` make a narrow one.

    The logits are of the order of 1 for pixels less their mean.
    """
    helper = onnx.helper
    generator = np.random.default_rng(seed)
    nodes, constants = [], []

    def add(kind, inputs, output, **attributes):
        nodes.append(helper.make_node(kind, inputs, [output], **attributes))
        return output

    def constant(name, values):
        constants.append(onnx.numpy_helper.from_array(values, name))
        return name

    def parameters(name, shape, gain=2.0):
        fan_in = math.prod(shape[1:])
        kernel = generator.standard_normal(shape, "float32")
        kernel *= math.sqrt(gain / fan_in)
        bias = generator.uniform(-0.5, 0.5, shape[0]).astype("float32")
        return [constant(f"{name}_w_0", kernel), constant(f"{name}_b_0", bias)]

    x = "data_0"
    for name, filters, channels, size, stride, padding, groups in CONVOLUTIONS:
        if name != "conv1":
            channels //= divisor
        shape = (filters // divisor, channels // groups, size, size)
        x = add(
            "Conv",
            [x, *parameters(name, shape)],
            name,
            kernel_shape=[size, size],
            strides=[stride, stride],
            pads=[padding] * 4,
            group=groups,
        )
        x = add("Relu", [x], f"{name}_relu")
        if name in ("conv1", "conv2"):
            x = add(
                "LRN",
                [x],
                f"{name}_norm",
                size=5,
                alpha=1e-4,
                beta=0.75,
                bias=1.0,
            )
        if name in ("conv1", "conv2", "conv5"):
            x = add(
                "MaxPool",
                [x],
                f"{name}_pool",
                kernel_shape=[3, 3],
                strides=[2, 2],
                pads=[0, 0, 1, 1],
            )
    inputs = 256 // divisor * 36
    x = add(
        "Reshape",
        [x, constant("shape", np.array([-1, inputs], "int64"))],
        "flat",
    )
    for name, width in (("fc6", units), ("fc7", units), ("fc8", classes)):
        # Pixels have a deviation of about 73: the last layer divides by it.
        gain = 2.0 if width == units else 1 / 73**2
        weights = parameters(name, (width, inputs), gain)
        x = add("Gemm", [x, *weights], name, transB=1)
        if name != "fc8":
            x = add("Relu", [x], f"{name}_relu")
        inputs = width
    x = add("Softmax", [x], "prob_1", axis=1)
    outputs = [("fc8", classes), ("prob_1", classes)]
    graph = helper.make_graph(
        nodes,
        "bvlc_alexnet",
        [
            helper.make_tensor_value_info(
                "data_0", onnx.TensorProto.FLOAT, ["batch", 3, side, side]
            )
        ],
        [
            helper.make_tensor_value_info(
                name, onnx.TensorProto.FLOAT, ["batch", width]
            )
            for name, width in outputs
        ],
        constants,
    )
    model = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8
    )
    onnx.checker.check_model(model)
    return model
