"""Transfer: the bytes of large files, read once, in constant memory."""

from __future__ import annotations

import errno
import os
import secrets
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from queue import SimpleQueue
from typing import TypeAlias

from blake3 import blake3

from artifacts.content import MAX_SIZE, Digest
from artifacts.errors import StorageError
from artifacts.storage.claiming import claim
from artifacts.storage.mapped import mapped
from artifacts.storage.store import ObjectStore, Read, Tell, silent

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

BUFFER_BYTES = 2**20  # fits the processor's cache, so hashing finds it there
_SHARED_BYTES = 4 * 2**20  # enough to be hashed by several threads
_STEP_BYTES = 8 * 2**20  # copied between two looks at how the hashing goes
_IN_KERNEL = getattr(os, "copy_file_range", None)
_FICLONE = 0x40049409  # Source: linux/fs.h; where it is another number, this one is refused
_NOT_IN_KERNEL = {errno.EXDEV, errno.ENOSYS, errno.EINVAL, errno.EOPNOTSUPP, errno.EPERM}
_BINARY = getattr(os, "O_BINARY", 0)
TO_READ = os.O_RDONLY | _BINARY | getattr(os, "O_NONBLOCK", 0)  # no FIFO hangs
TO_MAKE = os.O_RDWR | os.O_CREAT | os.O_EXCL | _BINARY  # a new file, that its writer may read
_TO_MEET = os.O_RDONLY | os.O_CREAT | _BINARY  # a file that somebody else fills

Fetch: TypeAlias = Callable[[Path, Tell], None]
"""Makes and fills a file, and tells of its bytes in order."""


def hash_file(
    fd: int,
    tell: Tell = silent,
    most: int = MAX_SIZE,
    *,
    threads: int = 1,
    in_place: bool = False,
) -> tuple[Digest, int]:
    """Digest and length of the rest of an open file; `tell` hears of every part of it.

    Soon after `most` bytes it ends, or a file that grows as fast as it is read never would.
    More threads pay only where nobody else has work for the processor. `in_place` saves a copy of
    a large file, for a process in which no code runs but ours.
    """
    hasher = blake3(max_threads=threads)
    length = 0
    for part in mapped(fd) if in_place else ():
        hasher.update(part)
        length += len(part)
        tell(len(part))
        if length > most:
            break
    view = memoryview(bytearray(BUFFER_BYTES if threads == 1 else _SHARED_BYTES))
    while length <= most and (count := os.readv(fd, [view])):
        hasher.update(view[:count])
        length += count
        tell(count)
    return Digest(hasher.digest()), length


def copy_file(
    source: int,
    target: Path,
    tell: Tell = silent,
    most: int = MAX_SIZE,
) -> tuple[Digest, int]:
    """Write the rest of an open file to a new one; digest and length of what was written.

    Where the disk can share the bytes of two files, they are shared. Else one thread copies, in
    the kernel where that can, and another hashes what came out of it.
    `tell` hears of every part, and may raise to end it.
    Soon after `most` bytes it ends. Raises StorageError if the target's disk fails.
    """
    with on_disk(target), ExitStack() as opened:
        fd = _opened(opened, target, TO_MAKE)
        if _clone(source, fd):
            return hash_file(fd, tell, most)
        return _copy_and_hash(source, fd, tell, most)


def share_behind(fetch: Fetch, source: Path, target: Path, tell: Tell) -> tuple[Digest, int]:
    """As hash_behind; then the target has the same bytes, of which the disk has one copy.

    It is a clone, or another name of the source where the disk cannot clone; of another disk it is
    a copy. Raises StorageError.
    """
    with ExitStack() as opened:
        with on_disk(source):
            reading = _opened(opened, source, _TO_MEET)
        with on_disk(target):
            writing = _opened(opened, target, TO_MAKE)
            if not _is_one_disk(reading, writing):
                append = partial(_append, target, writing)
                return _follow(partial(fetch, source), reading, tell, append)
            found = _follow(partial(fetch, source), reading, tell)
            os.lseek(reading, 0, os.SEEK_SET)
            if not _clone(reading, writing) and not _link(source, target):
                return _copy_and_hash(reading, writing)
            return found


