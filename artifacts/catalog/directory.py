"""Directory: what names stand for, as the fold of a log. One for projects, one in each project.

The ids are random, so no user's characters, case or length ever reach a key.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from artifacts.storage import Change, Checkpoints, Event, Rows, apply_rules


@dataclass(frozen=True, slots=True)
class Listing:
    """What one name stands for. A project has no type."""

    id: str
    type: str = ""


@dataclass(slots=True)
class DirectoryState:
    """`floors` holds the first free version number of each name that once stood for more."""

    names: dict[str, Listing] = field(default_factory=dict)
    floors: dict[str, int] = field(default_factory=dict)
    fence: int = 0
    rows: Rows = field(default_factory=Rows)

    def floor(self, name: str) -> int:
        return self.floors.get(name, 0)

    def apply(self, event: Event, key: str) -> None:
        """Raises UnknownEventError, MalformedError."""
        apply_rules(self, _RULES, event, key)

    def _added(self, event: Event, change: Change) -> None:
        """The first to add a name wins; `replaces` is an id that is known to be closed."""
        there = self.names.get(change["name"])
        if event.epoch >= self.fence and (there is None or there.id == change.get("replaces")):
            self.names[change["name"]] = Listing(str(change["id"]), str(change.get("type", "")))
            self._raise_floor(change)

    def _removed(self, _event: Event, change: Change) -> None:
        there = self.names.get(change["name"])
        if there is not None and there.id == change["id"]:
            del self.names[change["name"]]
            self._raise_floor(change)

    def _renamed(self, _event: Event, change: Change) -> None:
        there = self.names.get(change["name"])
        if there is not None and there.id == change["id"] and change["to"] not in self.names:
            self.names[change["to"]] = self.names.pop(change["name"])
            self._raise_floor(change)

    def _fenced(self, _event: Event, change: Change) -> None:
        self.fence = max(self.fence, int(change["epoch"]))

    def _raise_floor(self, change: Change) -> None:
        floor = max(self.floor(change["name"]), int(change.get("next", 0)))
        if floor:
            self.floors[change["name"]] = floor

    def save(self, _checkpoints: Checkpoints) -> Mapping[str, Any]:
        names = {name: [listing.id, listing.type] for name, listing in self.names.items()}
        return {"names": names, "floors": self.floors, "fence": self.fence}

    @classmethod
    def load(cls, head: Mapping[str, Any], _checkpoints: Checkpoints) -> Self:
        names = {name: Listing(*facts) for name, facts in head["names"].items()}
        return cls(names, dict(head["floors"]), head["fence"])


# the rules are the class's own, spelled out so that the format can be read in one place
_RULES: Mapping[str, Callable[[DirectoryState, Event, Change], None]] = {
    "added": DirectoryState._added,
    "removed": DirectoryState._removed,
    "renamed": DirectoryState._renamed,
    "fenced": DirectoryState._fenced,
}
