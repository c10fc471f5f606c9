"""Compaction: many small segments made few large ones, of the same rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from artifacts.catalog import HISTORY, RunState, Segment
from artifacts.runs.reader import segment_table
from artifacts.runs.segments import PARQUET, STEP, has_parquet, to_parquet, unified
from artifacts.runs.storing import Storing
from artifacts.storage import ObjectStore

_MANY_ROWS = 2**17  # of a segment that is not worth making anew
_MOST_BYTES = 2**26  # of segments, as they are stored, that one is made of
_Change = dict[str, Any]


def compact(state: RunState, store: ObjectStore, storing: Storing) -> Iterator[_Change]:
    """Changes that put few segments in the place of many, of each stream.

    Nothing without pyarrow, which whoever reads the rows may have. Raises ArtifactsError.
    """
    if not has_parquet():
        return
    for stream, segments in state.segments.items():
        for few in _groups(segments):
            if len(few) > 1 or not _is_tidy(few[0]):
                yield _compacted(stream, few, store, storing)


def _groups(segments: Sequence[Segment]) -> Iterator[list[Segment]]:
    group: list[Segment] = []
    for segment in segments:
        is_large = segment.rows >= _MANY_ROWS and _is_tidy(segment)
        if is_large or sum(each.size for each in group) + segment.size > _MOST_BYTES:
            if group:
                yield group
            group = []
        if not is_large:
            group.append(segment)
    if group:
        yield group


def _is_tidy(segment: Segment) -> bool:
    return segment.format == PARQUET and segment.until is None


def _compacted(
    stream: str, segments: Sequence[Segment], store: ObjectStore, storing: Storing
) -> _Change:
    tables = [table for each in segments if len(table := segment_table(store, each))]
    change: _Change = {"kind": "compacted", "stream": stream, "to": []}
    change["from"] = [str(each.name) for each in segments]
    change["until"] = [each.until for each in segments]  # a rewind may come before this is told
    if tables:
        tables = unified(tables)
        data = to_parquet(tables)
        change["to"].append(
            {
                "segment": str(storing.blob(data)),
                "format": PARQUET,
                "rows": sum(map(len, tables)),
                "size": len(data),
                **(_bounds(tables) if stream == HISTORY else {}),
            }
        )
    return change


def _bounds(tables: Sequence[Any]) -> dict[str, int]:
    import pyarrow.compute as pc

    found = [pc.min_max(table.column(STEP)).as_py() for table in tables]
    return {
        "first": min(each["min"] for each in found),
        "last": max(each["max"] for each in found),
    }
