"""Checked: what a check of a store that did not end has found right, kept on this machine."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from artifacts.content import Digest

LASTING = timedelta(hours=24)  # from its beginning on: what was right long ago may not be now
_MAGIC = b"artchkd1"
_HEAD = struct.Struct("<8sQ")  # magic, and when it began, in microseconds since 1970
_1970 = datetime(1970, 1, 1, tzinfo=UTC)
_BATCH = struct.Struct("<16sI")  # digest of the rows, and their bytes
_ROW = struct.Struct("<16sQ")


class Checked:
    """Only what was right is written down: what was not is looked at again, and told again.

    So whatever ends a check, the next one of the same store, at the same address and within a
    day, finds what it would have found without it. Only damage that comes later to what had been
    read already is not seen; so whoever goes on says so, and a check that ended is forgotten.
    """

    def __init__(self, folder: Path, store_id: str, url: str, now: datetime) -> None:
        name = Digest.of(f"{store_id}\0{url}".encode()).hex()
        self._path = folder / "checked" / name
        self._began = now
        self._rows: dict[bytes, int] = {}
        if not self._load(now):
            self.forget()
        self.rows = len(self._rows)  # that were known when this began

    @property
    def began(self) -> datetime:
        """When the first of the checks that this goes on with did."""
        return self._began

    def get(self, key: bytes) -> int | None:
        """The size of what was right."""
        return self._rows.get(key)

    def add(self, rows: Iterable[tuple[bytes, int]]) -> None:
        """Whole or not at all, whoever is killed meanwhile."""
        new = [row for row in rows if row[0] not in self._rows]
        if not new:
            return
        self._rows.update(new)
        data = b"".join(_ROW.pack(*row) for row in new)
        with suppress(OSError):  # a cache: the next check reads more
            self._append(_BATCH.pack(Digest.of(data)[:16], len(data)) + data)

    def forget(self) -> None:
        """The check has ended, or is to begin anew."""
        self._rows.clear()
        self.rows = 0
        with suppress(OSError):
            self._path.unlink(missing_ok=True)

    def anew(self, now: datetime) -> None:
        """Nothing that was right before counts."""
        self.forget()
        self._began = now

    def _append(self, batch: bytes) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("ab", buffering=0) as file:
            head = (
                b""
                if file.tell()
                else _HEAD.pack(_MAGIC, (self._began - _1970) // timedelta(microseconds=1))
            )
            file.write(head + batch)

    def _load(self, now: datetime) -> bool:
        """Whether something was there that counts."""
        try:
            data = self._path.read_bytes()
            magic, microseconds = _HEAD.unpack_from(data)
            began = _1970 + timedelta(microseconds=microseconds)
            if magic != _MAGIC or not timedelta(0) <= now - began < LASTING:
                return False
            at = _HEAD.size
            while rows := _batch(data, at):
                self._rows.update(_ROW.iter_unpack(rows))
                at += _BATCH.size + len(rows)
            os.truncate(self._path, at)  # what is written next must not lie behind half a batch
        except (OSError, struct.error, ValueError, OverflowError):
            return False
        self._began = began
        return True


def checked_key(*parts: object) -> bytes:
    """By which something that was compared is found again: what, where, and with what."""
    return Digest.of("\0".join(map(str, parts)).encode())[:16]


def _batch(data: bytes, at: int) -> memoryview | None:
    """The rows of the batch there, if it is whole."""
    if len(data) < at + _BATCH.size:
        return None
    digest, size = _BATCH.unpack_from(data, at)
    rows = memoryview(data)[at + _BATCH.size :][:size]
    is_whole = len(rows) == size and not size % _ROW.size and Digest.of(rows)[:16] == digest
    return rows if is_whole else None
