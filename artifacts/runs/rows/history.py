"""History: the rows of a run, read back in the order in which they were logged."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from itertools import chain
from typing import Any

from artifacts.catalog import HISTORY, RunState, Segment
from artifacts.runs.rows.reader import segment_batches, segment_data
from artifacts.runs.rows.segments import TIMESTAMP, Columns, Row, rows_of
from artifacts.storage import Ahead, ObjectStore

_NO_KEYS: tuple[str, ...] = ()


def scan(
    state: RunState,
    store: ObjectStore,
    keys: Sequence[str] | None = None,
    min_step: int = 0,
    max_step: int | None = None,
    stream: str = HISTORY,
) -> Iterator[Row]:
    """Rows from `min_step` up to and without `max_step`.

    With keys, those rows only that have all of them, and these keys only. Memory: a segment, or
    as many as the store gets at once. Raises ArtifactsError.
    """
    found = batches(state, store, stream, keys, (min_step, max_step))
    if keys is None:
        return chain.from_iterable(map(rows_of, found))
    return chain.from_iterable(map(partial(_whole_rows, keys), found))


def _whole_rows(keys: Sequence[str], columns: Columns) -> Iterator[Row]:
    """Those that have all of the keys, and no other ones."""
    if all(key in columns for key in keys):
        chosen = {key: columns[key] for key in keys}
        yield from (row for row in rows_of(chosen) if len(row) == len(chosen))


def columns(
    state: RunState, store: ObjectStore, keys: Sequence[str], stream: str = HISTORY
) -> dict[str, list[Any]]:
    """Of each key the values of all rows, None where a row has none."""
    found: dict[str, list[Any]] = {key: [] for key in keys}
    wanted = [*dict.fromkeys([*keys, TIMESTAMP])]
    for each in batches(state, store, stream, wanted, (0, None)):
        count = len(next(iter(each.values()), _NO_KEYS))
        for key in keys:
            found[key] += each.get(key, [None] * count)
    return found


def batches(
    state: RunState,
    store: ObjectStore,
    stream: str,
    keys: Sequence[str] | None,
    steps: tuple[int, int | None] = (0, None),
) -> Iterator[Columns]:
    """The rows of a stream segment by segment, of these keys, as columns. Raises ArtifactsError."""
    segments = [each for each in state.segments.get(stream, []) if _is_in(each, steps)]
    with Ahead(store) as ahead:
        jobs = (partial(segment_data, store, each) for each in segments)
        for segment, job in zip(segments, ahead.each(jobs), strict=True):
            yield from segment_batches(segment, job(), keys, steps)


def _is_in(segment: Segment, steps: tuple[int, int | None]) -> bool:
    least, end = steps
    if segment.is_empty or segment.first is None:
        return not segment.is_empty
    last = segment.end
    return (last is None or last >= least) and (end is None or segment.first < end)
