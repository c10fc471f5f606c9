"""Condemned: the names that collectors gave up, in lists that are searched as they lie."""

from __future__ import annotations

import struct
import sys
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from heapq import merge
from itertools import groupby, islice
from operator import lt
from typing import NamedTuple

from msgspec import Struct

from artifacts.content import Digest
from artifacts.errors import MalformedError, ObjectNotFoundError
from artifacts.storage.codec import encode
from artifacts.storage.name import BLOBS, CONDEMNED, LAYOUTS, MANIFESTS, PAGES, Name
from artifacts.storage.objects import Objects
from artifacts.storage.store import ObjectStore

COLLECTED = (BLOBS, LAYOUTS, MANIFESTS, PAGES)  # a kind's place here is its number in a row
MOST_CONDEMNED = 2**20  # rows of a list
_MAGIC = b"artcond1"
_KEYS_MAGIC = b"artcond2"
_KEY = 8  # bytes of a condemned key
_MOST_KEYS = 2**25  # of one list
_HEAD = struct.Struct("<8sI")
_NAME = struct.Struct(">B32sI")  # big-endian, so that rows have an order that can be searched
_SIZE = struct.Struct(">Q")
_ROW = _NAME.size + _SIZE.size
_MOST = 2**26  # bytes of a list that a reader will believe


class Condemned(NamedTuple):
    """A name that is given up, and how many bytes are stored under it."""

    name: Name
    size: int


class CondemnedList:
    """Names in order, found without making an object of each. Source: docs/format.md, Fences."""

    def __init__(self, data: bytes, name: str) -> None:
        """Raises MalformedError."""
        if len(data) < _HEAD.size or data[: len(_MAGIC)] != _MAGIC:
            raise MalformedError(name, "it does not start like a list of condemned names")
        self._data, self._name = data, name
        self._rows = int(_HEAD.unpack_from(data)[1])
        if self._rows > MOST_CONDEMNED or len(data) != _HEAD.size + self._rows * _ROW:
            raise MalformedError(name, "its length is not that of its rows")
        if any(self._key(each) >= self._key(each + 1) for each in range(self._rows - 1)):
            raise MalformedError(name, "its rows are not in order")

    @staticmethod
    def encode(condemned: Iterable[Condemned]) -> bytes:
        """Of names in whatever order, none twice."""
        rows = sorted(key_of(name) + _SIZE.pack(size) for name, size in condemned)
        return _HEAD.pack(_MAGIC, len(rows)) + b"".join(rows)

    def __len__(self) -> int:
        return self._rows

    def __iter__(self) -> Iterator[Condemned]:
        for index in range(self._rows):
            key = self._key(index)
            kind, digest, epoch = _NAME.unpack(key)
            if kind >= len(COLLECTED):
                raise MalformedError(self._name, f"it has a name of kind {kind}")
            [size] = _SIZE.unpack_from(self._data, _HEAD.size + index * _ROW + _NAME.size)
            yield Condemned(Name(COLLECTED[kind], Digest(digest), epoch), size)

    def __contains__(self, name: Name) -> bool:
        wanted = key_of(name)
        index = bisect_left(range(self._rows), wanted, key=self._key)
        return index < self._rows and self._key(index) == wanted

    def _key(self, index: int) -> bytes:
        at = _HEAD.size + index * _ROW
        return self._data[at : at + _NAME.size]


def key_of(name: Name) -> bytes:
    """37 bytes in the order of names in a list: small where there may be millions."""
    return _NAME.pack(COLLECTED.index(name.kind), name.digest, name.epoch)


