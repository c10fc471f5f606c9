"""Index: where the store has contents, for a machine or a collection that has never seen them.

A cache in the store: sorted segments that are never changed, and a head that lists them. Of two
who add at once one may be forgotten, until the index is made anew. What a row says is believed
once its blob is there; the file's digest is what proves it.
"""

from __future__ import annotations

import struct
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from heapq import merge
from operator import attrgetter
from typing import Any

from msgspec import Struct

from artifacts.content import Digest
from artifacts.errors import ArtifactsError
from artifacts.storage.frame import Frame
from artifacts.storage.name import Name
from artifacts.storage.store import ObjectStore

_FOLDER = "cache/index"
HEAD_KEY = f"{_FOLDER}/head"
_MAGIC = b"artindx2"
_HEADER = struct.Struct("<8sII")
_PLACE = struct.Struct("<IQ")
_DIGEST = 32
_MOST_ROWS = 2**20  # of a segment; larger ones are not merged any more
_MOST_HELD = 2**22  # rows of all segments in memory, some 180 MB; older ones are not looked at
_READERS = 8
_BY_DIGEST = attrgetter("digest")
_CHUNKS = 64  # one chunk in so many has a row: it leads to the list of all those beside it


class Located(Struct, frozen=True, gc=False):  # there may be millions, and none leads to another
    """Raw bytes of this digest, or for a chunk's key its frame, lie in a blob from an offset on."""

    digest: bytes
    blob: Name
    offset: int


def key_of_chunk(digest: bytes) -> bytes | None:
    """What a chunk's row is found by, if it has one: never a file's digest.

    A file may have the bytes of a chunk, but lies raw where its own row says.
    """
    return Digest.of(b"chunk" + digest) if digest[0] % _CHUNKS == 0 else None


class Segment:
    """Rows in order of digest, found without making an object of each."""

    def __init__(self, data: bytes) -> None:
        """Raises ValueError for what is no segment."""
        if Digest.of(memoryview(data)[_DIGEST:]) != data[:_DIGEST]:
            raise ValueError("damaged")
        magic, self._rows, names = _HEADER.unpack_from(data, _DIGEST)
        self._digests = _DIGEST + _HEADER.size
        self._places = self._digests + self._rows * _DIGEST
        start = self._places + self._rows * _PLACE.size
        if magic != _MAGIC or len(data) != start + names:
            raise ValueError("no segment")
        self._data = data
        self._blobs = [Name.parse(line) for line in data[start:].decode().splitlines()]

    def __len__(self) -> int:
        return int(self._rows)

    def __iter__(self) -> Iterator[Located]:
        return map(self._row, range(self._rows))

    def find(self, digest: bytes) -> Located | None:
        index = bisect_left(range(self._rows), digest, key=self._digest)
        is_there = index < self._rows and self._digest(index) == digest
        return self._row(index) if is_there else None

    def _digest(self, index: int) -> bytes:
        at = self._digests + index * _DIGEST
        return self._data[at : at + _DIGEST]

    def _row(self, index: int) -> Located:
        blob, offset = _PLACE.unpack_from(self._data, self._places + index * _PLACE.size)
        return Located(self._digest(index), self._blobs[blob], offset)

    @staticmethod
    def encode(rows: Iterable[Located]) -> bytes:
        """Of rows in order of digest; of equal digests the first counts."""
        blobs: dict[Name, int] = {}
        digests: list[bytes] = []
        places: list[bytes] = []
        for row in rows:
            if not digests or digests[-1] != row.digest:
                digests.append(row.digest)
                places.append(_PLACE.pack(blobs.setdefault(row.blob, len(blobs)), row.offset))
        names = "\n".join(map(str, blobs)).encode()
        header = _HEADER.pack(_MAGIC, len(digests), len(names))
        body = b"".join((header, *digests, *places, names))
        return Digest.of(body) + body


class Index:
    """Best effort on both sides: `find` may find nothing, `add` may fail unnoticed."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store
        self._segments: list[Segment] | None = None

    def find(self, digest: bytes) -> Located | None:
        """Where content is said to lie, as of the first time that this was asked."""
        if self._segments is None:
            self._segments = [segment for _, segment in self._read(_newest(self._names()))]
        for segment in self._segments:
            if (found := segment.find(digest)) is not None:
                return found
        return None

    def find_chunk(self, digest: bytes) -> Located | None:
        """Likewise for a chunk, of which only some have rows."""
        key = key_of_chunk(digest)
        return self.find(key) if key else None

    def add(self, rows: Iterable[Located]) -> None:
        """Together with the last segments that are not much longer, so that there are ever few."""
        names = self._names()
        new = sorted(rows, key=_BY_DIGEST)
        merged, count = [], len(new)
        while names and names[-1][1] <= min(2 * count, _MOST_ROWS):
            name, length = names.pop()
            merged.append((name, length))
            count += length
        old = [segment for _, segment in self._read(merged)]
        with suppress(ArtifactsError):
            after = [*names, self._write(merge(new, *old, key=_BY_DIGEST))]
            self._put(after)
            for name, _ in {*merged} - {*after}:  # of nothing new the same segment is made
                self._store.delete(_key(name))

    def replace(self, rows: Iterable[Sequence[Located]]) -> None:
        """The whole index, from rows in order of digest, one segment for each part."""
        before = self._names()
        after = [self._write(part) for part in rows]
        self._put(after)
        for name, _ in {*before} - {*after}:
            self._store.delete(_key(name))

    def unlisted(self) -> list[str]:
        """Keys of segments that the head does not name: of one who died, or is at work now."""
        listed = {HEAD_KEY, *(_key(name) for name, _ in self._names())}
        return [key for key in self._store.list(f"{_FOLDER}/") if key not in listed]

    def _names(self) -> list[tuple[str, int]]:
        """Of each segment the name and number of rows."""
        try:
            header = Frame.decode(self._store.read(HEAD_KEY), HEAD_KEY).header
            return [(Digest.parse(name).hex(), int(rows)) for name, rows in header["segments"]]
        except (ArtifactsError, KeyError, TypeError, ValueError):
            return []

    def _read(self, names: Sequence[tuple[str, int]]) -> list[tuple[str, Segment]]:
        """Those that can be had."""
        with ThreadPoolExecutor(_READERS) as pool:
            found = [*pool.map(self._segment, (name for name, _ in names))]
        return [
            (name, segment)
            for (name, _), segment in zip(names, found, strict=True)
            if segment is not None
        ]

    def _segment(self, name: str) -> Segment | None:
        try:
            return Segment(self._store.read(_key(name)))
        except (ArtifactsError, ValueError, struct.error):
            return None

    def _write(self, rows: Iterable[Located]) -> tuple[str, int]:
        data = Segment.encode(rows)
        name = Digest(data[:_DIGEST]).hex()
        self._store.write(_key(name), data)
        return name, len(Segment(data))

    def _put(self, names: Sequence[tuple[str, int]]) -> None:
        header: dict[str, Any] = {"segments": [list(each) for each in names]}
        self._store.write(HEAD_KEY, Frame(header).encode())


def _newest(names: Sequence[tuple[str, int]]) -> list[tuple[str, int]]:
    """As many of the last ones as may be held."""
    held, newest = 0, []
    for name, rows in reversed(names):
        held += rows
        if held > _MOST_HELD:
            break
        newest.append((name, rows))
    return newest


def _key(name: str) -> str:
    return f"{_FOLDER}/{name[:2]}/{name}"
