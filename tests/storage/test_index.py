"""Index: what was added is found, by whoever looks, as long as nobody needs to."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from operator import attrgetter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from artifacts.content import Digest
from artifacts.errors import StorageError
from artifacts.storage import BLOBS, Index, Located, MemoryStore, Name, ObjectStore
from artifacts.storage.index import HEAD_KEY, Segment, key_of_chunk
from artifacts.testing import CountingStore, FailingStore

BLOB, OTHER = (Name(BLOBS, Digest.of(data)) for data in (b"blob", b"other"))
LATER = Name(BLOBS, BLOB.digest, 7)
BY_DIGEST = attrgetter("digest")


def row(number: int, blob: Name = BLOB) -> Located:
    return Located(Digest.of(b"%d" % number), blob, number)


def rows(start: int, stop: int) -> list[Located]:
    return [row(number) for number in range(start, stop)]


def found(store: ObjectStore, wanted: Sequence[Located]) -> list[Located | None]:
    """By somebody who looks for the first time."""
    index = Index(store)
    return [index.find(each.digest) for each in wanted]


def segments(store: ObjectStore) -> list[str]:
    return [key for key in store.list("cache/index/") if key != HEAD_KEY]


ROWS = st.lists(
    st.builds(
        Located,
        st.binary(min_size=32, max_size=32),
        st.sampled_from([BLOB, OTHER, LATER]),
        st.integers(0, 2**64 - 1),
    ),
    unique_by=lambda each: each.digest,
)


@given(ROWS, st.binary(min_size=32, max_size=32))
def test_a_segment_has_the_rows_it_was_made_of_and_no_others(
    rows: list[Located], other: bytes
) -> None:
    rows.sort(key=BY_DIGEST)
    segment = Segment(Segment.encode(rows))

    assert [*segment] == rows
    assert len(segment) == len(rows)
    assert [segment.find(each.digest) for each in rows] == rows
    assert segment.find(other) == next((each for each in rows if each.digest == other), None)


def test_of_equal_digests_the_first_counts() -> None:
    segment = Segment(Segment.encode([row(1, OTHER), row(1)]))

    assert [*segment] == [row(1, OTHER)]


@pytest.mark.parametrize("at", [0, 31, 32, 40, 48, 60, 200, -1])
def test_a_segment_with_a_flipped_bit_is_refused(at: int) -> None:
    data = bytearray(Segment.encode(sorted(rows(0, 5), key=BY_DIGEST)))
    data[at] ^= 1

    with pytest.raises(ValueError, match="damaged"):
        Segment(bytes(data))


@pytest.mark.parametrize("length", [0, 31, 32, 47, 100])
def test_what_is_too_short_for_a_segment_is_refused(length: int) -> None:
    with pytest.raises((ValueError, struct.error)):
        Segment(Segment.encode(rows(0, 1))[:length])


def test_what_has_another_length_than_it_says_is_refused() -> None:
    body = Segment.encode(rows(0, 1))[32:] + b"\n"

    with pytest.raises(ValueError, match="no segment"):
        Segment(Digest.of(body) + body)


def test_one_chunk_in_sixty_four_has_a_row() -> None:
    has_row = [first for first in range(256) if key_of_chunk(bytes([first, 1]))]

    assert has_row == [0, 64, 128, 192]


def test_where_nothing_was_added_nothing_is_found() -> None:
    assert found(MemoryStore(), rows(0, 3)) == [None] * 3


def test_what_was_added_is_found_by_others() -> None:
    store = MemoryStore()
    for start, stop in ((0, 10), (10, 11), (11, 500), (500, 501)):
        Index(store).add(rows(start, stop))

    assert found(store, rows(0, 501)) == rows(0, 501)
    assert found(store, [row(999)]) == [None]


def test_however_often_something_is_added_there_are_few_segments() -> None:
    store = MemoryStore()
    for number in range(200):
        Index(store).add([row(number)])

    assert len(segments(store)) <= 8
    assert found(store, rows(0, 200)) == rows(0, 200)


def test_what_is_added_again_elsewhere_is_found_where_it_was_added_last() -> None:
    store = MemoryStore()
    Index(store).add(rows(0, 100))
    Index(store).add([row(3, OTHER)])
    Index(store).add([row(each, LATER) for each in range(50)])

    assert found(store, [row(3), row(60)]) == [row(3, LATER), row(60)]


def test_a_lookup_reads_each_segment_once() -> None:
    store = CountingStore(MemoryStore())
    Index(store).add(rows(0, 1000))
    Index(store).add(rows(1000, 1010))
    store.calls.clear()

    index = Index(store)
    for each in rows(0, 1020):
        index.find(each.digest)

    assert [operation for operation, _ in store.calls] == ["read"] * 3


@pytest.mark.parametrize("damage", [b"", b"x", b"x" * 1000])
def test_a_damaged_head_is_an_empty_index(damage: bytes) -> None:
    store = MemoryStore()
    Index(store).add(rows(0, 10))
    store.write(HEAD_KEY, damage)

    assert found(store, rows(0, 1)) == [None]
    Index(store).add(rows(10, 20))
    assert found(store, rows(10, 20)) == rows(10, 20)


def test_a_lost_or_damaged_segment_takes_only_its_own_rows_with_it() -> None:
    store = MemoryStore()
    Index(store).add(rows(0, 1000))
    [large] = segments(store)
    Index(store).add(rows(1000, 1010))
    [small] = {*segments(store)} - {large}
    store.write(large, b"damaged")
    assert found(store, [row(0), row(1005)]) == [None, row(1005)]
    store.delete(large)
    assert found(store, [row(0), row(1005)]) == [None, row(1005)]
    store.delete(small)
    assert found(store, [row(0), row(1005)]) == [None, None]


def test_a_damaged_segment_does_not_keep_others_from_adding() -> None:
    store = MemoryStore()
    Index(store).add(rows(0, 10))
    [segment] = segments(store)
    store.write(segment, b"damaged")

    Index(store).add(rows(10, 20))

    assert found(store, rows(10, 20)) == rows(10, 20)


def test_what_is_added_twice_is_still_there() -> None:
    store = MemoryStore()
    for _ in range(2):
        Index(store).add(rows(0, 10))

    assert found(store, rows(0, 10)) == rows(0, 10)


def test_of_two_who_add_at_once_the_last_one_counts() -> None:
    """And nothing that is found is wrong: a head may name a segment that the other deleted."""
    store = MemoryStore()
    Index(store).add(rows(0, 10))

    class Beside(CountingStore):
        def write(self, key: str, data: bytes) -> None:
            if key == HEAD_KEY:
                Index(store).add(rows(20, 30))
            super().write(key, data)

    Index(Beside(store)).add(rows(10, 20))

    assert found(store, rows(0, 20)) == rows(0, 20)
    assert set(found(store, rows(20, 30))) <= {None, *rows(20, 30)}


@pytest.mark.parametrize("at", range(1, 8))
def test_a_store_that_fails_harms_nobody(at: int) -> None:
    store = MemoryStore()
    Index(store).add(rows(0, 10))

    Index(FailingStore(store, at, StorageError("index", "full"))).add(rows(10, 20))

    wanted = rows(0, 20)
    assert set(found(store, wanted)) <= {None, *wanted}
    Index(store).add(wanted)
    assert found(store, wanted) == wanted


def test_replaced_it_has_the_new_rows_and_no_others() -> None:
    store = MemoryStore()
    Index(store).add(rows(0, 100))
    Index(store).add(rows(100, 110))
    new = sorted(rows(90, 200), key=BY_DIGEST)

    Index(store).replace([new[:50], new[50:]])

    assert found(store, new) == new
    assert found(store, rows(0, 90)) == [None] * 90
    assert len(segments(store)) == 2


def test_replaced_by_what_it_was_it_still_has_its_segments() -> None:
    store = MemoryStore()
    new = sorted(rows(0, 100), key=BY_DIGEST)
    Index(store).replace([new])

    Index(store).replace([new])

    assert found(store, new) == new


def test_replaced_by_nothing_it_is_empty() -> None:
    store = MemoryStore()
    Index(store).add(rows(0, 100))

    Index(store).replace([])

    assert segments(store) == []
    assert found(store, rows(0, 3)) == [None] * 3


def test_a_replacement_that_fails_says_so() -> None:
    store = FailingStore(MemoryStore(), 2, StorageError("index", "full"))

    with pytest.raises(StorageError):
        Index(store).replace([rows(0, 1)])
