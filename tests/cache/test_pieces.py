"""Pieces: what lies end to end is one, and every stretch of a past is where its spans say."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from artifacts.cache.pieces import MOST_FRAMES, Piece, Pieces, Stretches
from artifacts.content import Digest
from artifacts.storage import BLOBS, RAW, ZSTD, MemoryStore, Name, Span

SIZES = st.integers(1, 40)
PARTS = st.lists(st.builds(Piece, st.integers(0, 1), st.integers(0, 9), SIZES, SIZES))


def joined(*parts: Piece) -> list[Piece]:
    pieces = Pieces()
    for part in parts:
        pieces.add(part)
    return pieces.all


def bytes_of(pieces: list[Piece]) -> list[tuple[int, int]]:
    """Blob and offset of each stored byte."""
    return [(piece.blob, piece.offset + n) for piece in pieces for n in range(piece.stored)]


@given(PARTS)
def test_joining_pieces_moves_no_byte(parts: list[Piece]) -> None:
    found = joined(*parts)

    assert bytes_of(found) == bytes_of(parts)
    assert sum(piece.size for piece in found) == sum(part.size for part in parts)


def test_neighbours_of_one_kind_are_one() -> None:
    one, other = Piece(0, 5, 10, 10), Piece(0, 15, 3, 3)

    assert joined(one, other) == [Piece(0, 5, 13, 13)]
    assert joined(one._replace(codec=ZSTD, size=99), other._replace(codec=ZSTD, size=50)) == [
        Piece(0, 5, 13, 149, ZSTD)
    ]


def test_what_is_no_neighbour_or_of_another_kind_stays_apart() -> None:
    one = Piece(0, 5, 10, 10)
    for other in (Piece(0, 15, 3, 9, ZSTD), Piece(1, 15, 3, 3), Piece(0, 16, 3, 3), one):
        assert joined(one, other) == [one, other]


def test_frames_are_one_only_while_they_can_be_decoded_at_once() -> None:
    most = Piece(0, 0, 10, MOST_FRAMES - 5, ZSTD)

    assert len(joined(most, Piece(0, 10, 1, 5, ZSTD))) == 1
    assert len(joined(most, Piece(0, 10, 1, 6, ZSTD))) == 2
    assert len(joined(most._replace(codec=RAW), Piece(0, 10, 2**40, 2**40))) == 1


@given(st.lists(st.tuples(st.binary(max_size=9), st.binary(min_size=1, max_size=9))), st.data())
def test_a_stretch_is_what_its_parts_are(
    parts: list[tuple[bytes, bytes]], draw: st.DataObject
) -> None:
    store, spans = MemoryStore(), []
    for before, data in parts:
        blob = Name(BLOBS, Digest.of(before + data))
        store.write(blob.key, before + data)
        spans.append(Span(blob, len(before), len(data), len(data)))
    whole = b"".join(data for _, data in parts)
    past = Stretches(store, spans)
    start = draw.draw(st.integers(0, len(whole)))
    length = draw.draw(st.integers(0, len(whole) - start))

    expected = whole[start : start + length]
    assert past.side.size == len(whole)
    assert past.side.read(start, length) == expected
    found = [store.read(blob.key, at, n) for blob, at, n in past.within(start, length)]
    assert b"".join(found) == expected
    assert all(found)
