"""Every claim against its proof and its notebook; and that this can fail."""

import json

import pytest
from support import ROOT
from support import load_tool

pytest.importorskip("tensorflow")

import claim_registry  # noqa: E402
import claims_by_counts  # noqa: E402, F401
import claims_by_networks  # noqa: E402, F401
import claims_by_record  # noqa: E402, F401
import claims_by_results  # noqa: E402, F401
import claims_by_sizes  # noqa: E402, F401
import claims_by_starts  # noqa: E402, F401
from claim_registry import PROOFS  # noqa: E402
from claim_registry import Outcome  # noqa: E402
from claim_registry import find_faults  # noqa: E402
from claim_registry import proof  # noqa: E402
from claim_registry import settle  # noqa: E402
from claim_registry import settle_readings  # noqa: E402

tool = load_tool("claims")
colors = load_tool("conv1_colors")
CLAIMS = tool.read_claims()
NOTEBOOKS = ROOT / "notebooks"
TRAINED = ROOT.parent / "shared/data/bvlc_alexnet_q7_partial.npz"


@pytest.mark.parametrize(
    "claim", CLAIMS, ids=lambda claim: f"{claim['number']}-{claim['proof']}"
)
def test_a_claim_is_what_its_proof_and_notebook_say(claim):
    assert find_faults(claim, PROOFS, NOTEBOOKS) == []


def test_every_proof_proves_a_claim():
    assert sorted(PROOFS) == sorted(claim["proof"] for claim in CLAIMS)


def test_the_page_is_as_rendered():
    assert tool.stale() == [], "run `make claims`"


@pytest.mark.extra
@pytest.mark.skipif(not TRAINED.exists(), reason="trained weights not here")
def test_the_stored_colours_are_those_of_the_weights():
    stored = json.loads(colors.STORED.read_text(encoding="utf-8"))
    assert colors.measure(TRAINED) == stored


# What follows plants faults.


@pytest.fixture
def notebooks(tmp_path):
    cells = [
        {"cell_type": "markdown", "source": "in words: 55"},
        {
            "cell_type": "code",
            "source": "print(11 * 5)",
            "outputs": [
                {"output_type": "stream", "text": ["side 55\n", "end"]},
                {"output_type": "execute_result", "data": {"text/plain": "7"}},
                {"output_type": "display_data", "data": {"image/png": ""}},
            ],
        },
    ]
    path = tmp_path / "01_sides.ipynb"
    path.write_text(json.dumps({"cells": cells}), encoding="utf-8")
    return tmp_path


GOOD = {
    "claim": "It has many.",
    "short": "1,024, or 2.5 %.",
    "verdict": "true",
    "answer": "In 2012 conv3\nhas 1,024 of CIFAR-10, or 2.5 % (3 to 4).",
    "proof": "sides",
    "shown": {"notebook": "01_sides.ipynb", "text": "side 55\nend"},
}
FOUND = {"sides": lambda: Outcome("true", ("1,024", "2.5 %", "3 to 4"))}
FAULTS = {
    "strange number": (
        {"short": "It has 1,025."},
        "`short` has numbers that the answer lacks: ['1,025']",
    ),
    "too many numbers": (
        {"short": "1,024, or 2.5 %, from 3."},
        "`short` has more than two numbers: ['1,024', '2.5', '3']",
    ),
    "verdict": (
        {"verdict": "false"},
        "the verdict is 'false', the proof finds 'true'",
    ),
    "number": (
        {"answer": "1,024 or 2.6 % (3 to 4)"},
        "the answer's numbers are 1,024, 2.6, 3, 4, "
        "the proof finds 1,024, 2.5, 3, 4",
    ),
    "number more": (
        {"answer": "1,024 or 2.5 % (3 to 4), not 7"},
        "the answer's numbers are 1,024, 2.5, 3, 4, 7, "
        "the proof finds 1,024, 2.5, 3, 4",
    ),
    "number less": (
        {"answer": "1,024 or 2.5 %"},
        "the answer's numbers are 1,024, 2.5, the proof finds 1,024, 2.5, 3, 4",
    ),
    "order": (
        {"answer": "2.5 % or 1,024 (3 to 4)"},
        "the answer's numbers are 2.5, 1,024, 3, 4, "
        "the proof finds 1,024, 2.5, 3, 4",
    ),
    "unit": (
        {"answer": "1,024 or 2.5 points (3 to 4)"},
        "the answer lacks '2.5 %', or has it too early",
    ),
    "proof": ({"proof": "side"}, "no proof is called 'side'"),
    "notebook": (
        {"shown": {"notebook": "02.ipynb", "text": "55"}},
        "there is no notebook '02.ipynb'",
    ),
    "shown": (
        {"shown": {"notebook": "01_sides.ipynb", "text": "in words"}},
        "no output in 01_sides.ipynb has 'in words'",
    ),
}


@pytest.mark.parametrize("shown", ["side 55\nend", "7"])
def test_a_good_claim_has_no_faults(notebooks, shown):
    place = {"notebook": "01_sides.ipynb", "text": shown}
    assert find_faults(GOOD | {"shown": place}, FOUND, notebooks) == []


@pytest.mark.parametrize("fault", FAULTS)
def test_every_fault_is_reported(notebooks, fault):
    change, sentence = FAULTS[fault]
    assert find_faults(GOOD | change, FOUND, notebooks)[:1] == [sentence]


def test_a_changed_result_is_reported():
    """The real table against a world in which something else is found."""
    claim = next(c for c in CLAIMS if c["proof"] == "neurons_of_conv1")
    now = PROOFS["neurons_of_conv1"]()
    assert now.verdict == "false" and now.figures[-1] == "650,000"
    other = Outcome("true", (*now.figures[:-1], "660,000"))
    faults = find_faults(claim, {"neurons_of_conv1": lambda: other}, NOTEBOOKS)
    assert faults[0] == "the verdict is 'false', the proof finds 'true'"
    assert faults[1].endswith("622,312, 660,000")


@pytest.mark.parametrize(
    "readings,verdict",
    [
        ([True], "true"),
        ([False, False], "false"),
        ([True, False], "depends"),
        ([False, True, True], "depends"),
    ],
)
def test_readings_make_a_verdict(readings, verdict):
    assert settle_readings(readings).verdict == verdict


def test_figures_are_written_with_commas():
    assert settle(1, 1024, "2.5 %") == Outcome("true", ("1,024", "2.5 %"))


def test_two_proofs_of_a_name_are_refused(monkeypatch):
    monkeypatch.setattr(claim_registry, "PROOFS", {})

    def twice():
        pass

    assert proof(twice) is twice
    with pytest.raises(ValueError, match="two proofs are called 'twice'"):
        proof(twice)
