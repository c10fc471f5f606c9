"""Relative: which stretches of a file lie in an earlier one whose bytes are at hand.

Comparing costs a tenth of hashing, and finds an edit to the byte where chunks find it to some
ten thousand.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from blake3 import blake3

from artifacts.storage import cut

MIN_MATCH = 2**14  # bytes: a shorter stretch is not worth a span and another read
_BLOCK = 2**17  # compared at once: where it differs is then found within the processor's cache
_WINDOW = 2**22  # bytes held of each side, whatever its size
_FEW = 2**16  # bytes to look for chunks in
_SAMPLED = 2**26  # above it, samples tell first whether looking is worth it
_SAMPLES, _SAMPLE, _DRIFT = 4, 2**20, 2**22


class Side:
    """A file or an earlier one, of which a window is held; `read` gives bytes from a start."""

    def __init__(self, size: int, read: Callable[[int, int], bytes]) -> None:
        self.size = size
        self._read = read
        self._number, self._held = -1, b""

    @property
    def is_held(self) -> bool:
        """Whether all of it was read, and what is read from now on is what was read before."""
        return self._number == 0 and self.size <= _WINDOW

    def read(self, start: int, length: int) -> bytes:
        """So many bytes, or fewer where the side ends."""
        number, at = divmod(start, _WINDOW)
        if number != self._number:
            self._number = number
            self._held = self._read(number * _WINDOW, min(_WINDOW, self.size - start + at))
        data = self._held[at : at + length]
        if at + length > _WINDOW and data:
            data += self.read(start + len(data), length - len(data))
        return data


class Match(NamedTuple):
    """So many bytes from `start` of the new side are those from `there` of the old one."""

    start: int
    there: int
    length: int

    @property
    def stop(self) -> int:
        return self.start + self.length

    @property
    def there_stop(self) -> int:
        return self.there + self.length


def matches(new: Side, old: Side) -> list[Match]:
    """Ascending, apart, each of MIN_MATCH bytes at least.

    A file that changes meanwhile makes them wrong: whoever relies on one compares once more.
    """
    most = min(new.size, old.size)
    head = _alike(new, 0, old, 0, most)
    tail = _alike_before(new, new.size, old, old.size, most - head)
    first, last = Match(0, 0, head), Match(new.size - tail, old.size - tail, tail)
    inner = _inner(new, first.stop, last.start, old, first.there_stop, last.there)
    return [each for each in _grown([first, *inner, last], new, old) if each.length >= MIN_MATCH]


def _alike(new: Side, start: int, old: Side, there: int, most: int) -> int:
    """How many bytes are alike from here on."""
    done = 0
    while done < most:
        length = min(_BLOCK, most - done)
        ours, theirs = new.read(start + done, length), old.read(there + done, length)
        if ours != theirs or not ours:
            return done + _first_difference(ours, theirs)
        done += len(ours)
    return done


def _alike_before(new: Side, stop: int, old: Side, there: int, most: int) -> int:
    """How many bytes are alike up to here."""
    done = 0
    while done < most:
        length = min(_BLOCK, most - done)
        ours = new.read(stop - done - length, length)
        theirs = old.read(there - done - length, length)
        if not len(ours) == len(theirs) == length:
            return done  # a side that has become shorter, whose last bytes lie elsewhere
        if ours != theirs:
            return done + _first_difference(ours[::-1], theirs[::-1])
        done += length
    return done


def _first_difference(ours: bytes, theirs: bytes) -> int:
    low, high = 0, min(len(ours), len(theirs))
    while low < high:
        middle = (low + high + 1) // 2
        if ours[low:middle] == theirs[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def _inner(new: Side, start: int, stop: int, old: Side, there: int, there_stop: int) -> list[Match]:
    """Chunks that both stretches have, those next to each other as one."""
    shorter = min(stop - start, there_stop - there)
    if shorter < _FEW:
        return []
    if shorter > _SAMPLED and not _seem_related(new, start, stop, old, there, there_stop):
        return []
    places = {digest: at for digest, at, _ in _chunks(old, there, there_stop)}
    found: list[Match] = []
    after = there
    for digest, at, length in _chunks(new, start, stop):
        place = places.get(digest)
        if place is None or place < after:
            continue
        after = place + length
        if found and found[-1].stop == at and found[-1].there_stop == place:
            found[-1] = found[-1]._replace(length=found[-1].length + length)
        else:
            found.append(Match(at, place, length))
    return found


def _seem_related(new: Side, start: int, stop: int, old: Side, there: int, there_stop: int) -> bool:
    """Whether any of some samples has a chunk near where the old side would have it."""
    for number in range(_SAMPLES):
        at = start + (stop - start) * number // _SAMPLES
        near = there + (there_stop - there) * number // _SAMPLES
        low, high = max(there, near - _DRIFT), min(there_stop, near + _SAMPLE + _DRIFT)
        known = {digest for digest, _, _ in _chunks(old, low, high)}
        sample = _chunks(new, at, min(stop, at + _SAMPLE))
        if any(digest in known for digest, _, _ in sample):
            return True
    return False


def _chunks(side: Side, start: int, stop: int) -> Iterator[tuple[bytes, int, int]]:
    """Digest, start and length of each."""
    at = read = start

    def following(most: int) -> bytes:
        nonlocal read
        data = side.read(read, min(most, stop - read))
        read += len(data)
        return data

    for chunk in cut(following):
        yield blake3(chunk).digest(), at, len(chunk)
        at += len(chunk)


def _grown(found: list[Match], new: Side, old: Side) -> Iterator[Match]:
    """Each match into the gaps beside it, as far as the bytes are alike."""
    left = found[0]
    for right in found[1:]:
        most = min(right.start - left.stop, right.there - left.there_stop)
        more = _alike(new, left.stop, old, left.there_stop, most)
        less = _alike_before(new, right.start, old, right.there, most - more)
        yield left._replace(length=left.length + more)
        left = Match(right.start - less, right.there - less, right.length + less)
    yield left
