"""The proofs of the claims by name, and what is wrong with a claim.

A proof is a function that computes figures and, from them, a verdict. The
claims and what they say of these are data, in assets/claims.toml.
"""

import json
import re
from dataclasses import dataclass

PROOFS = {}

# A number as it is written; the 3 of conv3 and the 10 of CIFAR-10 are none.
NUMBER = re.compile(r"(?<![\w.,-])\d(?:[\d,]*\d)?(?:\.\d+)?(?!\w)")
NAMES = {"2012"}  # the code of 2012, the competition of 2012


@dataclass(frozen=True)
class Outcome:
    """A verdict, and the figures in the order in which the answer has them."""

    verdict: str
    figures: tuple[str, ...]


def proof(function):
    """Registers a proof under the function's name."""
    name = function.__name__
    if name in PROOFS:
        raise ValueError(f"two proofs are called {name!r}")
    PROOFS[name] = function
    return function


def settle(holds, *figures):
    """The outcome for a claim that has one reading."""
    return settle_readings([holds], *figures)


def settle_readings(readings, *figures):
    """True or false if it is so in all readings of a claim, else "depends"."""
    readings = [bool(reading) for reading in readings]
    verdict = str(readings[0]).lower()
    if len(set(readings)) > 1:
        verdict = "depends"
    return Outcome(verdict, tuple(map(write, figures)))


def write(figure):
    """A figure as text: integers with commas, text as it is."""
    return figure if isinstance(figure, str) else f"{figure:,}"


def find_faults(claim, proofs, notebooks):
    """Returns a sentence for all that is wrong with a claim.

    Args:
        claim: a dict, an entry of assets/claims.toml.
        proofs: functions by name.
        notebooks: the folder that `shown` names files of.
    """
    faults = []
    if claim["proof"] in proofs:
        faults += _against_proof(claim, proofs[claim["proof"]]())
    else:
        faults.append(f"no proof is called {claim['proof']!r}")
    faults += _short(claim)
    if "shown" in claim:
        faults += _shown(claim["shown"], notebooks)
    return faults


def _short(claim):
    """The sentence of the table has numbers of the answer, two at most."""
    numbers = _numbers(claim["short"])
    known = _numbers(f"{claim['claim']} {claim['answer']}")
    if strange := [number for number in numbers if number not in known]:
        yield f"`short` has numbers that the answer lacks: {strange}"
    if len(numbers) > 2:
        yield f"`short` has more than two numbers: {numbers}"


def _against_proof(claim, outcome):
    if claim["verdict"] != outcome.verdict:
        yield (
            f"the verdict is {claim['verdict']!r}, "
            f"the proof finds {outcome.verdict!r}"
        )
    answer = " ".join(claim["answer"].split())
    written = _numbers(answer)
    found = _numbers(" | ".join(outcome.figures))
    if written != found:
        yield (
            f"the answer's numbers are {', '.join(written) or 'none'}, "
            f"the proof finds {', '.join(found) or 'none'}"
        )
    place = 0
    for figure in outcome.figures:
        place = answer.find(figure, place)
        if place < 0:
            yield f"the answer lacks {figure!r}, or has it too early"
            break
        place += len(figure)


def _numbers(text):
    return [number for number in NUMBER.findall(text) if number not in NAMES]


def _shown(shown, notebooks):
    path = notebooks / shown["notebook"]
    if not path.is_file():
        yield f"there is no notebook {shown['notebook']!r}"
    elif not any(shown["text"] in text for text in outputs(path)):
        yield f"no output in {shown['notebook']} has {shown['text']!r}"


def outputs(path):
    """The texts that the code cells of a notebook put out."""
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    for cell in cells:
        for output in cell.get("outputs", ()):
            lines = output.get("text") or output["data"].get("text/plain", "")
            yield "".join(lines)
