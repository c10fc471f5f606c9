"""Intake: files of this machine on their way into a store, each read once."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import Executor
from pathlib import Path
from threading import RLock

from blake3 import blake3

from artifacts.cache.contents import Contents
from artifacts.cache.digests import IN_PIECES, Digests, state_key
from artifacts.cache.hashing import Hashed, hashed_ahead
from artifacts.cache.large import Base, LargeFiles
from artifacts.cache.placement import CUT_BYTES, SOLO_BYTES
from artifacts.cache.tree import Tree
from artifacts.content import Digest
from artifacts.errors import DigestMismatchError, FileChangedError
from artifacts.progress import Progress, Silent
from artifacts.storage import (
    CHUNK_SIZES,
    SOLO,
    START,
    TO_READ,
    ChunkSizes,
    Epoch,
    ObjectStore,
    Packer,
    Place,
    Span,
    Uploads,
    hash_file,
    read_spans,
)

_TRIES = 3  # of reading a file that changes meanwhile


class Intake:
    """Collects where contents lie. Nothing of it is promised before `close`.

    One thread at a time: whoever shares it holds its `lock`.
    """

    def __init__(
        self,
        store: ObjectStore,
        cache: Path,
        store_id: str,
        epoch: Epoch = START,
        *,
        sizes: ChunkSizes = CHUNK_SIZES,
    ) -> None:
        """`epoch` was read just now: before anything that exists is looked at."""
        self.store = store
        self.lock = RLock()
        self.contents = Contents(store, epoch)
        self._is_renewed = False
        self._cache, self._store_id = cache, store_id
        self._uploads = Uploads(store)
        self._packer = Packer(store, self.contents.blobs, self._uploads, epoch)
        self._large = LargeFiles(store, self.contents, self._packer, self._uploads, sizes)
        self._digests: dict[str, Digests] = {}
        self._later: dict[bytes, tuple[str, str]] = {}

    @property
    def base(self) -> Base:
        """What to look for known content in."""
        return self._large.base

    @base.setter
    def base(self, base: Base) -> None:
        self._large.base = base

    @property
    def epoch(self) -> Epoch:
        """That of a commit of what was taken in."""
        return self.contents.epoch

    def renew(self, epoch: Epoch) -> None:
        """Go on with an epoch that was read just now: `close` looks again at what exists."""
        self.contents.renew(epoch)
        self._packer.renew(epoch)
        self._is_renewed = True

    def add_tree(
        self,
        tree: Tree,
        prefix: str,
        progress: Progress | None = None,
        *,
        is_immutable: bool = False,
        executor: Executor | None = None,
    ) -> Iterator[tuple[str, bytes, int]]:
        """Path, digest and size of each file, in path order.

        An executor's workers read first what this machine does not know; what the store then
        proves to have is not read here.
        """
        progress = progress or Silent()
        rows = self._rows_of(tree.root)
        taken = self._taken(tree, prefix, rows, executor, is_immutable=is_immutable)
        for path, (digest, size) in taken:
            progress.advance(size)
            yield path, digest, size

    def add_file(self, source: str, path: str, *, is_immutable: bool = False) -> tuple[Digest, int]:
        """Digest and size of one file that will be called `path`."""
        stat = os.stat(source)
        rows = self._rows_of(os.path.dirname(os.path.abspath(source)))
        digest, size = self._take(path, source, stat, rows, is_immutable=is_immutable)
        return Digest(digest), size

    def add_bytes(self, data: bytes) -> Digest:
        """As a file of these bytes."""
        digest = Digest.of(data)
        if data and digest not in self.contents:
            self.contents.places[digest] = self._packer.add(data)
        return digest

    def add_stream(
        self, digest: Digest, size: int, content: Iterator[bytes], path: str = ""
    ) -> None:
        """As a file of these bytes, of which the digest is known, and checked all the same.

        What is found in the store at once is not read.
        """
        if digest in self.contents or self._find_known(path, digest, size):
            return
        beside = self.store.spool() / f"stream-{secrets.token_hex(8)}"
        try:
            with beside.open("xb") as file:
                file.writelines(content)
            found, *_ = self._read(path, str(beside))
        finally:
            beside.unlink(missing_ok=True)
        if found != digest:
            raise DigestMismatchError("a draft's content", digest.hex(), (found or b"").hex())

    def adopt(self, digest: Digest, spans: Sequence[Span]) -> None:
        """Content that lies in the store already, in blobs of a live version."""
        if digest not in self.contents:
            self.contents.adopt(digest, spans)

    def read(self, digest: bytes, size: int, path: str) -> Iterator[bytes]:
        """Content that was added and closed. Raises MissingBlobError, naming `path`."""
        return read_spans(self.store, self.contents.spans(digest, size), path)

    def close(self, needed: Callable[[], Collection[bytes]] | None = None) -> Contents:
        """All that is needed is durable, and where a commit of this epoch may rely on it.

        Raises FileChangedError for an immutable file that changed, MissingBlobError for what was
        collected since it was added.
        """
        needed = needed or self._all
        if self._later:
            digests = needed()
            self._later = {key: value for key, value in self._later.items() if key in digests}
        for digest, (path, source) in [*self._later.items()]:
            if self._read(path, source)[0] != digest:
                raise FileChangedError(source)
        self._later.clear()
        packs = [number for number, blob in enumerate(self.contents.blobs) if blob is None]
        self._packer.close()
        if self.epoch.number or self._is_renewed:
            self.contents.free(needed(), is_renewed=self._is_renewed)
            self._is_renewed = False
        self.contents.settle()
        self.contents.add_to_index(packs, self._large.close())
        for rows in self._digests.values():
            rows.save(self.contents.names(), self.contents.places)
        return self.contents

    def _all(self) -> Collection[bytes]:
        return {*self.contents.places, *self.contents.pieces, *self._later}

    def discard(self) -> None:
        """Give up what was not closed."""
        self._large.discard()
        with self._packer:
            pass

    def _rows_of(self, root: str) -> Digests:
        if root not in self._digests:
            self._digests[root] = Digests(self._cache, self._store_id, root)
        return self._digests[root]

    def _taken(
        self,
        tree: Tree,
        prefix: str,
        rows: Digests,
        executor: Executor | None,
        *,
        is_immutable: bool,
    ) -> Iterator[tuple[str, tuple[bytes, int]]]:
        """Where nothing of the tree can be known, no file's state is asked for by its path."""
        if executor is None and not is_immutable and rows.is_empty:
            for path, entry in tree.entries():
                name = prefix + path
                yield name, self._store(name, entry.path, rows)
            return
        hashed = hashed_ahead(tree, lambda stat: rows.get(state_key(stat)) is not None, executor)
        for (path, source, stat), told in hashed:
            name = prefix + path
            yield name, self._take(name, source, stat, rows, is_immutable=is_immutable, told=told)

    def _take(
        self,
        path: str,
        source: str,
        stat: os.stat_result,
        rows: Digests,
        *,
        is_immutable: bool,
        told: Hashed | None = None,
    ) -> tuple[bytes, int]:
        """Digest and size of a file. The inner loop of an add: raw bytes, few calls."""
        key = state_key(stat)
        hit = rows.get(key)
        if hit is not None and (
            hit[0] in self.contents.places or self._recall(path, hit, rows, stat.st_size)
        ):
            return hit[0], stat.st_size
        if told is not None and self._is_stored(path, source, stat, told):
            rows.put(key, stat, told.digest)
            return told.digest, stat.st_size
        if is_immutable:
            return self._postpone(path, source, told if told and told.is_of(stat) else None)
        return self._store(path, source, rows)

    def _store(self, path: str, source: str, rows: Digests) -> tuple[bytes, int]:
        """Digest and size of a file that is read, whatever is known of it.

        Needs no look at its state by path, which takes long.
        """
        for _ in range(_TRIES):
            digest, before, after = self._read(path, source)
            if digest is not None and (key := state_key(before)) == state_key(after):
                if before.st_size:
                    rows.put(key, before, digest)
                return digest, before.st_size
        raise FileChangedError(source)

    def _recall(self, path: str, hit: tuple[bytes, Place], rows: Digests, size: int) -> bool:
        """Use what this machine remembers, if the store still has it."""
        digest, (blob, offset) = hit
        if digest in self.contents.pieces:
            return True
        if blob == IN_PIECES:
            return self._find_in_base(path, digest)
        if blob == SOLO:
            return self._find_solo(digest, size)
        if blob not in rows.numbers:
            name = rows.blobs[blob]
            is_there = self.contents.is_stored(name)
            rows.numbers[blob] = self.contents.number(name) if is_there else None
        number = rows.numbers[blob]
        if number is not None:
            self.contents.places[digest] = (number, offset)
        return number is not None

    def _is_stored(self, path: str, source: str, stat: os.stat_result, told: Hashed) -> bool:
        """Whether the store has what a worker read of a file that is still as it was then."""
        digest, size, _ = told
        is_there = told.is_of(stat) and (
            digest in self.contents or self._find_known(path, digest, size)
        )
        return is_there and state_key(os.stat(source)) == state_key(stat)

    def _postpone(self, path: str, source: str, told: Hashed | None) -> tuple[bytes, int]:
        """What a worker told is compared when the file is stored."""
        if told is not None:
            digest, size = told.digest, told.size
        else:
            digest, size = _hash(source)
        self._later[digest] = (path, os.path.abspath(source))
        return digest, size

    def _read(self, path: str, source: str) -> tuple[bytes | None, os.stat_result, os.stat_result]:
        """Digest of a file whose bytes are placed, and its state before and after they were read.

        The digest is None if it was shorter or longer than the disk said.
        """
        fd = os.open(source, TO_READ)
        try:
            before = os.fstat(fd)
            size = before.st_size
            if size >= CUT_BYTES:
                return self._large.place(fd, path, size), before, os.fstat(fd)
            data = os.read(fd, size + 1)
            after = os.fstat(fd)
        finally:
            os.close(fd)
        if len(data) != size:
            return None, before, after
        digest = blake3(data).digest()
        if data and digest not in self.contents and not self._find(path, digest, size):
            self.contents.places[digest] = self._packer.add(data)
        return digest, before, after

    def _find_known(self, path: str, digest: bytes, size: int) -> bool:
        """As `_find`, also as a blob of its own, which the index does not list."""
        is_found = self._find(path, digest, size)
        return is_found or (size >= SOLO_BYTES and self._find_solo(digest, size))

    def _find(self, path: str, digest: bytes, size: int) -> bool:
        """Take over the spans of the collection's last version, or what the store's index knows."""
        return self._find_in_base(path, digest) or self.contents.locate(digest, size)

    def _find_solo(self, digest: bytes, size: int) -> bool:
        blob = self.contents.solo(Digest(digest))
        is_there = self.contents.is_stored(blob, size)
        if is_there:
            self.contents.place_solo(Digest(digest), blob)
        return is_there

    def _find_in_base(self, path: str, digest: bytes) -> bool:
        base = self._large.base(path)
        if base is None or base[0] != digest or not base[1]:
            return False
        is_there = all(self.contents.is_stored(span.blob) for span in base[1])
        if is_there:
            self.adopt(Digest(digest), base[1])
        return is_there


def _hash(source: str) -> tuple[bytes, int]:
    with open(source, "rb", buffering=0) as file:
        return hash_file(file.fileno(), most=os.fstat(file.fileno()).st_size)
