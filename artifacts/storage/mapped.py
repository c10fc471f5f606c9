"""Mapped: a large file's bytes in memory without a copy of them, which nobody may take away.

Who reads a page that the file has no more, or that its disk cannot read, is killed. So a file is
mapped under a lease, which lets who would write to it or cut it wait until it is given back; and
each part is read in before anybody looks at it, which tells of the disk's errors as reading does.
Sources: fcntl(2), F_SETLEASE; madvise(2), MADV_POPULATE_READ.
"""

from __future__ import annotations

import mmap
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

_LEAST_BYTES = 2**24  # of a file, or the lease costs more than the copies
_PART_BYTES = 2**23
_POPULATE_READ = 22  # Source: linux/mman.h; unknown before 5.14, which is an error
_CAN_LEASE = hasattr(fcntl, "F_SETLEASE")  # Linux


def mapped(fd: int) -> Iterator[mmap.mmap]:
    """The rest of an open file, part by part, each until the next is asked for.

    As far as it can be had so, which is not at all where somebody has the file open for writing,
    or it is another user's: it is to be read on from where the descriptor then stands.
    """
    at, size = os.lseek(fd, 0, os.SEEK_CUR), os.fstat(fd).st_size
    if not _CAN_LEASE or at % mmap.ALLOCATIONGRANULARITY or size - at < _LEAST_BYTES:
        return
    with _lease(fd) as is_ours:
        while at < size and is_ours():
            length = min(_PART_BYTES, size - at)
            try:
                part = mmap.mmap(fd, length, mmap.MAP_SHARED, mmap.PROT_READ, offset=at)
            except OSError:  # a file system without maps
                return
            with part:
                os.posix_fadvise(fd, at + length, _PART_BYTES, os.POSIX_FADV_WILLNEED)
                try:
                    part.madvise(_POPULATE_READ)
                except OSError:  # reading says what it is
                    return
                at = os.lseek(fd, at + length, os.SEEK_SET)
                yield part


@contextmanager
def _lease(fd: int) -> Iterator[Callable[[], bool]]:
    """Tells whether there is one, and nobody waits for its end."""

    def is_ours() -> bool:
        return fcntl.fcntl(fd, fcntl.F_GETLEASE) == fcntl.F_RDLCK

    try:
        fcntl.fcntl(fd, fcntl.F_SETSIG, signal.SIGURG)  # ignored, where SIGIO would be the end
        fcntl.fcntl(fd, fcntl.F_SETLEASE, fcntl.F_RDLCK)
    except OSError:
        yield lambda: False
        return
    try:
        yield is_ours
    finally:
        fcntl.fcntl(fd, fcntl.F_SETLEASE, fcntl.F_UNLCK)
