"""Rehearsal: what a run of gc would do, told and not done.

Nowhere else is left out what is live still, as if it were dropped: so figures are all that comes
out of here, and nothing that a collector could delete by.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta

from artifacts.catalog.generations import Generation
from artifacts.catalog.logs import Logs
from artifacts.catalog.retention import is_over
from artifacts.catalog.upkeep.collecting import Collecting, condemnable, due
from artifacts.catalog.upkeep.condemned import Tally, left
from artifacts.catalog.upkeep.reach import Reach, all_collections, reach, refuse_strangers
from artifacts.catalog.version import Version
from artifacts.errors import ObjectNotFoundError
from artifacts.progress import Progress
from artifacts.storage import CondemnedList, ObjectStore, read_condemned


def rehearse(logs: Logs, grace: timedelta, progress: Progress) -> Collecting:
    """Of logs that are read without caches. Also tells what waits for later runs.

    Raises as `collect`.
    """
    done = Collecting()
    generation = logs.generations.refresh().state.open
    refuse_strangers(logs.store)
    reached = reach(logs, _lasting(logs, done.expired), progress)
    reached.check(logs.store)
    done.versions = reached.versions
    found = _found(logs, generation, reached, grace, done)
    if generation is not None:
        tally, end = left(logs.store, generation, reached), due(generation, grace)
        if end > logs.clock():
            done.condemned, done.due = tally, end
            done.wait(found, end)
            return done
        done.freed = tally
    if not grace:
        done.freed.include(found)
    elif found.objects:
        done.condemned, done.due = found, logs.clock() + grace
    return done


def _lasting(logs: Logs, expired: list[str]) -> Iterator[Version]:
    """All versions but those whose time is over, which are told."""
    for name, fold in all_collections(logs):
        for row in fold.state:
            if is_over(logs, name, fold.state, row):
                expired.append(f"{name.qualified}:v{row.number}")
            else:
                yield Version(logs.store, name, fold, row)


def _found(
    logs: Logs, generation: Generation | None, reached: Reach, grace: timedelta, done: Collecting
) -> Tally:
    """What could be condemned, and is not yet."""
    lists = [] if generation is None else [*_lists(logs.store, generation)]
    found = Tally()
    for each in condemnable(logs, reached, grace, done):
        if not any(each.name in condemned for condemned in lists):
            found.add(each.size)
    return found


def _lists(store: ObjectStore, generation: Generation) -> Iterator[CondemnedList]:
    """Those that are gone are passed over, as they are when it is swept."""
    for name in generation.lists:
        with suppress(ObjectNotFoundError):
            yield read_condemned(store, name)
