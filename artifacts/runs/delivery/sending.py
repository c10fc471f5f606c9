"""Sending: what a journal holds, on its way to the store while its run goes on."""

from __future__ import annotations

import logging
import math
import time
import weakref
from collections.abc import Callable
from threading import Event, RLock, Thread
from typing import TypeAlias

from artifacts.catalog import Session
from artifacts.errors import ArtifactsError
from artifacts.runs.delivery.delivery import Delivery
from artifacts.runs.delivery.patience import MINUTE_S, check_still_answers
from artifacts.runs.delivery.recovery import recover
from artifacts.runs.delivery.watching import Watching
from artifacts.runs.heartbeat import BEAT_S, beat
from artifacts.runs.journal.journal import Journal
from artifacts.runs.journal.pending import Pending
from artifacts.runs.journal.reading import OwnReading

Pace: TypeAlias = Callable[[int], float]
"""Seconds to wait before the next batch, when there were so many."""
_SHORTEST_S, _STEADY = 2.0, 150
_PATIENCE_S = 60.0  # between tries, while the store fails
_FAILURES = 100  # that make the next try later; it is as late as can be long before
_AWAY = (
    "run %s goes on, but its store does not take what it logs (%s); it waits in %s, and is sent "
    "when the store is there again: by this run, by the next on this machine, or by `art sync %s`"
)
_log = logging.getLogger(__name__)


def pace(batches: int) -> float:
    """Ever slower, so that no run has more than some 2,000 of them."""
    return _SHORTEST_S * math.exp(max(0, batches - _STEADY) / _STEADY)


class Sending:
    """By a thread, once it is begun, or by whoever cannot wait for that."""

    def __init__(
        self, session: Session, journal: Journal, watching: Watching, wake: Event, pace: Pace
    ) -> None:
        """Its thread does not wait for its next turn when it is told to `wake`."""
        self._session, self._journal, self._watching = session, journal, watching
        self._wake, self._pace = wake, pace
        self._turn = RLock()
        self._reading = OwnReading(journal)
        self._pending: Pending | None = None
        self._failures, self._has_recovered = 0, False
        self.delivery: Delivery | None = None
        """None before the first time."""
        self.is_over = False
        """Whether the run is, and with it the thread's work."""
        self.sent_at: float | None = None
        """Seconds since 1970; None before the first time."""

    @property
    def sent(self) -> int:
        """How many records the store has, as far as is known."""
        return self.delivery.position if self.delivery is not None else 0

    def begin(self) -> None:
        """From now on a thread sends what is new, as long as somebody has this."""
        self._pending = _pending(self._session, self._journal)
        work = (weakref.ref(self), self._wake, self._pace(0))
        try:
            Thread(target=_work, args=work, name="art-run", daemon=True).start()
        except RuntimeError as error:  # there are as many as there may be
            _log.warning("run %s is sent to its store when it ends: %s", self._run, error)

    def flush(self) -> None:
        """All that the journal has is in the store. Raises StorageError; then it waits there."""
        with self._turn:
            self._watching.look()
            self._deliver()

    def stop(self) -> None:
        """The thread sends no more."""
        self.is_over = True
        self._wake.set()

    def end(self) -> bool:
        """Whether all of the journal is in the store; then it is closed, and deleted."""
        try:
            check_still_answers(self._session)
            while not self._turn.acquire(timeout=MINUTE_S):
                check_still_answers(self._session)
        except (ArtifactsError, OSError) as error:
            self.warn(error)
            return False
        try:
            return self._end_in_store()
        finally:
            self._turn.release()

    def warn(self, error: Exception) -> None:
        """Once, until it is all right again."""
        self._failures += 1
        if self._failures == 1:
            folder = self._journal.folder
            _log.warning(_AWAY, self._run, error, folder, folder)

    def leave(self) -> None:
        """In a forked child: whoever has its turn is not there."""
        self._turn = RLock()

    def step(self, now_s: float, due_s: float, beat_s: float) -> tuple[float, float]:
        """Do what is due; when the next batch and the next heartbeat are."""
        is_in_memory = now_s >= beat_s and self._journal.has_overflow
        if now_s >= due_s or is_in_memory:
            due_s = now_s + self._send_news()
            self._recover_others()
        if now_s >= beat_s:
            self._beat()
            beat_s = time.monotonic() + BEAT_S
        return due_s, beat_s

    @property
    def _run(self) -> str:
        return str(self._journal.about["run"])

    @property
    def _is_behind(self) -> bool:
        return not self.is_over and self._journal.count > self.sent

    def _send_news(self) -> float:
        """For how long there is nothing to do then."""
        with self._turn:
            try:
                self._watching.look()
                if self._is_behind:
                    self._deliver()
            except (ArtifactsError, OSError) as error:
                self.warn(error)
                return min(_PATIENCE_S, _SHORTEST_S * 1.5 ** min(self._failures, _FAILURES))
            return self._pace(self.delivery.state.batches if self.delivery else 0)

    def _deliver(self) -> None:
        if self.delivery is None:
            self.delivery = Delivery(self._session, self._reading)
        self.delivery.deliver()
        self.sent_at = time.time()
        self._reading.delete_before(self.sent)
        self._journal.release(self.sent)
        if self._failures:
            _log.warning("the store is there again, all that run %s logged is in it", self._run)
            self._failures = 0

    def _end_in_store(self) -> bool:
        try:
            self._deliver()
        except (ArtifactsError, OSError) as error:
            self.warn(error)
            return False
        assert self.delivery is not None
        self.delivery.compact()
        self._journal.close()
        if self.sent != self._journal.count:
            return False  # somebody logged meanwhile: it waits for whoever comes next
        self._reading.delete()
        if self._pending is not None:
            self._pending.done()
        self._recover_others()
        return True

    def _recover_others(self) -> None:
        """Once, what processes that were killed on this machine left; it waited long enough."""
        if not self._has_recovered and self.delivery is not None and not self._failures:
            self._has_recovered = True
            recover(self._session)

    def _beat(self) -> None:
        if self.delivery is not None and not self._failures:
            try:
                beat(self.delivery.store, self.delivery.log)
            except ArtifactsError as error:
                _log.debug("no heartbeat of run %s: %s", self._run, error)


def _pending(session: Session, journal: Journal) -> Pending | None:
    """None where there is no room to say that it waits."""
    about = {key: str(journal.about[key]) for key in ("entity", "project", "run", "store")}
    try:
        return Pending.add(session.settings.cache_dir, journal.id, journal.folder, about)
    except OSError as error:
        _log.warning("nobody is told that %s waits (%s): `art sync` it", journal.folder, error)
        return None


def _work(sending: weakref.ref[Sending], wake: Event, first_s: float) -> None:
    """Until it is over, or nobody has it any more."""
    now_s = time.monotonic()
    due_s, beat_s = now_s + first_s, now_s + BEAT_S
    while True:
        is_urgent = wake.wait(max(0.0, min(due_s, beat_s) - time.monotonic()))
        if (there := sending()) is None or there.is_over:
            return
        wake.clear()
        now_s = time.monotonic()
        try:
            due_s, beat_s = there.step(now_s, now_s if is_urgent else due_s, beat_s)
        except Exception:  # noqa: BLE001 - the thread's outermost line: it tries as long as it is
            _log.exception("what the run logs waits: its thread could not go on, and tries again")
            due_s = beat_s = now_s + _PATIENCE_S
        del there
