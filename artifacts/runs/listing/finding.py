"""Finding: the run that somebody means by its id or its name."""

from __future__ import annotations

from itertools import islice

from msgspec import Struct

from artifacts.catalog import RunState, Session
from artifacts.errors import InvalidNameError, RunNotFoundError, UsageError
from artifacts.runs.heartbeat import Standing, standing_of
from artifacts.runs.journal.pending import Pending
from artifacts.runs.listing.briefs import Briefs
from artifacts.settings import Settings
from artifacts.storage import Fold, ObjectStore

_SHOWN = 4  # of several that are called alike


class FoundRun(Struct, frozen=True):
    """A run as the store has it. `state` is as it was read last."""

    entity: str
    project: str
    id: str
    fold: Fold[RunState]
    settings: Settings

    @property
    def path(self) -> str:
        """`entity/project/id`."""
        return f"{self.entity}/{self.project}/{self.id}"

    @property
    def state(self) -> RunState:
        return self.fold.state

    @property
    def store(self) -> ObjectStore:
        return self.fold.log.store

    @property
    def status(self) -> str:
        """running, finished, failed, crashed or preempted, as a reader takes it by now."""
        return self.standing.state

    @property
    def standing(self) -> Standing:
        """How it stands by now, and when it was heard of last."""
        left = Pending.left(self.settings, self.path)
        return standing_of(self.state, self.store, self.fold.log.name, left)

    def refresh(self) -> None:
        """Read what was told since. Raises RunNotFoundError if it is deleted by now."""
        if self.fold.refresh().state.is_deleted:
            raise RunNotFoundError(self.id, f"{self.entity}/{self.project}", self.store.url)


def find_run(session: Session, text: str) -> FoundRun:
    """By `[[entity/]project/]id`, or by a name that only one run of the project has.

    By name all runs are looked at. Raises InvalidNameError, RunNotFoundError, and UsageError for
    a name that several have.
    """
    settings = session.settings
    *place, id_ = text.split("/")
    if len(place) > 2 or not all((*place, id_)):
        raise InvalidNameError(text, "expected [[entity/]project/]run")
    entity, project = [settings.entity, settings.project][: 2 - len(place)] + place
    if (found := run_at(session, entity, project, id_)) is not None:
        return found
    briefs = Briefs(session.catalog, entity, project).newest()
    called = [each.id for each in briefs if each.name == id_]
    if len(called) > 1:
        ids = ", ".join(islice(called, _SHOWN)) + (" …" if len(called) > _SHOWN else "")
        raise UsageError(f"{len(called)} runs are called {id_!r}: say which by its id, {ids}")
    found = run_at(session, entity, project, called[0]) if called else None
    if found is None:
        raise RunNotFoundError(id_, f"{entity}/{project}", session.catalog.store.url)
    return found


def run_at(session: Session, entity: str, project: str, id_: str) -> FoundRun | None:
    """By its id; None if there is no such run."""
    fold = session.catalog.run(entity, project, id_)
    return None if fold is None else FoundRun(entity, project, id_, fold, session.settings)
