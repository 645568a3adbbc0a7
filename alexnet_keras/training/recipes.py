"""How a network is trained, as data: rates, schedule, noise, by epoch.

A recipe is plain Python. What holds in an epoch follows from the number of
the epoch and from the validation errors so far, nothing else, so a resumed
run finds its place from its history.
"""

import dataclasses
from dataclasses import dataclass

from alexnet_keras import validation


@dataclass(frozen=True)
class Stage:
    """What holds from an epoch on, until the next stage.

    Attributes:
        start: in epochs from the beginning; ignored by a recipe with
            `patience`.
        rate: learning rate of the weights.
        bias_rate: learning rate of the biases.
        layers: `(layer name, multiplier)` pairs, multipliers of both rates in
            that layer; 0 freezes it.
        color_noise: standard deviation of the colour noise, as a share of
            that of the data's own colours.
    """

    kind = "stage"
    start: float
    rate: float
    bias_rate: float
    layers: tuple[tuple[str, float], ...] = ()
    color_noise: float = 0.1

    def __post_init__(self):
        numbers = {
            "rate": self.rate,
            "bias_rate": self.bias_rate,
            **{f"rate of {name}": factor for name, factor in self.layers},
            "color_noise": self.color_noise,
        }
        for name, value in numbers.items():
            try:
                plain = validation.number(name, value)
            except ValueError:
                raise ValueError(
                    f"The {name} of a stage must be a finite number, 0 or "
                    f"more. Received: {value!r}, in the stage from "
                    f"{self.start} on"
                ) from None
            if name in ("rate", "bias_rate", "color_noise"):
                object.__setattr__(self, name, plain)


@dataclass(frozen=True)
class Recipe:
    """A named way to train.

    Attributes:
        name: in `RECIPES`, or a new one.
        epochs: the most passes over the training images.
        stages: in order; the first starts at 0.
        batch_size: the one that the rates are meant for.
        momentum: 0.9 in all of 2012.
        weight_decay: of weights, not of biases; inside the velocity.
        patience: `None`, and each stage begins at its start; or a number of
            epochs without a new lowest validation error after which the next
            stage begins, and after the last the run ends.
        mean: `"image"`, a mean for every pixel, or `"pixel"`, one for all.
        crop_chunk: images in a row that share a crop and a flip.
        last_offset: whether crops reach the last row and column (33 × 33
            offsets from 256 to 224) or not (32 × 32).
        noise_divisor: of noised images, after the mean is subtracted.
        random_crops: whether images are cropped and flipped at random;
            otherwise their centre is taken, as in validation.
        random_flips: whether random crops are mirrored every other time.
    """

    kind = "recipe"
    name: str
    epochs: int
    stages: tuple[Stage, ...]
    batch_size: int = 128
    momentum: float = 0.9
    weight_decay: float = 5e-4
    patience: int | None = None
    mean: str = "image"
    crop_chunk: int = 1
    last_offset: bool = True
    noise_divisor: float = 1.0
    # Not in the text by which runs of earlier versions are known.
    random_crops: bool = dataclasses.field(default=True, repr=False)
    random_flips: bool = dataclasses.field(default=True, repr=False)

    def __post_init__(self):
        starts = [stage.start for stage in self.stages]
        if not starts or starts[0] != 0 or starts != sorted(starts):
            raise ValueError(
                "`stages` must be in order, the first with start 0. "
                f"Received: starts {starts}"
            )
        if self.patience is not None:
            noises = {stage.color_noise for stage in self.stages}
            if len(noises) > 1:
                # Batches are made ahead of the error that ends a stage.
                raise ValueError(
                    "With `patience`, all stages must have the same "
                    f"`color_noise`. Received: {sorted(noises)}"
                )
        if self.mean not in ("image", "pixel"):
            raise ValueError(
                '`mean` must be "image" or "pixel". '
                f"Received: mean={self.mean!r}"
            )
        counts = ["epochs", "batch_size", "crop_chunk"]
        if self.patience is not None:
            counts.append("patience")
        for name in counts:
            value = validation.integer(name, getattr(self, name))
            object.__setattr__(self, name, value)
        for name in ("momentum", "weight_decay"):
            value = validation.number(name, getattr(self, name))
            object.__setattr__(self, name, value)
        value = validation.number(
            "noise_divisor", self.noise_divisor, positive=True
        )
        object.__setattr__(self, "noise_divisor", value)

    def stage_at(self, epoch, errors=()):
        """Returns the stage of an epoch, or `None` if the run is over.

        Args:
            epoch: number of the epoch, from 0.
            errors: validation errors of the epochs before it, in order; used
                with `patience` only.

        >>> RECIPES["original"].stage_at(30).rate
        0.001
        >>> short = dataclasses.replace(RECIPES["paper"], patience=2)
        >>> short.stage_at(3, [0.9, 0.8, 0.8]).rate
        0.01
        >>> short.stage_at(4, [0.9, 0.8, 0.8, 0.8]).rate
        0.001
        """
        if epoch >= self.epochs:
            return None
        if self.patience is None:
            return [s for s in self.stages if s.start <= epoch][-1]
        number = self._plateaus(errors[:epoch])
        return self.stages[number] if number < len(self.stages) else None

    def _plateaus(self, errors):
        """How often the error has stopped falling."""
        count, waited, lowest = 0, 0, float("inf")
        for error in errors:
            waited += 1
            if error < lowest:
                lowest, waited = error, 0
            if waited == self.patience:
                count, waited = count + 1, 0
        return count

    def check_layers(self, names):
        """Raises a `ValueError` if a stage names a layer that is not there."""
        for stage in self.stages:
            missing = [name for name, _ in stage.layers if name not in names]
            if missing:
                raise ValueError(
                    f"`recipe` {self.name!r} has a rate for "
                    f"{', '.join(missing)}, and the variant has no such "
                    f"layer to train. Received: layers {', '.join(names)}"
                )

    def noise_by_epoch(self):
        """Returns the strength of the colour noise, an entry an epoch."""
        if self.patience is not None:
            return (self.stages[0].color_noise,) * self.epochs
        return tuple(self.stage_at(e).color_noise for e in range(self.epochs))

    def scaled(self, epochs):
        """Returns the recipe for another number of epochs, stretched.

        >>> [stage.start for stage in RECIPES["quick"].scaled(10).stages]
        [0.0, 6.0, 8.0]
        """
        patience = self.patience
        if patience is not None:
            patience = max(1, round(patience * epochs / self.epochs))
        return dataclasses.replace(
            self,
            epochs=epochs,
            patience=patience,
            stages=tuple(
                # In this order a start that is a whole epoch stays one.
                dataclasses.replace(
                    stage, start=stage.start * epochs / self.epochs
                )
                for stage in self.stages
            ),
        )

    def with_rates(self, factor):
        """Returns the recipe with all rates multiplied by a factor.

        The linear rule for a batch of another size is the factor
        `batch_size / recipe.batch_size`; the author's 256 with twice the rate
        "matches exactly" (note of February 2013 in the 2012 code).
        """
        return dataclasses.replace(
            self,
            stages=tuple(
                dataclasses.replace(
                    stage,
                    rate=factor * stage.rate,
                    bias_rate=factor * stage.bias_rate,
                )
                for stage in self.stages
            ),
        )


