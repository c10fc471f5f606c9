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
from contextlib import suppress
from pathlib import Path

from artifacts.content import Digest
from artifacts.storage import Name, Place

IN_PIECES = -2  # in a place: the digest is known, and where its bytes lie only a version knows
_MAGIC = b"artdigs1"
_HEAD = struct.Struct("<8sII")
_KEY = struct.Struct("<QQQqq")  # device, inode, size, mtime, ctime: what must all be as it was
_INODE = 16  # leading bytes of a key
_PLACE = struct.Struct("<iQ")
_KNOWN = 32 + _PLACE.size  # bytes of a digest and a place
_ROW = _KEY.size + _KNOWN
_TICK_NS = 100_000_000  # longer than any clock tick of a disk that stamps fractions of a second
_COARSE_TICK_NS = 2_000_000_000  # FAT counts in two seconds


class Digests:
    """Rows for the files below one folder of this machine, in one store."""

    def __init__(self, folder: Path, store_id: str, root: str) -> None:
        name = Digest.of(f"{store_id}\0{os.path.realpath(root)}".encode()).hex()
        self._path = folder / "digests" / name[:2] / name
        self.blobs: list[Name] = []
        self.numbers: dict[int, int | None] = {}  # what a user of this calls them; None is gone
        self._rows: dict[bytes, bytes] = {}
        self._fresh: dict[bytes, tuple[bytes, Place]] = {}
        self._began_ns = time.time_ns()
        self._load()

    def get(self, key: bytes) -> tuple[bytes, Place] | None:
        """Digest and place of a file that is as it was; a place's blob counts in `blobs`."""
        row = self._rows.get(key)
        return None if row is None else (row[:32], _PLACE.unpack_from(row, 32))

    def put(self, key: bytes, stat: os.stat_result, digest: bytes, place: Place) -> None:
        """Remember, if the file was at rest. Source: the racy-git rule of git's index."""
        modified = stat.st_mtime_ns
        tick = _TICK_NS if modified % 1_000_000_000 else _COARSE_TICK_NS
        if max(modified, stat.st_ctime_ns) < self._began_ns - tick:
            self._fresh[key] = (digest, place)

    def save(self, blobs: Iterable[Name]) -> None:
        """Write, if anything is new; the places that were put count in `blobs`."""
        if not self._fresh:
            return
        numbers = {name: i for i, name in enumerate(self.blobs)}
        moved = [numbers.setdefault(name, len(numbers)) for name in blobs]
        changed = {key[:_INODE] for key in self._fresh}
        rows = {key: row for key, row in self._rows.items() if key[:_INODE] not in changed}
        for key, (digest, (blob, offset)) in self._fresh.items():
            rows[key] = digest + _PLACE.pack(moved[blob] if blob >= 0 else blob, offset)
        self._rows = rows
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
        except OSError:  # a cache: the next run reads the files again
            with suppress(OSError):
                beside.unlink(missing_ok=True)

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
        known = _KEY.size
        self._rows = {
            data[i : i + known]: data[i + known : i + _ROW] for i in range(start, len(data), _ROW)
        }


def state_key(stat: os.stat_result) -> bytes:
    """What must be equal for a file to count as unchanged: which one it is, size and times."""
    return _KEY.pack(stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns)
