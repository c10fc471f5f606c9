"""Hold: one process has a run's folder, also where the disk has no locks."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from forks import done_by_fork

from artifacts.runs.delivery.recovery import recover, settle
from artifacts.runs.heartbeat import SILENCE_S, beat
from artifacts.runs.journal import hold
from artifacts.runs.journal.hold import Hold, is_held
from artifacts.runs.journal.pending import Pending
from runs.logbook import Logbook


@pytest.fixture
def _lockless(monkeypatch: pytest.MonkeyPatch) -> None:
    """As Lustre is, unless it is mounted with them."""

    def refuse(*_: object) -> None:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))

    monkeypatch.setattr(fcntl, "flock", refuse)


@contextmanager
def alive(act: Callable[[], object]) -> Iterator[None]:
    """A process that did that lives until the end, when it is killed."""
    readable, writable = os.pipe()
    pid = os.fork()
    if not pid:
        try:
            kept = act()
            os.write(writable, b"x")
            signal.pause()
            del kept
        finally:
            os._exit(1)
    os.close(writable)
    try:
        assert os.read(readable, 1) == b"x"
        yield
    finally:
        os.close(readable)
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


@pytest.mark.parametrize("has_locks", [True, False])
def test_one_process_has_a_folder(
    tmp_path: Path, request: pytest.FixtureRequest, *, has_locks: bool
) -> None:
    if not has_locks:
        request.getfixturevalue("_lockless")
    held = Hold(tmp_path)
    with pytest.raises(BlockingIOError):
        Hold(tmp_path)
    assert done_by_fork(lambda: Hold(tmp_path)) != 0
    assert is_held(tmp_path)
    held.close()
    assert not is_held(tmp_path)

    with alive(lambda: Hold(tmp_path)):
        assert is_held(tmp_path)

    Hold(tmp_path).close()


@pytest.mark.usefixtures("_lockless")
def test_an_earlier_process_of_the_same_number_keeps_nobody_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(hold, "_PROCESS", "earlier")
        Hold(tmp_path)

    Hold(tmp_path).close()


@pytest.mark.usefixtures("_lockless")
@pytest.mark.parametrize("pid", ["x", 2**99, 0, None])
def test_what_is_no_process_keeps_nobody_out(tmp_path: Path, pid: object) -> None:
    holder = json.dumps({"host": socket.gethostname(), "pid": pid})
    for said in (holder, holder[:-1], f"[{holder}]"):
        (tmp_path / hold.LOCK).write_text(said)

        Hold(tmp_path).close()


@pytest.mark.usefixtures("_lockless")
def test_a_run_on_a_disk_without_locks_ends_well(book: Logbook) -> None:
    writer = book.write()
    writer.row(0, {"x": 0})

    assert writer.close()

    assert (book.steps, book.state.told_state) == ([0], "finished")
    assert [*book.place().iterdir()] == []


@pytest.mark.usefixtures("_lockless")
def test_a_live_run_of_this_machine_keeps_its_journal(book: Logbook) -> None:
    def begin() -> object:
        writer = book.write()
        writer.row(0, {"x": 0})
        writer.flush()
        writer.row(1, {"x": 1})
        return writer

    with alive(begin):
        assert recover(book.session) == []
        assert (book.steps, book.state.told_state) == ([0], "running")

    assert len(recover(book.session)) == 1
    assert (book.steps, book.state.told_state) == ([0, 1], "crashed")


@pytest.mark.usefixtures("_lockless")
def test_a_run_of_another_machine_keeps_its_journal_as_long_as_it_is_heard_of(
    book: Logbook, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(socket, "gethostname", lambda: "another")
        writer = book.write()
        writer.row(0, {"x": 0})
        writer.flush()
        writer.row(1, {"x": 1})
        writer._sending.stop()
        writer._leave()  # as if it were killed
    [pending] = Pending.all(book.settings.cache_dir)
    now_s = time.time()

    assert settle(book.session, pending) is None
    catalog = book.session.catalog
    [log] = [fold.log.name for fold in [catalog.run("team", "proj", pending.run)] if fold]
    beat(catalog.store, log, lambda: now_s + SILENCE_S)
    assert settle(book.session, pending, lambda: now_s + 1.5 * SILENCE_S) is None
    assert book.steps == [0]

    assert settle(book.session, pending, lambda: now_s + 3 * SILENCE_S) is not None
    assert book.steps == [0, 1]
