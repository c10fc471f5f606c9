"""Gc: what no version reaches is deleted, while others commit and read.

Four steps, of which every word is needed (docs/format.md, Fences and epochs): condemn, fence,
mark again, sweep. A collector may be killed anywhere, be late, or be one of several.
"""

from __future__ import annotations

from datetime import timedelta

from artifacts.cache import uncached
from artifacts.catalog.catalog import Catalog
from artifacts.catalog.collection import CollectionState
from artifacts.catalog.directory import DirectoryState
from artifacts.catalog.generations import Generation
from artifacts.catalog.retention import expire
from artifacts.catalog.run import RunState
from artifacts.catalog.upkeep.collecting import Collecting, condemnable, due, old
from artifacts.catalog.upkeep.condemned import Tally, sweep_lists, swept
from artifacts.catalog.upkeep.leftovers import sweep_caches
from artifacts.catalog.upkeep.reach import Reach, all_collections, needed, refuse_strangers
from artifacts.catalog.upkeep.rehearsal import rehearse
from artifacts.progress import Progress, Silent
from artifacts.storage import Fold, Proposal, write_condemned, write_keys

GRACE = timedelta(days=7)
_YOUNG = timedelta(days=1)  # that nobody takes from writing lists to naming them


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
    if is_dry:
        return collector.rehearse(grace)
    done = Collecting()
    collector.check_writing()
    collector.expire(done)
    if collector.open is not None:
        collector.go_on(done, grace)
    if collector.open is None and collector.condemn(done, grace):
        collector.go_on(done, grace)
    if collector.open is None:
        done.caches = sweep_caches(collector.store, old(catalog.logs.clock, grace))
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

    def rehearse(self, grace: timedelta) -> Collecting:
        """What a run would do."""
        return rehearse(self._logs, grace, self._progress)

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

    def expire(self, done: Collecting) -> None:
        """Drop the versions whose time is over."""
        for name, fold in all_collections(self._logs):
            for row in expire(self._logs, name, fold):
                done.expired.append(f"{name.qualified}:v{row.number}")

    def condemn(self, done: Collecting, grace: timedelta) -> bool:
        """Step 1: begin a generation of what nothing reaches. False if there is nothing.

        Of two collectors that do at once, one begins none.
        """
        generations = self._logs.generations.refresh()
        epoch = generations.state.epoch
        reached = self.mark(done)
        found = [*condemnable(self._logs, reached, grace, done)]
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
        if due(generation, grace) > self._clock():
            done.condemned = Tally(generation.objects, generation.size)
            done.due = due(generation, grace)
            return
        reached = self.mark(done)
        done.freed.include(self.sweep(generation, reached))

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
        refuse_strangers(self.store)
        reached = needed(self._logs, self._progress)
        done.versions = reached.versions
        reached.check(self.store)
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
