"""Untold: what the rows of a run say of its summary that its process did not come to tell."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from threading import RLock
from typing import Any

from artifacts.catalog import RunState
from artifacts.errors import ArtifactsError
from artifacts.runs.metrics import Metric, Metrics
from artifacts.runs.rows.history import scan
from artifacts.runs.rows.segments import RUNTIME, STEP, TIMESTAMP, Row
from artifacts.runs.summary_fold import SummaryFold
from artifacts.storage import ObjectStore

_log = logging.getLogger(__name__)


def untold(state: RunState, store: ObjectStore) -> dict[str, Any]:
    """Members of the summary that are others by the rows after those that it was told of.

    As far as the rows can be read; the rest is told of. Memory: a segment, or as many as the
    store gets at once.
    """
    told = state.summary
    step = told.get(STEP)
    since, last = step + 1 if isinstance(step, int) else 0, state.last_step
    if last is None or last < since:
        return {}
    whole = summed_up(state, _readable(state, store, since), told, state.by_hand)
    if whole.get(STEP) != step:
        since_s = max(_began_s(state), _number(told, TIMESTAMP) or 0.0)
        whole[RUNTIME] = (runtime_s(told) or 0.0) + max(0.0, whole[TIMESTAMP] - since_s)
    return {key: value for key, value in whole.items() if key not in told or told[key] != value}


def summed_up(
    state: RunState,
    rows: Iterable[Row],
    told: Mapping[str, Any] | None = None,
    by_hand: Mapping[str, int] | None = None,
) -> dict[str, Any]:
    """The summary, and what goes on with it, of a run that logged these rows after it `told` that.

    Members of `by_hand` are so from the step after that one on. Read once.
    """
    metrics = Metrics()
    for facts in state.metrics.values():
        metrics.add(Metric.of(facts))
    summary = SummaryFold(metrics, RLock())
    summary.resume(told or {}, state.nested)
    greatest = -1
    for row in rows:
        summary.take_stored(row, by_hand or {}, is_last=row[STEP] >= greatest)
        greatest = max(greatest, row[STEP])
    return summary.told()


def runtime_s(summary: Mapping[str, Any]) -> float | None:
    """How long the run had been going on; None where that is not said, or is no number."""
    return _number(summary, RUNTIME)


def _number(summary: Mapping[str, Any], key: str) -> float | None:
    told = summary.get(key)
    return float(told) if isinstance(told, int | float) else None


def _readable(state: RunState, store: ObjectStore, since: int) -> Iterator[Row]:
    try:
        yield from scan(state, store, min_step=since)
    except ArtifactsError as error:
        _log.warning("the summary is of the rows before, as some cannot be read: %s", error)


def _began_s(state: RunState) -> float:
    """When the process began that has the run as its own; seconds since 1970."""
    last = state.journals.last
    return last.time if last else datetime.fromisoformat(state.created_at).timestamp()
