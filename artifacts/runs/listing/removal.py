"""Removal: runs deleted, one or all that are old."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice

from msgspec import Struct

from artifacts.catalog import Session
from artifacts.errors import UsageError
from artifacts.runs.journal.pending import Pending
from artifacts.runs.listing.brief import Brief
from artifacts.runs.listing.briefs import Briefs
from artifacts.storage import Proposal


class OldRuns(Struct, frozen=True):
    """Those that are not among the newest `keep`, and began longer than `older_than` ago.

    A run that is running stays in any case. Raises UsageError if neither is given.
    """

    keep: int | None
    older_than: timedelta | None

    def __post_init__(self) -> None:
        if self.keep is None and self.older_than is None:
            raise UsageError("which runs are old? Give --keep N, --older-than AGE or both")
        if self.keep is not None and self.keep < 0:
            raise UsageError(f"--keep {self.keep}: expected 0 or more")

    def among(self, briefs: Briefs, now: datetime) -> Iterator[Brief]:
        """Newest first."""
        others = islice(briefs.newest(), self.keep or 0, None)
        old = (brief for brief in others if self._is_old(brief, now))
        for brief, standing in briefs.standings(old):
            if standing.state != "running":
                yield brief

    def _is_old(self, brief: Brief, now: datetime) -> bool:
        began = datetime.fromisoformat(brief.created_at).astimezone(UTC)
        return self.older_than is None or now - began > self.older_than


def delete_run(session: Session, entity: str, project: str, id_: str) -> None:
    """Gone for readers, its files and rows are for a collector. Its artifacts stay.

    What a process that is gone left of it on this machine goes, too. Again does nothing.
    """
    catalog = session.writable
    fold = catalog.run_to_write(entity, project, id_)
    if not fold.is_empty and not fold.state.is_deleted:
        catalog.check_writing()
        fold.append(Proposal([{"kind": "deleted"}], drops=[*fold.state.names()]))
    for pending in Pending.left(session.settings, f"{entity}/{project}/{id_}"):
        pending.discard()
