"""Who imports whom: the tables need no library, and no backend its rival."""

import importlib.util

import pytest
from support import run_python

BLOCK = """
import sys

for name in ("keras", "numpy", "tensorflow", "jax", "torch"):
    sys.modules[name] = None  # `import` of it now raises ModuleNotFoundError

# The package without its __init__, which imports everything.
import types

package = types.ModuleType("alexnet_keras")
package.__path__ = [sys.argv[1]]
sys.modules["alexnet_keras"] = package
"""
REPORT = """
import sys

standard = set(sys.stdlib_module_names) | set(sys.builtin_module_names)
loaded = {name for name, module in sys.modules.items() if module}
tops = {name.partition(".")[0] for name in loaded - before}
own = {n for n in sys.modules if n.startswith("alexnet_keras.")}
names = ("specs", "variants", "shapes", "validation", "utils")
plain = {f"alexnet_keras.{name}" for name in names}
print(sorted(tops - standard - {"alexnet_keras"}), sorted(own - plain))
"""


@pytest.mark.parametrize(
    "module", ["specs", "variants", "shapes", "validation"]
)
def test_tables_and_shapes_import_the_standard_library_only(module):
    folder = importlib.util.find_spec("alexnet_keras")
    code = (
        "import sys; before = set(sys.modules)\n"
        f"{BLOCK}\nfrom alexnet_keras import {module}\n{REPORT}"
    )
    printed = run_python(code, folder.submodule_search_locations[0])
    assert printed == "[] []\n"


def test_blocking_works():
    code = f"{BLOCK}\ntry:\n    import numpy\nexcept ImportError as e: print(e)"
    assert "numpy" in run_python(code, "nowhere")


@pytest.mark.extra
@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_another_backend_does_without_tensorflow(backend):
    pytest.importorskip(backend, reason=f"needs the {backend} backend")
    code = """
import sys

import alexnet_keras
import keras

model = alexnet_keras.build_alexnet(
    include_top=False, input_shape=(64, 64, 3)
)
print(keras.backend.backend(), model.output_shape, "tensorflow" in sys.modules)
"""
    printed = run_python(code, backend=backend)
    assert printed == f"{backend} (None, 1, 1, 256) False\n"
