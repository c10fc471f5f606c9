"""Compaction: many small segments made few large ones, of the same rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from artifacts.catalog import HISTORY, RunState, Segment
from artifacts.runs.rows.reader import segment_table
from artifacts.runs.rows.segments import PARQUET, STEP, has_parquet, to_parquet, unified
from artifacts.runs.rows.storing import Storing
from artifacts.storage import Change, Fold, ObjectStore, Proposal

_MANY_ROWS = 2**17  # of a segment that is not worth making anew
_MOST_BYTES = 2**26  # of segments, as they are stored, that one is made of
_MOST_UNPACKED = 2**27  # of the same in memory, where all of them are at once


class _Compacted(NamedTuple):
    """Segments of a stream, one after another, and those of the same rows."""

    stream: str
    old: Sequence[Segment]
    new: Sequence[Segment]

    def told(self) -> Change:
        return {
            "kind": "compacted",
            "stream": self.stream,
            "from": [str(each.name) for each in self.old],
            "until": [each.until for each in self.old],  # a rewind may come before this is told
            "to": [each.told() for each in self.new],
        }


def compact(fold: Fold[RunState], storing: Storing) -> None:
    """Few segments in the place of many, of each stream of a run.

    Nothing without pyarrow, which whoever reads the rows may have. Raises ArtifactsError.
    """
    done = [*_compacted(fold.state, fold.log.store, storing)]
    if done:
        adds = [segment.name for each in done for segment in each.new]
        drops = [segment.name for each in done for segment in each.old]
        changes = [each.told() for each in done]
        fold.append(Proposal(changes, adds=adds, drops=drops, epoch=storing.epoch))


def _compacted(state: RunState, store: ObjectStore, storing: Storing) -> Iterator[_Compacted]:
    for stream, segments in state.segments.items():
        for group in _groups(segments):
            are_whole = all(map(_is_whole, group))
            if (len(group) > 1 or not are_whole) and has_parquet():
                tables = (segment_table(store, each) for each in group)
                new = [_segment(stream, each, storing) for each in _batches(tables)]
                if len(new) < len(group) or not are_whole:
                    yield _Compacted(stream, group, new)


def _groups(segments: Sequence[Segment]) -> Iterator[list[Segment]]:
    group: list[Segment] = []
    for segment in segments:
        is_large = segment.rows >= _MANY_ROWS and _is_whole(segment)
        if is_large or sum(each.size for each in group) + segment.size > _MOST_BYTES:
            if group:
                yield group
            group = []
        if not is_large:
            group.append(segment)
    if group:
        yield group


def _batches(tables: Iterable[Any]) -> Iterator[list[Any]]:
    """Those that have rows, as many as may be in memory."""
    batch: list[Any] = []
    for table in tables:
        if batch and sum(each.nbytes for each in batch) + table.nbytes > _MOST_UNPACKED:
            yield batch
            batch = []
        if len(table):
            batch.append(table)
    if batch:
        yield batch


def _is_whole(segment: Segment) -> bool:
    return segment.format == PARQUET and segment.until is None


def _segment(stream: str, tables: Sequence[Any], storing: Storing) -> Segment:
    tables = unified(tables)
    steps = _bounds(tables) if stream == HISTORY else None
    return storing.segment((PARQUET, to_parquet(tables)), sum(map(len, tables)), steps)


def _bounds(tables: Sequence[Any]) -> tuple[int, int]:
    import pyarrow.compute as pc

    found = [pc.min_max(table.column(STEP)).as_py() for table in tables]
    return min(each["min"] for each in found), max(each["max"] for each in found)
