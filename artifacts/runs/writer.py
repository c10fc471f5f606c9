"""Writer: what a run says, on this machine at once and in the store soon."""

from __future__ import annotations

import logging
import math
import os
import time
import weakref
from collections.abc import Callable, Mapping
from pathlib import Path
from threading import Event, RLock, Thread
from typing import Any, TypeAlias

from artifacts.catalog import Session
from artifacts.errors import ArtifactsError
from artifacts.runs.delivery import Delivery
from artifacts.runs.heartbeat import BEAT_S, beat
from artifacts.runs.journal import Journal, encoded
from artifacts.runs.patience import PASSING, soon
from artifacts.runs.pending import Pending
from artifacts.runs.reading import Reading
from artifacts.runs.recovery import recover
from artifacts.runs.watching import Policy, Watching

Pace: TypeAlias = Callable[[int], float]
"""Seconds to wait before the next batch, when there were so many."""
_SHORTEST_S, _STEADY = 2.0, 150
_PATIENCE_S = 60.0  # between tries, while the store fails
_AWAY = (
    "run %s goes on, but its store does not take what it logs (%s); it waits in %s, and is sent "
    "when the store is there again: by this run, by the next on this machine, or by `art sync %s`"
)
_log = logging.getLogger(__name__)

__all__ = ["Pace", "Policy", "Writer", "pace"]


def pace(batches: int) -> float:
    """Ever slower, so that no run has more than some 2,000 of them."""
    return _SHORTEST_S * math.exp(max(0, batches - _STEADY) / _STEADY)


