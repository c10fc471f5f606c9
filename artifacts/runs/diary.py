"""Diary: where a run writes: nothing but its log, until there are rows to keep as well."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from threading import RLock, Timer
from typing import Any

from artifacts.catalog import Session, run_key
from artifacts.errors import ArtifactsError
from artifacts.runs.patience import PASSING, soon
from artifacts.runs.record import RunRecord
from artifacts.runs.resume import Beginning
from artifacts.runs.values import sayable
from artifacts.runs.writer import Policy, Writer

_SHORT_S = 30.0  # a run that lasts longer is seen to live, whatever it does
_OWN = ("started", "finished")  # which the writer says itself
_log = logging.getLogger(__name__)


class Diary:
    """A run that only uses and logs artifacts costs no journal and nothing that watches.

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
        self._timer = Timer(_SHORT_S, self._begin)
        self._timer.daemon = True
        away = beginning.away
        if is_offline or away or beginning.step or beginning.is_resumed or beginning.changes:
            self._begin(away)
            return
        if not session.is_far:
            self._begin_log()
        if self._writer is None:
            self._timer.start()

    @property
    def writer(self) -> Writer:
        """Begun, if it was not."""
        return self._writer or self._begin()

    @property
    def has_writer(self) -> bool:
        """Whether anything but artifacts was ever told of."""
        return self._writer is not None

    def tell(self, kind: str, facts: Mapping[str, Any]) -> None:
        """What the run did with artifacts: in the store when this returns, if that is near.

        Raises ArtifactsError if it is not; then it waits in the writer's journal.
        """
        if self._writer is None and self._has_logged(kind, facts):
            return
        self.writer.tell(kind, facts)

    def note(self, kind: str, facts: Mapping[str, Any]) -> None:
        """As `Writer.note`."""
        self.writer.note(kind, facts)

    def file(self, name: str, path: Path, policy: Policy = "now") -> None:
        """As `Writer.file`."""
        self.writer.file(name, path, policy)

    def warn(self) -> None:
        """Say that nothing is logged, where that is so."""

    def close(self, exit_code: int, state: str | None = None) -> None:
        """All that was told is in the store, or waits in the writer's journal, which is said."""
        self._timer.cancel()
        if self._writer is None:
            told = state or ("failed" if exit_code else "finished")
            try:
                if self._log_itself().add("finished", {"state": told, "exit_code": exit_code}):
                    self._log_itself().flush()
            except (ArtifactsError, OSError) as error:
                self._begin(error).close(exit_code, state, is_away=True)
        if self._writer is not None:
            self._writer.close(exit_code, state)

    def _begin(self, away: Exception | None = None) -> Writer:
        """What the record did not tell goes over to the journal; so does what may be under way."""
        with self._lock:
            if self._writer is None:
                self._timer.cancel()
                writer = Writer(
                    self._session,
                    self._id,
                    self._folder,
                    self._facts,
                    step=self._beginning.step,
                    is_resumed=self._beginning.is_resumed or bool(self._beginning.changes),
                    is_offline=self._is_offline,
                    is_placed=self._beginning.is_placed,
                    away=away,
                )
                for kind, facts in self._beginning.changes:
                    writer.note(kind, facts)
                for change in self._record.give_up() if self._record is not None else ():
                    if change["kind"] not in _OWN:
                        writer.note(change["kind"], _facts_of(change))
                self._writer = writer
                self._begun(writer)
            return self._writer

    def _begin_log(self) -> None:
        """The store is near, and has the beginning at once; if it cannot have it, the journal."""
        try:
            soon("to begin the run's log", lambda: self._log_itself().begin())
        except PASSING as error:
            self._begin(error)

    def _has_logged(self, kind: str, facts: Mapping[str, Any]) -> bool:
        """Raises ArtifactsError; then it waits in the journal."""
        try:
            return self._log_itself().add(kind, facts)
        except PASSING as error:
            self._begin(error)
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


class Silent(Diary):
    """Hears nothing, and says so once if it is given the words."""

    def __init__(self, warning: str = "") -> None:
        self._writer = None
        self._warning = warning

    def warn(self) -> None:
        if self._warning:
            _log.warning(self._warning)
            self._warning = ""

    def tell(self, kind: str, facts: Mapping[str, Any]) -> None:
        """Nothing."""
        self.warn()

    def note(self, kind: str, facts: Mapping[str, Any]) -> None:
        """Nothing."""
        self.warn()

    def file(self, name: str, path: Path, policy: Policy = "now") -> None:
        """Nothing."""
        self.warn()

    def close(self, exit_code: int, state: str | None = None) -> None:
        """Nothing."""


def _facts_of(change: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in change.items() if key != "kind"}
