"""Names that others chose, made safe to print: of files, folders, classes.

A name may hold anything: codes that move the cursor or colour the terminal,
a line break behind which an error is forged, marks that turn the direction of
writing round, half a character. `repr` escapes these; a name that is put into
words without it goes through here.
"""

import os

# They join letters or keep them apart in Persian, Hindi and many more.
JOINERS = "\u200c\u200d"


def printable(text):
    r"""Returns a text in one line, with all that cannot be seen escaped.

    Letters of all scripts, plain spaces, quotes and backslashes stay as they
    are: it is to be read, not to be turned back.

    Args:
        text: a string, a path, its bytes, or what `str` makes a string of.
            Bytes that are no UTF-8 are shown as bytes.

    >>> print(printable("crème 猫 \x1b[2Jcat\nerror: none \udce9"))
    crème 猫 \x1b[2Jcat\nerror: none \xe9
    """
    text = os.fsdecode(text) if isinstance(text, bytes) else str(text)
    return "".join(map(_show, text))


def in_figure(text):
    r"""Returns a printable text in which Matplotlib sees no formula.

    >>> print(in_figure("$5 and $10"))
    \$5 and \$10
    """
    return printable(text).replace("$", r"\$")


def _show(character):
    if character.isprintable() or character in JOINERS:
        return character
    if "\udc80" <= character <= "\udcff":  # what `os.fsdecode` makes of a byte
        return f"\\x{ord(character) - 0xDC00:02x}"
    return character.encode("unicode_escape").decode()
