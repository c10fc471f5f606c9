"""Chunks: content-defined pieces of large files, and the lists by which later files find them.

A list says what lies in one blob. It is a cache: without it a later file that shares chunks with
the blob is stored whole. Its chunks are taken for what it says, so it has a digest of its own.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from blake3 import blake3
from msgspec import Struct

from artifacts.content import Digest
from artifacts.errors import ArtifactsError
from artifacts.storage.codec import MOST_STORED, RAW, ZSTD
from artifacts.storage.index import key_of_chunk
from artifacts.storage.layout import MAX_OFFSET
from artifacts.storage.name import BLOBS, Name
from artifacts.storage.store import ObjectStore

if TYPE_CHECKING:
    from pyfastcdc import FastCDC

_LEAST_EVER, _MOST_EVER = 2**10, 2**18  # bytes of a chunk, whatever a store says
_MOST_ROWS = 2**20  # of a list: what lies beyond the first 32 GiB of a blob is not found again
_BUFFER_BYTES = 2 * 2**20  # cut at once: more would not stay in the processor's cache
_FOLDER = "cache/chunks"
_MAGIC = b"artchnk1"
_HEAD = struct.Struct("<8sI")
_ROW = struct.Struct("<32sQIIB")
_DIGEST = 32


class ChunkSizes(Struct, frozen=True):
    """Bytes of the chunks that a store's large files are cut into: all but the last of a file."""

    least: int = 2**13
    mean: int = 2**15
    most: int = 2**17

    def __post_init__(self) -> None:
        """Raises ValueError for what is no power of two, too small, too large or out of order."""
        sizes = (self.least, self.mean, self.most)
        if not all(type(size) is int and size > 0 and size & (size - 1) == 0 for size in sizes):
            raise ValueError(f"chunk sizes are {sizes}, want powers of two")
        if not _LEAST_EVER <= self.least <= self.mean <= self.most <= _MOST_EVER:
            raise ValueError(f"chunk sizes are {sizes}, want {_LEAST_EVER} ≤ … ≤ {_MOST_EVER}")


CHUNK_SIZES = ChunkSizes()
"""Those of a new store, and of one that does not say."""


class Chunk(NamedTuple):
    """What it decodes to, and where in its blob it lies."""

    digest: bytes
    offset: int
    stored: int
    size: int
    codec: int = RAW


def cut(read: Callable[[int], bytes], sizes: ChunkSizes = CHUNK_SIZES) -> Iterator[memoryview]:
    """The pieces of a stream, in order.

    `read` gives at most so many bytes, and none at the end. Where the cuts are depends on the
    bytes alone, a hundred or so before each, so an insertion moves only those beside it.
    """
    cutter = Cutter(sizes)
    while data := read(_BUFFER_BYTES):
        yield from cutter.feed(data)
    yield from cutter.close()


class Cutter:
    """As `cut`, for whoever reads the stream for something else too."""

    def __init__(self, sizes: ChunkSizes = CHUNK_SIZES) -> None:
        self._held = b""
        self._cutter = _cutter(sizes)

    def feed(self, data: bytes | memoryview) -> Iterator[memoryview]:
        """The pieces that end within what came so far."""
        view = memoryview(self._held + data)
        lengths = [chunk.length for chunk in self._cutter.cut_buf(view)]
        start = 0
        for length in lengths[:-1]:
            yield view[start : start + length]
            start += length
        self._held = bytes(view[start:])  # where it ends only the next bytes tell

    def close(self) -> Iterator[memoryview]:
        """The last one."""
        if self._held:
            yield memoryview(self._held)
        self._held = b""


class ChunkRows:
    """The chunks of one blob as they are found: too many for an object of each."""

    def __init__(self) -> None:
        self._rows = bytearray()
        self.indexed: list[tuple[bytes, int]] = []  # keys and offsets of those that are

    def add(self, chunk: Chunk) -> None:
        if len(self._rows) < _MOST_ROWS * _ROW.size:
            self._rows += _ROW.pack(*chunk)
            if key := key_of_chunk(chunk.digest):
                self.indexed.append((key, chunk.offset))

    def add_raw(self, chunk: memoryview, offset: int) -> None:
        """One that lies there as it is."""
        self.add(Chunk(blake3(chunk).digest(), offset, len(chunk), len(chunk)))

    def encode(self, blob: Name) -> bytes:
        body = _HEAD.pack(_MAGIC, len(self._rows) // _ROW.size) + self._rows
        return Digest.of(blob.digest + body) + body


class ChunkLists:
    """Best effort on both sides: `get` may find nothing, `put` may fail unnoticed."""

    def __init__(self, store: ObjectStore) -> None:
        self.store = store

    def put(self, blob: Name, rows: ChunkRows) -> None:
        try:
            self.store.write(_key(blob), rows.encode(blob))
        except ArtifactsError:
            pass  # the next relative of the file is stored whole

    def blobs(self) -> Iterator[Name]:
        """Those that have a list, be it whole or not."""
        for key in self.store.list(f"{_FOLDER}/"):
            if (name := Name.of_key(f"{BLOBS}/{key.removeprefix(f'{_FOLDER}/')}")) is not None:
                yield name

    def key(self, blob: Name) -> str:
        """Where the list lies, or would lie."""
        return _key(blob)

    def delete(self, blob: Name) -> None:
        """Of a blob that goes too."""
        self.store.delete(_key(blob))

    def get(self, blob: Name) -> list[Chunk]:
        """Nothing where there is no list, or a damaged one, or one of another blob."""
        try:
            data = self.store.read(_key(blob))
        except ArtifactsError:
            return []
        body = data[_DIGEST:]
        if Digest.of(blob.digest + body) != data[:_DIGEST] or len(body) < _HEAD.size:
            return []
        magic, count = _HEAD.unpack_from(body)
        if magic != _MAGIC or len(body) != _HEAD.size + count * _ROW.size:
            return []
        chunks = [Chunk(*row) for row in _ROW.iter_unpack(body[_HEAD.size :])]
        return [chunk for chunk in chunks if _is_possible(chunk)]


def _is_possible(chunk: Chunk) -> bool:
    """Whether a layout may have it as a span."""
    if chunk.codec not in (RAW, ZSTD) or (chunk.codec == RAW and chunk.stored != chunk.size):
        return False
    is_within = chunk.offset + chunk.stored <= MAX_OFFSET
    return is_within and chunk.size > 0 and max(chunk.stored, chunk.size) <= MOST_STORED


@cache
def _cutter(sizes: ChunkSizes) -> FastCDC:
    from pyfastcdc import FastCDC

    return FastCDC(sizes.mean, min_size=sizes.least, max_size=sizes.most)


def _key(blob: Name) -> str:
    return f"{_FOLDER}/{blob.key.removeprefix(f'{BLOBS}/')}"
