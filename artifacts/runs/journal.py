"""Journal: a run's write-ahead file. What was written outlives the process, without a system call.

The file is mapped into memory: a record is copied there, and its end marked after it, so a process
may be killed after any instruction.
"""

from __future__ import annotations

import errno
import json
import logging
import mmap
import os
import secrets
import time
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path
from threading import RLock
from typing import Any, TypeAlias

import orjson

from artifacts.errors import InvalidError
from artifacts.runs.hold import Hold

_FIRST_BYTES, _MOST_BYTES = 2**16, 2**24  # of one file; each is four times the one before
_RETRY_S = 1.0  # after the disk was full
MOST_ROW_BYTES = 2**27 - 2**10
"""Of a row: what readers believe of a line, but for what is said beside the values."""
_END = ord("\n")
_log = logging.getLogger(__name__)

About: TypeAlias = Mapping[str, Any]
"""What the first line says: entity, project, run and store."""


def part(folder: Path, run: str, number: int) -> Path:
    """One of the journal's files."""
    return folder / f"run-{run}.wandb{f'.{number}' if number else ''}"


def encoded(record: object) -> bytes:
    """One line without its end. Begins with a space if plain JSON cannot say it."""
    try:
        line = orjson.dumps(record)
    except TypeError:  # a whole number beyond 64 bits, or half a surrogate
        return b" " + json.dumps(record, separators=(",", ":")).encode()
    if b"null" in line:  # which is all that orjson says of NaN
        return b" " + json.dumps(record, separators=(",", ":")).encode()
    return line


def decoded(line: bytes) -> Any:  # noqa: ANN401 - whatever JSON has
    """What `encoded` was given. Raises ValueError."""
    return json.loads(line) if line[:1] == b" " else orjson.loads(line)


def row_bytes(values: Mapping[str, Any]) -> int:
    """How long a row of these values is. Raises InvalidError if nobody could read it back."""
    size = len(encoded(values))
    if size > MOST_ROW_BYTES:
        each = {key: len(encoded(value)) for key, value in values.items()}
        longest = max(each, key=lambda key: each[key])
        raise InvalidError(
            f"a row has {size:,} bytes, of which {longest!r} has {each[longest]:,}: "
            f"{MOST_ROW_BYTES:,} are the most; save it as a file, or log an artifact"
        )
    return size


class Journal:
    """Any number of threads may write; each record is whole, or not there."""

    def __init__(self, folder: Path, about: About, clock: Callable[[], float] = time.time) -> None:
        """A new one in a folder of its own, which is made. Raises OSError."""
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.id = secrets.token_hex(16)
        self._about, self._clock = about, clock
        self._lock = RLock()  # a signal's handler may write, too
        self._held = Hold(folder)
        self._pid = os.getpid()
        self._number = -1
        self._end = self._size = 0
        self._retry_at = 0.0
        self._lost = 0
        self._map: mmap.mmap | None = None
        self._count = 0  # records
        self._waiting: deque[bytes] = deque()
        self._is_putting = self._is_closing = False
        self._next_part(0)

    def row(self, step: int, values: Mapping[str, Any]) -> float:
        """Of `history`, and its time. Not written by a process that was forked.

        Raises InvalidError for one that is too long; then nothing is written.
        """
        now = self._clock()
        line = encoded((now, step, values))
        if len(line) > MOST_ROW_BYTES:
            row_bytes(values)
        self.write(line)
        return now

    def write(self, line: bytes) -> None:
        """One record, as `encoded` gave it."""
        with self._lock:
            self._waiting.append(line)
            self._put_waiting()

    def close(self) -> None:
        """Nothing can be written any more; the file is as long as what it holds."""
        with self._lock:
            if self._is_putting:
                self._is_closing = True  # once the write is done that was interrupted by this
                return
            self._put_waiting()
            if self._map is not None and self._pid == os.getpid():
                self._close_part()
                self._size = 0
                self._held.close()

    @property
    def count(self) -> int:
        """Records so far."""
        return self._count + len(self._waiting)

    @property
    def is_open(self) -> bool:
        return self._map is not None and self._pid == os.getpid()

    def leave(self) -> None:
        """In a forked child: from now on nothing is written, and nothing held."""
        self._lock = RLock()  # the parent's may be held by a thread that is not here
        self._map, self._size = None, 0
        self._waiting.clear()
        self._is_putting = False
        self._held.close(is_child=True)

    def _put_waiting(self) -> None:
        """All in order; what a signal's handler writes meanwhile comes after."""
        while self._waiting and not self._is_putting:
            self._is_putting = True
            try:
                while self._waiting:
                    self._put(self._waiting[0])
                    self._waiting.popleft()
            finally:
                self._is_putting = False
        if self._is_closing and not self._is_putting:
            self._is_closing = False
            self.close()

    def _put(self, line: bytes) -> None:
        """May be interrupted by an error, and be done again."""
        if self._end + len(line) >= self._size and not self._has_room(len(line)):
            return
        assert self._map is not None
        start, end = self._end, self._end + len(line)
        self._map[start:end] = line
        self._map[end] = _END
        self._end, self._count = end + 1, self._count + 1

    def _has_room(self, length: int) -> bool:
        """In a new file. A full disk is told of, and nothing is written until there is room."""
        if self._map is None or self._pid != os.getpid() or self._clock() < self._retry_at:
            self._lost += self._map is not None
            return False
        try:
            self._next_part(length)
        except OSError as error:
            if not self._lost:
                _log.error("what the run logs is lost, as %s: %s", self.folder, error.strerror)
            self._lost += 1
            self._retry_at = self._clock() + _RETRY_S
            return False
        if self._lost:
            _log.error("there is room in %s again, %d records are lost", self.folder, self._lost)
            self._lost = 0
        return True

    def _next_part(self, length: int) -> None:
        number = self._number + 1
        about = {"journal": 1, "id": self.id, "first": self._count, **self._about}
        head = orjson.dumps(about) + b"\n"
        size = max(min(_MOST_BYTES, _FIRST_BYTES * 4**number), len(head) + length + 1)
        path = part(self.folder, str(self._about["run"]), number)
        _make(path, head, size)
        self._number = number  # even if it cannot be mapped, for somebody may read it by now
        mapped = _mapped(path, size)
        if self._map is not None:
            self._close_part()
        self._map, self._path = mapped, path
        self._end, self._size = len(head), size

    def _close_part(self) -> None:
        assert self._map is not None
        self._map.close()
        self._map = None
        os.truncate(self._path, self._end)


def _make(path: Path, head: bytes, size: int) -> None:
    """A file that has its head and its room, or none. Raises OSError."""
    if path.exists():
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path))
    beside = path.with_name(f"{path.name}.new")
    fd = os.open(beside, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o644)
    try:
        _allocate(fd, size)
        os.lseek(fd, 0, os.SEEK_SET)
        os.write(fd, head)
    except OSError:
        beside.unlink()
        raise
    finally:
        os.close(fd)
    os.replace(beside, path)


def _mapped(path: Path, size: int) -> mmap.mmap:
    fd = os.open(path, os.O_RDWR)
    try:
        return mmap.mmap(fd, size)
    finally:
        os.close(fd)


def _allocate(fd: int, size: int) -> None:
    """Or a full disk would end the process when it writes to what is mapped."""
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(fd, 0, size)
    else:  # macOS, Windows
        os.write(fd, bytes(size))
