"""Cut: where a sorted list of paths is divided into pages.

A boundary depends on the path that starts the page and on nothing else, so a change in one
place leaves all other pages as they were. Constants of the format, never settings.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import accumulate, pairwise
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
    """The run itself, or where it is too long, its halves at the smallest path hash.

    Going through the hashes in ascending order meets each part's smallest first, and takes no
    longer for paths that were chosen to make the halves unequal.
    """
    lengths = [len(path) + 1 for path in paths[start:stop]]
    bounds = [0, len(lengths)]
    if len(lengths) > MAX_ENTRIES or sum(lengths) > MAX_PATH_BYTES:
        ends = [*accumulate(lengths, initial=0)]
        hashes = [blake3(path).digest() for path in paths[start:stop]]
        for middle in sorted(range(1, len(hashes)), key=hashes.__getitem__):
            after = bisect_left(bounds, middle)
            if not _fits(ends, bounds[after - 1], bounds[after]):
                bounds.insert(after, middle)
    return ((start + first, start + last) for first, last in pairwise(bounds))


def _fits(ends: Sequence[int], start: int, stop: int) -> bool:
    return stop - start <= MAX_ENTRIES and ends[stop] - ends[start] <= MAX_PATH_BYTES
