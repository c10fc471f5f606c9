"""Stretches: which bytes of a blob files lie in, and where a repacking moved them."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from typing import NamedTuple

from artifacts.storage import RAW, Name, Span

_SOME = 64  # stretches that are kept as they came


class Stretch(NamedTuple):
    """Bytes from `start` to `stop`; whole if some of them are zstd frames, which end unknown."""

    start: int
    stop: int
    is_whole: bool = False

    @property
    def length(self) -> int:
        return self.stop - self.start


@dataclass(slots=True)
class Stretches:
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
        return [*_joined(now)]

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


def _merged(stretches: list[Stretch]) -> Iterator[Stretch]:
    held: Stretch | None = None
    for each in sorted(stretches):
        if held is None or each.start > held.stop:
            if held is not None:
                yield held
            held = each
        else:
            is_whole = held.is_whole or each.is_whole
            held = Stretch(held.start, max(held.stop, each.stop), is_whole)
    if held is not None:
        yield held


def _joined(spans: Iterable[Span]) -> Iterator[Span]:
    """Raw ones that lie end to end are one."""
    held: Span | None = None
    for span in spans:
        if held is not None and _follows(held, span):
            length = held.stored + span.stored
            held = Span(held.blob, held.offset, length, length)
            continue
        if held is not None:
            yield held
        held = span
    if held is not None:
        yield held


def _follows(one: Span, other: Span) -> bool:
    is_raw = one.codec == other.codec == RAW
    return is_raw and (one.blob, one.offset + one.stored) == (other.blob, other.offset)
