"""Chunks: cuts depend on the bytes alone, and a list is either right or not there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from io import BytesIO
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from artifacts.content import Digest
from artifacts.errors import StorageError
from artifacts.storage import (
    BLOBS,
    CHUNK_SIZES,
    ZSTD,
    Chunk,
    ChunkLists,
    ChunkRows,
    ChunkSizes,
    MemoryStore,
    Name,
    chunks,
    cut,
)
from artifacts.testing import FailingStore

BLOB, OTHER = (Name(BLOBS, Digest.of(text)) for text in (b"blob", b"other"))
KEY = f"cache/chunks/{BLOB.key.removeprefix('blobs/')}"
ONE = Chunk(Digest.of(b"1"), 0, 9000, 9000)
TWO = Chunk(Digest.of(b"2"), 9000, 700, 20_000, ZSTD)
NOISE = Random(1).randbytes(2**20)
GOLDEN = [63283, 33190, 83781, 12505, 11608, 27575, 28737, 18235]


def pieces(data: bytes) -> list[bytes]:
    return [bytes(piece) for piece in cut(BytesIO(data).read)]


def hesitant(data: bytes, random: Random) -> Callable[[int], bytes]:
    """A stream that gives less than it is asked for."""
    stream = BytesIO(data)
    return lambda most: stream.read(random.randint(50_000, most))


@pytest.fixture
def lists() -> ChunkLists:
    return ChunkLists(MemoryStore())


@pytest.fixture
def small_buffer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chunks, "_BUFFER_BYTES", CHUNK_SIZES.most)


@pytest.mark.usefixtures("small_buffer")
@pytest.mark.parametrize("size", [0, 1, CHUNK_SIZES.least, 100_000, 2**20])
def test_chunks_are_the_whole_and_bounded(size: int) -> None:
    found = pieces(NOISE[:size])

    assert b"".join(found) == NOISE[:size]
    assert all(CHUNK_SIZES.least <= len(piece) <= CHUNK_SIZES.most for piece in found[:-1])
    assert all(0 < len(piece) <= CHUNK_SIZES.most for piece in found)


def test_cuts_never_change() -> None:
    """Another version that cuts elsewhere would find nothing of what this one stored."""
    assert [len(piece) for piece in pieces(NOISE)][:8] == GOLDEN


@pytest.mark.parametrize(
    "sizes", [ChunkSizes(2**10, 2**12, 2**13), ChunkSizes(2**18, 2**18, 2**18)]
)
def test_a_store_may_have_chunks_of_other_sizes(sizes: ChunkSizes) -> None:
    found = [bytes(piece) for piece in cut(BytesIO(NOISE).read, sizes)]

    assert b"".join(found) == NOISE
    assert all(sizes.least <= len(piece) <= sizes.most for piece in found[:-1])


@pytest.mark.parametrize(
    "sizes",
    [
        (2**9, 2**15, 2**17),
        (2**13, 2**15, 2**19),
        (2**15, 2**13, 2**17),
        (2**13, 2**17, 2**15),
        (2**13, 2**15 + 1, 2**17),
        (-(2**13), 2**15, 2**17),
        (0, 2**15, 2**17),
    ],
)
def test_sizes_that_cannot_be_are_refused(sizes: tuple[int, int, int]) -> None:
    with pytest.raises(ValueError, match="chunk sizes"):
        ChunkSizes(*sizes)


@given(st.integers(0, 2**32))
@settings(max_examples=20)
def test_cuts_do_not_depend_on_how_the_bytes_arrive(seed: int) -> None:
    random = Random(seed)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(chunks, "_BUFFER_BYTES", random.randint(CHUNK_SIZES.most, 2**20))
        found = [bytes(piece) for piece in cut(hesitant(NOISE, random))]

    assert found == pieces(NOISE)


@given(st.integers(0, len(NOISE)), st.binary(max_size=50))
@settings(max_examples=30)
def test_an_insertion_moves_only_the_cuts_beside_it(at: int, inserted: bytes) -> None:
    before, after = pieces(NOISE), pieces(NOISE[:at] + inserted + NOISE[at:])

    lost = {*before} - {*after}
    assert sum(map(len, lost)) <= 4 * CHUNK_SIZES.most


def test_a_list_says_what_was_put(lists: ChunkLists) -> None:
    put(lists, ONE, TWO)

    assert lists.get(BLOB) == [ONE, TWO]
    assert lists.get(OTHER) == []


def test_a_damaged_list_says_nothing(lists: ChunkLists) -> None:
    put(lists, ONE, TWO)
    good = lists.store.read(KEY)
    for bad in damages(good):
        lists.store.write(KEY, bad)

        assert lists.get(BLOB) == []


def test_a_list_of_another_blob_says_nothing(lists: ChunkLists) -> None:
    put(lists, ONE)
    lists.store.write(KEY.replace(BLOB.digest.hex(), OTHER.digest.hex()), lists.store.read(KEY))

    assert lists.get(OTHER) == []


@pytest.mark.parametrize(
    "chunk",
    [
        ONE._replace(codec=2),
        ONE._replace(stored=8999),
        ONE._replace(size=0, stored=0),
        TWO._replace(size=0),
        TWO._replace(size=2**26 + 1),
        TWO._replace(stored=2**26 + 1),
        ONE._replace(offset=2**63 - 9000),
    ],
)
def test_a_chunk_that_cannot_be_is_left_out(lists: ChunkLists, chunk: Chunk) -> None:
    put(lists, ONE, chunk, TWO)

    assert lists.get(BLOB) == [ONE, TWO]


def test_a_list_that_cannot_be_written_harms_nothing() -> None:
    lists = ChunkLists(FailingStore(MemoryStore(), 1, StorageError("k", "no space left")))
    put(lists, ONE)

    assert lists.get(BLOB) == []


def put(lists: ChunkLists, *found: Chunk) -> None:
    rows = ChunkRows()
    for chunk in found:
        rows.add(chunk)
    lists.put(BLOB, rows)


def damages(good: bytes) -> Iterator[bytes]:
    for at in range(len(good)):
        yield good[:at]
        yield good[:at] + bytes([good[at] ^ 1]) + good[at + 1 :]
    yield good + b"more"
