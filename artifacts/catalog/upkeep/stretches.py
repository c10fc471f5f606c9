"""Stretches: which bytes of a blob files lie in, and where a repacking moved them."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from operator import attrgetter
from typing import NamedTuple, TypeVar

from msgspec import Struct, field

from artifacts.storage import RAW, Name, Span

T = TypeVar("T")
_SOME = 64  # stretches that are kept as they came


class Stretch(NamedTuple):
    """Bytes from `start` to `stop`; whole if some of them are zstd frames, which end unknown."""

    start: int
    stop: int
    is_whole: bool = False

    @property
    def length(self) -> int:
        return self.stop - self.start


class Stretches(Struct):
    """Of one blob, in any order. Memory follows the number of gaps between them."""

    _all: list[Stretch] = field(default_factory=list)
    _few: int = _SOME

    def add(self, start: int, stop: int, *, is_whole: bool = False) -> None:
        self._all.append(Stretch(start, stop, is_whole))
        if len(self._all) > 2 * self._few:
            self._all = [*_merged(self._all)]
            self._few = max(_SOME, len(self._all))

    def merged(self) -> list[Stretch]:
        """Ascending and apart."""
        return [*_merged(self._all)]


class Move(NamedTuple):
    """`length` bytes from `start` of an old blob lie from `offset` of a new one."""

    start: int
    length: int
    blob: Name
    offset: int


class Moves:
    """Where the live bytes of old blobs are now."""

    def __init__(self) -> None:
        self._moves: dict[Name, list[Move]] = {}

    def __contains__(self, blob: Name) -> bool:
        return blob in self._moves

    def add(self, blob: Name, moves: Iterable[Move]) -> None:
        self._moves[blob] = sorted(moves)

    def moved(self, spans: Sequence[Span]) -> list[Span] | None:
        """The same bytes where they are now; None if not all of them were moved."""
        now: list[Span] = []
        for span in spans:
            if span.blob not in self._moves:
                now.append(span)
                continue
            parts = [*self._parts(span)]
            if sum(part.stored for part in parts) != span.stored:
                return None
            if span.codec != RAW:
                if len(parts) != 1:
                    return None  # nobody knows where in it a frame ends
                parts = [Span(parts[0].blob, parts[0].offset, span.stored, span.size, span.codec)]
            now += parts
        return [*joined(now, _end_to_end)]

    def _parts(self, span: Span) -> Iterator[Span]:
        """As raw ones."""
        moves = self._moves[span.blob]
        stop = span.offset + span.stored
        near = max(bisect_right(moves, span.offset, key=attrgetter("start")) - 1, 0)
        for move in moves[near:]:
            if move.start >= stop:
                break
            first, last = max(move.start, span.offset), min(move.start + move.length, stop)
            if first < last:
                length = last - first
                yield Span(move.blob, move.offset + first - move.start, length, length)


def joined(parts: Iterable[T], join: Callable[[T, T], T | None]) -> Iterator[T]:
    """The same, but neighbours as one wherever `join` makes one of both."""
    held: T | None = None
    for part in parts:
        both = None if held is None else join(held, part)
        if held is not None and both is None:
            yield held
        held = part if both is None else both
    if held is not None:
        yield held


def _merged(stretches: list[Stretch]) -> Iterator[Stretch]:
    return joined(sorted(stretches), _overlapped)


def _overlapped(one: Stretch, other: Stretch) -> Stretch | None:
    """Of two in order: both, if nothing lies between them."""
    if other.start > one.stop:
        return None
    return Stretch(one.start, max(one.stop, other.stop), one.is_whole or other.is_whole)


def _end_to_end(one: Span, other: Span) -> Span | None:
    """Both, if they are raw and one lies behind the other."""
    is_raw = one.codec == other.codec == RAW
    if not is_raw or (one.blob, one.offset + one.stored) != (other.blob, other.offset):
        return None
    length = one.stored + other.stored
    return Span(one.blob, one.offset, length, length)
