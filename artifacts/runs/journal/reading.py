"""Reading: the records of a journal, whoever wrote it and whether it still does."""

from __future__ import annotations

import logging
import os
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from typing import Any

import orjson

from artifacts.errors import MalformedError
from artifacts.runs.journal.hold import LOCK
from artifacts.runs.journal.journal import Journal
from artifacts.runs.journal.line import decoded
from artifacts.runs.journal.part import part

_ABSENT = (FileNotFoundError, NotADirectoryError)
_log = logging.getLogger(__name__)


class Reading:
    """Of one journal, from any record on. What is being written is not read yet."""

    def __init__(self, folder: Path, run: str) -> None:
        self.folder, self._run = folder, run
        self._number, self._offset = -1, 0
        self._fd = -1
        self.position = -1
        """Number of the record that is read next, once `seek` said so."""

    def about(self) -> dict[str, Any]:
        """What the journal's first line says. Raises MalformedError, OSError."""
        numbers = self._numbers()
        if not numbers:
            raise MalformedError(str(self.folder), f"it has no journal of run {self._run}")
        return self._head(numbers[0])[0]

    def seek(self, position: int) -> None:
        """Whoever delivered what was before may have had it in memory alone.

        Raises MalformedError if the first record that there is comes later.
        """
        if position == self.position:
            return
        self.close()
        self.position, self._number = 0, -1
        for number in reversed(self._numbers()):
            self._enter(number)
            if self.position <= position:
                break
        if self.position > position:
            raise MalformedError(str(self.folder), f"its record {position} is not there")
        while self.position < position and self.next(2**22, position - self.position):
            pass
        self.position = position

    def next(self, most: int = 2**22, records: int = 2**62) -> list[bytes]:
        """The next records, of about so many bytes; none at the end of what is written."""
        while True:
            is_last = not self._is_there(self._number + 1)
            if lines := self._lines(most, records):
                self.position += len(lines)
                return lines
            if is_last:
                return []
            position = self.position
            self._enter(self._number + 1)  # or all stays as it was
            if self.position > position:
                told = "%s: records %d to %d are damaged"
                _log.error(told, self.folder, position, self.position)
            elif self.position < position:  # it was read while it was in memory
                self._skip(position)

    def last_step(self) -> int | None:
        """The greatest step of the file that has the last rows; None without rows.

        Damaged ones are passed by, as by whoever delivers them. Raises MalformedError, OSError.
        """
        for number in reversed(self._numbers()):
            self._enter(number)
            steps: list[int] = []
            while lines := self._lines(2**22, 2**62):
                steps += (step for line in lines if (step := _step(line)) is not None)
            if steps:
                return max(steps)
        return None

    def _enter(self, number: int) -> None:
        """At the first record of one of the files. Raises MalformedError, and nothing happened."""
        about, length = self._head(number)
        self.close()
        self._number, self._offset, self.position = number, length, about["first"]

    def _skip(self, position: int) -> None:
        """Up to a record of the same file, or its end."""
        while self.position < position and (lines := self._lines(2**22, position - self.position)):
            self.position += len(lines)
        self.position = position

    def delete_before(self, position: int) -> None:
        """Delete the files all of whose records come before that one, but for the last file.

        What the disk keeps all the same, as one that is read-only by now, harms nobody.
        """
        for number, after in pairwise(self._numbers()):
            with suppress(OSError):
                if self._head(after)[0]["first"] <= position:
                    part(self.folder, self._run, number).unlink(missing_ok=True)

    def delete(self) -> None:
        """All of its files; what the disk keeps all the same can be delivered again."""
        self.close()
        for name in (*self._names(), LOCK):
            with suppress(OSError):
                (self.folder / name).unlink(missing_ok=True)

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _lines(self, most: int, records: int) -> list[bytes]:
        if self._fd < 0:
            try:
                self._fd = os.open(part(self.folder, self._run, self._number), os.O_RDONLY)
            except _ABSENT:
                return []
        data = os.pread(self._fd, most, self._offset)
        if (end := data.find(b"\0")) >= 0:
            data = data[:end]
        if b"\n" not in data and len(data) == most:
            return self._lines(most * 4, records)
        lines = data.split(b"\n")[:-1][:records]
        self._offset += sum(map(len, lines)) + len(lines)
        return lines

    def _numbers(self) -> list[int]:
        """Of the files that there are, in order."""
        first = len(part(self.folder, self._run, 0).name)
        rests = (name[first:] for name in self._names())
        found = sorted(int(rest[1:] or 0) for rest in rests if rest[1:].isdecimal() or not rest)
        if len(found) > 1 and not self._is_there(found[-1]):
            found.pop()
        return found

    def _names(self) -> list[str]:
        """What there is of it in its folder, which a disk may have refused to make."""
        first = part(self.folder, self._run, 0).name
        try:
            return [name for name in os.listdir(self.folder) if name.startswith(first)]
        except _ABSENT:
            return []

    def _is_there(self, number: int) -> bool:
        """Not so for a file whose process died before it wrote the head, if none comes after it."""
        path = part(self.folder, self._run, number)
        try:
            with path.open("rb") as file:
                if file.read(1) not in (b"", b"\0"):
                    return True
        except _ABSENT:
            return False
        return part(self.folder, self._run, number + 1).exists()

    def _head(self, number: int) -> tuple[dict[str, Any], int]:
        """The first line of a file, and its length."""
        path = part(self.folder, self._run, number)
        with path.open("rb") as file:
            line = file.readline(2**16)
        try:
            about = orjson.loads(line)
            if about["journal"] == 1 and about["first"] >= 0 and about["run"] == self._run:
                return _whole(about), len(line)
        except (ValueError, KeyError, TypeError) as error:
            raise MalformedError(str(path), f"its first line: {error!r}") from error
        raise MalformedError(str(path), "it is no journal of this version and run")


def _step(line: bytes) -> int | None:
    """Of a row of the history; None for another record, and for a damaged one."""
    if line[:2].lstrip()[:1] != b"[":
        return None
    try:
        _, step, _ = decoded(line)
    except ValueError:
        return None
    return step if isinstance(step, int) else None


def _whole(about: dict[str, Any]) -> dict[str, Any]:
    """Raises KeyError, TypeError if it does not say whose journal it is."""
    for key in ("id", "entity", "project"):
        if not isinstance(about[key], str):
            raise TypeError(f"{key} is {about[key]!r}")
    return about


class OwnReading(Reading):
    """Of the journal that this process writes: also of what is in its memory alone."""

    def __init__(self, journal: Journal) -> None:
        super().__init__(journal.folder, str(journal.about["run"]))
        self._journal = journal

    def about(self) -> dict[str, Any]:
        return self._journal.about

    def next(self, most: int = 2**22, records: int = 2**62) -> list[bytes]:
        if lines := super().next(most, records):
            return lines
        lines = self._journal.kept(self.position, most, records)
        self.position += len(lines)
        return lines