class Writer:
    """Returns at once, whatever the store does. Any number of threads may call it.

    What it was told outlives the process: it lies in a journal in `folder`, which a thread
    delivers to the store; what a killed process left is delivered by whoever comes next. In a
    forked child it does nothing.
    """

    def __init__(
        self,
        session: Session,
        id: str,
        folder: Path,
        facts: Mapping[str, Any],
        *,
        step: int = 0,
        is_resumed: bool = False,
        is_offline: bool = False,
        is_placed: bool = True,
        away: Exception | None = None,
        pace: Pace = pace,
    ) -> None:
        """Starts the run, or starts it again from `step` on. `folder` is of this start alone.

        One that `is_resumed`, or has a step, comes after whoever the store knows of: it is asked,
        unless it is said to be `away`, which is told. One that is not `is_placed` takes the place
        of no other. Offline nothing is stored: `sync` does, when it is told to. Raises OSError.
        """
        settings = session.settings
        about = {"entity": settings.entity, "project": settings.project, "run": id}
        about["store"] = settings.store
        self._session, self._id, self._pace = session, id, pace
        self._journal = Journal(folder, about)
        self.row = self._journal.row
        """A row of `history`: numbers, text, booleans, lists and dicts of them by str keys."""
        self._watching = Watching(self._journal)
        self._delivering = RLock()
        self._reading = Reading(folder, id)
        self._delivery: Delivery | None = None
        self.delivered_at: float | None = None  # seconds since 1970; None before the first time
        self._wake, self._is_closed, self._failures = Event(), False, 0
        self._is_offline, self._has_recovered = is_offline, False
        started = {"id": id, "path": f"{settings.entity}/{settings.project}/{id}", **facts}
        asks = (step or is_resumed) and not (is_offline or away)
        seen = {"after": after} if (after := _seen(session, id) if asks else None) else {}
        place = {**seen, "step": step} if is_placed else {}
        self.note("started", {**started, **place, "time": time.time()})
        self._pending: Pending | None = None
        leave = weakref.WeakMethod(self._leave)
        os.register_at_fork(after_in_child=lambda: (method := leave()) and method())
        if not is_offline:
            self._pending = Pending.add(settings.cache_dir, self._journal.id, folder, about)
            work = (weakref.ref(self), self._wake, pace(0))
            self._thread = Thread(target=_work, args=work, name="art-run", daemon=True)
            self._thread.start()
        if away is not None:
            self._warn(away)

    @property
    def backlog(self) -> tuple[int, int]:
        """Records that were told so far, and how many of them are not in the store."""
        told = self._journal.count
        return told, told - self._stored

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
            with self._delivering:
                self._watching.look()
                self._deliver()

    def close(self, exit_code: int = 0, state: str | None = None, *, is_away: bool = False) -> bool:
        """The run is over. Whether all of it is in the store; if not, it waits in the journal.

        A store that `is_away` is not asked.
        """
        if self._is_closed or not self._journal.is_open:
            return False
        self._is_closed = True
        self._watching.look(is_end=True)
        told = state or ("failed" if exit_code else "finished")
        self.note("finished", {"state": told, "exit_code": exit_code})
        self._wake.set()
        try:
            return not (self._is_offline or is_away) and self._end()
        finally:
            self._journal.close()

    def _end(self) -> bool:
        with self._delivering:
            try:
                self._deliver()
            except (ArtifactsError, OSError) as error:
                self._warn(error)
                return False
            assert self._delivery is not None
            self._delivery.tidy()
            self._journal.close()
            if self._stored != self._journal.count:
                return False  # somebody logged meanwhile: it waits for whoever comes next
            self._reading.delete()
            if self._pending is not None:
                self._pending.done()
        self._recover_others()
        return True

    def _deliver(self) -> None:
        if self._delivery is None:
            self._delivery = Delivery(self._session, self._reading)
        self._delivery.deliver()
        self.delivered_at = time.time()
        self._reading.delete_before(self._stored)
        if self._failures:
            _log.warning("the store is there again, all that run %s logged is in it", self._id)
            self._failures = 0

    def _warn(self, error: Exception) -> None:
        """Once, until it is all right again."""
        self._failures += 1
        if self._failures == 1:
            _log.warning(_AWAY, self._id, error, self.folder, self.folder)

    def _recover_others(self) -> None:
        """Once, what processes that were killed on this machine left; it waited long enough."""
        if not self._has_recovered and self._delivery is not None and not self._failures:
            self._has_recovered = True
            recover(self._session)

    def _leave(self) -> None:
        """In a forked child."""
        self._delivering = RLock()
        self._journal.leave()

    def step(self, now_s: float, due_s: float, beat_s: float) -> tuple[float, float]:
        """Do what is due; when the next batch and the next heartbeat are."""
        if now_s >= due_s:
            due_s = now_s + self._deliver_soon()
            self._recover_others()
        if now_s >= beat_s:
            self._beat()
            beat_s = time.monotonic() + BEAT_S
        return due_s, beat_s

    def _deliver_soon(self) -> float:
        """Tell what is new; for how long there is nothing to do then."""
        with self._delivering:
            try:
                self._watching.look()
                if self._is_behind:
                    self._deliver()
            except (ArtifactsError, OSError) as error:
                self._warn(error)
                return min(_PATIENCE_S, _SHORTEST_S * 1.5**self._failures)
            batches = self._delivery.state.batches if self._delivery else 0
            return self._pace(batches)

    @property
    def _stored(self) -> int:
        """How many records the store has, as far as is known."""
        return self._delivery.position if self._delivery is not None else 0

    @property
    def _is_behind(self) -> bool:
        return not self._is_closed and self._journal.count > self._stored

    def _beat(self) -> None:
        if self._delivery is not None and not self._failures:
            try:
                beat(self._delivery.store, self._delivery.log)
            except ArtifactsError as error:
                _log.debug("no heartbeat of run %s: %s", self._id, error)


def _seen(session: Session, id: str) -> str | None:
    """The journal that is the run's own by now, as far as can be known."""
    settings = session.settings
    try:
        fold = soon(
            "who wrote the run before",
            lambda: session.catalog.run(settings.entity, settings.project, id),
        )
    except PASSING as error:
        _log.debug("who wrote run %s before is not known: %s", id, error)
        return None
    return fold.state.journals.own if fold else None


def _work(writer: weakref.ref[Writer], wake: Event, first_s: float) -> None:
    """Until the writer is closed, or nobody has it any more."""
    now_s = time.monotonic()
    due_s, beat_s = now_s + first_s, now_s + BEAT_S
    while not wake.wait(max(0.0, min(due_s, beat_s) - time.monotonic())):
        if (there := writer()) is None:
            return
        due_s, beat_s = there.step(time.monotonic(), due_s, beat_s)
        del there
