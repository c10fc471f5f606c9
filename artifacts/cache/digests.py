"""Digests: what this machine knows of files that have not changed since it read them.

A hint, never an authority: a row counts only while device, inode, size, mtime and ctime are all
as they were, and is kept only if the file was at rest when it was read. A damaged file of rows
is ignored as a whole.
"""

from __future__ import annotations

import os
import secrets
import struct
import time
from collections.abc import Iterable
from pathlib import Path

from artifacts.content import Digest
from artifacts.storage import SOLO, Name, Place

_MAGIC = b"artdigs1"
_HEAD = struct.Struct("<8sII")
_KEY = struct.Struct("<QQ")
_STAT = struct.Struct("<Qqq")
_PLACE = struct.Struct("<iQ")
_ROW = _KEY.size + _STAT.size + 32 + _PLACE.size
_AT_DIGEST = _STAT.size
_AT_PLACE = _STAT.size + 32
_TICK_NS = 100_000_000  # longer than any clock tick of a disk that stamps fractions of a second
_COARSE_TICK_NS = 2_000_000_000  # FAT counts in two seconds


class Digests:
    """Rows for the files below one folder of this machine, in one store."""

    def __init__(self, folder: Path, store_id: str, root: str) -> None:
        name = Digest.of(f"{store_id}\0{os.path.realpath(root)}".encode()).hex()
        self._path = folder / "digests" / name[:2] / name
        self.blobs: list[Name] = []
        self._rows: dict[bytes, bytes] = {}
        self._fresh: dict[bytes, tuple[bytes, Place]] = {}
        self._began_ns = time.time_ns()
        self._load()

    def get(self, stat: os.stat_result) -> tuple[Digest, Place] | None:
        """Digest and place of a file that is as it was; a place's blob counts in `blobs`."""
        row = self._rows.get(_KEY.pack(stat.st_dev, stat.st_ino))
        if row is None or not row.startswith(_pack_stat(stat)):
            return None
        return Digest(row[_AT_DIGEST:_AT_PLACE]), _PLACE.unpack_from(row, _AT_PLACE)

    def put(self, stat: os.stat_result, digest: Digest, place: Place) -> None:
        """Remember, if the file was at rest. Source: the racy-git rule of git's index."""
        last = max(stat.st_mtime_ns, stat.st_ctime_ns)
        tick = _TICK_NS if stat.st_mtime_ns % 1_000_000_000 else _COARSE_TICK_NS
        if last < self._began_ns - tick:
            key = _KEY.pack(stat.st_dev, stat.st_ino)
            self._fresh[key] = (_pack_stat(stat) + digest, place)

    def save(self, blobs: Iterable[Name]) -> None:
        """Write, if anything is new; the places that were put count in `blobs`."""
        if not self._fresh:
            return
        numbers = {name: i for i, name in enumerate(self.blobs)}
        moved = [numbers.setdefault(name, len(numbers)) for name in blobs]
        for key, (facts, (blob, offset)) in self._fresh.items():
            place = _PLACE.pack(SOLO if blob == SOLO else moved[blob], offset)
            self._rows[key] = facts + place
        self._fresh.clear()
        self.blobs = [*numbers]
        self._write()

    def _write(self) -> None:
        names = "\n".join(map(str, self.blobs)).encode()
        parts = [_HEAD.pack(_MAGIC, len(names), len(self._rows)), names]
        for row in self._rows.items():
            parts += row
        body = b"".join(parts)
        beside = self._path.with_name(f"{self._path.name}.{secrets.token_hex(4)}")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            beside.write_bytes(Digest.of(body) + body)
            beside.replace(self._path)
        except OSError:
            beside.unlink(missing_ok=True)  # a cache: the next run reads the files again

    def _load(self) -> None:
        try:
            data = self._path.read_bytes()
        except OSError:
            return
        body = memoryview(data)[32:]
        if len(data) < 32 + _HEAD.size or Digest.of(body) != data[:32]:
            return
        magic, names, count = _HEAD.unpack_from(body)
        start = 32 + _HEAD.size + names
        if magic != _MAGIC or len(data) != start + count * _ROW:
            return
        text = data[start - names : start].decode()
        self.blobs = [Name.parse(line) for line in text.splitlines()]
        stop = _KEY.size
        self._rows = {
            data[i : i + stop]: data[i + stop : i + _ROW] for i in range(start, len(data), _ROW)
        }


def _pack_stat(stat: os.stat_result) -> bytes:
    return _STAT.pack(stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns)