# §5: the same rate for all layers, divided by 10 "when the validation error
# rate stopped improving", three times, about 90 passes. How long to wait it
# does not say: 5 epochs here. §4.1: 32 × 32 offsets, colour noise throughout.
_PAPER = Recipe(
    "paper",
    epochs=90,
    stages=tuple(Stage(0, rate, rate) for rate in (1e-2, 1e-3, 1e-4, 1e-5)),
    patience=5,
    last_offset=False,
)

# The log in layer-params-145.cfg, by hand. The biases' rate: as in the staged
# files of run 120, 0.02, and 0.002 from the first drop on.
_CODE_OF_2012 = {"crop_chunk": 32, "noise_divisor": 1.1}
_ORIGINAL = Recipe(
    "original",
    epochs=91,
    stages=(
        Stage(0, 1e-2, 0.02),
        Stage(25, 1e-3, 0.002),
        Stage(51, 1e-4, 0.002),
        Stage(67, 1e-4, 0.002, (("conv1", 0.1),), 0.0),
        Stage(72, 1e-4, 0.002, (("conv1", 0.0),), 0.0),
        Stage(79, 1e-5, 0.002, (("conv1", 0.0),), 0.0),
    ),
    **_CODE_OF_2012,
)

# For thousands of images instead of 1.28 million: batches of 64 make more
# updates of an epoch, the first rate holds longer, and each image is cropped
# by itself. Otherwise `original`: its rates, biases, noise and switch-off.
_QUICK = Recipe(
    "quick",
    epochs=20,
    stages=(
        Stage(0, 1e-2, 0.02),
        Stage(12, 1e-3, 0.002),
        Stage(16, 1e-4, 0.002, (), 0.0),
    ),
    batch_size=64,
    mean="pixel",
    noise_divisor=1.1,
)

RECIPES = {recipe.name: recipe for recipe in (_PAPER, _ORIGINAL, _QUICK)}


def get_recipe(recipe):
    """Returns the recipe for a name in `RECIPES`, or the recipe itself.

    Raises:
        ValueError: if `recipe` is neither a known name nor a `Recipe`.

    >>> get_recipe("original").epochs
    91
    """
    if isinstance(recipe, Recipe):
        return recipe
    if isinstance(recipe, str) and recipe in RECIPES:
        return RECIPES[recipe]
    raise ValueError(
        f"`recipe` must be one of {', '.join(RECIPES)}, or a "
        f"`recipes.Recipe` of your own. Received: recipe={recipe!r}"
    )
