"""Bucket: one attempt at each operation on a filesystem of fsspec, in its own words.

Only whole-file calls are used, none that expands wildcards, and no listing cache: another
machine's new event must be seen at once.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, TypeAlias, TypeVar

from msgspec import Struct

from artifacts.storage.failure import Failure, classify
from artifacts.storage.transfer import write_at

Foreign: TypeAlias = Any
"""An object of a client's package: none of them has types."""
Cursor: TypeAlias = Any
"""Where a listing goes on; each kind of bucket has its own."""

_T = TypeVar("_T")

_ANSWER_S = 30.0  # more than a client's own limit, which none has for the sending of a body
_SLOWEST = 2**15  # bytes a second that a transfer is worth waiting for
_MOST_AT_ONCE = 2**24  # bytes of what is read without saying how much


class Page(Struct, frozen=True):
    """Part of a listing: names below the root, and where it goes on, if it does."""

    names: Sequence[str]
    after: Cursor | None


class Bucket:
    """Any filesystem of fsspec, below a root. What its client raises comes through as it is."""

    def __init__(self, filesystem: Foreign, root: str) -> None:
        self.filesystem = filesystem
        self.root = root.rstrip("/")
        self._has_limits = bool(getattr(filesystem, "async_impl", False))

    def locate(self, key: str) -> str:
        return f"{self.root}/{key}"

    def limit(self, size: int = 0) -> dict[str, float]:
        """For the calls of a filesystem that can end them: seconds for so many bytes."""
        return {"timeout": _ANSWER_S + size / _SLOWEST} if self._has_limits else {}

    def read(self, key: str, start: int, length: int | None) -> bytes:
        """What lies in the range; b"" beyond the end."""
        end = None if length is None else start + length
        return _unless_beyond(lambda: self._read(key, start, end), b"")

    def fetch(self, key: str, start: int, length: int, fd: int) -> int:
        """Copy what lies in the range to the same range of a file; how much that was."""
        return _unless_beyond(lambda: self._fetch(key, start, length, fd), 0)

    def write(self, key: str, data: bytes) -> None:
        self.filesystem.pipe_file(self.locate(key), data, **self.limit(len(data)))

    def create(self, key: str, data: bytes) -> None:
        """One conditional request, whatever the size, so that there is one answer."""
        limit = self.limit(len(data))
        self.filesystem.pipe_file(self.locate(key), data, mode="create", **limit)

    def put(self, key: str, path: str) -> None:
        """A file's bytes, in bounded memory."""
        self.filesystem.put_file(path, self.locate(key), **self.limit(os.stat(path).st_size))

    def size(self, key: str) -> int:
        found = self.filesystem.info(self.locate(key), **self.limit())
        if found["type"] != "file":
            raise FileNotFoundError(key)
        return int(found["size"])

    def written(self, key: str) -> datetime | None:
        """Each client has a word of its own for the time."""
        found = self.filesystem.info(self.locate(key), **self.limit())
        for word in ("LastModified", "last_modified", "updated", "mtime", "modified", "created"):
            if (time := _time(found.get(word))) is not None:
                return time
        return None

    def delete(self, key: str) -> None:
        self.filesystem.rm_file(self.locate(key), **self.limit())

    def page(self, prefix: str, cursor: Cursor | None) -> Page:
        """One folder at a time, so that memory is bounded by the largest."""
        folder, *others = [prefix.rpartition("/")[0]] if cursor is None else cursor
        names = []
        for name, is_folder in self._entries(folder):
            if is_folder:
                if (name + "/").startswith(prefix[: len(name) + 1]):
                    others.append(name)
            elif name.startswith(prefix):
                names.append(name)
        return Page(names, others or None)

    def folders(self, prefix: str, cursor: Cursor | None) -> Page:
        """As `page`: names of folders with the slash at their end, whatever is below them."""
        assert cursor is None, "one page has them all"
        entries = self._entries(prefix.rpartition("/")[0])
        found = [name for name, is_folder in entries if is_folder]
        return Page([f"{name}/" for name in found if name.startswith(prefix)], None)

    def _entries(self, folder: str) -> Iterator[tuple[str, bool]]:
        """Names in one folder, and whether they are folders."""
        try:
            place = self.locate(folder).rstrip("/")
            found = self.filesystem.ls(place, detail=True, **self.limit())
        except FileNotFoundError:
            return
        for entry in found:
            name = str(entry["name"]).strip("/").removeprefix(self.root.strip("/") + "/")
            if (is_folder := entry["type"] == "directory") and name == folder:
                continue
            yield name, is_folder

    def _fetch(self, key: str, start: int, length: int, fd: int) -> int:
        return write_at(fd, start, [self._read(key, start, start + length)])

    def _read(self, key: str, start: int, end: int | None) -> bytes:
        ranged = {"start": start or None, "end": end} if start or end is not None else {}
        if end is not None:
            ranged["start"] = start
        limit = self.limit(_MOST_AT_ONCE if end is None else end - start)
        return bytes(self.filesystem.cat_file(self.locate(key), **ranged, **limit))


def _time(value: Foreign) -> datetime | None:
    if isinstance(value, int | float):
        return datetime.fromtimestamp(value, UTC)
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return None
    if not isinstance(value, datetime):
        return None
    return value if value.tzinfo else value.replace(tzinfo=UTC)


def _unless_beyond(ask: Callable[[], _T], nothing: _T) -> _T:
    before = sys.exception()
    try:
        return ask()
    except Exception as error:  # clients have no common base for theirs; all is raised again
        if classify(error, before) is Failure.BEYOND:
            return nothing
        raise