class CondemnedKeys:
    """Short keys of all names that were condemned up to some generation, in order.

    It may have a name that was never condemned: heeding more than one has to harms nobody.
    """

    def __init__(self, data: bytes, name: str) -> None:
        """Raises MalformedError."""
        if len(data) < _HEAD.size or data[: len(_KEYS_MAGIC)] != _KEYS_MAGIC:
            raise MalformedError(name, "it does not start like a list of condemned keys")
        count = int(_HEAD.unpack_from(data)[1])
        if count > _MOST_KEYS or len(data) != _HEAD.size + count * _KEY:
            raise MalformedError(name, "its length is not that of its keys")
        self._keys = array("Q", data[_HEAD.size :])
        if sys.byteorder == "big":
            self._keys.byteswap()
        if not all(map(lt, self._keys, islice(self._keys, 1, None))):
            raise MalformedError(name, "its keys are not in order")

    @staticmethod
    def encode(keys: Sequence[int]) -> bytes:
        """Of keys in order, none twice."""
        plain = array("Q", keys)
        if sys.byteorder == "big":
            plain.byteswap()
        return b"".join((_HEAD.pack(_KEYS_MAGIC, len(keys)), memoryview(plain)))

    def __len__(self) -> int:
        return len(self._keys)

    def __iter__(self) -> Iterator[int]:
        return iter(self._keys)

    def __contains__(self, name: Name) -> bool:
        key = _short(name)
        index = bisect_left(self._keys, key)
        return index < len(self._keys) and self._keys[index] == key


def _short(name: Name) -> int:
    return int.from_bytes(Digest.of(key_of(name))[:_KEY], "little")


class Heeded(Struct, frozen=True):
    """Where the names are that were condemned: keys of the earlier ones, and lists of the rest."""

    lists: tuple[Name, ...] = ()
    keys: tuple[Name, ...] = ()


def write_keys(store: ObjectStore, heeded: Heeded, condemned: Iterable[Condemned]) -> list[Name]:
    """Lists of keys of all that was to be heeded, and of what is condemned now, durable.

    None at all if one of those is lost: then whoever comes heeds all names of earlier epochs.
    Memory: some fifty bytes a key. Raises IntegrityError.
    """
    new = _in_order(_short(name) for name, _ in condemned)
    try:
        old = [_in_order(map(_short, _names(store, name))) for name in heeded.lists]
        known = [read_keys(store, name) for name in heeded.keys]
    except ObjectNotFoundError:
        return []
    keys = (key for key, _ in groupby(merge(*known, *old, new)))
    lists = []
    while some := array("Q", islice(keys, _MOST_KEYS)):
        lists.append(_written(store, CondemnedKeys.encode(some)))
    return lists


def _in_order(keys: Iterable[int]) -> array[int]:
    """Sorted a few at a time, as a number that is an object takes five times the memory."""
    parts = [array("Q") for _ in range(256)]  # by their first byte
    for key in keys:
        parts[255 - (key >> 56)].append(key)
    ordered = array("Q")
    while parts:
        ordered.extend(sorted(parts.pop()))
    return ordered


def _written(store: ObjectStore, data: bytes) -> Name:
    """Also if it is there: one that a collector left who died is old, and may go any time."""
    name = Name(CONDEMNED, Digest.of(data))
    store.write(name.key, encode(data))
    return name


def read_keys(store: ObjectStore, name: Name) -> CondemnedKeys:
    """Raises ObjectNotFoundError, IntegrityError."""
    return CondemnedKeys(Objects(store).get(name), str(name))


def _names(store: ObjectStore, name: Name) -> Iterator[Name]:
    return (each.name for each in read_condemned(store, name))


def write_condemned(store: ObjectStore, condemned: Sequence[Condemned]) -> list[Name]:
    """Lists of all of them, durable in the store."""
    ordered = sorted(condemned, key=lambda each: key_of(each.name))
    lists = []
    for start in range(0, len(ordered), MOST_CONDEMNED):
        data = CondemnedList.encode(ordered[start : start + MOST_CONDEMNED])
        lists.append(_written(store, data))
    return lists


def read_condemned(store: ObjectStore, name: Name) -> CondemnedList:
    """Raises ObjectNotFoundError, IntegrityError."""
    return CondemnedList(Objects(store).get(name, _MOST), str(name))
