"""Contents: every digest has one place, by the number of a blob that may get its name later."""

from __future__ import annotations

from artifacts.cache.contents import Contents
from artifacts.cache.pieces import Piece
from artifacts.content import Digest
from artifacts.storage import (
    BLOBS,
    SOLO,
    ZSTD,
    Chunk,
    ChunkRows,
    Index,
    Located,
    MemoryStore,
    Name,
    Span,
)
from artifacts.testing import CountingStore

DIGEST, OTHER = Digest.of(b"content"), Digest.of(b"other")
PACK, FRAMES = Name(BLOBS, OTHER), Name(BLOBS, OTHER, epoch=3)
RAW_SPAN = Span(PACK, 5, 7, 7)
SPANS = [RAW_SPAN, Span(FRAMES, 0, 3, 9, ZSTD)]


def test_what_was_adopted_lies_where_it_lay() -> None:
    for spans in (SPANS, [RAW_SPAN], [SPANS[1]], [Span(Name(BLOBS, DIGEST), 0, 7, 7)]):
        contents = Contents(MemoryStore())
        contents.adopt(DIGEST, spans)

        assert DIGEST in contents
        assert [*contents.spans(DIGEST, 7)] == spans


def test_a_blob_of_its_own_needs_no_number_unless_it_is_of_a_later_epoch() -> None:
    contents = Contents(MemoryStore())
    contents.adopt(DIGEST, [Span(Name(BLOBS, DIGEST), 0, 7, 7)])
    contents.adopt(OTHER, [Span(FRAMES, 0, 5, 5)])

    assert contents.places == {DIGEST: (SOLO, 0), OTHER: (0, 0)}
    assert contents.names() == [FRAMES]


def test_one_blob_has_one_number_also_once_a_pack_proves_to_be_it() -> None:
    contents = Contents(MemoryStore())
    assert contents.number(PACK) == contents.number(PACK) == 0
    contents.blobs.append(None)
    contents.put(DIGEST, [Piece(1, 5, 7, 7)])
    contents.put(OTHER, [Piece(1, 0, 3, 9, ZSTD)])
    contents.blobs[1] = PACK
    contents.settle()

    assert contents.places[DIGEST] == (0, 5)
    assert [*contents.spans(DIGEST, 7)] == [RAW_SPAN]
    assert {span.blob for span in contents.spans(OTHER, 9)} == {PACK}


def test_a_pack_has_a_number_by_its_name_once_that_is_known() -> None:
    contents = Contents(MemoryStore())
    contents.blobs.append(None)
    contents.blobs[0] = PACK
    contents.settle()

    assert contents.number(PACK) == 0
    assert contents.number(FRAMES) == 1


def test_a_blob_is_looked_for_once() -> None:
    store = CountingStore(MemoryStore())
    store.write(PACK.key, b"bytes")
    contents = Contents(store)
    store.calls.clear()

    assert [contents.is_stored(PACK) for _ in range(3)] == [True] * 3
    assert [contents.is_stored(PACK, 4) for _ in range(3)] == [False] * 3
    assert len(store.calls) == 2


def test_a_file_that_equals_a_chunk_is_not_looked_for_in_its_frame() -> None:
    store, rows = MemoryStore(), ChunkRows()
    store.write(FRAMES.key, b"frames")
    data = next(data for n in range(10_000) if Digest.of(data := b"%d" % n)[0] % 64 == 0)
    rows.add(Chunk(Digest.of(data), 0, 3, len(data), ZSTD))
    Index(store).add(Located(key, FRAMES, offset) for key, offset in rows.indexed)

    contents = Contents(store)
    assert not contents.locate(Digest.of(data), len(data))
    assert contents.blob_of_chunk(Digest.of(data)) == FRAMES
