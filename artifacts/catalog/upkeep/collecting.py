"""Collecting: what a run of gc finds that nothing reaches, and what it tells."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from msgspec import Struct, field

from artifacts.catalog.generations import Generation
from artifacts.catalog.logs import Logs
from artifacts.catalog.upkeep.condemned import Tally, Young, unreached
from artifacts.catalog.upkeep.reach import Reach
from artifacts.storage import Clock, Condemned


class Collecting(Struct):
    """What was done, or would be."""

    expired: list[str] = field(default_factory=list)
    """Versions whose time is over, and that are dropped."""
    versions: int = 0  # that were looked through
    freed: Tally = field(default_factory=Tally)
    condemned: Tally = field(default_factory=Tally)
    """Of the generation that is begun and not swept."""
    due: datetime | None = None
    """When that can be swept."""
    waiting: Tally = field(default_factory=Tally)
    """What nothing needs either, and cannot be condemned yet; as far as was looked."""
    ripe: datetime | None = None
    """When all of that can be."""
    caches: int = 0  # remains of indexes, lists and checkpoints

    def wait(self, more: Tally, ripe: datetime) -> None:
        if more.objects:
            self.waiting.include(more)
            self.ripe = max(self.ripe or ripe, ripe)


def condemnable(
    logs: Logs, reached: Reach, grace: timedelta, done: Collecting
) -> Iterator[Condemned]:
    """What can be condemned now, of the epoch that was read last; what is too young is told."""
    epoch, young = logs.generations.state.epoch, Young()
    yield from unreached(logs.store, reached, epoch, old(logs.clock, grace), young)
    if young.newest:
        done.wait(young.tally, young.newest + grace)


def old(clock: Clock, grace: timedelta) -> datetime | None:
    """What was written later is young; None if nothing is."""
    return clock() - grace if grace else None


def due(generation: Generation, grace: timedelta) -> datetime:
    """When it can be swept, by the clock of whoever began it."""
    return datetime.fromisoformat(generation.begun) + grace
