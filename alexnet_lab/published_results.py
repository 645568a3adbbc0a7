"""Where the stored results of long runs are, also for an installed package."""

import pathlib
import sysconfig

PLACES = (
    pathlib.Path(__file__).resolve().parent.parent / "assets" / "results",
    # Where pip puts what pyproject.toml names as data files.
    pathlib.Path(sysconfig.get_path("data")) / "share/alexnet_keras/results",
)


def stored_result(name):
    """Returns the path of a stored result, a JSON file.

    Args:
        name: of the file, without `.json`.

    Raises:
        ValueError: that lists what is there.

    >>> stored_result("train_photo_patches").name
    'train_photo_patches.json'
    """
    for place in PLACES:
        if (path := place / f"{name}.json").exists():
            return path
    there = sorted({path.stem for p in PLACES for path in p.glob("*.json")})
    raise ValueError(
        f"`name` must be one of the stored results: {', '.join(there)}. "
        f"Received: name={name!r}"
    )
