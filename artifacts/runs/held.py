"""Held: what a run stands for: its session, its facts, and where it writes."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from threading import RLock
from typing import Any

from artifacts.catalog import Session
from artifacts.errors import UsageError
from artifacts.runs.capture import Capture
from artifacts.runs.config import Config, written
from artifacts.runs.diary import Diary
from artifacts.runs.metrics import Metric, Metrics
from artifacts.runs.resume import Beginning
from artifacts.runs.segments import RUNTIME, STEP, TIMESTAMP
from artifacts.runs.steps import Steps
from artifacts.runs.summary import OWN, Summary
from artifacts.runs.values import flat
from artifacts.runs.writer import Writer
from artifacts.settings import Settings


@dataclass(frozen=True, slots=True)
class Start:
    """All that is known of a run before it begins."""

    session: Session
    id: str
    folder: Path
    mode: str  # online, offline or disabled
    facts: Mapping[str, Any] = field(default_factory=dict)
    config: Mapping[str, Any] = field(default_factory=dict)
    beginning: Beginning = field(default_factory=Beginning)
    capture: Callable[[], Capture] | None = None
    """Listens from now on, and records what goes on beside with the run's first row."""


class Held:
    """The state of a run; what may be asked and done of it is in the classes above."""

    def __init__(self, start: Start) -> None:
        self._start = start
        self._session = start.session
        self._id = start.id
        self._facts = dict(start.facts)
        self._lock = RLock()
        self._pid = os.getpid()
        self._is_finished = False
        self._is_preempting = False
        self._exit_code = 0
        self._capture = start.capture() if start.capture else None
        self._start_time = time.time()
        self._metrics = Metrics()
        self._config = Config()
        may_change = bool(self.settings.allow_val_change)
        self._config._setup(lambda _: None, None, may_change=may_change)
        self._config.update(dict(start.config), allow_val_change=True)
        self._steps = Steps(self._put, start.beginning.step)
        changed = self._summary_changed
        self._summary = Summary(self._metrics, self._lock, changed, self._of_last_row)
        self._sent_summary: dict[str, Any] = {}
        self._take_over(start.beginning)
        self._diary = self._open_diary(start)

    def _open_diary(self, start: Start) -> Diary:
        return Diary(
            start.session,
            start.id,
            start.folder,
            self._started_facts(),
            start.beginning,
            is_offline=start.mode == "offline",
            begun=self._begun,
        )

    def _started_facts(self) -> dict[str, Any]:
        facts = {key: value for key, value in self._facts.items() if value}
        config = written(self._config.as_dict())
        return {**facts, "config": config} if config else facts

    def _begun(self, writer: Writer) -> None:
        if self._capture is not None:
            self._capture.start(writer)

    def _put(self, step: int, row: dict[str, Any]) -> float:
        """Begins the writer, whose own the next rows are."""
        self._put = self._diary.writer.row  # type: ignore[method-assign,assignment]
        self._steps.put = self._put
        return self._put(step, row)

    def _of_last_row(self) -> dict[str, Any]:
        steps = self._steps
        if steps.last_step is None:
            return {}
        ran_s = self._start.beginning.ran_s + steps.last_time - self._start_time
        return {STEP: steps.last_step, TIMESTAMP: steps.last_time, RUNTIME: max(0.0, ran_s)}

    def _take_over(self, beginning: Beginning) -> None:
        """What was there before the run began: metrics, and the summary."""
        for facts in beginning.metrics.values():
            self._metrics.add(Metric.of(facts))
        values = {key: each for key, each in beginning.summary.items() if key != OWN}
        self._summary._resume(values, beginning.summary.get(OWN, {}).get("counts", {}))
        last: Mapping[str, Any] | None = None
        for row in beginning.rows:
            values = {key: each for key, each in row.items() if key[:1] != "_"}
            self._summary._take(values, is_last=True)
            last = row if last is None or row[STEP] >= last[STEP] else last
        if last is not None:
            own = {STEP: last[STEP], TIMESTAMP: last[TIMESTAMP], RUNTIME: beginning.ran_s}
            self._summary._values.update(own)

    def _summary_changed(self, key: str) -> None:
        """By hand, so it is told at once."""
        with self._lock:
            values = self._summary._values
            change = {"set": {key: values[key]}} if key in values else {"unset": [key]}
            self._diary.note("summary", change)

    def _tell_summary(self) -> None:
        """All of it that was not told yet."""
        values = self._summary._as_dict()
        if counts := self._summary._counts():
            values[OWN] = {"counts": counts}
        if new := {k: v for k, v in values.items() if self._sent_summary.get(k, self) != v}:
            self._diary.note("summary", {"set": new})
            self._sent_summary.update(new)

    def _flat(self, values: dict[str, Any]) -> dict[str, Any]:
        return dict(flat(values))

    def _refuse_finished(self, method: str) -> None:
        if self._is_finished:
            raise UsageError(f"Run ({self._id}) is finished. The call to `{method}` comes too late")

    @property
    def settings(self) -> Settings:
        """As they were when the run began."""
        return self._session.settings
