"""Generations: what collectors condemned and swept, as the fold of their log."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Self

from msgspec import Struct, field

from artifacts.catalog.fields import MAX_EPOCH, number_of, texts_of
from artifacts.content import MAX_SIZE
from artifacts.storage import (
    CONDEMNED,
    Change,
    Checkpoints,
    Epoch,
    Event,
    Heeded,
    Name,
    ObjectStore,
    Put,
    Rows,
    apply_rules,
)

LOG = "gc/root"


class Generation(Struct, frozen=True):
    """What was condemned at once: so many objects of so many bytes, whose names are in lists."""

    epoch: int
    lists: tuple[Name, ...]
    objects: int
    size: int
    begun: str  # ISO 8601, UTC, by the collector's clock
    keys: tuple[Name, ...] = ()  # lists of keys of all that was condemned up to this one


class Generations(Struct):
    """The last one is swept, or has to be before there is another."""

    all: list[Generation] = field(default_factory=list)
    swept: int = 0
    rows: Rows = field(default_factory=Rows)

    @property
    def epoch(self) -> int:
        """Number of the last generation; 0 before the first."""
        return len(self.all)

    @property
    def open(self) -> Generation | None:
        """The one that is not swept yet."""
        return self.all[-1] if self.swept < self.epoch else None

    def known(self, store: ObjectStore) -> Epoch:
        """What a writer has to heed from now on."""
        return Epoch(self.epoch, store, self.heeded)

    @property
    def heeded(self) -> Heeded:
        """Where all is that was condemned up to now."""
        lists: list[Name] = []
        for each in reversed(self.all):
            if each.keys:
                return Heeded(tuple(lists), each.keys)
            lists += each.lists
        return Heeded(tuple(lists))

    @property
    def named(self) -> frozenset[Name]:
        """The lists that somebody may still want: those of this generation and the one before."""
        known = [number for number, each in enumerate(self.all) if each.keys]
        wanted = self.all[min(known[-2:], default=0) :]
        return frozenset(name for each in wanted for name in (*each.lists, *each.keys))

    def apply(self, event: Event, key: str) -> None:
        """Raises UnknownEventError, MalformedError."""
        apply_rules(self, _RULES, event, key)

    def _condemned(self, event: Event, change: Change) -> None:
        """Of two collectors that begin a generation at once the first counts."""
        epoch = number_of(change, "epoch", MAX_EPOCH)
        objects, size = number_of(change, "objects"), number_of(change, "size", MAX_SIZE)
        lists, keys = (_lists_of(texts_of(change, each)) for each in ("lists", "keys"))
        if datetime.fromisoformat(event.time).tzinfo is None:
            raise ValueError(f"its time, {event.time}, has no offset")
        if epoch == self.epoch + 1 and self.open is None:
            self.all.append(Generation(epoch, lists, objects, size, event.time, keys))

    def _swept(self, _event: Event, change: Change) -> None:
        if number_of(change, "epoch", MAX_EPOCH) == self.epoch:
            self.swept = self.epoch

    def save(self, _put: Put | None = None) -> Mapping[str, Any]:
        rows = [
            [
                each.epoch,
                [*map(str, each.lists)],
                each.objects,
                each.size,
                each.begun,
                [*map(str, each.keys)],
            ]
            for each in self.all
        ]
        return {"all": rows, "swept": self.swept}

    @classmethod
    def load(cls, head: Mapping[str, Any], _checkpoints: Checkpoints) -> Self:
        rows = [
            Generation(epoch, _lists_of(lists), objects, size, begun, _lists_of(keys))
            for epoch, lists, objects, size, begun, keys in head["all"]
        ]
        return cls(rows, head["swept"])


def _lists_of(texts: Sequence[str]) -> tuple[Name, ...]:
    names = tuple(map(Name.parse, texts))
    if any(name.kind != CONDEMNED or name.epoch for name in names):
        raise ValueError(f"'lists' is {[*texts]}")
    return names


# the rules are the class's own, spelled out so that the format can be read in one place
_RULES: Mapping[str, Callable[[Generations, Event, Change], None]] = {
    "condemned": Generations._condemned,
    "swept": Generations._swept,
}
