"""Condemned: the objects that a collector gives up, found, told of and deleted."""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence
from contextlib import suppress
from datetime import datetime
from functools import partial

from msgspec import Struct, field

from artifacts.catalog.generations import Generation
from artifacts.catalog.upkeep.reach import Reach
from artifacts.errors import ObjectNotFoundError
from artifacts.progress import Progress
from artifacts.storage import (
    BLOBS,
    COLLECTED,
    CONDEMNED,
    ChunkLists,
    Condemned,
    Name,
    ObjectStore,
    read_condemned,
    written,
)
from artifacts.workers import batched, spread

_BATCH = 64  # objects that one thread asks for, or deletes


class Tally(Struct):
    """So many objects, of so many bytes."""

    objects: int = 0
    size: int = 0

    def add(self, size: int) -> None:
        self.objects += 1
        self.size += size

    def include(self, other: Tally) -> None:
        self.objects += other.objects
        self.size += other.size


class Young(Struct):
    """Objects that are not old enough to be condemned, and when the newest was written."""

    tally: Tally = field(default_factory=Tally)
    newest: datetime | None = None

    def see(self, size: int, time: datetime) -> None:
        self.tally.add(size)
        self.newest = max(self.newest or time, time)


def unreached(
    store: ObjectStore,
    reached: Reach,
    epoch: int,
    before: datetime | None,
    young: Young,
) -> Iterator[Condemned]:
    """Objects of names up to an epoch that nothing reaches, written before that time if it is said.

    Those that were written since are counted as young. What a store cannot tell the age of is
    old. Memory: bounded.
    """
    names = (
        name
        for kind in COLLECTED
        for key in store.list(f"{kind}/")
        if (name := Name.of_key(key)) is not None and name.epoch <= epoch and name not in reached
    )
    look = partial(_aged, store, before)
    work = ((batch, None) for batch in batched(names, _none, _BATCH))
    for found, _ in spread(look, work, threads=store.concurrency):
        for each, time in found:
            if time is None:
                yield each
            else:
                young.see(each.size, time)


def swept(store: ObjectStore, generation: Generation, reached: Reach, progress: Progress) -> Tally:
    """Delete what was condemned in that generation and is not reached: so much it was.

    What a collector that died deleted of it counts too.
    """
    done = Tally()
    work = ((batch, None) for batch in batched(_left(store, generation, reached), _none, _BATCH))
    for deleted, _ in spread(partial(_delete, store), work, threads=store.concurrency):
        for size in deleted:
            done.add(size)
            progress.advance(size)
    return done


def left(store: ObjectStore, generation: Generation, reached: Reach) -> Tally:
    """What `swept` would delete."""
    done = Tally()
    for _, size in _left(store, generation, reached):
        done.add(size)
    return done


def _left(store: ObjectStore, generation: Generation, reached: Reach) -> Iterator[Condemned]:
    """Any subset will do: a list that is gone keeps what it named."""
    for name in generation.lists:
        with suppress(ObjectNotFoundError):
            found = read_condemned(store, name)
            yield from (each for each in found if each.name not in reached)


def sweep_lists(store: ObjectStore, named: Container[Name], before: datetime) -> int:
    """Delete those lists of condemned names that are not named and old for sure; how many."""
    count = 0
    for key in [*store.list(f"{CONDEMNED}/")]:
        name = Name.of_key(key)
        if name is not None and name not in named and _is_old(store, key, before):
            store.delete(key)
            count += 1
    return count


def _is_old(store: ObjectStore, key: str, before: datetime) -> bool:
    """Unlike objects, what a store cannot tell the age of is young."""
    try:
        time = written(store, key)
    except ObjectNotFoundError:
        return False
    return time is not None and time <= before


def _none(_: object) -> int:
    """A batch has so many items, whatever their bytes: none of these is read."""
    return 0


def _aged(
    store: ObjectStore, before: datetime | None, names: Sequence[Name]
) -> list[tuple[Condemned, datetime | None]]:
    """Of those that are young with the time when they were written."""
    found = []
    for name in names:
        try:
            time = written(store, name.key) if before else None
            is_old = time is None or before is None or time <= before
            found.append((Condemned(name, store.size(name.key)), None if is_old else time))
        except ObjectNotFoundError:
            continue  # deleted since it was listed
    return found


def _delete(store: ObjectStore, condemned: Sequence[Condemned]) -> list[int]:
    lists = ChunkLists(store)
    for name, _ in condemned:
        if name.kind == BLOBS:
            lists.delete(name)
        store.delete(name.key)
    return [size for _, size in condemned]
