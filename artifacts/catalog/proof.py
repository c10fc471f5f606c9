"""Proof: the chain of digests that leads from a store's first event to a version."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from msgspec import Struct

from artifacts.cache import uncached
from artifacts.catalog.collection import CollectionState, id_of
from artifacts.catalog.version import Version
from artifacts.content import Digest
from artifacts.errors import BrokenLogError
from artifacts.names import CollectionName
from artifacts.storage import Change, Event, Fold, Log, ObjectStore, Tail

_ROOT = "directory/root"


class Step(Struct, frozen=True):
    """One event on the way; `previous` is the digest of the event before it in its log."""

    log: str
    event: Event

    @property
    def previous(self) -> str:
        return str(self.event.header["previous"])


class Proof(Struct, frozen=True):
    """`steps` lead to the version; `events` were compared with the ones before them for that."""

    name: str
    digest: Digest
    steps: tuple[Step, ...]
    events: int


def prove(version: Version) -> Proof:
    """That the logs, from their first events on, say of the name what the version says of itself.

    Everything is read from the store itself, and nothing from a cache: each event of each log on
    the way follows from the one before it, what they add up to is folded anew, and the manifest
    and all its pages have their digests. Raises IntegrityError.
    """
    way = _Way(uncached(version.store))
    if version.link is not None:
        portfolio = version.link.fold
        way.lead_to(version.link.portfolio, portfolio)
        way.follow(portfolio.log.name, lambda _: True)
    way.lead_to(version.collection_name, version.collection)
    log = version.collection.log.name
    state = way.follow(log, lambda event: event.number <= version.row.event)
    row = state.version(version.row.number)
    if row is None or row.digest != version.digest:
        reason = f"it does not say that v{version.row.number} is {version.digest}"
        raise BrokenLogError(f"logs/{log}", reason)
    bare = version.uncached()
    for position in range(len(bare.manifest.rows)):
        bare.page(position)
    return Proof(version.qualified_name, version.digest, tuple(way.steps), way.events)


class _Way:
    """What was read and compared so far."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store
        self.steps: list[Step] = []
        self.events = 0

    def lead_to(self, name: CollectionName, fold: Fold[CollectionState]) -> None:
        """Through the directories that list it. Raises BrokenLogError."""
        place = f"{name.entity}/{name.project}"
        project = ""
        for event in self._read(_ROOT, lambda event: _is_about(event, "name", place)):
            for change in event.changes:
                if change.get("name") == place and change["kind"] == "added":
                    project = project or str(change["id"])
        [*self._read(f"directory/{project}", lambda event: _is_about(event, "id", id_of(fold)))]

    def follow(self, log: str, is_step: Callable[[Event], bool]) -> CollectionState:
        """What all events of a collection's log come to."""
        state = CollectionState()
        for event in self._read(log, is_step):
            state.apply(event, f"logs/{log}/{event.number:012}")
        return state

    def _read(self, log: str, is_step: Callable[[Event], bool]) -> Iterator[Event]:
        before = len(self.steps)
        for event in Log(self._store, log).after(Tail.start(log)):
            self.events += 1
            if is_step(event):
                self.steps.append(Step(log, event))
            yield event
        if len(self.steps) == before:
            raise BrokenLogError(f"logs/{log}", "it does not say what the name stands for")


def _is_about(event: Event, key: str, value: str) -> bool:
    return any(_says(change, key, value) for change in event.changes)


def _says(change: Change, key: str, value: str) -> bool:
    return change.get(key) == value
