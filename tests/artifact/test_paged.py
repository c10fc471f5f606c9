"""Paged: no more is read than is asked for, in whole pages."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from artifacts.artifact import Listed
from artifacts.errors import InvalidError


class Source:
    def __init__(self, count: int) -> None:
        self.count, self.taken = count, 0

    def __call__(self) -> Iterator[int]:
        for number in range(self.count):
            self.taken += 1
            yield number


def test_a_page_is_read_when_its_first_is_asked_for() -> None:
    source = Source(100)
    listed = Listed(source, 10)
    assert source.taken == 0

    assert listed[0] == 0
    assert (source.taken, listed.more) == (10, True)
    assert listed[9] == 9
    assert source.taken == 10
    assert listed[10:12] == [10, 11]
    assert source.taken == 20


def test_it_is_a_sequence() -> None:
    listed = Listed(Source(25), 10)

    assert [*listed] == [*range(25)] == [*listed]
    assert (len(listed), listed.length, listed.more) == (25, 25, False)
    assert (listed[-1], listed[-3:], listed[:3], listed[23:]) == (
        24,
        [22, 23, 24],
        [0, 1, 2],
        [23, 24],
    )
    assert 7 in listed
    with pytest.raises(IndexError):
        listed[25]


def test_next_goes_on_where_it_was() -> None:
    listed = Listed(Source(3), 2)

    assert listed.cursor is None
    assert [next(listed), listed.next(), next(listed)] == [0, 1, 2]
    assert listed.cursor == "3"
    with pytest.raises(StopIteration):
        next(listed)
    assert next(iter(listed)) == 0


def test_counting_reads_nothing_where_somebody_knows() -> None:
    source = Source(100)

    assert len(Listed(source, 10, lambda: 100)) == 100
    assert source.taken == 0


def test_it_is_true_if_there_is_any_and_reads_a_page_at_most() -> None:
    source = Source(100)

    assert Listed(source, 10)
    assert source.taken == 10
    assert not Listed(Source(0))


def test_pages_have_at_least_one() -> None:
    with pytest.raises(InvalidError, match="per_page is 0"):
        Listed(Source(1), 0)
    assert [*Listed(Source(3), None)] == [0, 1, 2]
