"""Transfer: the bytes of large files, read once, in constant memory."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue

from blake3 import blake3

from artifacts.content import Digest
from artifacts.errors import StorageError
from artifacts.storage.claim import claim

BUFFER_BYTES = 2**20  # fits the processor's cache, so hashing and writing find it there
_BUFFERS = 4
_FLUSH_BYTES = 64 * 2**20
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

    One thread writes what the other hashes; `tell` hears of every part, and may raise to end it.
    Soon after `most` bytes it ends. Raises StorageError if the target's disk fails.
    """
    try:
        fd = os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666)
        claim(fd)
    except OSError as error:
        raise StorageError(str(target), error.strerror or str(error)) from error
    try:
        with ThreadPoolExecutor(1, thread_name_prefix="art-copy") as pool:
            return _pump(source, fd, pool, tell, most)
    except OSError as error:
        raise StorageError(str(target), error.strerror or str(error)) from error
    finally:
        os.close(fd)


def write_all(fd: int, data: memoryview) -> None:
    """As os.write, which may write less than it was given."""
    while data:
        data = data[os.write(fd, data) :]


def _pump(
    source: int, target: int, pool: ThreadPoolExecutor, tell: Callable[[int], None], most: int
) -> tuple[Digest, int]:
    hasher, length = blake3(), 0
    free: SimpleQueue[memoryview] = SimpleQueue()
    for _ in range(_BUFFERS):
        free.put(memoryview(bytearray(BUFFER_BYTES)))
    last: Future[None] = pool.submit(lambda: None)
    while length <= most and (count := os.readv(source, [view := free.get()])):
        if last.done():
            last.result()  # raises what a full disk said
        last = pool.submit(_write, target, view[:count], length, free, last)
        hasher.update(view[:count])  # the buffer is taken again by this thread alone, after this
        length += count
        tell(count)
    last.result()
    return Digest(hasher.digest()), length


def _write(
    fd: int, data: memoryview, offset: int, free: SimpleQueue[memoryview], before: Future[None]
) -> None:
    try:
        before.result()  # it is done: one thread writes all; what went wrong there ends this too
        write_all(fd, data)
        if offset % _FLUSH_BYTES == 0 and offset and hasattr(os, "posix_fadvise"):
            # starts writing dirty pages to the disk, so that the final fsync finds little to do
            os.posix_fadvise(fd, offset - _FLUSH_BYTES, _FLUSH_BYTES, os.POSIX_FADV_DONTNEED)
    finally:
        free.put(memoryview(data.obj))
