"""Following: the rows of a run as they come, those of several streams in order of time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from artifacts.catalog import Segment
from artifacts.runs.listing.finding import FoundRun
from artifacts.runs.rows.reader import segment_columns
from artifacts.runs.rows.segments import TIMESTAMP, Row, rows_of


class Told(NamedTuple):
    """A row, and of which stream it is."""

    stream: str
    row: Row


class Following:
    """Of the streams that are named, or all. Each row is given once, however often it is asked.

    Memory: what is new, or for the last rows of a stream the segments that hold them.
    """

    def __init__(self, run: FoundRun, streams: Sequence[str] = ()) -> None:
        self._run, self._streams = run, streams
        self._given: dict[str, int] = {}

    def last(self, count: int) -> list[Told]:
        """The last so many rows that there are; all before them count as given."""
        found = [Told(each, row) for each in self._there() for row in self._ending(each, count)]
        for stream in self._there():
            self._given[stream] = sum(map(self._count, self._segments(stream)))
        return _in_order(found)[-count:] if count else []

    def more(self) -> list[Told]:
        """What came since, as far as the run's log was read."""
        return _in_order([Told(each, row) for each in self._there() for row in self._new(each)])

    def _there(self) -> Sequence[str]:
        return self._streams or [*self._run.state.segments]

    def _segments(self, stream: str) -> Sequence[Segment]:
        return self._run.state.segments.get(stream, ())

    def _ending(self, stream: str, count: int) -> list[Row]:
        rows: list[Row] = []
        for segment in reversed(self._segments(stream)):
            if len(rows) >= count:
                break
            rows = [*self._rows(segment), *rows]
        return rows[len(rows) - count :] if len(rows) > count else rows

    def _new(self, stream: str) -> Iterator[Row]:
        given, start = self._given.get(stream, 0), 0
        for segment in self._segments(stream):
            end = start + self._count(segment)
            if end > given:
                yield from self._rows(segment)[max(0, given - start) :]
            start = end
        self._given[stream] = start  # less than before, if the run went back

    def _count(self, segment: Segment) -> int:
        return segment.rows if segment.until is None else len(self._rows(segment))

    def _rows(self, segment: Segment) -> list[Row]:
        return [*rows_of(segment_columns(self._run.store, segment))]


def _in_order(rows: list[Told]) -> list[Told]:
    return sorted(rows, key=lambda told: float(told.row.get(TIMESTAMP) or 0))
