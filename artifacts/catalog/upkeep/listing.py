"""Listing: chunk lists read, and made anew from the bytes, by any worker that reaches the store."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from blake3 import blake3
from msgspec import Struct

from artifacts.catalog.upkeep.stretches import Stretch
from artifacts.errors import NotFoundError
from artifacts.storage import (
    BUFFER_BYTES,
    ZSTD,
    Chunk,
    ChunkLists,
    ChunkRows,
    ChunkSizes,
    Located,
    Name,
    ObjectStore,
    cut,
)

_MOST_FRAME = 2**18  # bytes of a chunk's frame, or of what it decodes to


class Unlisted(Struct, frozen=True):
    """Where large files lie in a blob: in zstd frames end to end, or raw."""

    blob: Name
    frames: Sequence[Stretch]
    raw: Sequence[Stretch]

    @property
    def size(self) -> int:
        return sum(each.length for each in (*self.frames, *self.raw))


def listed(work: tuple[ObjectStore, Sequence[Name]]) -> list[list[Located] | None]:
    """What the list of each blob has for the index; None for one that is damaged, or empty."""
    store, blobs = work
    lists = ChunkLists(store)
    return [_indexed(blob, chunks) if (chunks := lists.get(blob)) else None for blob in blobs]


def list_chunks(
    work: tuple[ObjectStore, ChunkSizes, Sequence[Unlisted]],
) -> list[list[Located]]:
    """Write the list of each blob; what it has for the index. A blob that is gone has nothing."""
    store, sizes, blobs = work
    return [_list(store, sizes, each) for each in blobs]


def _list(store: ObjectStore, sizes: ChunkSizes, unlisted: Unlisted) -> list[Located]:
    rows = ChunkRows()
    try:
        chunks = sorted({*_chunks(store, sizes, unlisted)}, key=lambda chunk: chunk.offset)
    except NotFoundError:
        return []
    for chunk in chunks:
        rows.add(chunk)
    ChunkLists(store).put(unlisted.blob, rows)
    return _indexed(unlisted.blob, chunks)


def _indexed(blob: Name, chunks: Iterable[Chunk]) -> list[Located]:
    rows = ChunkRows()
    for chunk in chunks:
        rows.add(chunk)
    return [Located(digest, blob, offset) for digest, offset in rows.indexed]


def _chunks(store: ObjectStore, sizes: ChunkSizes, unlisted: Unlisted) -> Iterator[Chunk]:
    for stretch in unlisted.frames:
        yield from _framed(_reader(store, unlisted.blob, stretch), stretch.start)
    for stretch in unlisted.raw:
        at = stretch.start
        for piece in cut(_reader(store, unlisted.blob, stretch), sizes):
            yield Chunk(blake3(piece).digest(), at, len(piece), len(piece))
            at += len(piece)


def _reader(store: ObjectStore, blob: Name, stretch: Stretch) -> Callable[[int], bytes]:
    at = stretch.start

    def read(most: int) -> bytes:
        nonlocal at
        length = min(most, stretch.stop - at)
        data = store.read(blob.key, at, length) if length else b""
        at += len(data)
        return data

    return read


def _framed(read: Callable[[int], bytes], at: int) -> Iterator[Chunk]:
    """A chunk for each frame, up to one that is no chunk of ours."""
    import zstandard

    decompressor = zstandard.ZstdDecompressor()
    held = read(BUFFER_BYTES)
    while held:
        if len(held) < _MOST_FRAME:
            held += read(BUFFER_BYTES)
        try:
            if not 0 < zstandard.frame_content_size(held) <= _MOST_FRAME:
                return
            frame = decompressor.decompressobj()
            content = frame.decompress(held[:_MOST_FRAME])
        except zstandard.ZstdError:
            return
        if not frame.eof:
            return
        stored = min(len(held), _MOST_FRAME) - len(frame.unused_data)
        yield Chunk(blake3(content).digest(), at, stored, len(content), ZSTD)
        at += stored
        held = held[stored:]
