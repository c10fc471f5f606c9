"""Claiming: who still works on an unfinished file or folder, so that the others can be deleted.

A claim ends with the process that made it, however that ended. Where the system has no such
locks nothing is ever taken for abandoned.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

_AT_LEAST_S = 3600  # old: between a file's making and its claim nobody must delete it


@contextmanager
def claimed(path: str) -> Iterator[None]:
    """Until the end, others see that this process works on the file or folder."""
    fd = os.open(path, os.O_RDONLY)
    try:
        with _let_go(fd):
            claim(fd)
            yield
    finally:
        os.close(fd)


def claim(fd: int) -> None:
    """As `claimed`, until the descriptor is closed, here and in what was forked meanwhile."""
    if fcntl is not None:
        with suppress(OSError):  # a disk without locks
            fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)


@contextmanager
def alone(folder: str) -> Iterator[None]:
    """One at a time, of all threads and processes that ask for this folder; the others wait.

    Where the system has no such locks nobody waits.
    """
    if fcntl is None:
        yield
        return
    fd = os.open(folder, os.O_RDONLY)
    try:
        with _let_go(fd):
            with suppress(OSError):  # a disk without locks
                fcntl.flock(fd, fcntl.LOCK_EX)
            yield
    finally:
        os.close(fd)


@contextmanager
def _let_go(fd: int) -> Iterator[None]:
    """At the end, also where a child that was forked meanwhile has the descriptor open too.

    Unless this is that child, whose parent goes on.
    """
    process = os.getpid()
    try:
        yield
    finally:
        if process == os.getpid() and fcntl is not None:
            with suppress(OSError):
                fcntl.flock(fd, fcntl.LOCK_UN)


def delete_abandoned(
    folder: str, is_ours: Callable[[str], bool] = lambda _: True, at_least_s: float = _AT_LEAST_S
) -> int:
    """Delete what lies in the folder, by names that are ours, and no process works on any more.

    How many they were. What cannot be deleted is left.
    """
    count = 0
    with suppress(OSError):
        for name in filter(is_ours, os.listdir(folder)):
            path = os.path.join(folder, name)
            if _is_abandoned(path, at_least_s):
                with suppress(OSError):
                    shutil.rmtree(path) if os.path.isdir(path) else os.unlink(path)
                    count += 1
    return count


def _is_abandoned(path: str, at_least_s: float) -> bool:
    if fcntl is None:
        return False
    try:
        if time.time() - os.lstat(path).st_mtime < at_least_s:
            return False
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return False
    try:
        with _let_go(fd):
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    finally:
        os.close(fd)
    return True
