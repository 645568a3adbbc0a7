"""Packages that only some parts need: what to install is said when one is missing."""

import importlib.util


def require(extra, *packages):
    """Raises an `ImportError` that names the extra, if a package is missing.

    Args:
        extra: name of the extra of `alexnet-keras` that brings them.
        *packages: names, as they are imported.
    """
    missing = [p for p in packages if importlib.util.find_spec(p) is None]
    if missing:
        raise ImportError(
            f"This needs {', '.join(missing)}: "
            f"pip install 'alexnet-keras[{extra}]'"
        )
