"""One holder at a time, also among processes, and none that is dead."""

import os
import signal
import threading

import pytest
from support import HOLD
from support import start

from alexnet_keras.utils import locking

# Without the lock some of the additions are lost.
COUNT = """
import pathlib, sys
from alexnet_keras.utils import locking
count = pathlib.Path(sys.argv[2])
for _ in range(int(sys.argv[3])):
    with locking.locked(sys.argv[1], wait=True):
        count.write_text(str(int(count.read_text()) + 1))
"""


@pytest.fixture
def holder(tmp_path):
    """A process that holds the lock until its standard input ends."""
    with start(HOLD, tmp_path / "lock") as process:
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_a_second_process_is_refused_until_the_first_ends(holder, tmp_path):
    with pytest.raises(BlockingIOError), locking.locked(tmp_path / "lock"):
        pass
    holder.communicate("\n", timeout=20)
    assert not list(tmp_path.iterdir())
    with locking.locked(tmp_path / "lock"):
        assert (tmp_path / "lock").exists()
    assert not list(tmp_path.iterdir())


def test_a_dead_holder_is_no_obstacle(holder, tmp_path):
    os.kill(holder.pid, signal.SIGKILL)
    holder.wait(20)
    assert (tmp_path / "lock").exists()
    with locking.locked(tmp_path / "lock"):
        pass
    assert not list(tmp_path.iterdir())


def test_an_error_inside_lets_go(tmp_path):
    with pytest.raises(KeyError), locking.locked(tmp_path / "lock"):
        raise KeyError
    with locking.locked(tmp_path / "lock"):
        pass


def test_a_second_of_the_same_process_is_refused(tmp_path):
    with locking.locked(tmp_path / "lock"):
        with pytest.raises(BlockingIOError), locking.locked(tmp_path / "lock"):
            pass
        assert (tmp_path / "lock").exists()


def test_waiting_ends_when_it_is_free(holder, tmp_path):
    threading.Timer(0.3, holder.stdin.close).start()
    with locking.locked(tmp_path / "lock", wait=True):
        assert holder.wait(20) == 0


def test_many_that_wait_never_have_it_together(tmp_path):
    """Also while its file is removed and made again."""
    (tmp_path / "count").write_text("0")
    words = (tmp_path / "lock", tmp_path / "count", 20)
    processes = [start(COUNT, *words) for _ in range(4)]
    for process in processes:
        process.communicate(timeout=60)
        assert process.returncode == 0
    assert (tmp_path / "count").read_text() == "80"


def test_where_nothing_can_be_locked_it_is_said(tmp_path, monkeypatch):
    fcntl = pytest.importorskip("fcntl")

    def refuse(file, how):
        raise OSError(38, "Function not implemented")

    monkeypatch.setattr(fcntl, "flock", refuse)
    with pytest.warns(UserWarning, match="Cannot lock .*: Function not"):
        with locking.locked(tmp_path / "lock"):
            pass
