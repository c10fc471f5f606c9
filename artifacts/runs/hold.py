"""Hold: the right to write a run's journal, or to deliver it. It ends with its process."""

from __future__ import annotations

import os
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

LOCK = "journal.lock"


class Hold:
    """Of one run's folder. Raises BlockingIOError if another process has it.

    Where the system has no such locks anybody gets it.
    """

    def __init__(self, folder: Path) -> None:
        self._fd = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o644)
        if fcntl is not None:
            try:
                fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(self._fd)
                raise
            except OSError:
                return  # a disk without locks

    def close(self, *, is_child: bool = False) -> None:
        """In a forked child the parent's hold lasts."""
        if self._fd >= 0:
            if fcntl is not None and not is_child:  # type: ignore[redundant-expr]  # on Windows
                fcntl.flock(self._fd, fcntl.LOCK_UN)  # also where a child has it open
            os.close(self._fd)
            self._fd = -1


def is_held(folder: Path) -> bool:
    """Whether a process has it now, because it writes the journal or delivers it."""
    if not (folder / LOCK).exists():
        return False
    try:
        Hold(folder).close()
    except BlockingIOError:
        return True
    return False
