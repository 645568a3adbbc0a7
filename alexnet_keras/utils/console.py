"""The streams of the commands: their own words, whatever the terminal takes.

TensorFlow's start-up notes come from C++ while it is loaded, before anything
could be set, and on a GPU later too. So the descriptor of stderr leads into a
process of its own, which passes on all but those notes: nothing is lost when
TensorFlow ends this one with its last words.
"""

import os
import re
import signal
import sys

# Information by its level, and what is no information, but no news either.
NOTES = re.compile(
    rb"""I\d{4}\ |\d{4}-\d\d-\d\d\ \S+\ I\ |INFO:\ Created\ TensorFlow\ Lite
    |WARNING:\ All\ log\ messages\ before\ absl::InitializeLog
    |To\ enable\ the\ following\ instructions:
    |E\d{4}\ .*Unable\ to\ register\ cu |E\d{4}\ .*GPU\ will\ not\ be\ used
    |W\d{4}\ .*computation\ placer\ already\ registered""",
    re.VERBOSE,
)


def set_up():
    """Makes both streams take every name, and stderr lose TensorFlow's notes.

    Python's own `sys.stderr` goes where it went, a terminal or a file.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:  # closed, and the next file to be opened would be it
            os.open(os.devnull, os.O_RDWR)
    streams = [sys.stdout, sys.stderr]
    for stream in filter(None, streams):  # `None`: closed by the shell
        stream.reconfigure(errors="backslashreplace")
    # Whoever sets 0 asks for everything.
    asked = os.environ["TF_CPP_MIN_LOG_LEVEL"] == "0"
    if all(streams) and not asked and hasattr(os, "fork"):
        _filter_stderr()


def _filter_stderr():
    sys.stderr.flush()
    kept = os.dup(2)
    reader, writer = os.pipe()
    if os.fork() == 0:
        try:
            # Ctrl-C ends the other process, and this one with it.
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            os.closerange(1, 3)
            os.close(writer)
            _pass_on(reader, kept)
        finally:
            os._exit(0)
    os.close(reader)
    os.dup2(writer, 2)
    os.close(writer)
    sys.stderr = open(
        kept,
        "w",
        buffering=1,
        encoding=sys.stderr.encoding,
        errors="backslashreplace",
    )


def _pass_on(reader, kept):
    """Copies lines until nobody can write any more."""
    with open(reader, "rb") as lines:
        for line in lines:
            if not NOTES.match(line):
                os.write(kept, line)
