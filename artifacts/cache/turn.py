"""Turn: one at a time, of all threads and processes of this machine, by the name of a file.

A turn ends with the process that has it, however that ended. Where the system has no such locks
everybody has a turn at once, and some work is done twice.
"""

from __future__ import annotations

import os
from contextlib import suppress
from types import TracebackType
from typing import Self

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]


class Turn:
    """Has it from `take` on, until the end of the `with` block or `end`."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._fd = -1

    def take(self, *, wait: bool) -> bool:
        """Whether it is ours now; without `wait` it is not while somebody else has it.

        Raises OSError where its file cannot be made.
        """
        if fcntl is None:
            return True
        while True:
            fd = os.open(self._path, os.O_CREAT | os.O_RDWR, 0o666)
            try:
                _lock(fd, wait=wait)
                is_ours = _is_still(self._path, fd)  # its last holder removes it
            except BlockingIOError:
                os.close(fd)
                return False
            except BaseException:
                os.close(fd)
                raise
            if is_ours:
                self._fd = fd
                return True
            os.close(fd)

    def end(self) -> None:
        if self._fd >= 0:
            with suppress(OSError):
                os.unlink(self._path)
            os.close(self._fd)
            self._fd = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.end()


def _lock(fd: int, *, wait: bool) -> None:
    """Raises BlockingIOError."""
    try:
        fcntl.flock(fd, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise
    except OSError:
        pass  # a disk without locks


def _is_still(path: str, fd: int) -> bool:
    try:
        return os.path.samestat(os.stat(path), os.fstat(fd))
    except FileNotFoundError:
        return False
