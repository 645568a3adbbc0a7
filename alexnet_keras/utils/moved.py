"""Where modules are now that were called otherwise until November 2026.

For one release their old names work, with a warning; then this file goes.
"""

import importlib
import importlib.abc
import importlib.machinery
import sys
import warnings

MOVED = """
rows specs | sizes shapes | scores metrics | trained_models classifier
normalization layers.normalization | graphs utils.graphs
datasets data.datasets | image_data data.image_data
image_files data.image_files | photo_patches data.photo_patches
batches data.input_pipeline | images data.preprocessing
colors data.color_noise | recipes training.recipes
results training.results | devices training.distribution
evaluation inference.evaluation | prediction inference.prediction
transfer inference.transfer | exporting inference.export
convolutional inference.fully_convolutional
probing diagnostics.activations | plots figures.network
training_plots figures.training | evaluation_plots figures.evaluation
experiments alexnet_lab.experiments | arrays alexnet_lab.experiments.in_memory_data
comparisons alexnet_lab.experiments.definitions
diagnosis_plots alexnet_lab.experiments.figures
experiment_plots alexnet_lab.experiments.figures
findings alexnet_lab.experiments.results
findings_files alexnet_lab.experiments.results_file
small_networks alexnet_lab.experiments.small_networks
trials alexnet_lab.experiments.trial | stored alexnet_lab.published_results
crossings alexnet_lab.two_gpus.communication
towers alexnet_lab.two_gpus.model_parallel
traffic alexnet_lab.two_gpus.transfers
linear_probe alexnet_lab.linear_probe | signals alexnet_lab.gradients
stability alexnet_lab.curvature
"""
MOVED = dict(
    pair.split() for pair in MOVED.replace("|", "\n").strip().split("\n")
)
# What is called otherwise inside of them.
RENAMED = {
    "Findings": "ExperimentResults",
    "follow": "layer_statistics",
    "load_findings": "load_results",
    "rehearse": "overfit_one_batch",
}


class _Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Gives a module under its old name."""

    def find_spec(self, name, path=None, target=None):
        package, _, old = name.partition(".")
        if package == "alexnet_keras" and old in MOVED:
            return importlib.machinery.ModuleSpec(name, self)
        return None

    def _new_name(self, name):
        new = MOVED[name.partition(".")[2]]
        new = new if new.startswith("alexnet_lab.") else f"alexnet_keras.{new}"
        warnings.warn(
            f"`{name}` is `{new}` now; the old name works for one more release.",
            FutureWarning,
            stacklevel=3,
        )
        return new

    def create_module(self, spec):
        module = importlib.import_module(self._new_name(spec.name))
        for old, new in RENAMED.items():
            if hasattr(module, new):
                setattr(module, old, getattr(module, new))
        spec.loader_state = module.__spec__
        return module

    def exec_module(self, module):
        """It has been run under its new name, and keeps that."""
        module.__spec__ = module.__spec__.loader_state

    def get_code(self, name):
        """For `python -m alexnet_keras.experiments`."""
        new = self._new_name(name)
        code = f"import sys\nfrom {new}.__main__ import main\nsys.exit(main())"
        return compile(code, new, "exec")


def install():
    """Has Python find modules under their old names."""
    sys.meta_path.append(_Finder())
