"""Reading: the records of a journal, whoever wrote it and whether it still does."""

from __future__ import annotations

import logging
import os
from itertools import pairwise
from pathlib import Path
from typing import Any

import orjson

from artifacts.errors import MalformedError
from artifacts.runs.hold import LOCK
from artifacts.runs.journal import decoded, part

_log = logging.getLogger(__name__)


class Reading:
    """Of one journal, from any record on. What is being written is not read yet."""

    def __init__(self, folder: Path, run: str) -> None:
        self.folder, self._run = folder, run
        self._number = self._offset = 0
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
        """Raises MalformedError if the record before is neither there nor was deleted."""
        if position == self.position:
            return
        self.close()
        for number in reversed(self._numbers()):
            about, length = self._head(number)
            if about["first"] <= position or number == 0:
                self._number, self._offset, self.position = number, length, about["first"]
                break
        while self.position < position and self.next(2**22, position - self.position):
            pass
        if self.position != position:
            raise MalformedError(str(self.folder), f"its record {position} is not there")

    def next(self, most: int = 2**22, records: int = 2**62) -> list[bytes]:
        """The next records, of about so many bytes; none at the end of what is written."""
        while True:
            is_last = not self._is_there(self._number + 1)
            if lines := self._lines(most, records):
                self.position += len(lines)
                return lines
            if is_last:
                return []
            about, length = self._head(self._number + 1)  # or all stays as it was
            self.close()
            self._number, self._offset = self._number + 1, length
            if about["first"] > self.position:
                told = "%s: records %d to %d are damaged"
                _log.error(told, self.folder, self.position, about["first"])
                self.position = about["first"]

    def last_step(self) -> int | None:
        """The greatest step of the file that has the last rows; None without rows.

        Raises MalformedError, OSError.
        """
        for number in reversed(self._numbers()):
            self._enter(number)
            steps: list[int] = []
            while lines := self._lines(2**22, 2**62):
                steps += (decoded(line)[1] for line in lines if line[:2].lstrip()[:1] == b"[")
            if steps:
                return max(steps)
        return None

    def _enter(self, number: int) -> None:
        """At the first record of one of the files."""
        self.close()
        about, self._offset = self._head(number)
        self._number, self.position = number, about["first"]

    def delete_before(self, position: int) -> None:
        """Delete the files all of whose records come before that one, but for the last file."""
        numbers = self._numbers()
        for number, after in pairwise(numbers):
            if self._head(after)[0]["first"] <= position:
                part(self.folder, self._run, number).unlink(missing_ok=True)

    def delete(self) -> None:
        """All of its files."""
        self.close()
        for name in os.listdir(self.folder):
            if name.startswith(part(self.folder, self._run, 0).name):
                (self.folder / name).unlink(missing_ok=True)
        (self.folder / LOCK).unlink(missing_ok=True)

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _lines(self, most: int, records: int) -> list[bytes]:
        if self._fd < 0:
            self._fd = os.open(part(self.folder, self._run, self._number), os.O_RDONLY)
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
        first = part(self.folder, self._run, 0).name
        try:
            names = os.listdir(self.folder)
        except FileNotFoundError:
            return []
        rests = (name[len(first) :] for name in names if name.startswith(first))
        found = sorted(int(rest[1:] or 0) for rest in rests if rest[1:].isdecimal() or not rest)
        if len(found) > 1 and not self._is_there(found[-1]):
            found.pop()
        return found

    def _is_there(self, number: int) -> bool:
        """Not so for a file whose process died before it wrote the head, if none comes after it."""
        path = part(self.folder, self._run, number)
        try:
            with path.open("rb") as file:
                if file.read(1) not in (b"", b"\0"):
                    return True
        except FileNotFoundError:
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


def _whole(about: dict[str, Any]) -> dict[str, Any]:
    """Raises KeyError, TypeError if it does not say whose journal it is."""
    for key in ("id", "entity", "project"):
        if not isinstance(about[key], str):
            raise TypeError(f"{key} is {about[key]!r}")
    return about
