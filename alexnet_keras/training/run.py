"""A run from its start, or from where it was stopped, to its end."""

import sys

import keras

from alexnet_keras.classifier import build_classifier
from alexnet_keras.data import input_pipeline
from alexnet_keras.data import preprocessing
from alexnet_keras.data.squares import writing
from alexnet_keras.diagnostics import static_checks
from alexnet_keras.training import callbacks as own_callbacks
from alexnet_keras.training import checkpoints
from alexnet_keras.training import config as configs
from alexnet_keras.training import distribution
from alexnet_keras.training import results
from alexnet_keras.training import run_folder
from alexnet_keras.training import step
from alexnet_keras.training import workers
from alexnet_keras.utils import graphs
from alexnet_keras.utils.printing import printable


class Run:
    """A run from its start, or from where it was stopped, to its end."""

    def __init__(
        self, config, table, recipe, data, folder, verbose, cluster, strategy
    ):
        if config.batch_size > 10 * data.train_size:
            raise ValueError(
                f"`batch_size` must be at most 10 times the {data.train_size} "
                f"images. Received: batch_size={config.batch_size}"
            )
        self.config, self.table, self.recipe = config, table, recipe
        self.data, self.folder = data, folder
        self.cluster, self.strategy = cluster, strategy
        # Where this machine writes: the chief does it for all.
        self.desk = folder if cluster.is_chief else None
        self.steps = max(1, round(data.train_size / config.batch_size))
        # A bar needs a terminal.
        lines = verbose == 1 and not sys.stdout.isatty()
        self.verbose = 2 if lines else verbose
        if not cluster.is_chief:
            self.verbose = 0
        self.description = run_folder.describe(
            config, table, recipe, data, folder
        )
        self.newest = None

    def say(self, text):
        """Prints, unless the run is silent."""
        if self.verbose:
            print(text, flush=True)

    def find(self):
        """Returns the result of a run that is complete, or `None`."""
        changes = complete = None
        if self.folder is not None:
            changes = run_folder.check_same(self.folder, self.description)
            complete = results.read(self.folder, self.config)
            if complete is None:
                self.newest = checkpoints.load_newest(
                    self.folder, self.say, self.description
                )
        facts = {
            **self.description,
            **distribution.versions(),
            "whether `output` holds the whole run": complete is not None,
            "the newest checkpoint in `output`": self.newest
            and self.newest.step,
        }
        workers.agree(self.cluster, self.strategy, facts)
        if self.desk is None:
            return complete
        if complete is not None:
            checkpoints.remove_all(self.folder)  # it may have been killed
            self.say(
                f"Complete already, in {printable(self.folder)}. "
                f"{printable(complete.summary)}"
            )
            return complete
        run_folder.write(self.folder, self.description)
        if self.newest and changes:
            self.say(changes)
        return None

    def prepare(self, cut_once):
        """Measures the data, and makes the streams of batches and the model.

        Args:
            cut_once: whether to write the squares of large data sets.
        """
        config, recipe = self.config, self.recipe
        self.say(configs.in_words(config, self.data))
        for sentence in self.data.skipped:
            self.say(sentence)
        keras.utils.set_random_seed(config.seed)
        with self.data.naming_bad_images():
            self.statistics = run_folder.measure_once(
                self.desk, self.description, self.data, recipe.mean
            )
            if cut_once and recipe.epochs > 1:
                self.data = workers.chief_first(
                    self.cluster,
                    self.strategy,
                    lambda: writing.prepare_in_cache(
                        self.data,
                        preprocessing.resize_for(config.input_size),
                        self.say,
                        self.verbose,
                    ),
                )
        validation = input_pipeline.validation_batches(
            self.data, config.input_size, config.batch_size, self.cluster.share
        )
        self.validation = {"x": validation}
        if self.cluster.count > 1:  # where its end is not seen
            steps = -(-self.data.validation_size // config.batch_size)
            self.validation = {
                "x": self._on_devices(validation.repeat()),
                "steps": steps,
            }
        with self.strategy.scope():
            self.model = step.prepare(
                self._build(config.precision, None),
                self.statistics.mean,
                recipe,
            )
        self.progress = {"settings": self.description}
        if self.newest:
            checkpoints.restore(self.model, self.newest)
            self.progress = self.newest.progress | self.progress
            self.say(
                f"Goes on after step {self.newest.step} of "
                f"{recipe.epochs * self.steps}."
            )

    def _on_devices(self, batches):
        size = self.config.batch_size // self.config.replicas
        return workers.on_devices(self.cluster, self.strategy, batches, size)

    def fit(self, save_every, tensorboard, callbacks, again):
        """Trains to the end of the recipe.

        Args: as `train`; `again` is the command that goes on, if any does.
        """
        with own_callbacks.graceful_shutdown() as interruption:
            self.keeper = own_callbacks.SaveProgress(
                self.desk,
                self.progress,
                self.steps,
                save_every,
                interruption,
            )
            follow = own_callbacks.ApplyRecipe(
                self.recipe, self.keeper.history, self.say
            )
            warning = own_callbacks.ChanceWarning(
                len(self.data.class_names), self._draw_batch, self._interject
            )
            callbacks = [
                keras.callbacks.TerminateOnNaN(),
                self.keeper,
                follow,
                warning,
                *callbacks,
            ]
            if tensorboard and self.desk is not None:
                events = self.folder / "tensorboard"
                callbacks.append(keras.callbacks.TensorBoard(events))
            try:
                with (
                    self.data.naming_bad_images(),
                    own_callbacks.naming_full_disk(self.folder),
                ):
                    self._fit(follow, callbacks)
            except KeyboardInterrupt:
                self._say_how_to_go_on(again)
                raise

    def finish(self):
        """Returns the result; writes it, if there is a folder."""
        classifier = self._build("float32", "softmax")
        graphs.copy_state(self.model, classifier)
        history, seconds = self.keeper.history, self.keeper.elapsed()
        learned, summary = results.summarize(
            history, len(self.data.class_names)
        )
        self.say(f"{summary} ({seconds:.0f} s of training)")
        result = results.TrainingResult(
            classifier, history, self.config, learned, summary
        )
        if self.desk is not None:
            results.write(self.folder, result, seconds)
            checkpoints.remove_all(self.folder)
            there = {path.name for path in self.folder.iterdir()}
            names = map(printable, sorted(there - {run_folder.LOCK}))
            self.say(f"Written to {printable(self.folder)}: {', '.join(names)}")
        # Nobody leaves before all is written.
        workers.wait(self.cluster, self.strategy)
        return result

    def _build(self, precision, activation):
        """Builds the network in a precision, whatever the policy outside."""
        policy = keras.config.dtype_policy()
        keras.config.set_dtype_policy(precision)
        try:
            return build_classifier(
                self.table,
                self.config.input_size,
                self.data.class_names,
                self.statistics.mean,
                activation,
            )
        finally:
            keras.config.set_dtype_policy(policy)

    def _batches_from(self, first_step, noise_apart=True):
        recipe, strengths = self.recipe, self.recipe.noise_by_epoch()
        noise = None
        if any(strengths):
            noise = input_pipeline.ColorNoise(
                self.statistics.colors,
                strengths,
                self.steps,
                self.statistics.mean,
                recipe.noise_divisor,
            )
        return input_pipeline.training_batches(
            self.data,
            self.config.input_size,
            self.config.batch_size,
            seed=self.config.seed,
            first_step=first_step,
            crop_chunk=recipe.crop_chunk,
            last_offset=recipe.last_offset,
            random_crops=recipe.random_crops,
            random_flips=recipe.random_flips,
            noise=noise,
            noise_apart=noise_apart,
            share=self.cluster.share,
        )

    def _draw_batch(self):
        """Returns enough training images for all of the check-list."""
        batches = (
            self._batches_from(0, noise_apart=False)
            .unbatch()
            .batch(static_checks.LEAST)
        )
        return next(batches.as_numpy_iterator())

    def _interject(self, text):
        """Says something while an epoch lasts, on a line without the bar."""
        self.say(f"\n{text}" if self.verbose == 1 else text)

    def _fit(self, follow, callbacks):
        keeper, epoch = self.keeper, len(self.keeper.history.get("loss", []))
        while not follow.is_over(epoch):
            behind = keeper.done  # an epoch that was broken off is ended first
            if behind == self.steps:
                self._validate(epoch, callbacks)
            else:
                self.model.fit(
                    self._on_devices(
                        self._batches_from(epoch * self.steps + behind)
                    ),
                    initial_epoch=epoch,
                    epochs=epoch + 1 if behind else self.recipe.epochs,
                    steps_per_epoch=self.steps - behind,
                    validation_data=self.validation["x"],
                    validation_steps=self.validation.get("steps"),
                    callbacks=callbacks,
                    shuffle=False,  # the pipeline does
                    verbose=self.verbose,
                )
            if self.model.stop_training:
                break
            epoch = len(keeper.history["loss"])

    def _validate(self, epoch, callbacks):
        """Ends an epoch, as `fit` does, all steps of which were made before."""
        together = keras.callbacks.CallbackList(callbacks, model=self.model)
        together.on_train_begin()
        together.on_epoch_begin(epoch)
        found = self.model.evaluate(
            **self.validation, callbacks=together, return_dict=True, verbose=0
        )
        found = {f"val_{name}": value for name, value in found.items()}
        together.on_epoch_end(epoch, {**self.keeper.begun, **found})
        together.on_train_end()

    def _say_how_to_go_on(self, again):
        if again is None:
            return
        how = "Stopped; nothing is lost."
        if not self.keeper.saved:
            how = "Broken off; what was saved last is not lost."
        self.say(f"{how} To go on:\n{printable(again)}")
