"""Segments: rows as bytes, and back, as Parquet where pyarrow is there and as JSON lines else."""

from __future__ import annotations

import io
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from itertools import repeat
from operator import setitem
from typing import TYPE_CHECKING, Any, TypeAlias

import zstandard

from artifacts.errors import MalformedError, UsageError
from artifacts.runs.journal.line import decoded, encoded

if TYPE_CHECKING:
    import pyarrow as pa

PARQUET, JSONL = "parquet", "jsonl"
STEP, TIMESTAMP, RUNTIME = "_step", "_timestamp", "_runtime"
Row: TypeAlias = dict[str, Any]
Columns: TypeAlias = Mapping[str, Sequence[Any]]
"""As long as each other; None where a row says nothing."""
_FEW = 1024  # rows that are not worth a Parquet file, nor importing pyarrow
_LEVEL = 3
_EXACT = 2**53  # below it whole numbers are floating ones without loss
_MOST_LINE = 2**27  # bytes of a row that a reader will believe
MOST_BYTES = 2**32
"""Of a segment that a reader will believe, as it is stored or unpacked."""
_JSON = {b"json": b"1"}
_ROWS_A_GROUP, _ROWS_A_BATCH = 2**17, 2**14
_ROWS_FILLED = 2**8  # at once, which stay in the processor's cache
_TOO_MUCH = "it unpacks to more than a segment may"
_NEEDED = "these rows are stored as Parquet: pip install 'artifact-store[runs]' to read them"


@cache
def has_parquet() -> bool:
    """Whether pyarrow is here, and can be loaded."""
    try:
        import pyarrow.parquet  # noqa: F401
    except ImportError:
        return False
    return True


def encode(rows: Sequence[Row]) -> tuple[str, bytes]:
    """The format, and the bytes."""
    if len(rows) < _FEW or not has_parquet():
        return JSONL, to_lines(rows)
    return PARQUET, to_parquet([table_of(rows)])


def decode(format_: str, data: bytes, name: str, keys: Sequence[str] | None = None) -> Columns:
    """All columns, or those of the keys that there are. Raises MalformedError, UsageError."""
    if format_ == JSONL:
        columns = columns_of([*from_lines(data, name)])
        return {key: columns[key] for key in columns if keys is None or key in keys}
    table = read_table(data, name, keys)
    return {field.name: _values(table.column(index), field) for index, field in _fields(table)}


def batches(
    format_: str, data: bytes, name: str, keys: Sequence[str] | None = None
) -> Iterator[Columns]:
    """As `decode`, some ten thousand rows at a time, which is faster where there are many."""
    if format_ == JSONL:
        yield decode(format_, data, name, keys)
        return
    table = read_table(data, name, keys)
    for start in range(0, len(table), _ROWS_A_BATCH):
        part = table.slice(start, _ROWS_A_BATCH)
        found = {field.name: _values(part.column(index), field) for index, field in _fields(table)}
        yield found if any(column.null_count for column in part.columns) else Whole(found)


def columns_of(rows: Sequence[Row]) -> dict[str, list[Any]]:
    """Of each key in order of coming; None where a row says nothing."""
    keys = dict.fromkeys(rows[0]) if rows else {}
    for row in rows:
        if row.keys() - keys.keys():
            keys |= dict.fromkeys(row)
    return {key: [row.get(key) for row in rows] for key in keys}


class Whole(dict[str, Sequence[Any]]):
    """Columns of which each row says everything."""


def rows_of(columns: Columns) -> Iterator[Row]:
    """Without what they do not say."""
    rows = _filled(columns)
    if isinstance(columns, Whole) or not any(None in values for values in columns.values()):
        return rows
    return ({key: value for key, value in row.items() if value is not None} for row in rows)


def _filled(columns: Columns) -> Iterator[Row]:
    """Column by column, which takes half as long as row by row."""
    empty, done = dict.fromkeys(columns), deque[None](maxlen=0)
    for start in range(0, max(map(len, columns.values()), default=0), _ROWS_FILLED):
        parts = [values[start : start + _ROWS_FILLED] for values in columns.values()]
        rows: list[Row] = [empty.copy() for _ in parts[0]]
        for key, values in zip(columns, parts, strict=True):
            done.extend(map(setitem, rows, repeat(key), values))
        yield from rows