def hash_behind(fetch: Fetch, source: Path, tell: Tell) -> tuple[Digest, int]:
    """As hash_file, of a file that `fetch` makes and fills from its beginning meanwhile."""
    with on_disk(source), ExitStack() as opened:
        reading = _opened(opened, source, _TO_MEET)
        return _follow(partial(fetch, source), reading, tell)


def take_stream(store: ObjectStore, key: str, read: Read) -> None:
    """As the store's `stream`, by way of its spool."""
    path = store.spool() / f"stream-{secrets.token_hex(8)}"
    with ExitStack() as held:
        held.callback(path.unlink, missing_ok=True)
        with on_disk(path):
            file = held.enter_context(path.open("xb", buffering=0))
            claim(file.fileno())
        buffer = memoryview(bytearray(BUFFER_BYTES))
        while count := read(buffer):
            with on_disk(path):
                write_all(file.fileno(), buffer[:count])
        store.take(key, path)


@contextmanager
def on_disk(path: str | Path) -> Iterator[None]:
    """What the system says of a file of this machine is raised as a StorageError that names it."""
    try:
        yield
    except OSError as error:
        raise StorageError(str(path), error.strerror or str(error)) from error


def write_all(fd: int, data: memoryview) -> None:
    """As os.write, which may write less than it was given."""
    while data:
        data = data[os.write(fd, data) :]


def write_at(fd: int, start: int, blocks: Iterable[bytes]) -> int:
    """Write blocks end to end from a place of an open file on; how many bytes they were."""
    at = start
    for block in blocks:
        view = memoryview(block)
        while view:
            count = os.pwrite(fd, view, at)
            view, at = view[count:], at + count
    return at - start


def _opened(held: ExitStack, path: Path, flags: int) -> int:
    fd = os.open(path, flags, 0o666)
    held.callback(os.close, fd)
    claim(fd)
    return fd


def _follow(
    fetch: Callable[[Tell], None],
    reading: int,
    tell: Tell,
    append: Callable[[memoryview], None] | None = None,
) -> tuple[Digest, int]:
    """Digest and length of what `fetch` tells of while it fills the file that is read.

    `append` gets these bytes; what it raises ends the fetching too, by way of what `fetch` tells.
    """
    hasher = blake3()
    arrived: SimpleQueue[int] = SimpleQueue()

    def take() -> int:
        view, length = memoryview(bytearray(BUFFER_BYTES)), 0
        while left := arrived.get():
            length += left
            while left and (got := os.readv(reading, [view[:left]])):
                hasher.update(view[:got])
                if append is not None:
                    append(view[:got])
                left -= got
                tell(got)
        return length

    def came(count: int) -> None:
        if taking.done():
            taking.result()  # why it ended
        arrived.put(count)

    with _one_more_thread() as pool:
        taking = pool.submit(take)
        try:
            fetch(came)
        finally:
            arrived.put(0)
        length = taking.result()
    return Digest(hasher.digest()), length


def _append(path: Path, fd: int, data: memoryview) -> None:
    """Whoever fetches meanwhile has a file of its own, and would take this disk for that one's."""
    with on_disk(path):
        write_all(fd, data)


def _copy_and_hash(
    source: int, target: int, tell: Tell = silent, most: int = MAX_SIZE
) -> tuple[Digest, int]:
    copied: SimpleQueue[int] = SimpleQueue()
    length = 0
    with _one_more_thread() as pool:
        hashing = pool.submit(_hash_behind, target, copied)
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


def _is_one_disk(source: int, target: int) -> bool:
    return os.fstat(source).st_dev == os.fstat(target).st_dev


def _link(source: Path, target: Path) -> bool:
    """Whether the source's file could take over the target's name."""
    beside = target.with_name(f"{target.name}-{secrets.token_hex(8)}")
    try:
        os.link(source, beside)
        os.replace(beside, target)
    except OSError:  # one disk mounted twice, or one without links
        return False
    return True


def _one_more_thread() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(1, thread_name_prefix="art-hash")


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
