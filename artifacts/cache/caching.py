"""Caching: a far store whose immutable objects are fetched once by this machine."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from functools import partial
from pathlib import Path
from secrets import token_hex

from artifacts.cache.copies import PART_BYTES, Copies
from artifacts.content import Digest
from artifacts.errors import StorageError
from artifacts.storage import (
    BLOBS,
    FileStore,
    MemoryStore,
    Name,
    ObjectStore,
    Read,
    Tell,
    copy_file,
    on_disk,
    share_behind,
    silent,
)

_REQUEST_PARTS = 8  # in one request: enough for the way to cost little beside the bytes
_MOST_PARTS = 64  # at once: who asks for more gets it from the store itself


def cached(store: ObjectStore, copies: Copies) -> ObjectStore:
    """The store with a cache before it, if it is far away and the cache has any room.

    A store on this machine is its own cache.
    """
    if copies.limit <= 0 or isinstance(store, FileStore | MemoryStore):
        return store
    return CachedStore(store, copies)


def uncached(store: ObjectStore) -> ObjectStore:
    """The store itself."""
    return store.remote if isinstance(store, CachedStore) else store


class CachedStore:
    """A CopyingStore: what `remote` is, but reads of immutable objects are answered from copies.

    Of all threads and processes that want something that is not here, one fetches it. Whatever
    the cache cannot do the remote store does.
    """

    def __init__(self, remote: ObjectStore, copies: Copies) -> None:
        self.remote = remote
        self.copies = copies

    @property
    def url(self) -> str:
        return self.remote.url

    @property
    def concurrency(self) -> int:
        return self.remote.concurrency

    def spool(self) -> Path:
        """The cache's, so that what is uploaded can stay."""
        spool = self.copies.spool()
        return spool if os.access(spool, os.W_OK) else self.remote.spool()

    def size(self, key: str) -> int:
        """Of the remote object: a copy says nothing about what the store has."""
        return self.remote.size(key)

    def list(self, prefix: str = "") -> Iterator[str]:
        return self.remote.list(prefix)

    def folders(self, prefix: str = "") -> Iterator[str]:
        return self.remote.folders(prefix)

    def create(self, key: str, data: bytes) -> None:
        self.remote.create(key, data)

    def write(self, key: str, data: bytes) -> None:
        self.remote.write(key, data)
        if is_immutable(key):
            self.copies.forget(key)
            self.copies.put(key, data)

    def delete(self, key: str) -> None:
        self.remote.delete(key)
        self.copies.forget(key)

    def take(self, key: str, path: Path) -> None:
        """The file stays as a copy, if it lies on the cache's disk and there is room."""
        if not is_immutable(key) or not self.copies.admits(0):
            self.remote.take(key, path)
            return
        kept = self.copies.spool() / token_hex(8)
        try:
            with suppress(OSError):  # another disk, or one without links
                os.link(path, kept)
            self.remote.take(key, path)
            _close(self.copies.keep(key, kept))
        finally:
            kept.unlink(missing_ok=True)

    def stream(self, key: str, size: int, read: Read) -> None:
        """No copy is kept: what streams is read from where it lies, and is large."""
        self.remote.stream(key, size, read)
        self.copies.forget(key)

    def has_copy(self, key: str) -> bool:
        return is_immutable(key) and self.copies.has(key)

    def forget(self, key: str) -> None:
        self.copies.forget(key)

    def fetch(self, key: str, path: Path, tell: Tell = silent) -> None:
        fd = self.copies.open(key) if is_immutable(key) else None
        if fd is None:
            self.remote.fetch(key, path, tell)
            return
        try:
            with on_disk(path):
                path.unlink(missing_ok=True)
            copy_file(fd, path, tell)
        finally:
            os.close(fd)

    def bring(self, key: str, size: int) -> None:
        """See to it that an object of about so many bytes is here, if that can be.

        Raises ObjectNotFoundError.
        """
        _close(self.open(key, size))

    def copy(self, key: str, size: int, target: Path, tell: Tell) -> tuple[Digest, int] | None:
        """Make a file of an object of about so many bytes, which is fetched if it is not here.

        The file and the copy may then be one, and writable, so that the disk has it once: who edits
        it damages a copy, which is noticed by whoever reads that.

        Digest and length of what was written; None if the object cannot be here. Raises
        ObjectNotFoundError, StorageError.
        """
        copied: list[tuple[Digest, int]] = []

        def fetch(path: Path) -> None:
            copied.append(share_behind(partial(self.remote.fetch, key), path, target, tell))

        fd = self.open(key, size, fetch)
        try:
            if fd is not None and not copied:
                copied.append(copy_file(fd, target, tell, size))
            return copied[0] if copied else None
        finally:
            _close(fd)

    def open(self, key: str, size: int, fetch: Callable[[Path], None] | None = None) -> int | None:
        """A whole object of about so many bytes, here, to be read and closed.

        None if it cannot be here. Raises ObjectNotFoundError.
        """
        if (fd := self.copies.open(key)) is not None or not self.copies.admits(size):
            return fd
        try:
            with self.copies.turn(key) as turn:
                turn.take(wait=True)
                if (fd := self.copies.open(key)) is not None:
                    return fd
                with self.copies.beside() as path:
                    turn.work_on(str(path))
                    fetch(path) if fetch else self.remote.fetch(key, path)
                    return self.copies.keep(key, path, is_shared=path.stat().st_nlink > 1)
        except (OSError, StorageError):  # a full disk, or a store that says so once more
            return None

    def read(self, key: str, start: int = 0, length: int | None = None) -> bytes:
        if not is_immutable(key):
            return self.remote.read(key, start, length)
        data = self.copies.read(key, start, length)
        if data is not None:
            return data
        if not key.startswith(f"{BLOBS}/"):
            return self._read_whole(key, start, length)
        if length is None or length > _MOST_PARTS * PART_BYTES:
            return self.remote.read(key, start, length)
        return self._read_parts(key, start, start + length)

    def _read_whole(self, key: str, start: int, length: int | None) -> bytes:
        """Of a small object, which is mostly asked for with more than its length."""
        with self.copies.turn(key) as turn:
            with suppress(OSError):
                turn.take(wait=True)
            if (found := self.copies.read(key, start, length)) is not None:
                return found
            data = self.remote.read(key, start, length)
            if not start and (length is None or len(data) < length):
                self.copies.put(key, data)
            return data

    def _read_parts(self, key: str, start: int, stop: int) -> bytes:
        """Those that nobody is fetching are fetched, and then the others are waited for."""
        parts = range(start // PART_BYTES, -(-stop // PART_BYTES))
        found: dict[int, bytes | memoryview] = {}

        def look(number: int) -> bool:
            """Whether what is wanted of a part is here by now."""
            first = number * PART_BYTES
            cut = max(start - first, 0), min(stop - first, PART_BYTES)
            data = self.copies.read_part(key, number, *cut)
            if data is not None:
                found[number] = data
            return data is not None

        def fill(numbers: Sequence[int]) -> None:
            for number, data in self._fetch(key, numbers):
                first = number * PART_BYTES
                found[number] = data[max(start - first, 0) : max(stop - first, 0)]

        missing = [number for number in parts if not look(number)]
        with ExitStack() as turns:
            ours = [each for each in missing if self._take(turns, key, each, wait=False)]
            fill([each for each in ours if not look(each)])
        for number in missing:
            if number not in found:
                with ExitStack() as turns:
                    self._take(turns, key, number, wait=True)
                    if not look(number):
                        fill([number])
        return b"".join([found[number] for number in parts])

    def _take(self, turns: ExitStack, key: str, number: int, *, wait: bool) -> bool:
        turn = turns.enter_context(self.copies.turn(key, number))
        try:
            return turn.take(wait=wait)
        except OSError:  # no cache, no turns
            return True

    def _fetch(self, key: str, numbers: Sequence[int]) -> Iterator[tuple[int, memoryview]]:
        """Parts of the remote object, neighbours in one request, several requests at once."""
        runs = [*_runs(numbers)]

        def request(run: range) -> bytes:
            length = len(run) * PART_BYTES
            return self.remote.read(key, run.start * PART_BYTES, length)

        for run, data in zip(runs, self._each(request, runs), strict=True):
            view = memoryview(data)
            for place, number in enumerate(run):
                part = view[place * PART_BYTES : (place + 1) * PART_BYTES]
                if part:
                    self.copies.put_part(key, number, part)
                yield number, part

    def _each(self, request: Callable[[range], bytes], runs: Sequence[range]) -> Iterator[bytes]:
        if len(runs) <= 1:
            yield from map(request, runs)
            return
        with ThreadPoolExecutor(min(len(runs), self.concurrency)) as pool:
            yield from pool.map(request, runs)


def is_immutable(key: str) -> bool:
    """Whether all stores have the same bytes under a key, for ever."""
    return Name.of_key(key) is not None


def _runs(numbers: Sequence[int]) -> Iterator[range]:
    """Neighbours, as many as one request asks for."""
    first = last = -2
    for number in numbers:
        if number != last + 1 or number - first >= _REQUEST_PARTS:
            if first >= 0:
                yield range(first, last + 1)
            first = number
        last = number
    if first >= 0:
        yield range(first, last + 1)


def _close(fd: int | None) -> None:
    if fd is not None:
        os.close(fd)
