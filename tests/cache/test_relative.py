"""Relative: what is said to be alike is alike, and what is alike is found."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise

import pytest
from desk import noise
from edits import EDITS, FILES, Edit, edited
from hypothesis import given, settings
from hypothesis import strategies as st

from artifacts.cache import relative
from artifacts.cache.relative import MIN_MATCH, Match, Side, matches
from artifacts.storage import CHUNK_SIZES, chunks

BASE = noise(300_000)
WINDOWS = st.sampled_from([2**14, 2**16, 2**22])
BLOCKS = st.sampled_from([2**10, 2**13, 2**17])


@contextmanager
def held(window: int, block: int) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(relative, "_WINDOW", window)
        patch.setattr(relative, "_BLOCK", block)
        patch.setattr(chunks, "_BUFFER_BYTES", CHUNK_SIZES.most)
        yield


def side(data: bytes, size: int | None = None) -> Side:
    """Of which the size is what it was at first."""
    return Side(len(data) if size is None else size, lambda at, length: data[at : at + length])


def assert_true(found: Sequence[Match], new: bytes, old: bytes) -> None:
    for match in found:
        ours = new[match.start : match.stop]
        assert len(ours) == match.length >= relative.MIN_MATCH
        assert ours == old[match.there : match.there_stop]
    for one, other in pairwise(found):
        assert one.stop <= other.start
        assert one.there_stop <= other.there


@given(FILES, EDITS, WINDOWS, BLOCKS)
@settings(max_examples=150)
def test_matches_are_true_ascending_and_apart(
    old: bytes, edits: list[Edit], window: int, block: int
) -> None:
    new = edited(old, edits)
    with held(window, block):
        assert_true(matches(side(new), side(old)), new, old)


@given(st.integers(MIN_MATCH, len(BASE) - MIN_MATCH), st.binary(max_size=300), WINDOWS, BLOCKS)
def test_all_but_one_insertion_is_found(at: int, data: bytes, window: int, block: int) -> None:
    new = BASE[:at] + data + BASE[at:]
    with held(window, block):
        found = matches(side(new), side(BASE))

    assert_true(found, new, BASE)
    assert sum(match.length for match in found) == len(BASE)


@given(st.integers(MIN_MATCH, len(BASE) - MIN_MATCH - 999), st.integers(1, 999), WINDOWS, BLOCKS)
def test_all_but_one_deletion_is_found(at: int, cut: int, window: int, block: int) -> None:
    new = BASE[:at] + BASE[at + cut :]
    with held(window, block):
        found = matches(side(new), side(BASE))

    assert_true(found, new, BASE)
    assert sum(match.length for match in found) == len(new)


@given(st.lists(st.binary(min_size=1, max_size=300), min_size=4, max_size=4), WINDOWS, BLOCKS)
@settings(max_examples=30)
def test_what_lies_between_insertions_is_found_to_the_byte(
    inserted: list[bytes], window: int, block: int
) -> None:
    parts = [noise(2 * CHUNK_SIZES.most, seed) for seed in range(3)]
    old = b"".join(parts)
    new = b"".join(one + part for one, part in zip(inserted, [*parts, b""], strict=True))
    with held(window, block), pytest.MonkeyPatch.context() as patch:
        patch.setattr(relative, "MIN_MATCH", 1)  # what begins alike by chance counts too
        found = matches(side(new), side(old))
        assert_true(found, new, old)

    assert sum(match.length for match in found) == len(old)


def test_of_a_long_file_samples_tell_whether_it_is_related(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(relative, "_SAMPLED", 2**19)
    monkeypatch.setattr(relative, "_SAMPLE", 2**17)
    monkeypatch.setattr(relative, "_DRIFT", 2**18)
    old = noise(2**22)
    related = b"a" + old[:-1] + b"b"
    foreign = noise(2**22, seed=1)
    reads: list[int] = []

    def read(at: int, length: int) -> bytes:
        reads.append(length)
        return foreign[at : at + length]

    assert sum(match.length for match in matches(side(related), side(old))) == len(old) - 1
    monkeypatch.setattr(relative, "_WINDOW", 2**14)
    assert matches(Side(len(foreign), read), side(old)) == []
    assert sum(reads) < len(foreign) / 2


@given(FILES, EDITS, st.integers(1, 400_000), st.booleans(), WINDOWS, BLOCKS)
@settings(max_examples=150)
def test_of_a_side_that_is_shorter_than_it_was_nothing_false_is_said(
    old: bytes,
    edits: list[Edit],
    missing: int,
    is_old: bool,  # noqa: FBT001
    window: int,
    block: int,
) -> None:
    new = edited(old, edits)
    sizes = len(new), len(old)
    new, old = (new, old[:-missing]) if is_old else (new[:-missing], old)
    with held(window, block):
        found = matches(side(new, sizes[0]), side(old, sizes[1]))

    assert_true(found, new, old)


@given(st.integers(1, 50_000), WINDOWS, BLOCKS)
@settings(max_examples=30)
def test_the_last_bytes_of_a_side_that_was_cut_are_not_taken_for_its_end(
    missing: int, window: int, block: int
) -> None:
    cut = BASE[:-missing]
    new = noise(missing, seed=1) + cut
    with held(window, block):
        assert_true(matches(side(new), side(cut, len(BASE))), new, cut)


@given(st.binary(max_size=2000), st.sampled_from([16, 64, 2**22]), st.data())
def test_a_side_gives_what_lies_there(data: bytes, window: int, draw: st.DataObject) -> None:
    with held(window, window):
        read = side(data)
        for _ in range(3):
            start = draw.draw(st.integers(0, len(data)))
            length = draw.draw(st.integers(0, len(data) - start))
            assert read.read(start, length) == data[start : start + length]
        assert not read.is_held or len(data) <= window
