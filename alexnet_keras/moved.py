"""Where modules are now that were called otherwise until November 2026.

For one release their old names work, with a warning; then this file goes.
"""

import importlib
import importlib.abc
import importlib.machinery
import sys
import warnings

_LAB = "alexnet_lab"
MOVED = {
    **{"rows": "specs", "sizes": "shapes", "scores": "metrics"},
    **{"trained_models": "classifier", "graphs": "utils.graphs"},
    **{"datasets": "data.datasets", "image_data": "data.image_data"},
    **{"image_files": "data.image_files", "batches": "data.input_pipeline"},
    **{"photo_patches": "data.photo_patches", "colors": "data.color_noise"},
    **{"images": "data.preprocessing", "devices": "training.distribution"},
    **{"recipes": "training.recipes", "results": "training.results"},
    **{"evaluation": "inference.evaluation", "plots": "figures.network"},
    **{"prediction": "inference.prediction", "transfer": "inference.transfer"},
    **{"convolutional": "inference.fully_convolutional"},
    **{"exporting": "inference.export", "exported_files": "inference.export"},
    **{
        "training_plots": "figures.training",
        "probing": "diagnostics.activations",
    },
    **{"evaluation_plots": "figures.evaluation"},
    **{
        "experiments": f"{_LAB}.experiments",
        "crossings": f"{_LAB}.two_gpus.communication",
    },
    **{
        "towers": f"{_LAB}.two_gpus.model_parallel",
        "traffic": f"{_LAB}.two_gpus.transfers",
    },
    **{
        "comparisons": f"{_LAB}.experiments.definitions",
        "trials": f"{_LAB}.experiments.trial",
    },
    **{"small_networks": f"{_LAB}.experiments.small_networks"},
    **{
        "findings": f"{_LAB}.experiments.results",
        "findings_files": f"{_LAB}.experiments.results_file",
    },
    **{
        "arrays": f"{_LAB}.experiments.in_memory_data",
        "experiment_plots": f"{_LAB}.experiments.figures",
    },
    **{
        "stability": f"{_LAB}.curvature",
        "linear_probe": f"{_LAB}.linear_probe",
    },
    **{"stored": f"{_LAB}.published_results", "signals": f"{_LAB}.gradients"},
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
        new = new if new.startswith(_LAB) else f"alexnet_keras.{new}"
        warnings.warn(
            f"`{name}` is `{new}` now; the old name works for one more release.",
            FutureWarning,
            stacklevel=3,
        )
        return new

    def create_module(self, spec):
        module = importlib.import_module(self._new_name(spec.name))
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
