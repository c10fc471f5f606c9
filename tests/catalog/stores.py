"""Stores: in memory, which somebody else changes meanwhile, which refuse, or whose writer dies."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from artifacts.catalog import Catalog
from artifacts.errors import StorageError
from artifacts.storage import MemoryStore, ObjectStore
from artifacts.testing import CountingStore
from catalog.commits import STORE

NEVER = 10**9


class Intruded(MemoryStore):
    """Lets somebody else act once, before or after an event is created that has these bytes."""

    def __init__(self) -> None:
        super().__init__("here")
        self.before = self.after = b"never"
        self.act: Callable[[], object] = lambda: None
        self.create("store.json", STORE)

    def create(self, key: str, data: bytes) -> None:
        if self.before in data:
            self.before = b"never"
            self.act()
        super().create(key, data)
        if self.after in data:
            self.after = b"never"
            self.act()


class ReadOnly(CountingStore):
    """Whoever has no more than read access."""

    def create(self, key: str, data: bytes) -> None:
        raise StorageError(key, "permission denied")

    def write(self, key: str, data: bytes) -> None:
        raise StorageError(key, "permission denied")

    def take(self, key: str, path: Path) -> None:
        raise StorageError(key, f"permission denied, and {path} is kept")

    def delete(self, key: str) -> None:
        raise StorageError(key, "permission denied")

    def spool(self) -> Path:
        raise StorageError("spool", "permission denied")


def creations(store: MemoryStore, act: Callable[[Catalog], object]) -> int:
    """How many events an act makes, tried on a copy."""
    counting = CountingStore(copy_of(store))
    act(Catalog(counting))
    return sum(operation == "create" and key != "store.json" for operation, key in counting.calls)


def copy_of(store: ObjectStore) -> MemoryStore:
    copy = MemoryStore("here")
    for key in store.list():
        copy.write(key, store.read(key))
    return copy


class Dying(MemoryStore):
    """Forgets everything from the creation of event number `left` on, as a killed process."""

    left = NEVER

    def create(self, key: str, data: bytes) -> None:
        if key.startswith("logs/"):
            self.left -= 1
            if self.left < 0:
                raise KeyboardInterrupt
        super().create(key, data)


def dying_after(store: MemoryStore, events: int, act: Callable[[Catalog], object]) -> Catalog:
    """What somebody finds who comes after an act that was killed."""
    dying = Dying("here")
    for key in store.list():
        dying.write(key, store.read(key))
    dying.left = events
    with pytest.raises(KeyboardInterrupt):
        act(Catalog(dying))
    dying.left = NEVER
    return Catalog(dying)


def deaths(store: MemoryStore, act: Callable[[Catalog], object]) -> Iterator[Catalog]:
    for events in range(creations(store, act)):
        yield dying_after(store, events, act)
