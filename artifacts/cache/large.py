"""Large: files that are worth more thought than being packed as they are."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial
from io import BytesIO
from typing import TypeAlias

from artifacts.cache.contents import Contents
from artifacts.cache.pieces import Assembler, Piece, Stretches
from artifacts.cache.placement import (
    SOLO_BYTES,
    Placement,
    is_worth_compressing,
    placement,
    samples,
)
from artifacts.cache.relative import Side, matches
from artifacts.cache.solo import SoloFile
from artifacts.content import Digest
from artifacts.errors import FileChangedError
from artifacts.storage import (
    CHUNK_SIZES,
    RAW,
    ChunkSizes,
    Located,
    Objects,
    ObjectStore,
    Packer,
    Span,
    Uploads,
    copy_file,
    hash_file,
)

_THREADS = min(4, os.cpu_count() or 1)
_LEAST_SHARED = 1 / 8  # of a file: with less it is better off in one piece

Base: TypeAlias = Callable[[str], tuple[bytes, Sequence[Span]] | None]
"""Digest and spans of the file that the collection's last version has at a path."""


class LargeFiles:
    """Places one file after another in `contents`."""

    def __init__(
        self,
        store: ObjectStore,
        contents: Contents,
        packer: Packer,
        uploads: Uploads,
        sizes: ChunkSizes = CHUNK_SIZES,
    ) -> None:
        self.base: Base = lambda _path: None
        self._store = store
        self._contents = contents
        self._packer = packer
        self._uploads = uploads
        self._sizes = sizes
        find = contents.blob_of_chunk
        self._assembler = Assembler(store, packer, contents.number, find, sizes)
        self._is_far = store.concurrency > 1
        self._objects = Objects(store)

    def place(self, fd: int, path: str, size: int) -> Digest | None:
        """Digest of an open file, now placed; None if it proves to have another size."""
        new = Side(size, lambda start, length: os.pread(fd, length, start))
        base = self._base_spans(path)
        is_comparable = bool(base) and (self._is_far or all(span.codec == RAW for span in base))
        compresses = is_worth_compressing(b"".join(new.read(*each) for each in samples(size)))
        way = placement(size, compresses=compresses, has_base=is_comparable, is_far=self._is_far)
        if way is Placement.CHUNKED:
            self._assembler.learn(span.blob for span in base)
            if compresses or self._assembler.shared(_stream(new)) >= _LEAST_SHARED * size:
                found = self._assembler.chunked(_stream(new), compresses=compresses)
                return self._keep(size, *found)
        elif way is Placement.STRETCHED:
            old = Stretches(self._store, base)
            alike = matches(new, old.side)
            if sum(match.length for match in alike) >= _LEAST_SHARED * size:
                return self._keep(size, *self._assembler.stretched(new, old, alike))
        if size < SOLO_BYTES:
            return self._place_packed(fd, size)
        return self._send_solo(fd, path, size) if self._is_far else self._place_solo(fd, size)

    def close(self) -> list[Located]:
        """Once every pack has its name: rows for the index."""
        return self._assembler.close(self._contents.names())

    def discard(self) -> None:
        self._assembler.discard()

    def _base_spans(self, path: str) -> Sequence[Span]:
        """Those of the path in the last version, if all of what they lie in is there."""
        base = self.base(path)
        spans = base[1] if base else ()
        return spans if all(self._contents.is_stored(span.blob) for span in spans) else ()

    def _keep(self, size: int, digest: Digest, pieces: Sequence[Piece]) -> Digest | None:
        if sum(piece.size for piece in pieces) != size:
            return None
        if digest not in self._contents:
            self._contents.put(digest, pieces)
        return digest

    def _place_packed(self, fd: int, size: int) -> Digest | None:
        data = self._packer.lend(size)
        digest = Digest.of(data) if _fill(fd, data) else None
        if digest is None or digest in self._contents or self._contents.locate(digest, size):
            self._packer.give_back(data)
            return digest
        held = BytesIO(data) if self._is_far else None
        blob, offset = self._contents.places[digest] = self._packer.add(data)
        if held is not None:
            self._assembler.note(blob, offset, held)
        return digest

    def _place_solo(self, fd: int, size: int) -> Digest | None:
        path = self._store.spool() / f"solo-{secrets.token_hex(8)}"
        with ExitStack() as spooled:
            spooled.callback(path.unlink, missing_ok=True)
            digest, length = copy_file(fd, path, most=size)
            if length != size:
                return None
            if digest not in self._contents:
                blob = self._contents.solo(digest)
                spooled.pop_all()
                self._uploads.add(blob.key, path, unless=partial(self._objects.has, blob, size))
                self._contents.place_solo(digest, blob)  # no sooner: adding may have failed
            return digest

    def _send_solo(self, fd: int, path: str, size: int) -> Digest | None:
        """Without a copy of it: it is read once for its name and once more to be sent."""
        digest, length = hash_file(fd, most=size, threads=_THREADS)  # the network waits for it
        if length != size:
            return None
        blob = self._contents.solo(digest)
        if digest not in self._contents and not self._contents.is_stored(blob, size):
            file = SoloFile(fd, path, size, digest, self._sizes)
            try:
                self._uploads.stream(blob.key, size, file.read)
            except FileChangedError:
                return None
            self._assembler.list_all(self._contents.number(blob), file.rows)
        if digest not in self._contents:
            self._contents.place_solo(digest, blob)
        return digest


def _fill(fd: int, buffer: memoryview) -> bool:
    """Whether the rest of an open file is as long as the buffer, which then has it."""
    at = 0
    while at < len(buffer) and (count := os.readv(fd, [buffer[at:]])):
        at += count
    return at == len(buffer) and not os.read(fd, 1)


def _stream(side: Side) -> Callable[[int], bytes]:
    """Reads on from where it stopped, to the size that the side had at first."""
    at = 0

    def read(most: int) -> bytes:
        nonlocal at
        data = side.read(at, min(most, side.size - at))
        at += len(data)
        return data

    return read
