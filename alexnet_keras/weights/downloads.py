"""Files that are downloaded once, by one process, and checked at each use."""

import contextlib
import hashlib
import http.client
import os
import socket

from alexnet_keras.utils import locking

TIMEOUT = 60  # seconds without a word from the server


def is_intact(path, sha256):
    """Whether a file is there and has this SHA-256."""
    if not os.path.isfile(path):
        return False
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() == sha256


@contextlib.contextmanager
def alone(path):
    """Waits until no other process writes `path`, and makes others wait."""
    folder = os.path.dirname(path)
    with contextlib.ExitStack() as stack:
        try:
            os.makedirs(folder, exist_ok=True)
            stack.enter_context(locking.locked(f"{path}.lock", wait=True))
        except OSError as error:
            raise type(error)(
                f'`weights="imagenet"` is kept in {folder}, which cannot be '
                f"written: {error}. Set KERAS_HOME to another folder."
            ) from error
        yield


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
