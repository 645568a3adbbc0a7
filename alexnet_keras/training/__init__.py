"""A training run: its config, recipe, data and `fit`, and going on with it."""


def __getattr__(name):
    # Only when it is asked for: recipes and checkpoints need no TensorFlow.
    if name == "train":
        from alexnet_keras.training.trainer import train

        return train
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
