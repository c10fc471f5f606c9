"""Writer: what a run says, on this machine at once and in the store soon."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Mapping
from pathlib import Path
from threading import Event
from typing import Any, Self
from weakref import WeakSet

from msgspec import Struct, field

from artifacts.catalog import Session
from artifacts.runs.backlog import Backlog
from artifacts.runs.delivery.patience import PASSING, soon
from artifacts.runs.delivery.sending import Pace, Sending, pace
from artifacts.runs.delivery.watching import Policy, Watching
from artifacts.runs.journal.journal import Journal
from artifacts.runs.journal.line import encoded
from artifacts.settings import Settings

_log = logging.getLogger(__name__)


class Started(Struct, frozen=True):
    """That a run starts, or starts again from `step` on: what its journal says first."""

    id: str
    facts: Mapping[str, Any] = field(default_factory=dict)
    step: int = 0
    is_resumed: bool = False
    """Whether it comes after whoever the store knows of; so does one that has a step."""
    is_placed: bool = True
    """Whether it takes the place of what another process of the run may log from its step on."""

    def record(self, settings: Settings, after: str | None) -> bytes:
        """`after` is the journal that was the run's own before, as far as is known."""
        path = f"{settings.entity}/{settings.project}/{self.id}"
        place = {**({"after": after} if after else {}), "step": self.step}
        told = {"id": self.id, "path": path, **self.facts, **(place if self.is_placed else {})}
        return encoded({"note": "started", "facts": {**told, "time": time.time()}})


class Writer:
    """Returns at once, whatever the store does. Any number of threads may call it.

    What it was told outlives the process: it lies in a journal, which a thread delivers to the
    store; what a killed process left is delivered by whoever comes next. In a forked child it
    does nothing.
    """

    def __init__(
        self, session: Session, journal: Journal, wake: Event, pace: Pace, *, is_offline: bool
    ) -> None:
        """Offline nothing is stored: `sync` does, when it is told to."""
        self._session, self._journal, self._is_offline = session, journal, is_offline
        self._watching = Watching(journal)
        self._sending = Sending(session, journal, self._watching, wake, pace)
        self.row = journal.row
        """A row of `history`: numbers, text, booleans, lists and dicts of them by str keys."""
        _writers.add(self)

    @classmethod
    def begin(
        cls,
        session: Session,
        folder: Path,
        started: Started,
        *,
        is_offline: bool = False,
        away: Exception | None = None,
        pace: Pace = pace,
    ) -> Self:
        """Its journal is in `folder`, which is of this start alone, and its thread goes on.

        The store is asked what came before, unless it is said to be `away`, which is told.
        """
        after = None if is_offline or away else _before(session, started)
        first, wake = started.record(session.settings, after), Event()
        about = _about(session.settings, started.id)
        journal = Journal(folder, about, hurry=wake.set)  # after all that may be refused
        writer = cls(session, journal, wake, pace, is_offline=is_offline)
        journal.write(first)
        if not is_offline:
            writer._sending.begin()
        if away is not None:
            writer._sending.warn(away)
        return writer

    @property
    def backlog(self) -> Backlog:
        """Of the records in the journal."""
        told = self._journal.count
        return Backlog(told, told - self._sending.sent, self._sending.sent_at)

    @property
    def folder(self) -> Path:
        return self._journal.folder

    def line(self, stream: str, values: dict[str, Any]) -> None:
        """A row of another stream."""
        record = {"stream": stream, "time": time.time(), "values": values}
        self._journal.write(encoded(record))

    def note(self, kind: str, facts: Mapping[str, Any]) -> None:
        """A change of the run's log (docs/format.md, Run). Those of one kind may be told as one."""
        self._journal.write(encoded({"note": kind, "facts": facts}))

    def artifact(self, what: str, facts: Mapping[str, Any]) -> None:
        """What an offline run did with one (docs/format.md, On this machine)."""
        self._journal.write(encoded({"artifact": what, **facts}))

    def tell(self, kind: str, facts: Mapping[str, Any]) -> None:
        """As `note`; in the store when this returns, where that answers at once.

        Raises StorageError there; then it waits in the journal.
        """
        self.note(kind, facts)
        if not self._is_offline and self._session.writable.store.concurrency == 1:
            self.flush()

    def file(self, name: str, path: Path, policy: Policy = "now") -> None:
        """A file of the run. One that is gone when its turn comes is passed by."""
        self._watching.add(name, path, policy)

    def flush(self) -> None:
        """All that was said is in the store. Raises StorageError; then it waits in the journal.

        Offline, and in a forked child, nothing happens.
        """
        if not self._is_offline and self._journal.is_open:
            self._sending.flush()

    def close(self, exit_code: int = 0, state: str | None = None, *, is_away: bool = False) -> bool:
        """The run is over. Whether all of it is in the store; if not, it waits in the journal.

        A store that `is_away` is not asked.
        """
        if self._sending.is_over or not self._journal.is_open:
            return False
        self._sending.stop()
        self._watching.look(is_end=True)
        told = state or ("failed" if exit_code else "finished")
        self.note("finished", {"state": told, "exit_code": exit_code})
        try:
            return not (self._is_offline or is_away) and self._sending.end()
        finally:
            self._journal.close()

    def _leave(self) -> None:
        """In a forked child."""
        self._sending.leave()
        self._journal.leave()


_writers: WeakSet[Writer] = WeakSet()
"""Of this process, for its forked children."""


def _leave() -> None:
    for writer in [*_writers]:
        writer._leave()


os.register_at_fork(after_in_child=_leave)


def _about(settings: Settings, id_: str) -> dict[str, Any]:
    """What a journal says of itself."""
    place = {"entity": settings.entity, "project": settings.project}
    return {**place, "run": id_, "store": settings.store}


def _before(session: Session, started: Started) -> str | None:
    """The journal that is the run's own by now, if one may be, and as far as can be known."""
    if not (started.step or started.is_resumed):
        return None
    settings = session.settings
    try:
        fold = soon(
            "who wrote the run before",
            lambda: session.catalog.run(settings.entity, settings.project, started.id),
        )
    except PASSING as error:
        _log.debug("who wrote run %s before is not known: %s", started.id, error)
        return None
    return fold.state.journals.own if fold else None
