"""Transfer: the bytes of large files, read once, in constant memory."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue

from blake3 import blake3

from artifacts.content import Digest
from artifacts.errors import StorageError
from artifacts.storage.claim import claim

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

BUFFER_BYTES = 2**20  # fits the processor's cache, so hashing finds it there
_STEP_BYTES = 8 * 2**20  # copied between two looks at how the hashing goes
_IN_KERNEL = getattr(os, "copy_file_range", None)
_FICLONE = 0x40049409  # Source: linux/fs.h; where it is another number, this one is refused
_NOT_IN_KERNEL = {errno.EXDEV, errno.ENOSYS, errno.EINVAL, errno.EOPNOTSUPP, errno.EPERM}
MAX_SIZE = 2**63 - 1  # bytes of any file


def hash_file(
    fd: int, tell: Callable[[int], None] | None = None, most: int = MAX_SIZE
) -> tuple[Digest, int]:
    """Digest and length of the rest of an open file; `tell` hears of every part of it.

    Soon after `most` bytes it ends, or a file that grows as fast as it is read never would.
    """
    hasher = blake3()
    view = memoryview(bytearray(BUFFER_BYTES))
    length = 0
    while length <= most and (count := os.readv(fd, [view])):
        hasher.update(view[:count])
        length += count
        if tell:
            tell(count)
    return Digest(hasher.digest()), length


def copy_file(
    source: int,
    target: Path,
    tell: Callable[[int], None] = lambda _: None,
    most: int = MAX_SIZE,
) -> tuple[Digest, int]:
    """Write the rest of an open file to a new one; digest and length of what was written.

    Where the disk can share the bytes of two files, they are shared. Else one thread copies, in
    the kernel where that can, and another hashes what came out of it.
    `tell` hears of every part, and may raise to end it.
    Soon after `most` bytes it ends. Raises StorageError if the target's disk fails.
    """
    try:
        fd = os.open(target, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o666)
        claim(fd)
    except OSError as error:
        raise StorageError(str(target), error.strerror or str(error)) from error
    try:
        if _clone(source, fd):
            return hash_file(fd, tell, most)
        with ThreadPoolExecutor(1, thread_name_prefix="art-hash") as pool:
            return _copy_and_hash(source, fd, pool, tell, most)
    except OSError as error:
        raise StorageError(str(target), error.strerror or str(error)) from error
    finally:
        os.close(fd)


def write_all(fd: int, data: memoryview) -> None:
    """As os.write, which may write less than it was given."""
    while data:
        data = data[os.write(fd, data) :]


def _copy_and_hash(
    source: int, target: int, pool: ThreadPoolExecutor, tell: Callable[[int], None], most: int
) -> tuple[Digest, int]:
    copied: SimpleQueue[int] = SimpleQueue()
    hashing = pool.submit(_hash_behind, target, copied)
    length = 0
    try:
        for count in _copy(source, target):
            length += count
            copied.put(count)
            tell(count)
            if length > most or hashing.done():
                break
    finally:
        copied.put(0)
    return hashing.result(), length


def _clone(source: int, target: int) -> bool:
    """Whether a new file could be made to share all bytes of another, of which none were read."""
    if fcntl is None:
        return False
    if os.lseek(source, 0, os.SEEK_CUR):
        return False  # only whole files can be cloned
    try:
        fcntl.ioctl(target, _FICLONE, source)
    except OSError:  # the disk does not do that, or they are two disks
        return False
    return True


def _copy(source: int, target: int) -> Iterator[int]:
    """The rest of `source` to the end of `target`; how much, step by step."""
    try:
        while _IN_KERNEL and (count := _IN_KERNEL(source, target, _STEP_BYTES)):
            yield count
    except OSError as error:
        if error.errno not in _NOT_IN_KERNEL:
            raise
    view = memoryview(bytearray(BUFFER_BYTES))
    while count := os.readv(source, [view]):  # where the kernel copied all, nothing is left
        write_all(target, view[:count])
        yield count


def _hash_behind(fd: int, copied: SimpleQueue[int]) -> Digest:
    """Of what was copied so far, until nothing more comes; from memory, as it is new."""
    hasher, offset, end = blake3(), 0, 0
    view = memoryview(bytearray(BUFFER_BYTES))
    while count := copied.get():
        end += count
        while offset < end:
            got = os.preadv(fd, [view[: end - offset]], offset)
            hasher.update(view[:got])
            offset += got
    return Digest(hasher.digest())
