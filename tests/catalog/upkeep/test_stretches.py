"""Stretches: of any spans exactly the bytes in use are kept, and found where they moved."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from artifacts.catalog.upkeep.stretches import Move, Moves, Stretch, Stretches
from artifacts.content import Digest
from artifacts.storage import BLOBS, RAW, ZSTD, Name, Span

OLD, NEW, OTHER = (Name(BLOBS, Digest.of(name)) for name in (b"old", b"new", b"other"))
PAIRS = st.tuples(st.integers(0, 60), st.integers(1, 20))


@given(st.lists(PAIRS, max_size=300), st.sets(st.integers(0, 299)))
def test_merged_stretches_are_what_was_added_and_apart(
    pairs: list[tuple[int, int]], whole: set[int]
) -> None:
    stretches = Stretches()
    for number, (start, length) in enumerate(pairs):
        stretches.add(start, start + length, is_whole=number in whole)

    merged = stretches.merged()

    assert {at for each in merged for at in range(each.start, each.stop)} == {
        at for start, length in pairs for at in range(start, start + length)
    }
    assert all(one.stop < other.start for one, other in itertools.pairwise(merged))
    for number, (start, _) in enumerate(pairs):
        if number in whole:
            assert next(each for each in merged if each.start <= start < each.stop).is_whole


@given(st.lists(PAIRS, max_size=20), st.lists(PAIRS, min_size=1, max_size=4), st.data())
def test_raw_spans_keep_their_bytes_or_are_not_moved(
    live: list[tuple[int, int]], wanted: list[tuple[int, int]], data: st.DataObject
) -> None:
    old = bytes(range(100))
    stretches = Stretches()
    for start, length in live:
        stretches.add(start, start + length)
    new, parts = b"", []
    for each in stretches.merged():
        cut = data.draw(st.integers(0, each.length))
        for start, stop in ((each.start, each.start + cut), (each.start + cut, each.stop)):
            if start < stop:
                new += b"-" * data.draw(st.integers(0, 1))
                parts.append(Move(start, stop - start, NEW, len(new)))
                new += old[start:stop]
    moves = Moves()
    moves.add(OLD, parts)

    found = moves.moved([Span(OLD, start, length, length) for start, length in wanted])

    kept = {at for each in stretches.merged() for at in range(each.start, each.stop)}
    if any(at not in kept for start, length in wanted for at in range(start, start + length)):
        assert found is None
    else:
        assert found is not None
        assert all(span.blob == NEW for span in found)
        assert b"".join(new[span.offset : span.offset + span.stored] for span in found) == (
            b"".join(old[start : start + length] for start, length in wanted)
        )


def moves() -> Moves:
    made = Moves()
    made.add(OLD, [Move(10, 5, NEW, 100), Move(15, 5, OTHER, 0)])
    return made


def test_a_frame_is_moved_as_it_is() -> None:
    assert moves().moved([Span(OLD, 11, 3, 77, ZSTD)]) == [Span(NEW, 101, 3, 77, ZSTD)]


def test_a_frame_is_never_cut() -> None:
    assert moves().moved([Span(OLD, 13, 4, 77, ZSTD)]) is None


def test_a_raw_span_over_two_packs_is_two() -> None:
    assert moves().moved([Span(OLD, 13, 4, 4)]) == [Span(NEW, 103, 2, 2), Span(OTHER, 0, 2, 2)]


def test_spans_that_end_to_end_are_one() -> None:
    spans = [Span(OLD, 10, 2, 2), Span(OLD, 12, 3, 3)]

    assert moves().moved(spans) == [Span(NEW, 100, 5, 5, RAW)]


def test_spans_of_other_blobs_stay() -> None:
    assert moves().moved([Span(OTHER, 3, 9, 9)]) == [Span(OTHER, 3, 9, 9)]


def test_a_stretch_knows_its_length() -> None:
    assert Stretch(3, 9).length == 6
