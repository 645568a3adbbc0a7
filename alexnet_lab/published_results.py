"""The stored results of long runs, which are installed with the package."""

from importlib import resources


def stored_result(name):
    """Returns a stored result, a file of `assets/results`.

    Args:
        name: of the file; of a JSON file without `.json`.

    Returns:
        A path, or what is read like one.

    Raises:
        ValueError: that lists what is there.

    >>> stored_result("imagenette_original").name
    'imagenette_original.json'
    """
    folder = resources.files("alexnet_lab.stored_results")
    for path in (folder / f"{name}.json", folder / name):
        if path.is_file():
            return path
    names = sorted(
        file.name.removesuffix(".json")
        for file in folder.iterdir()
        if file.name.endswith(".json")
    )
    raise ValueError(
        f"`name` must be one of the stored results: {', '.join(names)}. "
        f"Received: name={name!r}"
    )
