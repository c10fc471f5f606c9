"""Pieces: files put together of what the store has and what is new, while they are added."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import BinaryIO, NamedTuple

from blake3 import blake3

from artifacts.cache.relative import Match, Side
from artifacts.content import Digest
from artifacts.storage import (
    BUFFER_BYTES,
    CHUNK_SIZES,
    RAW,
    ZSTD,
    Chunk,
    ChunkLists,
    ChunkRows,
    ChunkSizes,
    Located,
    Name,
    ObjectStore,
    Packer,
    Span,
    compress,
    cut,
)

_BATCH = 32  # chunks that one thread digests and compresses at a time
_MOST_WAITING = 6  # batches
_MOST_KNOWN = 2**18  # chunks, of some 8 GiB, that are held in memory
MOST_FRAMES = 8 * 2**20  # bytes of one span, all of which are decoded at once
_WORTH = 0.95  # of the size: a chunk that compresses to no less is kept as it is


class Piece(NamedTuple):
    """A span whose blob is known by its number, since a pack has no name before it is full."""

    blob: int
    offset: int
    stored: int
    size: int
    codec: int = RAW


class Pieces:
    """Of one file, in order; those that follow each other in a blob are one."""

    def __init__(self) -> None:
        self.all: list[Piece] = []

    def add(self, piece: Piece) -> None:
        last = self.all[-1] if self.all else None
        if last is not None and _follows(last, piece):
            stored, size = last.stored + piece.stored, last.size + piece.size
            self.all[-1] = last._replace(stored=stored, size=size)
        else:
            self.all.append(piece)


def _follows(last: Piece, piece: Piece) -> bool:
    if (piece.blob, piece.offset, piece.codec) != (
        last.blob,
        last.offset + last.stored,
        last.codec,
    ):
        return False
    return piece.codec == RAW or max(last.stored + piece.stored, last.size + piece.size) <= (
        MOST_FRAMES
    )


class Stretches:
    """The bytes of an earlier file, raw, wherever they lie."""

    def __init__(self, store: ObjectStore, spans: Sequence[Span]) -> None:
        self._store, self._spans = store, spans
        self.side = Side(sum(span.size for span in spans), self._read)

    def within(self, start: int, length: int) -> Iterator[tuple[Name, int, int]]:
        """Blob, offset and length of each part of a stretch."""
        for span in self._spans:
            if length and start < span.size:
                part = min(span.size - start, length)
                yield span.blob, span.offset + start, part
                start, length = 0, length - part
            else:
                start -= min(start, span.size)

    def _read(self, start: int, length: int) -> bytes:
        parts: list[bytes] = []
        for blob, at, part in self.within(start, length):
            parts.append(self._store.read(blob.key, at, part))
            if len(parts[-1]) < part:
                break  # a damaged blob: what follows would seem to lie where it does not
        return b"".join(parts)


class Assembler:
    """Puts files together. One thread at a time; the packer's is another."""

    def __init__(
        self,
        store: ObjectStore,
        packer: Packer,
        number: Callable[[Name], int],
        blob_of: Callable[[bytes], Name | None],
        sizes: ChunkSizes = CHUNK_SIZES,
    ) -> None:
        self._store = store
        self._packer = packer
        self._number = number
        self._blob_of = blob_of
        self._sizes = sizes
        self._lists = ChunkLists(store)
        self._chunks: dict[bytes, Piece] = {}
        self._listed: set[Name] = set()
        self._rows: dict[int, ChunkRows] = {}
        self._noting: Future[None] | None = None
        self._pool = ThreadPoolExecutor(os.cpu_count() or 1, thread_name_prefix="art-chunk")

    def learn(self, blobs: Iterable[Name]) -> bool:
        """Take in what the lists of these blobs say; whether any did."""
        missing = {*blobs} - self._listed
        self._listed |= missing
        for blob, chunks in zip(missing, self._pool.map(self._lists.get, missing), strict=True):
            number = self._number(blob) if chunks else 0
            for chunk in islice(chunks, max(0, _MOST_KNOWN - len(self._chunks))):
                piece = Piece(number, chunk.offset, chunk.stored, chunk.size, chunk.codec)
                self._chunks.setdefault(chunk.digest, piece)
        return bool(self._chunks)

    def stretched(
        self, new: Side, old: Stretches, found: Sequence[Match]
    ) -> tuple[Digest, Sequence[Piece]]:
        """Digest and pieces of what is read of `new` now, whatever it was when matches were found.

        Every byte is compared again, unless it is the very one that was, and so may be taken from
        where it lies.
        """
        hasher, pieces, at = blake3(), Pieces(), 0
        is_compared = new.is_held and old.side.is_held
        for match in [*found, Match(new.size, 0, 0)]:
            for data in _blocks(new, at, match.start):
                hasher.update(data)
                self._add_raw(pieces, data)
            there = match.there
            for data in _blocks(new, match.start, match.stop):
                hasher.update(data)
                if is_compared or data == old.side.read(there, len(data)):
                    for blob, offset, length in old.within(there, len(data)):
                        pieces.add(Piece(self._number(blob), offset, length, length))
                else:
                    self._add_raw(pieces, data)
                there += len(data)
            at = match.stop
        return Digest(hasher.digest()), pieces.all

    def shared(self, read: Callable[[int], bytes]) -> int:
        """How many bytes of a stream lie in known chunks."""
        chunks = cut(read, self._sizes)
        return sum(len(each) for each in chunks if self._find(blake3(each).digest()))

    def list_all(self, blob: int, rows: ChunkRows) -> None:
        """Take over the list of all chunks of a blob."""
        self._rows[blob] = rows

    def note(self, blob: int, offset: int, file: BinaryIO) -> None:
        """List the chunks of a file that lies raw from `offset` of a blob; closes it, some time."""
        rows = self._rows.setdefault(blob, ChunkRows())
        if self._noting is not None:
            self._noting.result()  # one at a time, as they would be in each other's way
        self._noting = self._pool.submit(_note, rows, offset, file, self._sizes)

    def chunked(
        self, read: Callable[[int], bytes], *, compresses: bool
    ) -> tuple[Digest, Sequence[Piece]]:
        """Digest and pieces of a stream."""
        hasher, pieces = blake3(), Pieces()

        def following(most: int) -> bytes:
            data = read(most)
            hasher.update(data)
            return data

        waiting: deque[Future[list[tuple[bytes, int, bytes]]]] = deque()
        chunks = cut(following, self._sizes)
        while batch := [*islice(chunks, _BATCH)]:
            waiting.append(self._pool.submit(_encoded, batch, self._chunks, compresses=compresses))
            if len(waiting) > _MOST_WAITING:
                self._add_chunks(pieces, waiting.popleft().result())
        for each in waiting:
            self._add_chunks(pieces, each.result())
        return Digest(hasher.digest()), pieces.all

    def close(self, names: Sequence[Name]) -> list[Located]:
        """Write the lists of the blobs that have new chunks; rows of these for the index."""
        if self._noting is not None:
            self._noting.result()
        lists = [(names[number], rows) for number, rows in self._rows.items()]
        [*self._pool.map(lambda each: self._lists.put(*each), lists)]
        self._rows.clear()
        return [Located(digest, blob, at) for blob, rows in lists for digest, at in rows.indexed]

    def discard(self) -> None:
        self._pool.shutdown(cancel_futures=True)

    def _add_raw(self, pieces: Pieces, data: bytes) -> None:
        blob, offset = self._packer.add(data)
        pieces.add(Piece(blob, offset, len(data), len(data)))

    def _add_chunks(self, pieces: Pieces, encoded: list[tuple[bytes, int, bytes]]) -> None:
        for digest, size, stored in encoded:
            piece = self._find(digest)
            if piece is None:
                piece = self._add_chunk(digest, size, stored)
            pieces.add(piece)

    def _find(self, digest: bytes) -> Piece | None:
        if digest not in self._chunks and (blob := self._blob_of(digest)) is not None:
            self.learn([blob])
        return self._chunks.get(digest)

    def _add_chunk(self, digest: bytes, size: int, stored: bytes) -> Piece:
        blob, offset = self._packer.add(stored)
        codec = RAW if len(stored) == size else ZSTD
        piece = Piece(blob, offset, len(stored), size, codec)
        if len(self._chunks) < _MOST_KNOWN:
            self._chunks[digest] = piece
        rows = self._rows.setdefault(blob, ChunkRows())
        rows.add(Chunk(digest, offset, len(stored), size, codec))
        return piece


def _encoded(
    batch: Sequence[memoryview], known: Mapping[bytes, Piece], *, compresses: bool
) -> list[tuple[bytes, int, bytes]]:
    """Digest, size and stored form of each; the form of a known one is not needed, and empty."""
    encoded = []
    for chunk in batch:
        digest, stored = blake3(chunk).digest(), b""
        if digest not in known:
            stored = compress(chunk) if compresses else b""
            if not stored or len(stored) > _WORTH * len(chunk):
                stored = bytes(chunk)
        encoded.append((digest, len(chunk), stored))
    return encoded


def _note(rows: ChunkRows, offset: int, file: BinaryIO, sizes: ChunkSizes) -> None:
    with file:
        for each in cut(file.read, sizes):
            rows.add_raw(each, offset)
            offset += len(each)


def _blocks(side: Side, start: int, stop: int) -> Iterator[bytes]:
    """A stretch, in order. Ends early where the file has become shorter."""
    while start < stop and (data := side.read(start, min(BUFFER_BYTES, stop - start))):
        yield data
        start += len(data)
