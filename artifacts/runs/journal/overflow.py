"""Overflow: records for which the disk has no room, in memory until they are in the store."""

from __future__ import annotations

from collections import deque
from itertools import islice
from typing import Any

from artifacts.runs.journal.line import decoded, encoded

_MOST_BYTES = 2**24
_ROOM_FOR_NOTES = 2**20  # beyond, for what is told of a run beside its rows
_ROWS = (b"[", b" [", b'{"stream"', b' {"stream"')


class Overflow:
    """Records in order, each with its number. What has no room is counted, and that is told."""

    def __init__(self, first: int = 0, most: int = _MOST_BYTES) -> None:
        self._most = most
        self._lines: deque[bytes] = deque()
        self._bytes = 0
        self._lost: dict[str, Any] = {}
        self.first = first
        """The number of the record that is here for longest, or would be."""

    def __len__(self) -> int:
        return len(self._lines)

    @property
    def size(self) -> int:
        """Bytes of the records."""
        return self._bytes

    @property
    def next(self) -> int:
        """The number of the record that is kept next."""
        return self.first + len(self._lines)

    def keep(self, line: bytes, now_s: float) -> bool:
        """Whether there is room for it; with it may come a record that says how many were dropped.

        The first one is kept, however long it is.
        """
        lines = [line] if not self._lost else [self._told(), line]
        most = self._most if line.startswith(_ROWS) else self._most + _ROOM_FOR_NOTES
        if self._lines and self._bytes + sum(map(len, lines)) > most:
            self._drop(line, now_s)
            return False
        size = self._bytes + sum(map(len, lines))
        self._lines += lines  # from here on no call, after which an interrupt could come
        self._bytes, self._lost = size, {}
        return True

    def all(self) -> list[bytes]:
        """Those that are kept, and after them how many were dropped."""
        return [*self._lines, *([self._told()] if self._lost else [])]

    def lines(self, position: int, most: int, records: int) -> list[bytes]:
        """Records from that number on, of about so many bytes; none if it is not here."""
        start = position - self.first
        if start < 0 or start >= len(self._lines):
            return []
        found: list[bytes] = []
        for line in islice([*self._lines], start, start + records):
            found.append(line)
            most -= len(line)
            if most <= 0:
                break
        return found

    def forget(self, position: int) -> None:
        """Records before that number."""
        while self._lines and self.first < position:
            size = len(self._lines[0])
            del self._lines[0]  # and no call, as in `keep`
            self._bytes, self.first = self._bytes - size, self.first + 1

    def _drop(self, line: bytes, now_s: float) -> None:
        lost = self._lost or {"records": 0, "from": now_s}
        step = [decoded(line)[1]] if line.startswith(_ROWS[:2]) else []
        bounds = [lost[key] for key in ("first", "last") if key in lost] + step
        if bounds:
            lost |= {"first": min(bounds), "last": max(bounds)}
        self._lost = lost | {"records": lost["records"] + 1, "to": now_s}

    def _told(self) -> bytes:
        return encoded({"note": "lost", "facts": self._lost})
