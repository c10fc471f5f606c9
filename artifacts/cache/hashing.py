"""Hashing: digests of files, taken by whatever worker sees the same disk."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor
from itertools import repeat
from typing import NamedTuple

from blake3 import blake3

from artifacts.cache.tree import Found
from artifacts.storage import TO_READ, hash_file
from artifacts.workers import BATCH_BYTES, BATCH_ITEMS, spread

_SMALL_BYTES = 2**20
_MOST_KNOWN = 16 * BATCH_ITEMS  # files of a batch that are not sent along


class Hashed(NamedTuple):
    """What a worker read of a file, and which state of the file that was."""

    digest: bytes
    size: int
    mtime_ns: int

    def is_of(self, found: os.stat_result) -> bool:
        return (self.size, self.mtime_ns) == (found.st_size, found.st_mtime_ns)


def hash_files(paths: Sequence[str]) -> list[Hashed | None]:
    """None for what cannot be read as a file, or changes while it is read."""
    return [*map(_hash, paths)]


def hashed_ahead(
    tree: Iterable[Found], is_known: Callable[[os.stat_result], bool], executor: Executor | None
) -> Iterator[tuple[Found, Hashed | None]]:
    """Files in their order, with what workers read of those that nothing is known of.

    Without an executor nothing is read ahead.
    """
    if executor is None:
        yield from zip(tree, repeat(None))
        return
    work = (
        ([os.path.abspath(files[place][1]) for place in new], (files, new))
        for files, new in _cut(tree, is_known)
    )
    for hashed, (files, new) in spread(hash_files, work, executor):
        found = dict(zip(new, hashed, strict=True))
        yield from ((each, found.get(place)) for place, each in enumerate(files))


def _cut(
    tree: Iterable[Found], is_known: Callable[[os.stat_result], bool]
) -> Iterator[tuple[list[Found], list[int]]]:
    """Files, and which of them nothing is known of."""
    files: list[Found] = []
    new: list[int] = []
    size = 0
    for found in tree:
        if not is_known(found[2]):
            new.append(len(files))
            size += found[2].st_size
        files.append(found)
        if len(new) >= BATCH_ITEMS or len(files) >= _MOST_KNOWN or size >= BATCH_BYTES:
            yield files, new
            files, new, size = [], [], 0
    if files:
        yield files, new


def _hash(path: str) -> Hashed | None:
    try:
        fd = os.open(path, TO_READ)
    except OSError:
        return None
    try:
        before = os.fstat(fd)
        if not stat.S_ISREG(before.st_mode):
            return None  # a device might never end
        digest, size = _read(fd, before.st_size)
        hashed = Hashed(digest, size, before.st_mtime_ns)
        return hashed if hashed.is_of(before) and hashed.is_of(os.fstat(fd)) else None
    except OSError:
        return None
    finally:
        os.close(fd)


def _read(fd: int, size: int) -> tuple[bytes, int]:
    """Digest and length, in the fewest system calls for a small file."""
    if size >= _SMALL_BYTES:
        return hash_file(fd)
    data = os.read(fd, size + 1)
    return blake3(data).digest(), len(data)
