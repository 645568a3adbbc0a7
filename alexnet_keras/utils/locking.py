"""A lock between processes that one which was killed leaves to the others."""

import contextlib
import os
import time
import warnings

try:
    import fcntl
except ImportError:  # Windows
    import msvcrt


@contextlib.contextmanager
def locked(path, wait=False):
    """Holds the lock whose file is `path`; nobody else has it meanwhile.

    The operating system lets go of it when a process ends, however it ends:
    a file that was left behind is no obstacle. Its folder must be there.

    Args:
        path: of a file for nothing but this; removed in the end.
        wait: whether to wait for whoever holds it. Defaults to `False`.

    Raises:
        BlockingIOError: without `wait`, if somebody holds it.
    """
    while (file := _take(path)) is None:
        if not wait:
            raise BlockingIOError(f"{str(path)!r} is locked")
        time.sleep(0.1)
    with file:
        try:
            yield
        finally:
            # While it is held. Windows removes nothing that is open.
            with contextlib.suppress(OSError):
                os.unlink(path)


def _take(path):
    """Returns the locked file, or `None` where somebody else has it."""
    file = open(path, "ab")
    try:
        if os.name == "nt":
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # Its holder may have removed it since it was opened.
        if os.path.samestat(os.fstat(file.fileno()), os.stat(path)):
            return file
    except (BlockingIOError, PermissionError, FileNotFoundError):
        pass
    except OSError as error:  # some network folders
        warnings.warn(f"Cannot lock {path}: {error.strerror}", stacklevel=4)
        return file
    file.close()
    return None
