"""Turn: one at a time, of all threads and processes of this machine, by the name of a file.

A turn ends with the process that has it, however that ended, and is not kept by its children.
Where the system has no such locks everybody has a turn at once, and some work is done twice.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Self

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]


_PATIENCE_S = 60.0  # with a holder that does not get on: it may be stopped, and never will
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.001, 0.05
_LONGEST_PATH = 4096


class Turn:
    """Has it from `take` on, until the end of the `with` block or `end`."""

    def __init__(
        self,
        path: str,
        *,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._path = path
        self._sleep, self._clock = sleep, clock
        self._fd, self._process = -1, 0

    def take(self, *, wait: bool) -> bool:
        """Whether it is ours now; without `wait` it is not while somebody else has it.

        Nor is it after a minute in which who has it neither ended nor got on.

        Raises OSError where its file cannot be made.
        """
        if fcntl is None:
            return True
        seen: object = None
        since_s, pause_s = self._clock(), _FIRST_PAUSE_S
        while not self._try():
            if not wait:
                return False
            if (found := _progress(self._path)) != seen:
                seen, since_s = found, self._clock()
            elif self._clock() - since_s >= _PATIENCE_S:
                return False
            self._sleep(pause_s)
            pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)
        return True

    def work_on(self, path: str) -> None:
        """As long as this file grows or changes, who waits sees that we get on."""
        if self._fd >= 0:
            with suppress(OSError):
                os.ftruncate(self._fd, 0)
                os.pwrite(self._fd, os.fsencode(path), 0)

    def end(self) -> None:
        if self._fd < 0:
            return
        if self._process == os.getpid():  # else a fork's, whose parent still has it
            with suppress(OSError):
                os.unlink(self._path)
            _unlock(self._fd)
        os.close(self._fd)
        self._fd = -1

    def _try(self) -> bool:
        while True:
            fd = os.open(self._path, os.O_CREAT | os.O_RDWR, 0o666)
            try:
                _lock(fd)
                if _is_still(self._path, fd):  # its last holder removes it
                    self._fd, self._process = fd, os.getpid()
                    return True
                _unlock(fd)
            except BlockingIOError:
                return False
            finally:
                if self._fd != fd:
                    os.close(fd)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()


def _lock(fd: int) -> None:
    """Raises BlockingIOError."""
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise
    except OSError:
        pass  # a disk without locks


def _unlock(fd: int) -> None:
    """To close it is not enough: a child that was forked meanwhile has it open too."""
    with suppress(OSError):
        fcntl.flock(fd, fcntl.LOCK_UN)


def _progress(path: str) -> object:
    """Another after each step of who has the turn, or when somebody else has it."""
    try:
        fd = os.open(path, os.O_RDONLY)
    except OSError:
        return None
    try:
        stat = os.fstat(fd)
        work = os.pread(fd, _LONGEST_PATH, 0)
    finally:
        os.close(fd)
    return stat.st_ino, stat.st_mtime_ns, stat.st_ctime_ns, _state(work)


def _state(work: bytes) -> object:
    try:
        stat = os.stat(work)
    except (OSError, ValueError):  # nothing yet, or no path
        return None
    return stat.st_size, stat.st_mtime_ns


def _is_still(path: str, fd: int) -> bool:
    try:
        return os.path.samestat(os.stat(path), os.fstat(fd))
    except FileNotFoundError:
        return False
