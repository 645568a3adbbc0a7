"""Files that are downloaded once, by one process, and checked at each use."""

import contextlib
import errno
import hashlib
import http.client
import os
import socket

TIMEOUT = 60  # seconds without a word from the server


def is_intact(path, sha256):
    """Whether a file is there and has this SHA-256."""
    if not os.path.isfile(path):
        return False
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() == sha256


@contextlib.contextmanager
def alone(path):
    """Waits until no other process writes `path`, and makes others wait.

    The lock is the system's, which opens that of a process that has died.
    """
    folder = os.path.dirname(path)
    with contextlib.ExitStack() as stack:
        try:
            os.makedirs(folder, exist_ok=True)
            _lock(stack.enter_context(open(f"{path}.lock", "a")))
        except OSError as error:
            raise type(error)(
                f'`weights="imagenet"` is kept in {folder}, which cannot be '
                f"written: {error}. Set KERAS_HOME to another folder."
            ) from error
        yield


def _lock(file):
    try:
        import fcntl
    except ImportError:
        import msvcrt  # Windows, which gives up after ten seconds

        while True:
            try:
                return msvcrt.locking(file.fileno(), msvcrt.LK_LOCK, 1)
            except OSError as error:
                if error.errno != errno.EDEADLOCK:
                    raise
    fcntl.flock(file, fcntl.LOCK_EX)


@contextlib.contextmanager
def network(what, advice):
    """Sets a time limit; makes `ConnectionError`s of what goes wrong."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(TIMEOUT)
    try:
        yield
    except Exception as error:
        known = (ConnectionError, TimeoutError, http.client.HTTPException)
        # What urllib raises, Keras makes a bare `Exception` of.
        if isinstance(error, known) or type(error) is Exception:
            raise ConnectionError(
                f"{what} could not be downloaded: {error}. {advice}"
            ) from error
        raise
    finally:
        socket.setdefaulttimeout(before)