# JSON lines


def to_lines(rows: Sequence[Row]) -> bytes:
    text = b"".join(encoded(row) + b"\n" for row in rows)
    return zstandard.ZstdCompressor(level=_LEVEL).compress(text)


def from_lines(data: bytes, name: str) -> Iterator[Row]:
    """Raises MalformedError."""
    try:
        frames = zstandard.ZstdDecompressor().stream_reader(data, read_across_frames=True)
        lines = io.BufferedReader(frames)
        left = MOST_BYTES
        while line := lines.readline(_MOST_LINE + 1):
            left -= len(line)
            if len(line) > _MOST_LINE or left < 0:
                raise MalformedError(name, _TOO_MUCH)
            yield _row(line)
    except (zstandard.ZstdError, ValueError) as error:
        raise MalformedError(name, str(error)) from error


def _row(line: bytes) -> Row:
    if not isinstance(row := _parsed(line), dict):
        raise ValueError(f"{row!r} is no row")  # noqa: TRY004 - damage, as other lines have
    return row


def _parsed(text: bytes) -> Any:  # noqa: ANN401 - whatever JSON has
    try:
        return decoded(text)
    except ValueError:
        return decoded(b" " + text)


# Parquet


def to_parquet(tables: Sequence[pa.Table]) -> bytes:
    """One file of tables that have one schema, with a row group for each, or several."""
    import pyarrow as pa

    sink = pa.BufferOutputStream()
    write_parquet(tables, tables[0].schema, sink)
    return sink.getvalue().to_pybytes()  # type: ignore[no-any-return]


