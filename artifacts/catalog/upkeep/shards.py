"""Shards: rows of the index sorted on disk, as there may be more than memory should hold."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from pathlib import Path

from artifacts.content import Digest
from artifacts.errors import StorageError
from artifacts.storage import Located, Name, on_disk

_ROW = struct.Struct("<32sIQ")
_HELD_BYTES = 2**24  # before they go to disk
_PART_ROWS = 2**18  # in memory as objects, some 60 MB


class Shards:
    """Rows by the first byte of their digest, in files of a folder; names of blobs in memory."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._held = [bytearray() for _ in range(256)]
        self._spilled = [0] * 256  # bytes on disk
        self._bytes = 0
        self._numbers: dict[Name, int] = {}
        self._live: set[int] = set()

    def add(self, rows: Iterable[Located]) -> None:
        """Rows count once their blob is marked, be it before or after. Raises StorageError."""
        for row in rows:
            number = self._numbers.setdefault(row.blob, len(self._numbers))
            self._held[row.digest[0]] += _ROW.pack(row.digest, number, row.offset)
            self._bytes += _ROW.size
        if self._bytes >= _HELD_BYTES:
            self._spill()

    def mark(self, blob: Name) -> None:
        """Its rows count. A blob without rows takes no memory."""
        if (number := self._numbers.get(blob)) is not None:
            self._live.add(number)

    def parts(self) -> Iterator[list[Located]]:
        """Rows in order of digest, none twice, a bounded number at a time. Raises StorageError."""
        names = [*self._numbers]
        part: list[Located] = []
        for shard in range(256):
            rows = {
                row[0]: row for row in _ROW.iter_unpack(self._read(shard)) if row[1] in self._live
            }
            part += [Located(Digest(d), names[n], at) for d, n, at in sorted(rows.values())]
            if len(part) >= _PART_ROWS:
                yield part
                part = []
        if part:
            yield part

    def _spill(self) -> None:
        for shard, rows in enumerate(self._held):
            path = self._path(shard)
            with on_disk(path), path.open("ab") as file:
                file.write(rows)
            self._spilled[shard] += len(rows)
            rows.clear()
        self._bytes = 0

    def _read(self, shard: int) -> bytes:
        path = self._path(shard)
        size = self._spilled[shard]
        with on_disk(path):
            data = path.read_bytes() if size else b""
        if len(data) != size:
            raise StorageError(str(path), f"has {len(data)} bytes of {size} that were written")
        return data + bytes(self._held[shard])

    def _path(self, shard: int) -> Path:
        return self._folder / f"{shard:02x}"
