"""Fingerprints: known ones stay, unequal things differ, equal ones do not."""

import dataclasses

import pytest

from alexnet_keras import VARIANTS
from alexnet_keras import specs
from alexnet_keras.training.recipes import RECIPES
from alexnet_keras.utils.fingerprint import fingerprint
from alexnet_keras.utils.fingerprint import former_fingerprint

# Whoever changes one of these orphans runs and stored results.
KNOWN = {
    "paper": ("eaae5ce16c27", "02070659bcc0"),
    "original": ("8c026cec827b", "ebdc94591733"),
    "caffe": ("c44e284bf342", "2a6efca39e0e"),
    "single_tower": ("df783931fd8b", "5e16768fbef0"),
    "torchvision": ("7d32d3915972", "f1646ff7f492"),
    "d2l": ("7d0f8ee288d1", "3a6b6d79e590"),
    "recipe paper": ("eefd2db1ddad", "74fdd920b294"),
    "recipe original": ("f992fc2f1afc", "cc8ac5ffa5e2"),
    "recipe quick": ("9d2ea4941816", "9c30753a0dba"),
}


@pytest.mark.parametrize("name", KNOWN)
def test_a_table_or_a_recipe_keeps_its_fingerprints(name):
    thing = {**VARIANTS, **{f"recipe {n}": r for n, r in RECIPES.items()}}[name]
    assert (fingerprint(thing), former_fingerprint(thing)) == KNOWN[name]


def test_a_rename_and_a_new_field_with_a_default_change_nothing():
    @dataclasses.dataclass(frozen=True)
    class Pool:
        kind = "max_pool"
        name: str
        size: int = 3
        stride: int = 2
        padding: int = 0
        ceil: bool = False

    assert fingerprint(Pool("p", 2)) == fingerprint(specs.MaxPool("p", 2))
    assert fingerprint(Pool("p", ceil=True)) != fingerprint(specs.MaxPool("p"))


def test_every_field_counts():
    table = VARIANTS["paper"]
    seen = {fingerprint(table)}
    for layer in table.layers:
        for field in dataclasses.fields(layer):
            value = getattr(layer, field.name)
            if isinstance(value, int | float) and not field.name == "rate":
                changed = {field.name: value + 1}
                if layer.kind == "conv" and field.name == "groups":
                    changed = {"groups": value + 2}
                seen.add(
                    fingerprint(table.replace_layer(layer.name, **changed))
                )
    assert len(seen) > 60
