"""Exporting: the rows of a run as one file for other programs: Parquet, CSV or JSON lines."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import partial, reduce
from pathlib import Path
from secrets import token_hex
from stat import S_ISREG
from typing import TYPE_CHECKING, Any, BinaryIO, Literal, TypeAlias

from artifacts.catalog import HISTORY, RunState
from artifacts.errors import UsageError
from artifacts.runs.journal.line import encoded
from artifacts.runs.rows.history import batches
from artifacts.runs.rows.reader import segment_table
from artifacts.runs.rows.segments import has_parquet, rows_of, unified, write_parquet
from artifacts.runs.values import spelled
from artifacts.storage import Ahead, ObjectStore

if TYPE_CHECKING:
    import pyarrow as pa

ExportFormat: TypeAlias = Literal["parquet", "csv", "jsonl"]
_NEEDED = "Parquet is made with pyarrow: pip install 'artifact-store[runs]', or take csv or jsonl"


class Export:
    """Of one stream of a run, all columns or those of the keys, rows in the order of logging.

    Rows that have none of the keys are left out. Memory: a segment, or as many as the store gets
    at once; to know the columns before the first row all but JSON lines reads each twice.
    """

    def __init__(
        self,
        state: RunState,
        store: ObjectStore,
        stream: str = HISTORY,
        keys: Sequence[str] | None = None,
    ) -> None:
        self._state, self._store = state, store
        self._stream, self._keys = stream, keys

    def strangers(self) -> tuple[set[str], set[str]]:
        """Of the keys those that no row has, and if there are any, all that rows have.

        Reads no more than it takes to find each key.
        """
        missing, there = {*(self._keys or ())}, set[str]()
        for columns in batches(self._state, self._store, self._stream, None):
            if not missing:
                break
            there.update(columns)
            missing -= there
        return missing, there if missing else set()

    def write(self, format_: ExportFormat, sink: BinaryIO) -> None:
        """Raises UsageError for Parquet without pyarrow, and ArtifactsError."""
        if format_ == "jsonl":
            for row in self._rows():
                sink.write(encoded(spelled(row)).lstrip() + b"\n")
        elif format_ == "csv":
            self._write_csv(sink)
        else:
            self._write_parquet(sink)

    def save(self, format_: ExportFormat, path: Path) -> int:
        """As `write`, to a file that is whole when it is there; how many bytes that are.

        A link stays, and the file that it leads to is written. A device or a pipe is written into
        as it is, and what is open, as /dev/stdout, where it is at or its end is. Raises UsageError
        for a socket, and OSError.
        """
        target = _followed(path)
        if _is_special(target):
            with _opened(target) as file:
                return self._write_counted(format_, file)
        beside = target.with_name(f".{target.name}.{token_hex(4)}")
        try:
            with beside.open("wb") as file:
                size = self._write_counted(format_, file)
            beside.replace(target)
        except OSError as error:
            if error.filename == str(beside):
                error.filename = str(path)  # which somebody knows
            raise
        finally:
            beside.unlink(missing_ok=True)
        return size

    def _write_counted(self, format_: ExportFormat, file: BinaryIO) -> int:
        counted = _Counted(file)
        self.write(format_, counted)
        return counted.tell()

    def _rows(self) -> Iterator[dict[str, Any]]:
        for columns in batches(self._state, self._store, self._stream, self._keys):
            wanted = {key: columns[key] for key in self._keys or columns if key in columns}
            yield from filter(None, rows_of(wanted))

    def _write_csv(self, sink: BinaryIO) -> None:
        text = io.TextIOWrapper(sink, encoding="utf-8", newline="", write_through=True)
        try:
            heads = self._keys or self._all_keys()
            writer = csv.writer(text)
            writer.writerow(heads)
            for row in self._rows():
                writer.writerow([_cell(row.get(key)) for key in heads])
        finally:
            text.detach()  # the sink is not ours to close

    def _all_keys(self) -> list[str]:
        found: dict[str, None] = {}
        for columns in batches(self._state, self._store, self._stream, None):
            found |= dict.fromkeys(columns)
        return [*found]

    def _write_parquet(self, sink: BinaryIO) -> None:
        if not has_parquet():
            raise UsageError(_NEEDED)
        import pyarrow as pa

        empty: list[pa.Table] = []
        for table in self._tables():
            empty = unified([*empty, table.slice(0, 0)])[:1]
        first = empty[0] if empty else pa.table({})
        tables = (unified([first, table])[1] for table in self._tables())
        write_parquet(tables, first.schema, pa.PythonFile(sink, mode="w"))

    def _tables(self) -> Iterator[pa.Table]:
        """Of the segments, with the wanted columns."""
        segments = [s for s in self._state.segments.get(self._stream, []) if not s.is_empty]
        with Ahead(self._store) as ahead:
            for job in ahead.each(partial(segment_table, self._store, each) for each in segments):
                table = job()
                there = table.schema.names
                wanted = [key for key in self._keys or there if key in there]
                if wanted:
                    yield _without_empty(table.select(wanted)) if self._keys else table


class _Counted(io.RawIOBase, BinaryIO):
    """A file that knows where it is, also where it is a pipe, which Parquet asks for."""

    def __init__(self, file: BinaryIO) -> None:
        self._file, self._size = file, 0

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:  # noqa: ANN401 - any buffer of bytes
        self._size += self._file.write(data)
        return len(data)

    def tell(self) -> int:
        return self._size


def _followed(path: Path) -> Path:
    """What its links lead to, but for those that stand for open files. Raises OSError."""
    with suppress(FileNotFoundError):
        path.stat()  # raises for a circle
    while True:
        path = Path(os.path.realpath(path.parent), path.name)
        if _is_open(path) or not path.is_symlink():
            return path
        path = path.parent / path.readlink()


def _is_open(path: Path) -> bool:
    """Whether it stands for a file that some process has open, whatever that is called."""
    return path.parts[1:2] == ("proc",) or path.parts[1:3] == ("dev", "fd")


def _is_special(path: Path) -> bool:
    """Whether there is something that no file may take the place of. Raises OSError."""
    try:
        return _is_open(path) or not S_ISREG(path.stat().st_mode)
    except FileNotFoundError:
        return False


def _opened(path: Path) -> BinaryIO:
    """What is special, to be written into. Raises UsageError for a socket, OSError."""
    ours = (Path(os.path.realpath("/proc/self/fd")), Path("/dev/fd"))
    if path.parent in ours and path.name.isdigit():
        return os.fdopen(os.dup(int(path.name)), "wb")  # opened anew, others would write over it
    if path.is_socket():
        raise UsageError(
            f"{path} is a socket, which has no name to write to: take a file or a pipe"
        )
    return path.open("ab")


def _without_empty(table: pa.Table) -> pa.Table:
    """Only the rows that have any of its columns."""
    import pyarrow.compute as pc

    return table.filter(reduce(pc.or_, map(pc.is_valid, table.columns)))


def _cell(value: object) -> str:
    """Empty for nothing; what CSV has no word for as JSON."""
    if value is None:
        return ""
    value = spelled(value)
    return value if isinstance(value, str) else encoded(value).decode().strip()
