"""Directory: what names stand for, as the fold of a log. One for projects, one in each project.

The ids are random, so no user's characters, case or length ever reach a key.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from artifacts.catalog.fields import MAX_EPOCH, id_of, number_of, text_of
from artifacts.names import check_collection_name, check_entity, check_project
from artifacts.storage import Change, Checkpoints, Event, Put, Rows, apply_rules


@dataclass(frozen=True, slots=True)
class Listing:
    """What one name stands for. A project has no type."""

    id: str
    type: str = ""


@dataclass(frozen=True, slots=True)
class Floor:
    """The first version number that a name has not shown yet, and whose the others were."""

    number: int
    id: str


@dataclass(slots=True)
class DirectoryState:
    """`floors` are those of names that once stood for something else, or will again."""

    names: dict[str, Listing] = field(default_factory=dict)
    floors: dict[str, Floor] = field(default_factory=dict)
    fence: int = 0
    rows: Rows = field(default_factory=Rows)

    def floor(self, name: str) -> int:
        """The number that a new collection of that name begins with."""
        return self.floors[name].number if name in self.floors else 0

    def is_free(self, name: str, id_: str) -> bool:
        """Whether `id_` may be renamed so: no version would get a number that was another's."""
        return name not in self.names and (name not in self.floors or self.floors[name].id == id_)

    def apply(self, event: Event, key: str) -> None:
        """Raises UnknownEventError, MalformedError."""
        apply_rules(self, _RULES, event, key)

    def _added(self, event: Event, change: Change) -> None:
        """The first to add a name wins; `replaces` is an id that is known to be closed."""
        name, listing = _name_of(change), Listing(id_of(change), _type_of(change))
        there = self.names.get(name)
        if event.epoch >= self.fence and (there is None or there.id == change.get("replaces")):
            if there is not None:
                self._raise_floor(name, change, there.id)
            self.names[name] = listing

    def _removed(self, _event: Event, change: Change) -> None:
        name, id_ = text_of(change, "name"), id_of(change)
        if self._stands_for(name, id_):
            del self.names[name]
            self._raise_floor(name, change, id_)

    def _renamed(self, _event: Event, change: Change) -> None:
        name, id_ = text_of(change, "name"), id_of(change)
        new = check_collection_name(text_of(change, "to"))
        if self._stands_for(name, id_) and self.is_free(new, id_):
            self.names[new] = self.names.pop(name)
            self._raise_floor(name, change, id_)

    def _fenced(self, _event: Event, change: Change) -> None:
        self.fence = max(self.fence, number_of(change, "epoch", MAX_EPOCH))

    def _stands_for(self, name: str, id_: str) -> bool:
        return name in self.names and self.names[name].id == id_

    def _raise_floor(self, name: str, change: Change, last: str) -> None:
        next_ = number_of(change, "next") if "next" in change else 0
        if number := max(self.floor(name), next_):
            self.floors[name] = Floor(number, last)

    def save(self, _put: Put | None = None) -> Mapping[str, Any]:
        names = {name: [listing.id, listing.type] for name, listing in self.names.items()}
        floors = {name: [floor.number, floor.id] for name, floor in self.floors.items()}
        return {"names": names, "floors": floors, "fence": self.fence}

    @classmethod
    def load(cls, head: Mapping[str, Any], _checkpoints: Checkpoints) -> Self:
        names = {name: Listing(*facts) for name, facts in head["names"].items()}
        floors = {name: Floor(*facts) for name, facts in head["floors"].items()}
        return cls(names, floors, head["fence"])


def _type_of(change: Change) -> str:
    return text_of(change, "type") if "type" in change else ""


def _name_of(change: Change) -> str:
    """Of a collection, which has a type; or entity/project. Raises InvalidNameError."""
    name = text_of(change, "name")
    if "type" in change:
        return check_collection_name(name)
    entity, _, project = name.partition("/")
    return f"{check_entity(entity)}/{check_project(project)}"


# the rules are the class's own, spelled out so that the format can be read in one place
_RULES: Mapping[str, Callable[[DirectoryState, Event, Change], None]] = {
    "added": DirectoryState._added,
    "removed": DirectoryState._removed,
    "renamed": DirectoryState._renamed,
    "fenced": DirectoryState._fenced,
}
