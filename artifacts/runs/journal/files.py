"""Files: those of a journal, one after another; the last one is mapped into memory and written.

A record is copied there, without a system call, and its end marked after it, so a process may be
killed after any instruction.
"""

from __future__ import annotations

import mmap
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import orjson

from artifacts.runs.journal.hold import Hold
from artifacts.runs.journal.part import is_part_of, make_part, mapped, part

_FIRST_BYTES, _MOST_BYTES = 2**16, 2**24  # of one file; each is four times the one before
_END = ord("\n")


class Files:
    """In a folder that nobody else has. One thread at a time."""

    __slots__ = (
        *("_about", "_end", "_folder", "_head", "_hold", "_map", "_number", "_path", "_size"),
        "next",
    )

    def __init__(self, folder: Path, about: Mapping[str, Any]) -> None:
        """There is none before the first `begin`. `about` is what the first line of each says."""
        self._folder, self._about = folder, about
        self._hold: Hold | None = None
        self._number = -1
        self._map: mmap.mmap | None = None
        self._path: Path | None = None
        self._head = self._end = self._size = 0
        self.next = 0
        """The number of the record that is put next."""

    def take(self) -> None:
        """The folder, which is made if need be. Raises BlockingIOError if somebody has it, OSError.

        Again does nothing.
        """
        if self._hold is None:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._hold = Hold(self._folder)

    def put(self, line: bytes) -> bool:
        """One record, if the file has room for it; whether it has.

        May be interrupted by an error, and be done again.
        """
        map_, start = self._map, self._end
        end = start + len(line)
        if map_ is None or end >= self._size:
            return False
        map_[start:end] = line
        map_[end] = _END
        self._end, self.next = end + 1, self.next + 1
        return True

    def begin(self, first: int, lines: Sequence[bytes], length: int) -> None:
        """A file of the records from that number on: these, and so many bytes at least.

        Raises OSError; then nothing is put in another file than before, though one may be there.
        """
        self.take()
        number = self._free_number()
        path = self._part(number)
        head = orjson.dumps({**self._about, "first": first}) + b"\n"
        content = head + b"".join(line + b"\n" for line in lines)
        least = len(content) + length + 1
        size = max(min(_MOST_BYTES, _FIRST_BYTES * 4**number), least)
        size = make_part(path, content, size, max(least, _FIRST_BYTES))
        self._number = number  # even if it cannot be mapped, for somebody may read it by now
        map_, next_ = mapped(path, size), first + len(lines)
        self.stop()
        self._path, self._head, self._end = path, len(head), len(content)
        self._map, self._size, self.next = map_, size, next_

    def stop(self) -> None:
        """The file has room for nothing more, and is as long as what it holds."""
        if self._map is not None:
            map_, self._map = self._map, None
            map_.close()
            self._cut(self._end)

    def empty(self) -> None:
        """Of the last file only the name is needed: it says that there is a journal."""
        self._cut(self._head)

    def close(self) -> None:
        """Nothing is put any more, and the folder is anybody's."""
        self.stop()
        if self._hold is not None:
            self._hold.close()

    def leave(self) -> None:
        """In a forked child: nothing is put any more, and the folder stays the parent's."""
        self._map = None
        if self._hold is not None:
            self._hold.close(is_child=True)

    def _free_number(self) -> int:
        """After any file that had its name by when an interrupt came."""
        number = self._number + 1
        while is_part_of(self._about["id"], self._part(number)):
            number += 1
        return number

    def _part(self, number: int) -> Path:
        return part(self._folder, str(self._about["run"]), number)

    def _cut(self, length: int) -> None:
        """Where that fails it is longer than what it holds."""
        if self._path is not None:
            with suppress(OSError):
                os.truncate(self._path, length)
