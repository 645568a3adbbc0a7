"""`make claims`: what is rendered, and which tables are refused."""

import numpy as np
import pytest
from support import load_tool
from support import message_of

tool = load_tool("claims")
colors = load_tool("conv1_colors")

ENTRY = """
[[claim]]
number = {number}
claim = "Six."
source = "the paper, §1"
verdict = "{verdict}"
short = "Five."
answer = '''
It is
5.'''
proof = "{proof}"
"""
SHOWN = 'shown = {notebook = "05_relu.ipynb", text = "5"}\n'


def entry(number=1, verdict="false", proof=None, more=""):
    text = ENTRY.format(
        number=number, verdict=verdict, proof=proof or f"five_{number}"
    )
    return text + more


def read(folder, *entries):
    path = folder / "claims.toml"
    path.write_text("".join(entries), encoding="utf-8")
    return tool.read_claims(path)


@pytest.fixture
def root(tmp_path, monkeypatch):
    """A repository with two claims."""
    for name in ("assets", "tests/claims"):
        (tmp_path / name).mkdir(parents=True)
    proofs = "\ndef five_1():\n\n\ndef five_3():\n"
    (tmp_path / "tests" / "claims" / "claims_by_hand.py").write_text(proofs)
    claims = read(
        tmp_path / "assets",
        entry(1, more="surprising = 2\n"),
        entry(3, "depends", more=f"surprising = 1\n{SHOWN}"),
    )
    monkeypatch.setattr(tool, "ROOT", tmp_path)
    monkeypatch.setattr(tool, "read_claims", lambda: claims)
    return tmp_path


def test_the_page_is_written_and_then_up_to_date(root, monkeypatch):
    assert tool.stale() == ["claims.md"]
    monkeypatch.setattr("sys.argv", ["claims.py"])
    tool.main()
    assert tool.stale() == []
    page = (root / "docs" / "claims.md").read_text(encoding="utf-8")
    assert "2 claims from" in page
    assert "0 are true, 1 are false, and 1 depend on" in page
    one = "| [1](#claim-1) | Six. | **false** | Five. | |\n"
    three = (
        "| [3](#claim-3) | Six. | **depends** | Five. | "
        "[chapter 5](../notebooks/05_relu.ipynb) |\n"
    )
    assert three + one in page and one + three in page
    assert "2 are settled by running code; 0 are" in page
    assert page.endswith(
        "### Claim 1\n\n> Six.\n\nThe paper, §1. **False.** It is 5.\n\n"
        "Proof: [`five_1`](../tests/claims/claims_by_hand.py).\n"
        "\n### Claim 3\n\n> Six.\n\nThe paper, §1. **Depends.** It is 5.\n\n"
        "Proof: [`five_3`](../tests/claims/claims_by_hand.py), shown in "
        "[chapter 5](../notebooks/05_relu.ipynb).\n"
    )


def test_check_names_what_is_not_as_rendered(root, monkeypatch):
    monkeypatch.setattr("sys.argv", ["claims.py"])
    tool.main()
    (root / "docs" / "claims.md").write_text("by hand", encoding="utf-8")
    monkeypatch.setattr("sys.argv", ["claims.py", "--check"])
    with pytest.raises(SystemExit, match="not as rendered: claims.md$"):
        tool.main()


@pytest.mark.parametrize(
    "entries,sentence",
    [
        ([entry(2), entry(1)], "the numbers do not rise"),
        ([entry(1), entry(1, proof="x")], "the numbers do not rise"),
        ([entry(verdict="maybe")], "claim 1: the verdict is 'maybe'"),
        (
            [entry(1, proof="same"), entry(2, proof="same")],
            "`proof` is there twice: same",
        ),
        (
            [entry(n, more="surprising = 4\n") for n in (1, 2)],
            "`surprising` is there twice: 4",
        ),
        (
            [entry(more="surprising = 11\n")],
            "claim 1: `surprising` is from 1 to 10",
        ),
        (
            [entry(more='shown = {notebook = "x"}\n')],
            "claim 1: `shown` has a notebook and a text",
        ),
        ([entry(more='see = "x"\n')], "claim 1 has an unknown see"),
        ([entry().replace("5.", "5 | 6")], "claim 1 has a |, which ends a"),
        ([entry().replace("source", "shown_by")], "claim 1 has no source"),
    ],
)
def test_a_table_with_a_fault_is_refused(tmp_path, entries, sentence):
    assert sentence in message_of(read, tmp_path, *entries)


def test_a_proof_that_is_not_there_is_named(root):
    assert message_of(tool.find_proof, "six") == (
        "`proof` must be a function in tests/claims/claims_by_*.py. "
        "Received: proof='six'"
    )


def test_colour_shares_against_a_loop():
    kernels = np.random.default_rng(0).normal(size=(2, 3, 3, 4))
    for number, share in enumerate(colors.color_shares(kernels)):
        colour = whole = 0.0
        for pixel in kernels[..., number].reshape(-1, 3):
            grey = sum(pixel) / 3
            colour += sum((value - grey) ** 2 for value in pixel)
            whole += sum(value**2 for value in pixel)
        np.testing.assert_allclose(share, colour / whole)


def test_weights_without_conv1_are_refused(tmp_path):
    path = tmp_path / "w.npz"
    np.savez(path, conv2_W=np.ones(3))
    assert message_of(colors.measure, path) == (
        "`path` must be an .npz file that holds conv1_W. "
        f"Received: path={str(path)!r} with conv2_W"
    )
