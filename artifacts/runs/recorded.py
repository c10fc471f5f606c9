"""Recorded: rows, and what is said of their keys."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from artifacts.catalog import MAX_SECONDS
from artifacts.errors import InvalidError
from artifacts.runs.held import Start
from artifacts.runs.metrics import Metric
from artifacts.runs.outputs import Artful
from artifacts.runs.rows.segments import RUNTIME, STEP, TIMESTAMP
from artifacts.runs.values import PLAIN, plain

_log = logging.getLogger(__name__)
_all_plain, _all_text = PLAIN.issuperset, frozenset((str,)).issuperset
_OF_THE_RUN = frozenset((STEP, TIMESTAMP, RUNTIME))


class Recorded(Artful):
    """What a run logs, row by row. Any number of threads may."""

    def __init__(self, start: Start) -> None:
        super().__init__(start)
        self._is_open = True
        self._left_out: set[str] = set()
        self._is_simple = not self._metrics  # no key has an axis, or another summary than its last
        self._last = self._fold.values

    def log(
        self,
        data: dict[str, Any],
        step: int | None = None,
        commit: bool | None = None,
        sync: bool | None = None,
    ) -> None:
        """Add to the open row; without `step`, or with `commit`, it is over then.

        A greater step than the open row's ends that. What is logged to a step that is over is kept
        as another row of it. A number `_timestamp` is the row's time, in seconds since 1970; its
        `_step` and `_runtime` are the run's own. Returns at once, whatever the store does. Raises
        ValueError for what is no dict of text keys, or is too long for a row (some 128 MiB),
        TypeError for a value that cannot be kept; then nothing is logged.
        """
        if not self._is_open:
            self._refuse_log()
            return
        if step is not None and type(step) is not int:
            step = _step(step)
        if (
            type(data) is dict
            and _all_plain(map(type, data.values()))
            and _all_text(map(type, data))
            and not (STEP in data or TIMESTAMP in data or RUNTIME in data)
        ):
            if step is None and commit is not False and self._is_simple:
                with self._lock:  # the usual way, with nothing on it that is not needed
                    steps = self._steps
                    if not steps.is_open:
                        if data:
                            steps.last_time = self._put(steps.step, data)
                            steps.last_step = steps.step
                            self._last.update(data)
                        steps.step += 1
                        return
            self._log({**data}, None, step, commit)
            return
        nested = self._plain_row(data, step)
        self._log(self._flat(nested), nested, step, commit)

    def _log(
        self,
        row: dict[str, Any],
        nested: dict[str, Any] | None,
        step: int | None,
        commit: bool | None,
    ) -> None:
        with self._lock:
            if self._metrics:
                self._add_axes(row)
            taken = {**row} if nested is None and step is not None else row
            is_last = self._steps.add(row, step, commit)
            self._fold.take(taken if nested is None else nested, is_last=is_last)
            if nested is not None and (paths := self._fold.new_nested()):
                self._diary.note("summary", {"nested": paths})

    def _plain_row(self, data: object, step: int | None) -> dict[str, Any]:
        if not isinstance(data, Mapping):
            raise InvalidError(f"log wants a dict, not a {type(data).__name__}")
        at = self._steps.step if step is None else step
        row: dict[str, Any] = {}
        for key, value in data.items():
            if not isinstance(key, str):
                raise InvalidError(f"log wants keys that are text, not {key!r}")
            if key not in _OF_THE_RUN or self._is_time(key, value):
                row[str.__str__(key)] = plain(value, key, self, at)
        return row

    def _is_time(self, key: str, value: object) -> bool:
        """Whether the row can take its time from it; if not, it is left out, which is said once."""
        if key == TIMESTAMP and isinstance(value, int | float) and 0 <= value <= MAX_SECONDS:
            return True
        if key not in self._left_out:
            self._left_out.add(key)
            _log.warning("each row has the run's own %s: what is logged to it is not kept", key)
        return False

    def keep(self, path: str, name: str) -> None:
        """A file of this machine is the run's, under this name; it is not changed any more."""
        self._diary.file(name, Path(path), "now")

    def define_metric(
        self,
        name: str,
        step_metric: str | Metric | None = None,
        step_sync: bool | None = None,
        hidden: bool | None = None,
        summary: str | None = None,
        goal: str | None = None,
        overwrite: bool | None = None,
    ) -> Metric:
        """Say of a key, or by a `*` at the end of all that begin so, what its axis and summary are.

        With `step_sync`, or a step metric, rows that have the key and not the step metric get its
        last value, or 0. `summary` is one or more of min, max, mean, best, last, first, copy and
        none, with commas between. What was said before stays where nothing else is said, unless
        `overwrite`. Raises InvalidError.
        """
        self._refuse_finished("define_metric")
        metric = Metric.define(
            name=name,
            step_metric=step_metric,
            step_sync=step_sync,
            hidden=hidden,
            summary=summary,
            goal=goal,
            overwrite=overwrite,
        )
        with self._lock:
            there = {*self._metrics}
            metric, self._is_simple = self._metrics.add(metric), False
            if metric not in there and (self._steps.is_open or self._steps.last_step is not None):
                self._tell_summary()  # of rows that were logged before it counted
            self._diary.note("metric", metric.facts())
        return metric

    def _add_axes(self, row: dict[str, Any]) -> None:
        open_row = self._steps.open_row
        for axis in self._metrics.axes(row):
            if axis not in open_row and axis not in _OF_THE_RUN:
                row[axis] = self._summary.get(axis, 0)

    def _refuse_log(self) -> None:
        self._refuse_finished("log")
        self._diary.warn()


def _step(step: Any) -> int:  # noqa: ANN401
    """A whole number from wherever. Raises InvalidError."""
    try:
        number = int(step)
    except (TypeError, ValueError):
        raise InvalidError(f"a step is a whole number, not {step!r}") from None
    if number != step:
        raise InvalidError(f"a step is a whole number, not {step!r}")
    return number
