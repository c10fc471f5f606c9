"""Tidying: what a run's writer left in pieces, made whole by who reads it first."""

from __future__ import annotations

import logging

from artifacts.catalog import RunState, Session
from artifacts.errors import ArtifactsError
from artifacts.runs.listing.finding import FoundRun
from artifacts.runs.rows.compaction import compact
from artifacts.runs.rows.segments import JSONL, has_parquet
from artifacts.runs.rows.storing import Storing

_MANY, _SMALL_BYTES = 64, 2**20  # segments of a stream, of which each has less
_log = logging.getLogger(__name__)


def tidy(session: Session, run: FoundRun) -> None:
    """The rows of a run that is over are few segments of Parquet, for whoever reads them next.

    Best effort, where they are JSON lines, as without pyarrow, or very many. Nothing is done
    without pyarrow, offline, or where nothing may be written; the next one tries again.
    """
    is_over = run.state.told_state != "running"
    if not is_over or session.settings.offline or not _is_loose(run.state) or not has_parquet():
        return
    try:
        catalog = session.catalog
        catalog.begin_writing()
        epoch = catalog.epoch(is_new=True)
        catalog.check_writing()
        compact(run.fold, Storing(catalog.store, epoch))
    except ArtifactsError as error:
        _log.info("the rows of %s stay as they are: %s", run.path, error)


def _is_loose(state: RunState) -> bool:
    for segments in state.segments.values():
        if any(each.format == JSONL for each in segments):
            return True
        if sum(each.size < _SMALL_BYTES for each in segments) > _MANY:
            return True
    return False
