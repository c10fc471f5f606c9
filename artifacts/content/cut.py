"""Cut: where a sorted list of paths is divided into pages.

A boundary depends on the path that starts the page and on nothing else, so a change in one
place leaves all other pages as they were. Constants of the format, never settings.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from zlib import crc32

from blake3 import blake3

MAX_ENTRIES = 8192
MAX_PATH_BYTES = 2**20
_MULTIPLIER = 0x9E3779B1  # crc32 is linear; an odd multiplier makes its high bits hash-like
_THRESHOLD = 2**21  # of 2**32: one path in 2,048 starts a page


def cut(paths: Sequence[bytes]) -> Iterator[tuple[int, int]]:
    """Ranges `(start, stop)` of the pages of paths in ascending order, none twice."""
    starts = [
        i
        for i, code in enumerate(map(crc32, paths))
        if code * _MULTIPLIER & 0xFFFFFFFF < _THRESHOLD and i
    ]
    for start, stop in pairwise([0, *starts, len(paths)]):
        if start < stop:
            yield from _bounded(paths, start, stop)


def _bounded(paths: Sequence[bytes], start: int, stop: int) -> Iterator[tuple[int, int]]:
    """The run itself, or where it is too long, its halves at the smallest path hash."""
    if _fits(paths, start, stop):
        yield start, stop
        return
    hashes = [blake3(path).digest() for path in paths[start:stop]]
    pending, first = [(start, stop)], start
    while pending:
        start, stop = pending.pop()
        if _fits(paths, start, stop):
            yield start, stop
            continue
        middle = first + min(range(start + 1 - first, stop - first), key=hashes.__getitem__)
        pending += [(middle, stop), (start, middle)]


def _fits(paths: Sequence[bytes], start: int, stop: int) -> bool:
    if stop - start > MAX_ENTRIES:
        return False
    return sum(map(len, paths[start:stop])) + stop - start <= MAX_PATH_BYTES
