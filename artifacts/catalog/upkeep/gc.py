"""Gc: what no version reaches is deleted, while others commit and read.

Four steps, of which every word is needed (docs/format.md, Fences and epochs): condemn, fence,
mark again, sweep. A collector may be killed anywhere, be late, or be one of several.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from artifacts.cache import uncached
from artifacts.catalog.catalog import Catalog
from artifacts.catalog.collection import CollectionState
from artifacts.catalog.directory import DirectoryState
from artifacts.catalog.generations import Generation
from artifacts.catalog.retention import expire
from artifacts.catalog.run import RunState
from artifacts.catalog.upkeep.condemned import Tally, left, sweep_lists, swept, unreached
from artifacts.catalog.upkeep.leftovers import sweep_caches
from artifacts.catalog.upkeep.reach import Reach, all_collections, needed
from artifacts.errors import UnknownEventError, VerificationError
from artifacts.progress import Progress, Silent
from artifacts.storage import Fold, Proposal, read_condemned, write_condemned, write_keys

GRACE = timedelta(days=7)
_YOUNG = timedelta(days=1)  # that nobody takes from writing lists to naming them
_KINDS = ("collection", "directory", "gc", "run")  # of logs; others may reach what none of these do


@dataclass(slots=True)
class Collecting:
    """What was done, or would be."""

    expired: list[str] = field(default_factory=list)
    """Versions whose time was over, and that were dropped now."""
    versions: int = 0  # that were looked through
    freed: Tally = field(default_factory=Tally)
    condemned: Tally = field(default_factory=Tally)
    """Of the generation that is begun and not swept."""
    due: datetime | None = None
    """When that can be swept."""
    caches: int = 0  # remains of indexes, lists and checkpoints


def collect(
    catalog: Catalog,
    grace: timedelta = GRACE,
    progress: Progress | None = None,
    *,
    is_dry: bool = False,
) -> Collecting:
    """Sweep the generation that is due, then condemn what is unreached and older than `grace`.

    Nothing is deleted sooner than `grace` after it was condemned, so that who reads it can end.
    With no grace all of it happens at once. Run again after it was killed, it goes on. Raises
    VerificationError, BrokenLogError, UnknownEventError if it cannot be known what some version
    reaches, and StorageError; then nothing more is deleted.
    """
    collector = Collector(catalog, progress)
    done = Collecting()
    if is_dry:
        collector.expire(done, is_dry=True)
        collector.look(done, grace)
        return done
    collector.check_writing()
    collector.expire(done)
    if collector.open is not None:
        collector.go_on(done, grace)
    if collector.open is None and collector.condemn(done, grace):
        collector.go_on(done, grace)
    if collector.open is None:
        done.caches = sweep_caches(collector.store, collector.before(grace))
        done.caches += collector.sweep_lists()
    return done


class Collector:
    """One incarnation of a collector. Its steps are public so that others can happen in between."""

    def __init__(self, catalog: Catalog, progress: Progress | None = None) -> None:
        self.store = uncached(catalog.store)
        self._clock = catalog.logs.clock
        # from the logs themselves: no cache may decide what is deleted
        self._catalog = Catalog(self.store, self._clock, has_checkpoints=False)
        self._logs = self._catalog.logs
        self._progress = progress or Silent()

    def before(self, grace: timedelta) -> datetime | None:
        """What was written later is young; None if nothing is."""
        return self._clock() - grace if grace else None

    @property
    def open(self) -> Generation | None:
        """The generation that is not swept yet, as it is now."""
        return self._logs.generations.refresh().state.open

    def generation(self, epoch: int) -> Generation:
        """One that was begun."""
        return self._logs.generations.refresh().state.all[epoch - 1]

    def fold(self, id_: str) -> Fold[CollectionState]:
        """Of a collection, by its id."""
        return self._logs.fold(id_)

    def check_writing(self) -> None:
        """Raises UnsupportedStoreError."""
        self._catalog.begin_writing()
        self._catalog.check_writing()

    def expire(self, done: Collecting, *, is_dry: bool = False) -> None:
        """Drop the versions whose time is over."""
        for name, fold in all_collections(self._logs):
            for row in expire(self._logs, name, fold, is_dry=is_dry):
                done.expired.append(f"{name.qualified}:v{row.number}")

    def look(self, done: Collecting, grace: timedelta) -> None:
        """Tell what a run would do, as if what is due were swept and all else condemned."""
        generation, reached = self.open, self.mark(done)
        if generation is not None:
            tally, due = left(self.store, generation, reached), _due(generation, grace)
            if due > self._clock():
                done.condemned, done.due = tally, due
                return
            done.freed = tally
        epoch = self._logs.generations.state
        lists = [
            read_condemned(self.store, name) for name in (generation.lists if generation else ())
        ]
        for each in unreached(self.store, reached, epoch.epoch, self.before(grace)):
            if not any(each.name in condemned for condemned in lists):
                done.condemned.add(each.size)

    def condemn(self, done: Collecting, grace: timedelta) -> bool:
        """Step 1: begin a generation of what nothing reaches. False if there is nothing.

        Of two collectors that do at once, one begins none.
        """
        generations = self._logs.generations.refresh()
        epoch = generations.state.epoch
        reached = self.mark(done)
        found = [*unreached(self.store, reached, epoch, self.before(grace))]
        if not found:
            return False
        change = {
            "kind": "condemned",
            "epoch": epoch + 1,
            "lists": [*map(str, write_condemned(self.store, found))],
            "keys": [*map(str, write_keys(self.store, generations.state.heeded, found))],
            "objects": len(found),
            "size": sum(each.size for each in found),
        }
        generations.append(Proposal([change]))
        return True

    def go_on(self, done: Collecting, grace: timedelta) -> None:
        """Steps 2 to 4, the last two if the generation is due."""
        generation = self.open
        if generation is None:
            return
        self.fence(generation.epoch)
        if _due(generation, grace) > self._clock():
            done.condemned = Tally(generation.objects, generation.size)
            done.due = _due(generation, grace)
            return
        reached = self.mark(done)
        freed = self.sweep(generation, reached)
        done.freed.objects += freed.objects
        done.freed.size += freed.size

    def fence(self, epoch: int) -> None:
        """Step 2: from now on each commit is independent of what was condemned, or is seen."""
        for directory in self.fence_directories(epoch):
            for id_ in directory.state.ids:
                self.fence_log(self._logs.fold(id_), epoch)
        for run in self._logs.run_folds():
            self.fence_log(run, epoch)

    def fence_directories(self, epoch: int) -> list[Fold[DirectoryState]]:
        """All of them. What is listed in one before it has its fence may not be all of it."""
        self.fence_log(self._logs.projects, epoch)
        directories = [self._logs.directory(id_) for id_ in self._logs.projects.state.ids]
        for directory in directories:
            self.fence_log(directory, epoch)
        return directories

    def fence_log(
        self, fold: Fold[CollectionState] | Fold[DirectoryState] | Fold[RunState], epoch: int
    ) -> None:
        """Of a log as it is now; one that is closed takes no commit anyway."""
        state = fold.refresh().state
        is_closed = isinstance(state, CollectionState) and state.is_deleted
        if state.fence < epoch and not is_closed:
            fold.append(Proposal([{"kind": "fenced", "epoch": epoch}], epoch=epoch))

    def mark(self, done: Collecting) -> Reach:
        """Steps 1 and 3: what versions and runs of all logs reach, as they are now."""
        self._refuse_strangers()
        reached = needed(self._logs, self._progress)
        done.versions = reached.versions
        if reached.problems:
            what = "what these versions reach cannot be known, so nothing was deleted; repair or"
            reason = f"{what} delete them"
            raise VerificationError(self.store.url, [reason, *reached.problems])
        return reached

    def sweep(self, generation: Generation, reached: Reach) -> Tally:
        """Step 4: delete what was condemned and is not reached."""
        freed = swept(self.store, generation, reached, self._progress)
        change = {"kind": "swept", "epoch": generation.epoch}
        told = {"objects": freed.objects, "size": freed.size}
        self._logs.generations.append(Proposal([{**change, **told}], epoch=generation.epoch))
        return freed

    def sweep_lists(self) -> int:
        """Delete lists that nobody wants any more, or that a collector left who died; how many.

        One that is young may be of a collector that is about to name it.
        """
        named, before = self._logs.generations.state.named, self._clock() - _YOUNG
        return sweep_lists(self.store, named, before)

    def _refuse_strangers(self) -> None:
        """Raises UnknownEventError for logs of a newer software, which may reach anything."""
        for key in self.store.list("logs/"):
            kind = key.split("/")[1]
            if kind not in _KINDS:
                raise UnknownEventError(key, kind)


def _due(generation: Generation, grace: timedelta) -> datetime:
    """When it can be swept, by the clock of whoever began it."""
    return datetime.fromisoformat(generation.begun) + grace
