"""Old names of modules work, and say the new one."""

import importlib

import pytest
from support import run_python

from alexnet_keras.utils import moved

pytest.importorskip("tensorflow")


@pytest.mark.parametrize("old", moved.MOVED)
def test_an_old_name_is_the_new_module_and_warns_with_its_name(old):
    with pytest.warns(FutureWarning) as caught:
        module = moved._Finder().create_module(
            moved._Finder().find_spec(f"alexnet_keras.{old}")
        )
    assert module is importlib.import_module(module.__name__)
    assert f"`{module.__name__}` now" in str(caught[0].message)


def test_imports_of_all_forms_name_the_line_that_must_change(tmp_path):
    code = """
import warnings

with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    from alexnet_keras import transfer
    from alexnet_keras.convolutional import as_convolutional
    import alexnet_keras.towers
    from alexnet_keras.towers import build_towers
from alexnet_keras.inference import transfer as new

print(transfer is new, as_convolutional.__module__, build_towers.__module__)
print({one.category.__name__ for one in caught}, len(caught))
print(caught[0].filename)
print(transfer.__spec__.name)
"""
    assert run_python(code).splitlines() == [
        "True alexnet_keras.inference.fully_convolutional "
        "alexnet_lab.two_gpus.model_parallel",
        "{'FutureWarning'} 3",
        "<string>",
        "alexnet_keras.inference.transfer",
    ]


def test_what_was_renamed_inside_has_both_names():
    with pytest.warns(FutureWarning):
        module = importlib.import_module("alexnet_keras.findings_files")
    assert module.load_findings is module.load_results


def test_another_name_is_not_found():
    with pytest.raises(ImportError):
        importlib.import_module("alexnet_keras.crossroads")
