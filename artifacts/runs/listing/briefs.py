"""Briefs: the runs of a project in short, newest first, of which few logs are read."""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from functools import partial
from types import MappingProxyType
from typing import TypeAlias

from artifacts.catalog import Catalog, RunState, ends_if_cheaper, has_event, runs_there
from artifacts.errors import IntegrityError, ObjectNotFoundError
from artifacts.progress import Progress, Silent
from artifacts.runs.heartbeat import Standing, standing_of
from artifacts.runs.journal.pending import Pending
from artifacts.runs.listing.brief import KEPT, Brief
from artifacts.storage import Ahead, Fold, Log

_FEW = 128  # ends of logs that are asked for one by one; more than one shows at once
_Look: TypeAlias = Callable[[], Brief | None]
_log = logging.getLogger(__name__)


class Briefs:
    """Of one project's runs. What is known of them from before is kept in the store's cache."""

    def __init__(
        self,
        catalog: Catalog,
        entity: str,
        project: str,
        progress: Progress | None = None,
        left: Mapping[str, Sequence[Pending]] = MappingProxyType({}),
    ) -> None:
        """Of a project that is not there, none. `progress` hears of each log that is read.

        `left` is what processes of this machine left that are gone, by the runs' paths.
        """
        self._progress, self._left = progress or Silent(), left
        with catalog.logs.operation():
            listing = catalog.logs.all_projects().state.names.get(f"{entity}/{project}")
        self._store = catalog.store
        self._project = listing.id if listing else ""
        self._known: dict[str, Brief] = {}
        self._news: set[str] = set()  # of which more is known than was kept

    def newest(self) -> Generator[Brief, None, None]:
        """Each as it is now, the one that began last first; a log is read when its turn comes.

        Requests: one for each thousand runs, one for each that is new or comes out here, and what
        reading those takes that grew. Where all come out, whichever is less of one for each and
        one for each thousand events of all.

        Those that are deleted, or whose log is damaged, which is told of, are left out. Raises
        StorageError.
        """
        if not self._project:
            return
        kept = KEPT.load(self._store, self._project)
        there = runs_there(self._store, self._project, len(kept))
        self._known = {key: brief for key, brief in kept.items() if key in there}
        try:
            self._take_born(there - self._known.keys())
            ordered = sorted(self._known.values(), key=lambda brief: brief.created_at, reverse=True)
            with closing(self._now(ordered)) as found:
                yield from (each for each in found if each.path and not each.is_deleted)
        finally:
            KEPT.save(self._store, self._project, self._known, len(self._news))

    def standings(self, briefs: Iterable[Brief]) -> Generator[tuple[Brief, Standing], None, None]:
        """Each with how it stands by now: a run of which nothing is heard has crashed.

        Requests: one for each that did not end and was not heard of for a while, many at once;
        of some that come after the last that is taken, too.
        """
        with Ahead(self._store) as ahead:
            for job in ahead.each(partial(self._standing, brief) for brief in briefs):
                yield job()

    def _standing(self, brief: Brief) -> tuple[Brief, Standing]:
        left = self._left.get(brief.path, ())
        return brief, standing_of(brief, self._store, self._log(brief.key).name, left)

    def _take_born(self, keys: Iterable[str]) -> None:
        with Ahead(self._store) as ahead:
            for job in ahead.each(_unless_damaged(partial(self._born, key), key) for key in keys):
                job()

    def _now(self, ordered: Sequence[Brief]) -> Generator[Brief, None, None]:
        with Ahead(self._store) as ahead:
            for job in ahead.each(self._looks(ordered)):
                if (brief := job()) is not None:
                    yield brief

    def _looks(self, ordered: Sequence[Brief]) -> Iterator[_Look]:
        """What gives each as it is now."""
        known: dict[str, int] = {}
        for place, brief in enumerate(ordered):
            if place == _FEW:
                known = self._ends_of_all(ordered)
            look = partial(self._look, brief, known.get(brief.key))
            yield _unless_damaged(look, brief.key)

    def _ends_of_all(self, ordered: Sequence[Brief]) -> dict[str, int]:
        """None, where to ask for each that is left takes less; by what those before them have."""
        events = [self._known[brief.key].number for brief in ordered[:_FEW]]
        expected = sum(events) * len(ordered) // len(events)
        left = len(ordered) - len(events)
        return ends_if_cheaper(self._store, self._project, expected, left) or {}

    def _look(self, brief: Brief, end: int | None) -> Brief:
        if end is None:
            goes_on = has_event(self._store, self._project, brief.key, brief.number)
        else:
            goes_on = brief.number < end
        return self._read(brief.key) if goes_on else brief

    def _born(self, key: str) -> Brief:
        """By its first event alone, which never changes: enough to put the runs in order."""
        self._progress.advance(0)
        log, state = self._log(key), RunState()
        state.apply(log.read(0), log.key(0))
        return self._learnt(Brief.of(key, 1, state))

    def _read(self, key: str) -> Brief:
        self._progress.advance(0)
        fold = Fold(self._log(key), RunState).refresh()
        return self._learnt(Brief.of(key, fold.tail.number, fold.state))

    def _learnt(self, brief: Brief) -> Brief:
        """Kept, whether somebody still waits for it or not."""
        if self._known.get(brief.key) != brief:
            self._known[brief.key] = brief
            self._news.add(brief.key)
        return brief

    def _log(self, key: str) -> Log:
        return Log(self._store, f"run/{self._project}/{key}")


def _unless_damaged(read: Callable[[], Brief], key: str) -> _Look:
    def look() -> Brief | None:
        try:
            return read()
        except (IntegrityError, ObjectNotFoundError) as error:
            _log.warning("the run of log %s is left out: %s", key, error)
            return None

    return look
