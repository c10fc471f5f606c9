"""Directory: what names stand for, as the fold of a log. One for projects, one in each project.

The ids are random, so no user's characters, case or length ever reach a key.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Self

from msgspec import Struct, field
from msgspec.structs import replace

from artifacts.catalog.fields import MAX_EPOCH, id_of, number_of, place_of, text_of, ttl_of
from artifacts.names import check_collection_name
from artifacts.storage import Change, Checkpoints, Event, Put, Rows, apply_rules


class Listing(Struct, frozen=True):
    """What one name stands for. A project has no type.

    Of what is closing, the log may be deleted already.
    """

    id: str
    type: str = ""
    is_portfolio: bool = False
    is_closing: bool = False
    epoch: int = 0  # of the event that added it: no earlier one counts in its log


class Floor(Struct, frozen=True):
    """The first version number that a name has not shown yet, and whose the others were."""

    number: int
    id: str


class DirectoryState(Struct):
    """`floors` are those of names that once stood for something else, or will again."""

    names: dict[str, Listing] = field(default_factory=dict)
    floors: dict[str, Floor] = field(default_factory=dict)
    gone: dict[str, None] = field(default_factory=dict)  # ids that no name stands for any more
    ttl: int | None = None  # seconds that versions last, 0 for ever; None if nobody says
    fence: int = 0
    rows: Rows = field(default_factory=Rows)

    def floor(self, name: str) -> int:
        """The number that a new collection of that name begins with."""
        return self.floors[name].number if name in self.floors else 0

    def is_free(self, name: str, id_: str) -> bool:
        """Whether `id_` may be renamed so: no version would get a number that was another's."""
        floor = self.floors.get(name)
        return name not in self.names and (not floor or not floor.number or floor.id == id_)

    @property
    def ids(self) -> list[str]:
        """Of all logs that a name stands for, or ever did."""
        return [*dict.fromkeys((*self.gone, *(listing.id for listing in self.names.values())))]

    def name_of(self, id_: str, guess: str = "") -> str | None:
        """What a collection is called, which is looked for if it is not the guess."""
        if self._stands_for(guess, id_):
            return guess
        return next((name for name, there in self.names.items() if there.id == id_), None)

    def apply(self, event: Event, key: str) -> None:
        """Raises UnknownEventError, MalformedError."""
        apply_rules(self, _RULES, event, key)

    def _added(self, event: Event, change: Change) -> None:
        """The first to add a name wins; `replaces` is an id that is known to be closed."""
        self._add(event, change, Listing(id_of(change), _type_of(change), epoch=event.epoch))

    def _opened(self, event: Event, change: Change) -> None:
        """As `_added`."""
        id_, type_ = id_of(change), text_of(change, "type")
        self._add(event, change, Listing(id_, type_, is_portfolio=True, epoch=event.epoch))

    def _add(self, event: Event, change: Change, listing: Listing) -> None:
        name = _name_of(change)
        there = self.names.get(name)
        if event.epoch >= self.fence and (there is None or there.id == change.get("replaces")):
            if there is not None:
                self.gone[there.id] = None
                self._raise_floor(name, change, there.id)
            self.names[name] = listing

    def _closing(self, _event: Event, change: Change) -> None:
        self._relist(change, is_closing=True)

    def _retyped(self, _event: Event, change: Change) -> None:
        self._relist(change, type=text_of(change, "type"))

    def _relist(self, change: Change, **facts: Any) -> None:  # noqa: ANN401 - Listing's fields
        name, id_ = text_of(change, "name"), id_of(change)
        if self._stands_for(name, id_):
            self.names[name] = replace(self.names[name], **facts)

    def _removed(self, _event: Event, change: Change) -> None:
        name, id_ = text_of(change, "name"), id_of(change)
        if self._stands_for(name, id_):
            del self.names[name]
            self.gone[id_] = None
            self._raise_floor(name, change, id_)

    def _renamed(self, _event: Event, change: Change) -> None:
        name, id_ = text_of(change, "name"), id_of(change)
        new = check_collection_name(text_of(change, "to"))
        if self._stands_for(name, id_) and self.is_free(new, id_):
            self.names[new] = self.names.pop(name)
            self._raise_floor(name, change, id_)

    def _retained(self, _event: Event, change: Change) -> None:
        self.ttl = ttl_of(change)

    def _fenced(self, _event: Event, change: Change) -> None:
        self.fence = max(self.fence, number_of(change, "epoch", MAX_EPOCH))

    def _stands_for(self, name: str, id_: str) -> bool:
        return name in self.names and self.names[name].id == id_

    def _raise_floor(self, name: str, change: Change, last: str) -> None:
        next_ = number_of(change, "next") if "next" in change else 0
        self.floors[name] = Floor(max(self.floor(name), next_), last)

    def save(self, _put: Put | None = None) -> Mapping[str, Any]:
        names = {
            name: [there.id, there.type, there.is_portfolio, there.is_closing, there.epoch]
            for name, there in self.names.items()
        }
        floors = {name: [floor.number, floor.id] for name, floor in self.floors.items()}
        rest = {"gone": [*self.gone], "ttl": self.ttl, "fence": self.fence}
        return {"names": names, "floors": floors, **rest}

    @classmethod
    def load(cls, head: Mapping[str, Any], _checkpoints: Checkpoints) -> Self:
        names = {name: Listing(*facts) for name, facts in head["names"].items()}
        floors = {name: Floor(*facts) for name, facts in head["floors"].items()}
        return cls(names, floors, dict.fromkeys(head["gone"]), head["ttl"], head["fence"])


def _type_of(change: Change) -> str:
    return text_of(change, "type") if "type" in change else ""


def _name_of(change: Change) -> str:
    """Of a collection, which has a type; or entity/project. Raises InvalidNameError."""
    name = text_of(change, "name")
    if "type" in change:
        return check_collection_name(name)
    return place_of(change, "name")


# the rules are the class's own, spelled out so that the format can be read in one place
_RULES: Mapping[str, Callable[[DirectoryState, Event, Change], None]] = {
    "added": DirectoryState._added,
    "opened": DirectoryState._opened,
    "closing": DirectoryState._closing,
    "retyped": DirectoryState._retyped,
    "removed": DirectoryState._removed,
    "renamed": DirectoryState._renamed,
    "retained": DirectoryState._retained,
    "fenced": DirectoryState._fenced,
}
