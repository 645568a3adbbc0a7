"""A training run: its config, recipe, data and `fit`, and going on with it."""

from alexnet_keras.utils import extras


def __getattr__(name):
    # Only when it is asked for: recipes and checkpoints need no TensorFlow.
    if name == "train":
        extras.require("train", "tensorflow", "PIL", "matplotlib", "pandas")
        from alexnet_keras.training.trainer import train

        return train
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
