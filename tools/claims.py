"""Renders the claims about AlexNet: docs/claims.md.

    python tools/claims.py           write it
    python tools/claims.py --check   fail if it is not what would be written

The data are in assets/claims.toml, the proofs in tests/claims/claims_by_*.py.
"""

import argparse
import pathlib
import tomllib
from collections import Counter

ROOT = pathlib.Path(__file__).resolve().parent.parent
CLAIMS = ROOT / "assets" / "claims.toml"
PAGE = pathlib.PurePath("docs", "claims.md")
VERDICTS = ("true", "false", "depends")
NEEDED = {"number", "claim", "source", "verdict", "short", "answer", "proof"}
ALLOWED = NEEDED | {"shown", "surprising"}
SHOWN = {"notebook", "text"}
PLACES = range(1, 11)
TABLE = (
    "| | what is said | | in short | shown in |\n"
    "| --- | --- | --- | --- | --- |\n"
)
# Proofs that set published numbers against each other and compute no more.
COMPARED = "ompared"


def read_claims(path=CLAIMS):
    """Returns the claims, dicts, in the order of their numbers.

    Raises:
        ValueError: that names every entry that is not as it must be.
    """
    with open(path, "rb") as file:
        claims = tomllib.load(file)["claim"]
    if faults := list(_faults(claims)):
        raise ValueError(f"{path.name}: {'; '.join(faults)}")
    for claim in claims:
        claim["answer"] = " ".join(claim["answer"].split())
    return claims


def _faults(claims):
    for place, claim in enumerate(claims, 1):
        name = f"claim {claim.get('number', f'in place {place}')}"
        if missing := NEEDED - claim.keys():
            yield f"{name} has no {', '.join(sorted(missing))}"
        if unknown := claim.keys() - ALLOWED:
            yield f"{name} has an unknown {', '.join(sorted(unknown))}"
        if claim.get("verdict") not in VERDICTS:
            yield f"{name}: the verdict is {claim.get('verdict')!r}"
        if set(claim.get("shown", SHOWN)) != SHOWN:
            yield f"{name}: `shown` has a notebook and a text"
        if claim.get("surprising", 1) not in PLACES:
            yield f"{name}: `surprising` is from 1 to 10"
        if "|" in f"{claim.get('claim')}{claim.get('answer')}":
            yield f"{name} has a |, which ends a cell of the table"
    numbers = [claim.get("number", 0) for claim in claims]
    if numbers != sorted(set(numbers)):
        yield "the numbers do not rise"
    for key in ("proof", "surprising"):
        counts = Counter(claim[key] for claim in claims if key in claim)
        if twice := [str(value) for value, n in counts.items() if n > 1]:
            yield f"`{key}` is there twice: {', '.join(twice)}"


def find_proof(name):
    """Returns the path of the file that defines a proof, from the root."""
    for path in sorted((ROOT / "tests" / "claims").glob("claims_by_*.py")):
        if f"\ndef {name}():" in path.read_text(encoding="utf-8"):
            return path.relative_to(ROOT).as_posix()
    raise ValueError(
        "`proof` must be a function in tests/claims/claims_by_*.py. "
        f"Received: proof={name!r}"
    )


def render_page(claims):
    """Returns the text of the page."""
    counts = Counter(claim["verdict"] for claim in claims)
    compared = sum(COMPARED in claim["answer"] for claim in claims)
    chosen = [claim for claim in claims if "surprising" in claim]
    chosen.sort(key=lambda claim: claim["surprising"])
    return (
        "# What is said about AlexNet, and what the numbers say\n\n"
        f"{len(claims)} claims from the paper, tutorials, blog posts and "
        f"forums: {counts['true']} are true, {counts['false']} are false, and "
        f"{counts['depends']} depend on how they are read. "
        f"{len(claims) - compared} are settled by running code; {compared} "
        "are *compared with the published record*, numbers of the paper and "
        "of the released source set against each other. A number leads to the "
        "whole answer below.\n\n"
        "## Ten that surprise\n\n"
        + TABLE
        + "".join(map(_row, chosen))
        + "\n## All of them\n\n"
        + TABLE
        + "".join(map(_row, claims))
        + "\n## The answers, and their proofs\n\n"
        "Rendered from [assets/claims.toml](../assets/claims.toml) by `make "
        "claims`. For every claim a proof computes the numbers of the answer "
        "and the verdict again, from the tables, the models and the stored "
        "results; [a test](../tests/claims/test_claims.py) fails when a "
        "number, a verdict or what a notebook shows is another.\n"
        + "".join(map(_details, claims))
    )


def _row(claim):
    number = claim["number"]
    cells = (
        f"[{number}](#claim-{number})",
        claim["claim"],
        f"**{claim['verdict']}**",
        claim["short"],
        _notebook_link(claim),
    )
    return f"| {' | '.join(cells)} |\n".replace("  |", " |")


def _details(claim):
    proof = claim["proof"]
    shown = _notebook_link(claim)
    return (
        f"\n### Claim {claim['number']}\n\n"
        f"> {claim['claim']}\n\n"
        f"{_capital(claim['source'])} **{_capital(claim['verdict'])}** "
        f"{claim['answer']}\n\n"
        f"Proof: [`{proof}`](../{find_proof(proof)})"
        f"{f', shown in {shown}' if shown else ''}.\n"
    )


def _capital(text):
    return f"{text[0].upper()}{text[1:]}."


def _notebook_link(claim):
    if "shown" not in claim:
        return ""
    name = claim["shown"]["notebook"]
    return f"[chapter {int(name[:2])}](../notebooks/{name})"


def render():
    """Returns the text of every file that is rendered, by its path."""
    return {ROOT / PAGE: render_page(read_claims())}


def stale():
    """Returns the names of the files that are not what is rendered now."""
    return [
        path.name
        for path, text in render().items()
        if not path.exists() or path.read_text(encoding="utf-8") != text
    ]


def main():
    """Runs the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--check", action="store_true")
    if parser.parse_args().check:
        if names := stale():
            raise SystemExit(f"not as rendered: {', '.join(names)}")
        return
    for path, text in render().items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
