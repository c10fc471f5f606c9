"""Digests: what this machine knows of files that have not changed since it read them.

A hint, never an authority. A wrong row cannot put a wrong digest into a manifest unnoticed:

- A row says that a file in one state had one content: device, inode, size, mtime and ctime. It is
  made by reading the file between two looks at that state, and only if all its times were older
  than a tick of the disk's clock when that began. So whoever writes to the file later gives it
  another ctime, which no program can set back, and the row is not found any more.
- A clock that was set back could repeat a ctime: rows from the future are passed by.
- A damaged row would pair a state with a foreign digest: all rows have one digest together, and
  are ignored together.
- Digest and place come from the same row, and the bytes in that place are compared with that
  digest by every reader: a version never says one content and delivers another.

What is left are disks that keep no ctime at all, like FAT: there, only who changes a file and
sets its mtime back, to the tick, goes unseen; `art verify` of the folder shows it.
"""

from __future__ import annotations

import os
import secrets
import shutil
import struct
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from itertools import chain
from pathlib import Path

from artifacts.content import Digest
from artifacts.storage import Name, Place

IN_PIECES = -2  # in a place: the digest is known, and where its bytes lie only a version knows
_MAGIC = b"artdigs2"
_HEAD = struct.Struct("<8sIIQ")  # magic, bytes of names, rows, and when they were written
_KEY = struct.Struct("<QQQqq")  # device, inode, size, mtime, ctime: what must all be as it was
_INODE = 16  # leading bytes of a key
_KNOWN = struct.Struct("<32siQ4s")  # digest, place, and the day when the row last served
_DAY = struct.Struct(">I")  # of 1970; its bytes have its order
_ROW = struct.Struct(f"{_KEY.size}s{_KNOWN.size}s")
_DAY_NS = 86_400 * 10**9
_NOTED_DAYS = 7  # after these, a use is written down again
_KEPT_DAYS = 60  # a row, or a file of them, that nobody used
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
        self._fresh: dict[bytes, bytes] = {}
        self._began_ns = time.time_ns()
        self._used: set[bytes] = set()
        self._noted = self._day(_NOTED_DAYS)
        self._load()

    @property
    def is_empty(self) -> bool:
        """Whether nothing was known when it was loaded."""
        return not self._rows

    def get(self, key: bytes) -> tuple[bytes, Place] | None:
        """Digest and place of a file that is as it was; a place's blob counts in `blobs`."""
        row = self._rows.get(key)
        if row is None:
            return None
        digest, blob, offset, day = _KNOWN.unpack(row)
        if day < self._noted:
            self._used.add(key)
        return digest, (blob, offset)

    def put(self, key: bytes, stat: os.stat_result, digest: bytes) -> None:
        """Remember, if the file was at rest. Source: the racy-git rule of git's index."""
        modified = stat.st_mtime_ns
        tick = _TICK_NS if modified % 1_000_000_000 else _COARSE_TICK_NS
        if max(modified, stat.st_ctime_ns) < self._began_ns - tick:
            self._fresh[key] = digest

    def save(self, blobs: Iterable[Name], places: Mapping[bytes, Place]) -> None:
        """Write, if anything is new, with the `places` of content, which count in `blobs`.

        Content that has none lies in pieces.
        """
        if not self._fresh and not self._used:
            return
        numbers = {name: i for i, name in enumerate(self.blobs)}
        moved = [numbers.setdefault(name, len(numbers)) for name in blobs]
        rows = self._kept() if self._rows else {}
        today = self._day(0)
        for key, digest in self._fresh.items():
            blob, offset = places.get(digest, (IN_PIECES, 0))
            rows[key] = _KNOWN.pack(digest, moved[blob] if blob >= 0 else blob, offset, today)
        self._rows = rows
        self._fresh.clear()
        self._used.clear()
        self.blobs = [*numbers]
        self._write()
        self._delete_unused()

    def _kept(self) -> dict[bytes, bytes]:
        """Rows of files that did not change, unless nobody used them for long."""
        changed = {key[:_INODE] for key in self._fresh}
        today, old = self._day(0), self._day(_KEPT_DAYS)
        return {
            key: row[: -_DAY.size] + today if key in self._used else row
            for key, row in self._rows.items()
            if key[:_INODE] not in changed and (row[-_DAY.size :] > old or key in self._used)
        }

    def _day(self, ago: int) -> bytes:
        return _DAY.pack(max(0, self._began_ns // _DAY_NS - ago))

    def _delete_unused(self) -> None:
        """Of the files beside this one those that nobody wrote to for long."""
        oldest_s = (self._began_ns - _KEPT_DAYS * _DAY_NS) / 10**9
        with suppress(OSError), os.scandir(self._path.parent) as entries:
            for entry in entries:
                if entry.stat(follow_symlinks=False).st_mtime < oldest_s:
                    os.unlink(entry.path)

    def _write(self) -> None:
        names = "\n".join(map(str, self.blobs)).encode()
        head = _HEAD.pack(_MAGIC, len(names), len(self._rows), self._began_ns)
        body = b"".join((head, names, *chain.from_iterable(self._rows.items())))
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
        magic, names, count, written_ns = _HEAD.unpack_from(body)
        start = 32 + _HEAD.size + names
        if magic != _MAGIC or len(data) != start + count * _ROW.size:
            return
        if written_ns > self._began_ns:
            return  # the clock was set back since
        text = data[start - names : start].decode()
        self.blobs = [Name.parse(line) for line in text.splitlines()]
        self._rows = dict(_ROW.iter_unpack(memoryview(data)[start:]))


def state_key(stat: os.stat_result) -> bytes:
    """What must be equal for a file to count as unchanged: which one it is, size and times."""
    return _KEY.pack(stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns)


def digests_size(folder: Path) -> int:
    """Bytes of all that is known, of any folder, in any store."""
    return sum(path.stat().st_size for path in (folder / "digests").glob("*/*"))


def clear_digests(folder: Path) -> None:
    """Forget it all: files are read again."""
    shutil.rmtree(folder / "digests", ignore_errors=True)
