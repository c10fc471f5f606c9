"""Diary: where a run writes: nothing but its log, until there are rows to keep as well."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from threading import RLock, Timer
from typing import Any

from artifacts.catalog import Session, run_key
from artifacts.runs.record import RunRecord
from artifacts.runs.resume import Beginning
from artifacts.runs.values import sayable
from artifacts.runs.writer import Policy, Writer

_SHORT_S = 30.0  # a run that lasts longer is seen to live, whatever it does
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
        if is_offline or beginning.step or beginning.is_resumed or beginning.changes:
            self._begin()
            return
        self._timer.start()
        if "://" not in session.settings.store:
            self._log_itself()

    @property
    def writer(self) -> Writer:
        """Begun, if it was not."""
        return self._writer or self._begin()

    @property
    def has_writer(self) -> bool:
        """Whether anything but artifacts was ever told of."""
        return self._writer is not None

    def tell(self, kind: str, facts: Mapping[str, Any]) -> None:
        """What the run did with artifacts: in the store when this returns, if that is near."""
        if self._writer is not None:
            self._writer.tell(kind, facts)
        else:
            self._log_itself().add(kind, facts)

    def note(self, kind: str, facts: Mapping[str, Any]) -> None:
        """As `Writer.note`."""
        self.writer.note(kind, facts)

    def file(self, name: str, path: Path, policy: Policy = "now") -> None:
        """As `Writer.file`."""
        self.writer.file(name, path, policy)

    def close(self, exit_code: int, state: str | None = None) -> None:
        """All that was told is in the store, or waits in the writer's journal, which says so.

        Raises StorageError where there is no writer.
        """
        self._timer.cancel()
        if self._writer is None:
            told = state or ("failed" if exit_code else "finished")
            self._log_itself().add("finished", {"state": told, "exit_code": exit_code})
        try:
            if self._record is not None:
                self._record.flush()
        finally:
            if self._writer is not None:
                self._writer.close(exit_code, state)

    def _begin(self) -> Writer:
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
                )
                for kind, facts in self._beginning.changes:
                    writer.note(kind, facts)
                for change in self._record.give_up() if self._record is not None else ():
                    if change["kind"] != "started":  # which the writer said itself
                        writer.note(
                            change["kind"], {k: v for k, v in change.items() if k != "kind"}
                        )
                self._writer = writer
                self._begun(writer)
            return self._writer

    def _log_itself(self) -> RunRecord:
        with self._lock:
            if self._record is None:
                settings, catalog = self._session.settings, self._session.writable
                log = catalog.run_log(settings.entity, settings.project, run_key(self._id))
                self._record = RunRecord(log, catalog.check_writing)
                path = f"{settings.entity}/{settings.project}/{self._id}"
                self._record.add("started", {"id": self._id, "path": path, **self._facts})
            return self._record
