"""Short hashes of tables and recipes, by which stored results are found.

They are made of words that stay when a class or a file is renamed, and of what
differs from a default: a new field with a default changes none.
"""

import dataclasses
import hashlib
import json


def fingerprint(*things):
    """Returns a hash of dataclasses, tuples, numbers, strings and `None`.

    A dataclass counts as its `kind`, a class attribute, and those of its
    fields that have not their default.

    >>> fingerprint((1, "a")), fingerprint((1.0, "a"))
    ('1badf2d9d917', '1badf2d9d917')
    """
    return _hash(json.dumps(_plain(things), sort_keys=True))


def former_fingerprint(*things):
    """Returns the hash that was stored before November 2026: of `repr`."""
    return _hash(repr(things if len(things) > 1 else things[0]))


def _plain(thing):
    if dataclasses.is_dataclass(thing):
        fields = {
            field.name: _plain(getattr(thing, field.name))
            for field in dataclasses.fields(thing)
            if getattr(thing, field.name) != field.default
        }
        return [thing.kind, fields]
    if isinstance(thing, tuple | list):
        return [_plain(one) for one in thing]
    # 1 and 1.0 are equal, and a table has either.
    return float(thing) if isinstance(thing, int) else thing


def _hash(text):
    return hashlib.sha256(text.encode()).hexdigest()[:12]
