"""`build_alexnet()`: a table in, a `keras.Model` out."""

import dataclasses

import keras
from keras import layers

from alexnet_keras import shapes
from alexnet_keras import validation
from alexnet_keras import variants
from alexnet_keras.layers.from_specs import apply_spec
from alexnet_keras.layers.from_specs import channels_last
from alexnet_keras.weights import imagenet as published_weights
from alexnet_keras.weights import loading


def build_alexnet(
    include_top=True,
    weights=None,
    input_tensor=None,
    input_shape=None,
    pooling=None,
    classes=None,
    classifier_activation="softmax",
    name="alexnet",
    *,
    variant="paper",
):
    """Instantiates an AlexNet.

    The default is the network of the 2012 paper, with its two towers as
    grouped convolutions. The arguments are those of `keras.applications`, in
    the same order; `variant` chooses among the networks that go by the name.
    Every layer is called what the table calls it: `conv1`, `norm1`, `pool1`,
    …, `fc7`, `predictions`.

    The network takes pixels from 0 to 255 with the mean of the training
    images subtracted, times the variant's `pixel_scale` (1 but for
    `torchvision` and `d2l`). It holds no preprocessing of its own.

    For a start on some hundred pictures of few classes: `variant="original"`
    at 80×80 pixels with `keras.optimizers.Adam(1e-4)`, as in the README. Of
    the held-out pictures 50 to 65 % were right after six epochs (three
    folders of 1,000 pictures in five classes, three seeds; chance 20 %).

    References:
    - [ImageNet Classification with Deep Convolutional Neural Networks](
      https://papers.nips.cc/paper/2012/hash/c399862d3b9d6b76c8436e924a68c45b-Abstract.html)
    - The 2012 source, layers/layers-145.cfg (`variant="original"`).

    Args:
        include_top: whether to include everything after the last pooling
            layer. Defaults to `True`.
        weights: `None` (random initialization, as the table says),
            `"imagenet"` (`torchvision` and `caffe`: the published weights,
            downloaded once, 233 MiB; prepare images with `preprocess_input`),
            or the path of a `.weights.h5` or `.keras` file, of a PyTorch
            `.pth` (read without PyTorch, without running its code) or of an
            `.onnx` file. Of another variant, a `.keras` file is refused; the
            others are by their shapes, `.weights.h5` also by the kinds of
            layers, but do not tell, say, the constants of a normalizer: name
            the variant that they are of. Defaults to `None`.
        input_tensor: a Keras tensor (the output of `keras.Input()` or of a
            layer) to build on. Defaults to a new input.
        input_shape: shape of one image without the batch, in the order of
            `keras.config.image_data_format()`. Any size from the smallest up;
            `fc6` adapts. Height and width may be `None` without the top.
            Defaults to the variant's own.
        pooling: what follows the last pooling layer when `include_top` is
            `False`: `None` (the feature map itself), `"avg"` or `"max"` over
            each map. Defaults to `None`.
        classes: number of classes when `include_top` is `True`. Defaults to
            the variant's own: 1000, for `d2l` 10.
        classifier_activation: activation of `predictions`; `None` gives
            logits. Defaults to `"softmax"`.
        name: name of the model. Defaults to `"alexnet"`.
        variant: a name in `VARIANTS`, or a `variants.Variant` table of your
            own. Defaults to `"paper"`.

    Returns:
        A `keras.Model` from `(batch, height, width, channels)` to
        `(batch, classes)`, or without the top to a feature map, or with
        `pooling` to `(batch, channels)`.

    Raises:
        ValueError: if an argument is not one of the above, if the image runs
            out of pixels on the way (the message names the layer and the
            smallest size), or if the weights do not fit.

    >>> build_alexnet().count_params()
    60965224
    >>> build_alexnet(include_top=False, input_shape=(96, 128, 3)).output_shape
    (None, 2, 3, 256)
    """
    variant = variants.get_variant(variant)
    check(weights, input_tensor, pooling)
    published_weights.check(weights, variant, include_top, classes)
    input_shape = resolve_input_shape(variant, input_tensor, input_shape)
    if not include_top:
        variant = _without_top(variant)
    typed = "input_shape" if input_tensor is None else "input_tensor"
    summaries = _derive(variant, input_shape, classes, include_top, typed)
    if weights == "imagenet":
        weights = published_weights.fetch(variant.name)

    if input_tensor is None:
        inputs = x = keras.Input(input_shape, name="images")
    else:
        inputs, x = keras.utils.get_source_inputs(input_tensor), input_tensor
        if len(inputs) == 1:  # a list of one would make lists of the inputs
            (inputs,) = inputs
    for layer, summary in zip(variant.layers, summaries):
        x = apply_spec(layer, summary, x, variant, classifier_activation)
    if not include_top and pooling == "avg":
        x = layers.GlobalAveragePooling2D(name="avg_pool")(x)
    elif not include_top and pooling == "max":
        x = layers.GlobalMaxPooling2D(name="max_pool")(x)
    model = keras.Model(inputs, x, name=name)

    if weights is not None:
        loading.load(model, variant, weights)
    return model


