"""Held: what a run stands for: its session, its facts, and where it writes."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from threading import RLock
from typing import Any

from msgspec import Struct, field

from artifacts.catalog import Session
from artifacts.errors import UsageError
from artifacts.runs.capture import Capture
from artifacts.runs.config import showing
from artifacts.runs.config_items import ConfigItems, written
from artifacts.runs.delivery.writer import Writer
from artifacts.runs.diary import Diary
from artifacts.runs.listener import Listener
from artifacts.runs.metrics import Metric, Metrics
from artifacts.runs.resume import Beginning
from artifacts.runs.rows.segments import RUNTIME, STEP, TIMESTAMP
from artifacts.runs.steps import Steps
from artifacts.runs.summary import Summary
from artifacts.runs.summary_fold import SummaryFold, counted, counts_of, is_within
from artifacts.runs.values import flat
from artifacts.settings import Settings


class Start(Struct, frozen=True):
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
    undo: ExitStack = field(default_factory=ExitStack)
    """Ends what was begun, for who cannot begin the run as a whole."""


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
        if self._capture is not None:
            start.undo.callback(self._capture.stop, 1)
        self._start_time = time.time()
        self._metrics = Metrics()
        self._config_items = ConfigItems(may_change=bool(self.settings.allow_val_change))
        self._config = showing(self._config_items)
        self._config.update(dict(start.config), allow_val_change=True)
        self._steps = Steps(self._put, start.beginning.step)
        self._fold = SummaryFold(self._metrics, self._lock, self._of_last_row)
        self._summary = Summary(self._fold, self._summary_changed)
        self._sent_summary: dict[str, Any] = {}
        self._sent_counts = counts_of(start.beginning.summary)
        self._take_over(start.beginning)
        self._diary = self._open_diary(start)
        start.undo.callback(self._diary.close, 1)

    def _open_diary(self, start: Start) -> Listener:
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
        self._put = self._diary.row  # type: ignore[method-assign,assignment]
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
        self._fold.resume(beginning.summary, beginning.nested)

    def _summary_changed(self, key: str) -> None:
        """By hand, so it is told at once."""
        with self._lock:
            values = self._fold.values
            counts, step = self._counts_without(key), self._step_by_now(key)
            change: dict[str, Any] = {"set": counts} if counts else {}
            change |= {"set": counts | {key: values[key]}} if key in values else {"unset": [key]}
            change |= {"steps": {key: step}} if step >= 0 else {}
            self._sent_summary.pop(key, None)
            self._diary.note("summary", change)

    def _counts_without(self, member: str) -> dict[str, Any]:
        """What is told of how many numbers are added up, if some are of a member set by hand."""
        left = {key: n for key, n in self._sent_counts.items() if not is_within(key, member)}
        if len(left) == len(self._sent_counts):
            return {}
        self._sent_counts = left
        self._sent_summary |= counted(left)
        return counted(left)

    def _step_by_now(self, member: str) -> int:
        """The greatest of a row that may have said anything of it; -1 before the first."""
        steps = self._steps
        if steps.is_open:
            return steps.step if member in self._open_members() else steps.step - 1
        return self._start.beginning.step - 1 if steps.last_step is None else steps.last_step

    def _open_members(self) -> set[str]:
        """Members of the summary that the open row says anything of."""
        names = self._fold.nested
        return {names[key][0] if key in names else key for key in self._steps.open_row}

    def _tell_summary(self) -> None:
        """All of it that was not told yet, be it of a row that is open."""
        values = self._fold.told()
        if new := {k: v for k, v in values.items() if self._sent_summary.get(k, self) != v}:
            steps = dict.fromkeys(self._open_members(), self._steps.step)
            self._diary.note("summary", {"set": new} | ({"steps": steps} if steps else {}))
            self._sent_summary.update(new)
            self._sent_counts = counts_of(values)

    def _flat(self, values: dict[str, Any]) -> dict[str, Any]:
        return dict(flat(values))

    def _refuse_finished(self, method: str) -> None:
        if self._is_finished:
            raise UsageError(f"Run ({self._id}) is finished. The call to `{method}` comes too late")

    @property
    def settings(self) -> Settings:
        """As they were when the run began."""
        return self._session.settings
