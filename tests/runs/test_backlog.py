"""Backlog: what one told after another is counted as told by both."""

from __future__ import annotations

from artifacts.runs.backlog import Backlog


def test_of_two_the_later_one_says_when_something_was_stored_unless_it_stored_nothing() -> None:
    earlier, later = Backlog(3, 1, 10.0), Backlog(4, 2, 20.0)

    assert earlier + later == Backlog(7, 3, 20.0)
    assert earlier + Backlog(4, 4) == Backlog(7, 5, 10.0)