def write_parquet(tables: Iterable[pa.Table], schema: pa.Schema, sink: object) -> None:
    """As `to_parquet`, table by table, to a path or a file of pyarrow's."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    floats = [field.name for field in schema if pa.types.is_floating(field.type)]
    whole = [field.name for field in schema if pa.types.is_integer(field.type)]
    with pq.ParquetWriter(
        sink,
        schema,
        compression="zstd",
        compression_level=_LEVEL,
        use_dictionary=[field.name for field in schema if pa.types.is_string(field.type)],
        column_encoding={
            **dict.fromkeys(floats, "BYTE_STREAM_SPLIT"),
            **dict.fromkeys(whole, "DELTA_BINARY_PACKED"),
        },
    ) as writer:
        for table in tables:
            writer.write_table(table, row_group_size=_ROWS_A_GROUP)


def in_arrow(data: bytes) -> pa.Buffer:
    """The same in memory of Arrow's own.

    One of its threads may be the last to let go of it when Python ends, and must not need Python
    for that, which aborts the process.
    """
    import pyarrow as pa

    buffer = pa.allocate_buffer(len(data))
    memoryview(buffer).cast("B")[:] = data
    return buffer


def read_table(data: bytes, name: str, keys: Sequence[str] | None = None) -> pa.Table:
    """Raises MalformedError, UsageError without pyarrow."""
    if not has_parquet():
        raise UsageError(_NEEDED)
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(pa.BufferReader(in_arrow(data))) as file:
            groups = map(file.metadata.row_group, range(file.num_row_groups))
            if sum(group.total_byte_size for group in groups) > MOST_BYTES:
                raise MalformedError(name, _TOO_MUCH)
            there = set(file.schema_arrow.names)
            columns = None if keys is None else [key for key in keys if key in there]
            return file.read(columns)
    except (pa.ArrowException, OSError) as error:
        raise MalformedError(name, str(error)) from error


def table_of(rows: Sequence[Row]) -> pa.Table:
    """Each column as the format says (docs/format.md, Run)."""
    import pyarrow as pa

    arrays, fields = [], []
    for key, values in columns_of(rows).items():
        type_ = _type_of(values)
        array = pa.array(values if type_ else _texts(values), type_ or pa.string())
        arrays.append(array)
        fields.append(pa.field(key, array.type, metadata=None if type_ else _JSON))
    return pa.Table.from_arrays(arrays, schema=pa.schema(fields))


def unified(tables: Sequence[pa.Table]) -> list[pa.Table]:
    """The same rows with one schema for all; a column of different types becomes one of JSON."""
    import pyarrow as pa

    fields: dict[str, pa.Field] = {}
    for field in (field for table in tables for field in table.schema):
        there = fields.setdefault(field.name, field)
        if (there.type, there.metadata) != (field.type, field.metadata):
            is_exact = all(_is_exact(table, field.name) for table in tables)
            fields[field.name] = _wider(there, field, is_exact=is_exact)
    return [_cast(table, pa.schema(fields.values())) for table in tables]


def _is_exact(table: pa.Table, key: str) -> bool:
    """Whether whole numbers of that column are floating ones without loss."""
    import pyarrow as pa
    import pyarrow.compute as pc

    index = table.schema.get_field_index(key)
    if index < 0 or table.schema.field(index).type != pa.int64():
        return True
    bounds = pc.min_max(table.column(index)).as_py()
    return bounds["min"] is None or (bounds["min"] >= -_EXACT and bounds["max"] <= _EXACT)


def _wider(one: pa.Field, other: pa.Field, *, is_exact: bool) -> pa.Field:
    import pyarrow as pa

    if is_exact and {one.type, other.type} == {pa.int64(), pa.float64()}:
        return pa.field(one.name, pa.float64())
    return pa.field(one.name, pa.string(), metadata=_JSON)


def _cast(table: pa.Table, schema: pa.Schema) -> pa.Table:
    import pyarrow as pa

    if table.schema.equals(schema, check_metadata=True):
        return table
    columns = []
    for field in schema:
        index = table.schema.get_field_index(field.name)
        if index < 0:
            columns.append(pa.chunked_array([pa.nulls(len(table), field.type)]))
            continue
        column, there = table.column(index), table.schema.field(index)
        if field.metadata == _JSON and there.metadata != _JSON:
            texts = _texts(_values(column, there))
            column = pa.chunked_array([pa.array(texts, pa.string())])
        elif field.type != there.type:
            column = column.cast(field.type, safe=False)
        columns.append(column)
    return pa.Table.from_arrays(columns, schema=schema)


def _type_of(values: Sequence[Any]) -> pa.DataType | None:
    """None for what is to be JSON."""
    import pyarrow as pa

    types = {*map(type, values)} - {type(None)}
    if types == {float}:
        return pa.float64()
    if types == {int}:
        return pa.int64() if all(-(2**63) <= v < 2**63 for v in values if v is not None) else None
    if types == {int, float}:
        is_exact = all(type(v) is not int or -_EXACT <= v <= _EXACT for v in values)
        return pa.float64() if is_exact else None
    if types == {str}:
        return pa.string() if all(_is_utf8(v) for v in values if v is not None) else None
    return pa.bool_() if types == {bool} else None


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _texts(values: Sequence[Any]) -> list[str | None]:
    """Each as JSON."""
    return [None if value is None else encoded(value).decode() for value in values]


def _fields(table: pa.Table) -> Iterator[tuple[int, pa.Field]]:
    yield from enumerate(table.schema)


def _values(column: pa.ChunkedArray, field: pa.Field) -> list[Any]:
    """Plain values, much faster than `to_pylist` for numbers."""
    import pyarrow as pa

    if field.type not in (pa.float64(), pa.int64()):
        values: list[Any] = column.to_pylist()
        is_json = field.metadata and field.metadata.get(b"json") == b"1"
        return [v if v is None else _parsed(v.encode()) for v in values] if is_json else values
    if len(column.chunks) == 1:
        return _numbers(column.chunk(0))
    return [value for chunk in column.chunks for value in _numbers(chunk)]


def _numbers(chunk: pa.Array) -> list[Any]:
    import pyarrow as pa

    buffer = chunk.buffers()[1]
    if not len(chunk) or buffer is None:
        return [None] * len(chunk)
    plain = memoryview(buffer).cast("B")
    typed = plain.cast("d") if chunk.type == pa.float64() else plain.cast("q")
    numbers: list[Any] = typed[chunk.offset : chunk.offset + len(chunk)].tolist()
    if not chunk.null_count:
        return numbers
    flags = memoryview(chunk.is_valid().cast(pa.int8()).buffers()[1])
    return [number if is_there else None for number, is_there in zip(numbers, flags, strict=False)]
