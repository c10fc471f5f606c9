"""Reader: a file's bytes from wherever its spans lie, in bounded pieces."""

from __future__ import annotations

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from artifacts.content import Digest
from artifacts.errors import MalformedError, MissingBlobError
from artifacts.storage import (
    BLOBS,
    BUFFER_BYTES,
    READ_BYTES,
    MemoryStore,
    Name,
    Span,
    read_extent,
    read_spans,
)
from artifacts.storage.codec import MOST_STORED, ZSTD
from artifacts.testing import CountingStore, SlowStore

PARTS = st.lists(st.tuples(st.binary(min_size=1, max_size=50), st.booleans(), st.integers(0, 2)))
HUGE = 2**62


def put(store: MemoryStore, data: bytes) -> Name:
    name = Name(BLOBS, Digest.of(data))
    store.write(name.key, data)
    return name


@given(PARTS)
@settings(deadline=None)
def test_a_file_is_its_spans_in_order(parts: list[tuple[bytes, bool, int]]) -> None:
    store, blobs, where = MemoryStore(), [b"a", b"b", b"c"], []
    for data, is_packed, blob in parts:
        stored = zstandard.compress(data) if is_packed else data
        where.append((blob, len(blobs[blob]), len(stored), len(data), int(is_packed)))
        blobs[blob] += stored
    names = [put(store, blob) for blob in blobs]
    spans = [Span(names[blob], *rest) for blob, *rest in where]

    assert b"".join(read_spans(store, spans, "path")) == b"".join(data for data, *_ in parts)


def test_pieces_are_bounded() -> None:
    store = MemoryStore()
    name = put(store, bytes(3 * BUFFER_BYTES + 1))
    span = Span(name, 0, 3 * BUFFER_BYTES + 1, 3 * BUFFER_BYTES + 1)

    assert [len(data) for data in read_spans(store, [span], "path")] == [*[BUFFER_BYTES] * 3, 1]


def test_an_extent_comes_out_short_where_the_blob_ends() -> None:
    store = MemoryStore()
    name = put(store, b"0123456789")

    assert read_extent(store, name, 7, 99, "path") == b"789"


def test_a_missing_blob_is_named_with_path_and_store() -> None:
    store, name = MemoryStore("here"), Name(BLOBS, Digest.of(b"gone"))

    for codec in (0, ZSTD):
        with pytest.raises(MissingBlobError) as caught:
            list(read_spans(store, [Span(name, 0, 4, 4, codec)], "a/path"))
        error = caught.value
        assert (error.path, error.key, error.store) == ("a/path", name.key, "memory://here")


@pytest.mark.parametrize(
    ("stored", "size"), [(MOST_STORED + 1, 1), (1, MOST_STORED + 1), (HUGE, 1)]
)
def test_an_encoded_span_that_would_fill_the_memory_is_not_even_read(
    stored: int, size: int
) -> None:
    memory = MemoryStore()
    name = put(memory, b"data")
    store = CountingStore(memory)

    with pytest.raises(MalformedError):
        list(read_spans(store, [Span(name, 0, stored, size, ZSTD)], "path"))
    assert not store.calls


def test_a_span_that_comes_to_more_than_it_says_is_refused() -> None:
    store = MemoryStore()
    name = put(store, stored := zstandard.compress(bytes(1000)))

    with pytest.raises(MalformedError) as caught:
        list(read_spans(store, [Span(name, 0, len(stored), 999, ZSTD)], "a/path"))

    assert caught.value.name.startswith("a/path (in ")


@pytest.mark.parametrize("codec", [2, 255])
def test_an_unknown_codec_is_refused(codec: int) -> None:
    store = MemoryStore()
    name = put(store, b"data")

    with pytest.raises(MalformedError):
        list(read_spans(store, [Span(name, 0, 4, 4, codec)], "path"))


def test_damage_to_an_encoded_span_is_refused_or_shows_in_the_bytes() -> None:
    data = b"the same again, " * 9
    stored = zstandard.compress(data)

    for at in range(len(stored)):
        store = MemoryStore()
        name = put(store, stored[:at] + bytes([stored[at] ^ 1]) + stored[at + 1 :])
        try:
            found = b"".join(read_spans(store, [Span(name, 0, len(stored), len(data), 1)], "p"))
        except MalformedError:
            continue
        assert len(found) <= len(data)


def test_a_span_far_beyond_its_blob_ends_where_the_blob_ends() -> None:
    memory = MemoryStore()
    name = put(memory, b"data")
    store = CountingStore(memory)

    assert b"".join(read_spans(store, [Span(name, 0, HUGE, HUGE)], "path")) == b"data"
    assert len(store.calls) == 1


def test_spans_that_lie_end_to_end_are_read_at_once() -> None:
    memory = MemoryStore()
    name, other = put(memory, bytes(range(100))), put(memory, b"other")
    store = CountingStore(memory)
    spans = [Span(name, n, 1, 1) for n in range(10, 60)] + [Span(other, 0, 5, 5)]

    assert b"".join(read_spans(store, spans, "path")) == bytes(range(10, 60)) + b"other"
    assert len(store.calls) == 2


def test_a_far_store_is_asked_for_long_stretches() -> None:
    memory = MemoryStore()
    data = bytes(range(256)) * (3 * READ_BYTES // 256) + b"end"
    name = put(memory, data)
    store = CountingStore(SlowStore(memory, 0))

    assert b"".join(read_spans(store, [Span(name, 0, len(data), len(data))], "path")) == data
    assert len(store.calls) == 4
