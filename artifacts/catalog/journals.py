"""Journals: which changes of a run's log count, as several processes may tell the same ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import dropwhile
from typing import Any, NamedTuple, Self

from msgspec import Struct, field
from msgspec.structs import replace

from artifacts.catalog.fields import MAX_EPOCH, id_of, number_of, seconds_of
from artifacts.content import MAX_SIZE
from artifacts.errors import MalformedError
from artifacts.storage import Change, Event

_LATE = frozenset(("rows", "used", "logged"))  # what a superseded journal may still tell
_REACHING = frozenset(("rows", "compacted", "file"))


class Start(NamedTuple):
    """A journal began; its first row has at least that step.

    The time is its own machine's, but never before that of the start that its writer saw.
    """

    time: float
    journal: str
    step: int
    turn: int = 0  # among starts of that time of which each saw the one before

    @property
    def place(self) -> tuple[float, int, str]:
        """In the order of starts."""
        return self.time, self.turn, self.journal


class Journals(Struct):
    """How far each was delivered, and which one is the run's own: the one that began last."""

    fence: int = 0
    delivered: dict[str, int] = field(default_factory=dict)
    gone: list[str] = field(default_factory=list)  # whose run was deleted: nothing of them counts
    starts: list[Start] = field(default_factory=list)

    @property
    def last(self) -> Start | None:
        """The start after all others."""
        return max(self.starts, key=lambda start: start.place, default=None)

    @property
    def own(self) -> str | None:
        """The journal that began last."""
        return self.last.journal if self.last else None

    def has_told(self, deed: str) -> bool:
        """Whether what has that id was done."""
        return self.delivered.get(deed, 0) > 0

    def counting(self, event: Event, key: str) -> Event:
        """The event with those of its changes that count, which from now on are told.

        Raises MalformedError.
        """
        try:
            return self._counting(event)
        except (KeyError, TypeError, ValueError) as error:
            raise MalformedError(f"a change in {key}", repr(error)) from error

    def _counting(self, event: Event) -> Event:
        kinds = {change["kind"] for change in event.changes}
        if event.epoch < self.fence and not _REACHING.isdisjoint(kinds):
            return _with(event, [])
        changes = event.changes
        if changes and changes[0]["kind"] == "delivered":
            changes = self._news(changes[0], changes[1:])
        for change in changes:
            if change["kind"] == "fenced":
                self.fence = max(self.fence, number_of(change, "epoch", MAX_EPOCH))
            if change["kind"] == "deleted":
                self.gone, self.starts = sorted({*self.gone, *self.delivered}), []
        return _with(event, changes)

    def _news(self, delivered: Change, changes: Sequence[Change]) -> Sequence[Change]:
        journal = id_of(delivered, "journal")
        start, end = number_of(delivered, "from", MAX_SIZE), number_of(delivered, "to", MAX_SIZE)
        if start != self.delivered.get(journal, 0) or start > end:
            return []
        self.delivered[journal] = end
        if journal in self.gone:
            return []
        self.starts += [
            self._start(journal, change)
            for change in changes
            if change["kind"] == "started" and "step" in change
        ]
        until = self._superseded_from(journal)
        if until is None:
            return changes
        return [_until(each, until - 1) for each in changes if each["kind"] in _LATE]

    def _start(self, journal: str, change: Change) -> Start:
        """After the one that its writer saw, whatever the clocks of their machines say."""
        time, step = (
            seconds_of(change) if "time" in change else 0.0,
            number_of(change, "step", MAX_SIZE),
        )
        seen = id_of(change, "after") if "after" in change else None
        before = [(each.time, each.turn) for each in self.starts if each.journal == seen]
        if before and max(before) >= (time, 0):
            time, turn = max(before)
            return Start(time, journal, step, turn + 1)
        return Start(time, journal, step)

    def _superseded_from(self, journal: str) -> int | None:
        """The step with which others went on after it; None for the run's own."""
        places = [each.place for each in self.starts if each.journal == journal]
        after = [each.step for each in self.starts if places and each.place > max(places)]
        return min(after, default=None)

    def save(self) -> Mapping[str, Any]:
        known = {"fence": self.fence, "delivered": self.delivered, "starts": self.starts}
        return {**known, "gone": self.gone}

    @classmethod
    def load(cls, saved: Mapping[str, Any]) -> Self:
        """As `save` gave it. Raises KeyError, TypeError."""
        starts = [Start(*each) for each in saved["starts"]]
        return cls(saved["fence"], dict(saved["delivered"]), [*saved.get("gone", [])], starts)


def from_a_start_on(event: Event) -> Event:
    """What counts of it for a run that is deleted: nothing before it is started again."""
    return _with(event, [*dropwhile(lambda change: change["kind"] != "started", event.changes)])


def _with(event: Event, changes: Sequence[Change]) -> Event:
    return replace(event, header={**event.header, "changes": [*changes]})


def _until(change: Change, step: int) -> Change:
    if change["kind"] != "rows" or change.get("stream") != "history":
        return change
    return {**change, "until": min(step, change.get("until", step))}
