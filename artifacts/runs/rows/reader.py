"""Reader: the bytes of a segment from the store, compared with its name, as rows and columns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from artifacts.catalog import Segment
from artifacts.content import Digest
from artifacts.errors import DigestMismatchError, MalformedError
from artifacts.runs.rows.segments import (
    MOST_BYTES,
    PARQUET,
    STEP,
    Columns,
    batches,
    from_lines,
    read_table,
    table_of,
)
from artifacts.storage import ObjectStore, healed

if TYPE_CHECKING:
    import pyarrow as pa


def segment_data(store: ObjectStore, segment: Segment) -> bytes:
    """Raises ObjectNotFoundError, DigestMismatchError, MalformedError."""
    return healed(store, segment.name.key, lambda: _checked(store, segment))


def _checked(store: ObjectStore, segment: Segment) -> bytes:
    key = segment.name.key
    if segment.size > MOST_BYTES:
        raise MalformedError(key, f"a segment of {segment.size} bytes is too long to be one")
    data = store.read(key, 0, segment.size + 1)
    if len(data) != segment.size:
        raise MalformedError(key, f"it has not the {segment.size} bytes that the run's log says")
    if (actual := Digest.of(data)) != segment.name.digest:
        raise DigestMismatchError(key, segment.name.digest.hex(), actual.hex())
    return data


def segment_table(store: ObjectStore, segment: Segment) -> pa.Table:
    """The rows of it that count, with pyarrow."""
    import pyarrow.compute as pc

    data, key = segment_data(store, segment), segment.name.key
    if segment.format == PARQUET:
        table = read_table(data, key)
    else:
        table = table_of([*from_lines(data, key)])
    if segment.until is None or STEP not in table.schema.names:
        return table
    return table.filter(pc.less_equal(table.column(STEP), segment.until))


def segment_columns(
    store: ObjectStore,
    segment: Segment,
    keys: Sequence[str] | None = None,
    steps: tuple[int, int | None] = (0, None),
) -> Columns:
    """The rows of it that count whose step is in `steps`, the end excluded; of these keys.

    `_step` is among them where rows are left out for it.
    """
    found: dict[str, list[Any]] = {}
    for columns in segment_batches(segment, segment_data(store, segment), keys, steps):
        for key, values in columns.items():
            found.setdefault(key, []).extend(values)
    return found


def segment_batches(
    segment: Segment,
    data: bytes,
    keys: Sequence[str] | None = None,
    steps: tuple[int, int | None] = (0, None),
) -> Iterator[Columns]:
    """As `segment_columns`, of what `segment_data` gave, in batches that have the same keys."""
    least, end = steps
    if segment.until is not None:
        end = segment.until + 1 if end is None else min(end, segment.until + 1)
    is_cut = segment.first is not None and (
        segment.first < least or (end is not None and (segment.last or 0) >= end)
    )
    wanted = [*keys, STEP] if keys is not None and is_cut and STEP not in keys else keys
    for columns in batches(segment.format, data, segment.name.key, wanted):
        if not is_cut or STEP not in columns:
            yield columns
            continue
        is_in = [least <= step and (end is None or step < end) for step in columns[STEP]]
        yield {key: _chosen(values, is_in) for key, values in columns.items()}


def _chosen(values: Sequence[Any], is_in: Sequence[bool]) -> list[Any]:
    return [value for value, is_wanted in zip(values, is_in, strict=True) if is_wanted]
