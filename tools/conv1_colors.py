"""Stores how much colour each filter of a trained conv1 has.

    python tools/conv1_colors.py ../shared/data/bvlc_alexnet_q7_partial.npz

The file holds `conv1_W`, kernels of shape (height, width, channels, filters)
of a network that was trained in two groups; here Caffe's `bvlc_alexnet`, whose
channels are blue, green, red. Only numbers go into
`assets/results/conv1_colors.json`.
"""

import argparse
import json
import pathlib

import numpy as np

ROOT = pathlib.Path(__file__).resolve().parent.parent
STORED = ROOT / "assets" / "results" / "conv1_colors.json"
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
    halves = np.split(np.array(record["color_shares"]), 2)
    print(
        "mean share of colour by group:", *(f"{h.mean():.2f}" for h in halves)
    )


if __name__ == "__main__":
    main()
