"""The stored pictures of trained filters are what chapter 11 makes of them."""

import json
import os
import pathlib
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image
from support import surroundings

ROOT = pathlib.Path(__file__).resolve().parents[2]
STORED = ROOT / "assets" / "results"
FILTERS = ROOT.parent / "shared" / "data" / "bvlc_alexnet_q7_partial.npz"
PICTURES = ("conv1_filters", "maps_chelsea", "maps_coffee")


@pytest.mark.slow
@pytest.mark.skipif(not FILTERS.exists(), reason="needs BVLC's filters")
def test_the_chapter_makes_the_stored_pictures(tmp_path):
    """To its end with weights, and the same but for last digits."""
    tool = ROOT / "tools" / "trained_pictures.py"
    subprocess.run(
        [sys.executable, tool, FILTERS, "--output", tmp_path],
        env=surroundings() | {"MPLBACKEND": "agg", "HOME": os.environ["HOME"]},
        check=True,
        capture_output=True,
        timeout=400,
    )
    for name in PICTURES:
        ours, theirs = (
            np.asarray(Image.open(folder / f"{name}.png"), float)
            for folder in (tmp_path, STORED)
        )
        assert np.abs(ours - theirs).mean() < 0.5, name
    found, kept = (
        json.loads((folder / "trained_pictures.json").read_text("utf-8"))
        for folder in (tmp_path, STORED)
    )
    assert found.keys() == kept.keys()
    for name in ("mistakes", "lit", "probe"):
        np.testing.assert_allclose(found[name], kept[name], atol=0.03)
    for name in ("strongest_conv3", "strongest_conv5", "neighbours"):
        assert np.mean(np.equal(found[name], kept[name])) > 0.8, name
    same = np.mean(np.equal(found["class_map"], kept["class_map"]))
    assert same > 0.95
