"""Mapped: a large file's bytes where the kernel holds them, without a copy.

Who looks at a page that the file lost meanwhile is killed. So a file is mapped under a lease: who
would write to it or cut it waits until it is given back, 45 s at most; and only on file systems
whose files change through this kernel alone. Each part is read in before anybody looks at it, which
tells of the disk's errors as reading does. In a process with other code than ours a lease may be a
deadlock: who waits for it can hold the interpreter's lock. Sources: fcntl(2), F_SETLEASE;
madvise(2), MADV_POPULATE_READ.
"""

from __future__ import annotations

import mmap
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

_LEAST_BYTES = 2**24  # of a file, or the lease costs more than the copies
_PART_BYTES = 2**25  # each is mapped and given back, which in smaller ones takes an eighth more
_BLOCK_BYTES = 512  # of st_blocks
_LOCAL = {"ext4", "xfs"}
_POPULATE_READ = 22  # Source: linux/mman.h; unknown before 5.14, which is an error


def mapped(fd: int) -> Iterator[mmap.mmap]:
    """The rest of an open file, part by part, each until the next is asked for.

    As far as it can be had so, which is not at all where somebody has the file open for writing,
    or it is another user's: it is to be read on from where the descriptor then stands.
    """
    at = os.lseek(fd, 0, os.SEEK_CUR)
    if at % mmap.ALLOCATIONGRANULARITY or not _is_fit(fd):
        return
    with _lease(fd) as is_ours:
        size = os.fstat(fd).st_size
        while at < size and is_ours():
            length = min(_PART_BYTES, size - at)
            try:
                part = mmap.mmap(fd, length, mmap.MAP_SHARED, mmap.PROT_READ, offset=at)
                os.posix_fadvise(fd, at + length, _PART_BYTES, os.POSIX_FADV_WILLNEED)
                part.madvise(_POPULATE_READ)
            except (OSError, ValueError):  # reading says what it is
                return
            at = os.lseek(fd, at + length, os.SEEK_SET)
            with part:
                yield part


def _is_fit(fd: int) -> bool:
    """Whether it is large, has no holes that would be filled, and is on a disk of this machine."""
    if sys.platform != "linux":
        return False
    found = os.fstat(fd)
    is_whole = found.st_blocks * _BLOCK_BYTES >= found.st_size >= _LEAST_BYTES
    return is_whole and _kind_of_disk(found.st_dev) in _LOCAL


def _kind_of_disk(device: int) -> str:
    """What it is mounted as; empty if nobody knows. Source: proc_pid_mountinfo(5)."""
    wanted = f"{os.major(device)}:{os.minor(device)}"
    with suppress(OSError), open("/proc/self/mountinfo", "rb") as mounts:
        for line in map(os.fsdecode, mounts):
            if line.split(" ", 3)[2] == wanted:
                return line.rpartition(" - ")[2].partition(" ")[0]
    return ""


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
        with suppress(OSError):  # the kernel took it: somebody had waited too long
            fcntl.fcntl(fd, fcntl.F_SETLEASE, fcntl.F_UNLCK)
