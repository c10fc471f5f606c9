"""Placement: which way a file's bytes are stored, one policy for all of them."""

from __future__ import annotations

from enum import Enum

from artifacts.storage import compress

CUT_BYTES = 2**16  # below it a file is packed as it is
SOLO_BYTES = 4 * 2**20  # below it a blob of its own would cost more than it is good for
_SAMPLES, _SAMPLE_BYTES = 3, 2**15
_WORTH = 0.8  # of the size: what compression has to come below


class Placement(Enum):
    PACKED = "end to end with others"
    SOLO = "a blob of its own"
    STRETCHED = "stretches of the file's last version, and what is new in packs"
    CHUNKED = "chunk by chunk: known ones where they lie, new ones in packs"


def placement(size: int, *, compresses: bool, has_base: bool, is_far: bool) -> Placement:
    """Of a file of `size` bytes; `has_base` if the collection's last version has its path.

    - Small files are PACKED: thousands for one request or one fsync, and neighbours in one read.
      Chunks of them would save less than the records of them cost.
    - What compresses is CHUNKED, a zstd frame for each chunk: a later version then finds the
      frames that it can use, without decoding any. Compression is by far the dearest step, so
      a sample decides, and the fastest level does it.
    - A file that an earlier version of is at hand is compared with that one, STRETCHED: cheaper
      than cutting both, and exact to the byte. Where the store is far away, fetching the old bytes
      would cost what not sending the new ones saves: chunk lists say what they are, CHUNKED.
    - All else is stored as it is: SOLO where it is large, since its digest is then its name, it
      needs no record, and can be cloned, linked or fetched by anybody. Else PACKED.

    A file that turns out to share little is stored as if it had no base.
    """
    if size < CUT_BYTES:
        return Placement.PACKED
    if compresses or (has_base and is_far):
        return Placement.CHUNKED
    if has_base:
        return Placement.STRETCHED
    return Placement.SOLO if size >= SOLO_BYTES else Placement.PACKED


def samples(size: int) -> list[tuple[int, int]]:
    """Starts and lengths of what to look at of so many bytes: beginning, middle and end."""
    step = (size - _SAMPLE_BYTES) // (_SAMPLES - 1)
    return [(number * step, _SAMPLE_BYTES) for number in range(_SAMPLES)]


def is_worth_compressing(sample: bytes) -> bool:
    return len(compress(sample)) < _WORTH * len(sample)
