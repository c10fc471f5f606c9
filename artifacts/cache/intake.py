"""Intake: files of this machine on their way into a store, each read once."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeAlias

from blake3 import blake3

from artifacts.cache.digests import Digests, state_key
from artifacts.cache.tree import Tree
from artifacts.content import Digest
from artifacts.errors import DigestMismatchError, FileChangedError
from artifacts.progress import Progress, Silent
from artifacts.storage import (
    BLOBS,
    RAW,
    SOLO,
    Name,
    Objects,
    ObjectStore,
    Packer,
    Place,
    Span,
    copy_file,
    hash_file,
    read_spans,
)

SMALL_BYTES = 4 * 2**20  # below this a file goes into a pack: a blob of its own would cost more
_READ = os.O_RDONLY | getattr(os, "O_BINARY", 0)
_TRIES = 3  # of reading a file that changes meanwhile

Known: TypeAlias = Callable[[str, bytes], Sequence[Span]]
"""Spans that the collection's last version has for a path, if its content is this digest."""


class Intake:
    """Collects where contents lie: `places` raw and whole, `pieces` all else, by digest.

    Nothing of it is promised before `close`. One thread at a time.
    """

    def __init__(self, store: ObjectStore, cache: Path, store_id: str) -> None:
        self.store = store
        self.blobs: list[Name | None] = []
        self.places: dict[bytes, Place] = {}
        self.pieces: dict[bytes, Sequence[Span]] = {}
        self.known: Known = lambda _path, _digest: ()
        self._cache, self._store_id = cache, store_id
        self._packer = Packer(store, self.blobs)
        self._objects = Objects(store)
        self._numbers: dict[Name, int] = {}
        self._is_there: dict[Name, bool] = {}
        self._digests: dict[str, Digests] = {}
        self._later: dict[bytes, tuple[str, str]] = {}

    def add_tree(
        self,
        tree: Tree,
        prefix: str,
        progress: Progress | None = None,
        *,
        is_immutable: bool = False,
    ) -> Iterator[tuple[str, bytes, int]]:
        """Path, digest and size of each file, in path order."""
        progress = progress or Silent()
        rows = self._rows_of(tree.root)
        for path, source, stat in tree:
            digest, size = self._take(prefix + path, source, stat, rows, is_immutable=is_immutable)
            progress.advance(size)
            yield prefix + path, digest, size

    def add_file(self, source: str, path: str, *, is_immutable: bool = False) -> tuple[Digest, int]:
        """Digest and size of one file that will be called `path`."""
        stat = os.stat(source)
        rows = self._rows_of(os.path.dirname(os.path.abspath(source)))
        digest, size = self._take(path, source, stat, rows, is_immutable=is_immutable)
        return Digest(digest), size

    def add_bytes(self, data: bytes) -> Digest:
        """As a file of these bytes."""
        digest = Digest.of(data)
        if data and not self._has(digest):
            self.places[digest] = self._packer.add(data)
        return digest

    def add_stream(self, digest: Digest, size: int, content: Iterator[bytes]) -> None:
        """As a file of these bytes, of which the digest is known, and checked all the same."""
        if self._has(digest):
            return
        if size < SMALL_BYTES:
            found = self.add_bytes(b"".join(content))
        else:
            with self._beside() as path:
                with path.open("xb") as file:
                    file.writelines(content)
                fd = os.open(path, os.O_RDONLY)
                try:
                    found = hash_file(fd)[0]
                finally:
                    os.close(fd)
                self._keep_solo(found, path)
        if found != digest:
            raise DigestMismatchError("a draft's content", digest.hex(), found.hex())

    def adopt(self, digest: Digest, spans: Sequence[Span]) -> None:
        """Content that lies in the store already, in blobs of a live version."""
        if self._has(digest):
            return
        if len(spans) == 1 and spans[0].codec == RAW:
            blob, offset = spans[0].blob, spans[0].offset
            is_solo = blob == Name(BLOBS, digest) and not offset
            self.places[digest] = (SOLO, 0) if is_solo else (self._number(blob), offset)
        else:
            self.pieces[digest] = spans

    def read(self, digest: bytes, size: int, path: str) -> Iterator[bytes]:
        """Content that was added and closed. Raises MissingBlobError, naming `path`."""
        return read_spans(self.store, self._spans(digest, size), path)

    def _spans(self, digest: bytes, size: int) -> Sequence[Span]:
        if digest in self.pieces:
            return self.pieces[digest]
        blob, offset = self.places[digest]
        name = Name(BLOBS, Digest(digest)) if blob == SOLO else self.names()[blob]
        return [Span(name, offset, size, size)]

    def close(self, needed: Callable[[], Container[bytes]] | None = None) -> Mapping[bytes, Place]:
        """All that was added is durable, of immutable files those whose digests are needed.

        Raises FileChangedError for an immutable file that was not.
        """
        if needed is not None and self._later:
            digests = needed()
            self._later = {key: value for key, value in self._later.items() if key in digests}
        for digest, (path, source) in [*self._later.items()]:
            if self._read(path, source, os.stat(source).st_size)[0] != digest:
                raise FileChangedError(source)
        self._later.clear()
        self._packer.close()
        for rows in self._digests.values():
            rows.save(self.names())
        return self.places

    def names(self) -> list[Name]:
        """Of all blobs that places refer to, by their number, once closed."""
        return [name for name in self.blobs if name is not None]

    def discard(self) -> None:
        """Give up what was not closed."""
        with self._packer:
            pass

    def _rows_of(self, root: str) -> Digests:
        if root not in self._digests:
            self._digests[root] = Digests(self._cache, self._store_id, root)
        return self._digests[root]

    def _has(self, digest: bytes) -> bool:
        return digest in self.places or digest in self.pieces

    def _take(
        self, path: str, source: str, stat: os.stat_result, rows: Digests, *, is_immutable: bool
    ) -> tuple[bytes, int]:
        """Digest and size of a file. The inner loop of an add: raw bytes, few calls."""
        key = state_key(stat)
        hit = rows.get(key)
        if hit is not None and (hit[0] in self.places or self._recall(hit, rows, stat.st_size)):
            return hit[0], stat.st_size
        if is_immutable:
            return self._postpone(path, source)
        for _ in range(_TRIES):
            digest, after = self._read(path, source, stat.st_size)
            if (key_after := state_key(after)) == key and digest is not None:
                if digest in self.places:
                    rows.put(key, stat, digest, self.places[digest])
                return digest, stat.st_size
            stat, key = after, key_after
        raise FileChangedError(source)

    def _recall(self, hit: tuple[bytes, Place], rows: Digests, size: int) -> bool:
        """Use what this machine remembers, if the store still has it."""
        digest, (blob, offset) = hit
        if blob == SOLO:
            is_there = self._objects.has(Name(BLOBS, Digest(digest)), size)
            if is_there:
                self.places[digest] = (SOLO, 0)
            return is_there
        if blob not in rows.numbers:
            name = rows.blobs[blob]
            rows.numbers[blob] = self._number(name) if self._objects.has(name) else None
        number = rows.numbers[blob]
        if number is not None:
            self.places[digest] = (number, offset)
        return number is not None

    def _postpone(self, path: str, source: str) -> tuple[bytes, int]:
        with open(source, "rb", buffering=0) as file:
            most = os.fstat(file.fileno()).st_size
            digest, size = hash_file(file.fileno(), most=most)
        self._later[digest] = (path, os.path.abspath(source))
        return digest, size

    def _number(self, name: Name) -> int:
        if name not in self._numbers:
            self._numbers[name] = len(self.blobs)
            self.blobs.append(name)
        return self._numbers[name]

    def _read(self, path: str, source: str, size: int) -> tuple[bytes | None, os.stat_result]:
        """Digest of a file whose bytes are placed, and its state after they were read.

        The digest is None if it was shorter or longer than the disk says.
        """
        fd = os.open(source, _READ)
        try:
            if size >= SMALL_BYTES:
                return self._read_large(fd, size), os.fstat(fd)
            data = os.read(fd, size + 1)
            after = os.fstat(fd)
        finally:
            os.close(fd)
        if len(data) != size:
            return None, after
        digest = blake3(data).digest()
        if data and not self._has(digest) and not self._find(path, digest):
            self.places[digest] = self._packer.add(data)
        return digest, after

    def _read_large(self, fd: int, size: int) -> Digest | None:
        with self._beside() as path:
            digest, length = copy_file(fd, path, most=size)
            if length == size:
                self._keep_solo(digest, path)
        return digest if length == size else None

    @contextmanager
    def _beside(self) -> Iterator[Path]:
        path = self.store.spool / f"solo-{secrets.token_hex(8)}"
        try:
            yield path
        finally:
            path.unlink(missing_ok=True)

    def _keep_solo(self, digest: Digest, path: Path) -> None:
        if not self._has(digest):
            name = Name(BLOBS, digest)
            if not self._objects.has(name, os.path.getsize(path)):
                self.store.take(name.key, path)
            self.places[digest] = (SOLO, 0)

    def _find(self, path: str, digest: bytes) -> bool:
        """Take over the spans of the collection's last version, if it has this content there."""
        spans = self.known(path, digest)
        is_there = bool(spans) and all(self._has_blob(span.blob) for span in spans)
        if is_there:
            self.adopt(Digest(digest), spans)
        return is_there

    def _has_blob(self, name: Name) -> bool:
        if name not in self._is_there:
            self._is_there[name] = self._objects.has(name)
        return self._is_there[name]