def _without_top(variant):
    top = (variants.Flatten, variants.AdaptiveAveragePool, variants.Dense)
    count = 0
    for layer in variant.layers:
        if isinstance(layer, top):
            break
        count += 1
    return dataclasses.replace(variant, layers=variant.layers[:count])


def _derive(variant, input_shape, classes, include_top, argument):
    """Derives the rows; sizes left open are checked at the smallest size."""
    last = channels_last()
    shape = input_shape if last else (*input_shape[1:], input_shape[0])
    if None in shape and len(shape) == 3:
        if include_top or shape[-1] is None:
            raise ValueError(
                f"`{argument}` must name height, width and channels; only "
                "without the top may height and width be `None`. "
                f"Received: {argument}={input_shape}"
            )
        least = shapes.smallest_size(variant)
        shape = tuple(least if side is None else side for side in shape)
    elif None not in shape:
        validation.image_shape(argument, input_shape)
    return shapes.summarize(
        variant, shape, classes if include_top else None, argument, input_shape
    )


def check(weights, input_tensor, pooling):
    """Raises a `ValueError` that names the first argument that is wrong."""
    loading.check_argument(weights)
    if input_tensor is not None and not keras.utils.is_keras_tensor(
        input_tensor
    ):
        raise ValueError(
            "`input_tensor` must be a Keras tensor, such as the output of "
            "`keras.Input()`; call the built model on values. "
            f"Received: input_tensor of type {type(input_tensor).__name__}"
        )
    if pooling not in (None, "avg", "max"):
        raise ValueError(
            '`pooling` must be `None`, "avg" or "max". '
            f"Received: pooling={pooling!r}"
        )


def resolve_input_shape(variant, input_tensor, input_shape):
    """Settles the shape of one image, in the order of the data format."""
    if input_shape is not None:
        if not isinstance(input_shape, (tuple, list)) or len(input_shape) != 3:
            raise ValueError(
                "`input_shape` must have three entries: height, width and "
                "channels, in the order of the data format. "
                f"Received: input_shape={input_shape!r}"
            )
        input_shape = tuple(
            int(side) if validation.is_int(side, 0) else side
            for side in input_shape
        )
    if input_tensor is not None:
        tensor_shape = tuple(input_tensor.shape[1:])
        if input_shape not in (None, tensor_shape):
            raise ValueError(
                f"`input_shape` must agree with `input_tensor`, whose images "
                f"have {tensor_shape}. Received: input_shape={input_shape}"
            )
        return tensor_shape
    if input_shape is None:
        height, width, channels = variant.input_shape
        if channels_last():
            return (height, width, channels)
        return (channels, height, width)
    return input_shape
