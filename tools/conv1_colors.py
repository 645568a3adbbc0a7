"""Draws the filters of a trained conv1, and stores how much colour each has.

    python tools/conv1_colors.py ../shared/data/bvlc_alexnet_q7_partial.npz

The file holds `conv1_W`, kernels of shape (height, width, channels, filters)
of a network that was trained in two groups; here Caffe's `bvlc_alexnet`, whose
channels are blue, green, red. Numbers go into `assets/results/conv1_colors.json`
and a picture into `conv1_filters.png`; none of the weights.
"""

import argparse
import json
import pathlib

import numpy as np
from PIL import Image

ROOT = pathlib.Path(__file__).resolve().parent.parent
STORED = ROOT / "assets" / "results" / "conv1_colors.json"
PICTURE = STORED.with_name("conv1_filters.png")
TRAINED_WITH = "bvlc_alexnet (Caffe), conv1_W in 8 bits"


def color_shares(kernels):
    """Returns for each filter the share of it that is colour, from 0 to 1.

    A filter is the sum of a grey one, the mean of its channels, and of what
    remains. The share is the remainder's sum of squares over that of the
    whole: 0 for a grey filter, 1 for one that answers to no grey pattern. The
    order of the channels does not matter.

    Args:
        kernels: `(height, width, channels, filters)`.

    >>> grey = np.ones((1, 1, 3, 1))
    >>> red_against_green = np.reshape([1.0, -1.0, 0.0], (1, 1, 3, 1))
    >>> color_shares(np.concatenate([grey, red_against_green], -1)).tolist()
    [0.0, 1.0]
    """
    kernels = np.asarray(kernels, "float64")
    colors = kernels - kernels.mean(axis=2, keepdims=True)
    return np.square(colors).sum((0, 1, 2)) / np.square(kernels).sum((0, 1, 2))


def measure(path):
    """Returns the record of a file, a dict for JSON.

    Raises:
        ValueError: if the file holds no kernels of conv1.
    """
    with np.load(path) as weights:
        if "conv1_W" not in weights:
            raise ValueError(
                "`path` must be an .npz file that holds conv1_W. "
                f"Received: path={str(path)!r} with {', '.join(weights)}"
            )
        shares = color_shares(weights["conv1_W"])
    return {
        "command": f"python tools/conv1_colors.py {pathlib.Path(path).name}",
        "network": TRAINED_WITH,
        "measure": "sum of squares of a filter less the mean of its channels, "
        "over that of the filter; the first half of the list is one group",
        "color_shares": [round(float(share), 4) for share in shares],
    }


def draw(kernels, columns=16):
    """Returns all filters side by side, as bytes for a picture.

    Each is stretched from black to white on its own; a white line lies
    between them.

    Args:
        kernels: `(height, width, channels, filters)`, red first.
        columns: filters in a row. Defaults to 16.
    """
    kernels = np.moveaxis(np.asarray(kernels, "float64"), -1, 0)
    low, high = (
        f(kernels, axis=(1, 2, 3), keepdims=True) for f in (np.min, np.max)
    )
    tiles = np.round(255 * (kernels - low) / (high - low)).astype("uint8")
    tiles = np.pad(tiles, ((0, 0), (0, 1), (0, 1), (0, 0)), constant_values=255)
    count, height, width, channels = tiles.shape
    rows = tiles.reshape(count // columns, columns, height, width, channels)
    return rows.swapaxes(1, 2).reshape(-1, columns * width, channels)


def main():
    """Runs the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("path", type=pathlib.Path)
    path = parser.parse_args().path
    record = measure(path)
    text = json.dumps(record, indent=1) + "\n"
    STORED.write_text(text, encoding="utf-8")
    with np.load(path) as weights:
        Image.fromarray(draw(weights["conv1_W"][:, :, ::-1])).save(PICTURE)
    halves = np.split(np.array(record["color_shares"]), 2)
    print(
        "mean share of colour by group:", *(f"{h.mean():.2f}" for h in halves)
    )


if __name__ == "__main__":
    main()
