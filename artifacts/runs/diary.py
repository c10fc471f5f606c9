"""Diary: where a run writes: nothing but its log, until there are rows to keep as well."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from threading import RLock, Timer
from typing import Any

from artifacts.catalog import Session, run_key
from artifacts.errors import ArtifactsError, UsageError
from artifacts.runs.backlog import Backlog
from artifacts.runs.delivery.patience import PASSING, check_still_answers, soon
from artifacts.runs.delivery.watching import Policy
from artifacts.runs.delivery.writer import Started, Writer
from artifacts.runs.record import RunRecord
from artifacts.runs.resume import Beginning
from artifacts.runs.values import sayable

_SHORT_S = 30.0  # a run that lasts longer is seen to live, whatever it does
_OWN = ("started", "finished")  # which the writer says itself
_log = logging.getLogger(__name__)


class Diary:
    """A listener. A run that only uses and logs artifacts costs no journal and no thread.

    The first row, note or file begins the writer. `begun` is called then, once.
    """

    def __init__(
        self,
        session: Session,
        id_: str,
        folder: Path,
        facts: Mapping[str, Any],
        beginning: Beginning,
        *,
        is_offline: bool = False,
        begun: Callable[[Writer], None] = lambda _: None,
    ) -> None:
        self._session, self._id, self._folder = session, id_, folder
        self._facts, self._beginning = sayable(dict(facts)), beginning
        self._is_offline, self._begun = is_offline, begun
        self._lock = RLock()
        self._writer: Writer | None = None
        self._record: RunRecord | None = None
        self._is_closed = self._has_warned = False
        self._timer = Timer(_SHORT_S, self._go_on)
        self._timer.daemon = True
        away = beginning.away
        is_told = beginning.changes and not beginning.can_wait
        if is_offline or away or beginning.step or beginning.is_resumed or is_told:
            self._begin(away)
            return
        if not session.is_far:
            self._begin_log()
        if self._writer is None:
            self._timer.start()

    @property
    def writer(self) -> Writer:
        """Begun, if it was not. Raises UsageError if it is too late for that."""
        if self._writer is None:
            self._go_on()
        if self._writer is None:
            raise UsageError(f"Run ({self._id}) is finished: nothing of it is recorded any more")
        return self._writer

    @property
    def row(self) -> Callable[[int, Mapping[str, Any]], float]:
        return self.writer.row

    @property
    def has_rows(self) -> bool:
        return self._writer is not None

    def tell(self, kind: str, facts: Mapping[str, Any]) -> None:
        if self._writer is None and self._has_logged(kind, facts):
            return
        self.writer.tell(kind, facts)

    def note(self, kind: str, facts: Mapping[str, Any]) -> None:
        if self._is_closed:
            self.warn()
        else:
            self.writer.note(kind, facts)

    def artifact(self, what: str, facts: Mapping[str, Any]) -> None:
        self.writer.artifact(what, facts)

    def file(self, name: str, path: Path, policy: Policy = "now") -> None:
        self.writer.file(name, path, policy)

    def flush(self) -> None:
        if self._writer is not None:
            self._writer.flush()

    def warn(self) -> None:
        """Once, of a run that is finished."""
        if self._is_closed and not self._has_warned:
            self._has_warned = True
            _log.warning("run %s is finished: what it is told now is not recorded", self._id)

    def close(self, exit_code: int, state: str | None = None) -> None:
        self._timer.cancel()
        with self._lock:  # a writer that somebody is beginning is there by then
            self._is_closed = True
        if self._writer is None:
            told = state or ("failed" if exit_code else "finished")
            try:
                check_still_answers(self._session)
                self._log_itself().end({"state": told, "exit_code": exit_code})
            except (ArtifactsError, OSError) as error:
                self._begin(error).close(exit_code, state, is_away=True)
        else:
            self._writer.close(exit_code, state)

    @property
    def backlog(self) -> Backlog:
        parts = (self._record, self._writer)
        return sum((each.backlog for each in parts if each is not None), Backlog())

    def _go_on(self, away: Exception | None = None) -> None:
        """Begin the writer, unless the run is over."""
        with self._lock:
            if not self._is_closed:
                self._begin(away)

    def _begin(self, away: Exception | None = None) -> Writer:
        """What the record did not tell goes over to the journal; so does what may be under way."""
        with self._lock:
            if self._writer is None:
                self._timer.cancel()
                writer = self._new_writer(away)
                for kind, facts in self._beginning.changes:
                    writer.note(kind, facts)
                for change in self._record.give_up() if self._record is not None else ():
                    if change["kind"] not in _OWN:
                        writer.note(change["kind"], _facts_of(change))
                self._writer = writer
                self._begun(writer)
            return self._writer

    def _new_writer(self, away: Exception | None) -> Writer:
        beginning = self._beginning
        started = Started(
            self._id,
            self._facts,
            beginning.step,
            is_resumed=beginning.is_resumed or bool(beginning.changes),
            is_placed=beginning.is_placed,
        )
        offline = self._is_offline
        return Writer.begin(self._session, self._folder, started, is_offline=offline, away=away)

    def _begin_log(self) -> None:
        """The store is near, and has the beginning at once; if it cannot have it, the journal."""
        try:
            soon("to begin the run's log", lambda: self._log_itself().begin())
        except PASSING as error:
            self._go_on(error)

    def _has_logged(self, kind: str, facts: Mapping[str, Any]) -> bool:
        """Raises ArtifactsError; then it waits in the journal."""
        try:
            return self._log_itself().add(kind, facts)
        except (ArtifactsError, OSError) as error:
            self._go_on(error)
            raise

    def _log_itself(self) -> RunRecord:
        """Begun, if it was not."""
        return self._record or self._new_record()

    def _new_record(self) -> RunRecord:
        """Asks the store without a lock: nobody waits for somebody who asks in vain."""
        settings, catalog = self._session.settings, self._session.writable
        log = catalog.run_log(settings.entity, settings.project, run_key(self._id))
        path = f"{settings.entity}/{settings.project}/{self._id}"
        first = {"kind": "started", "id": self._id, "path": path, **self._facts}
        record = RunRecord(log, catalog.check_writing, [first])
        with self._lock:
            if self._writer is not None:
                record.give_up()
            self._record = self._record or record
            return self._record


def _facts_of(change: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in change.items() if key != "kind"}
