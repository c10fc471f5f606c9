"""Evict: copies that were used longest ago are deleted, never one that is in use."""

from __future__ import annotations

import os
import stat as modes
import struct
from collections.abc import Callable, Iterator
from contextlib import suppress

from msgspec import Struct

try:
    import fcntl
except ImportError:  # Windows, where a file in use cannot be deleted
    fcntl = None  # type: ignore[assignment]

_READ = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
_TALLY = struct.Struct("<q")
_MOST = 2**62  # bytes; a tally of more is damaged


class Copy(Struct, frozen=True):
    """A file of the cache: where, how long, and when it was last used."""

    path: str
    size: int
    used_ns: int


class Tally:
    """About how many bytes all copies have, known to all processes without counting them."""

    def __init__(self, path: str) -> None:
        self._path = path

    def add(self, size: int) -> int | None:
        """With so many bytes more; None if nobody counted them yet. Raises OSError."""
        return self._change(lambda total: None if total is None else total + size)

    def correct(self, before: int | None, counted: int) -> None:
        """As counted, with what was added since it said `before`, if it did. Raises OSError."""
        self._change(
            lambda now: counted if before is None or now is None else now - before + counted
        )

    def _change(self, change: Callable[[int | None], int | None]) -> int | None:
        fd = os.open(self._path, os.O_CREAT | os.O_RDWR, 0o666)
        try:
            if fcntl is not None:
                with suppress(OSError):  # a disk without locks: what goes astray is counted again
                    fcntl.flock(fd, fcntl.LOCK_EX)
            data = os.read(fd, _TALLY.size)
            found = _TALLY.unpack(data)[0] if len(data) == _TALLY.size else -1
            before = found if 0 <= found < _MOST else None
            if (after := change(before)) is not None:
                os.lseek(fd, 0, os.SEEK_SET)
                os.write(fd, _TALLY.pack(max(0, after)))
            return after
        finally:
            _close(fd)


def copies_below(folder: str) -> Iterator[Copy]:
    """All files of a folder, in no order; what goes meanwhile or cannot be read is passed by."""
    pending = [folder]
    while pending:
        with suppress(OSError), os.scandir(pending.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    pending.append(entry.path)
                    continue
                with suppress(OSError):
                    stat = entry.stat(follow_symlinks=False)
                    if modes.S_ISREG(stat.st_mode):
                        yield Copy(entry.path, stat.st_size, stat.st_atime_ns)


def evict(folder: str, most: int) -> tuple[int, int]:
    """Until at most so many bytes are left, or all that are left are in use.

    How many bytes went, and how many are left.
    """
    copies = sorted(copies_below(folder), key=lambda copy: copy.used_ns)
    left = total = sum(copy.size for copy in copies)
    for copy in copies:
        if left <= most:
            break
        if delete_unused(copy.path):
            left -= copy.size
    return total - left, left


def delete_unused(path: str) -> bool:
    """Whether it is gone: a file that is claimed stays."""
    try:
        fd = os.open(path, _READ)
    except FileNotFoundError:
        return True
    except OSError:
        return False
    try:
        return not _is_claimed(fd) and _delete(path)
    finally:
        _close(fd)


def _close(fd: int) -> None:
    """And let go of it, also where a child that was forked meanwhile has it open too."""
    if fcntl is not None:
        with suppress(OSError):
            fcntl.flock(fd, fcntl.LOCK_UN)
    os.close(fd)


def _is_claimed(fd: int) -> bool:
    if fcntl is None:
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:  # a disk without locks, where nobody can claim anything
        return False
    return False


def _delete(path: str) -> bool:
    try:
        os.unlink(path)
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True
