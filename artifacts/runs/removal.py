"""Removal: runs deleted, one or all that are old."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from artifacts.catalog import Session
from artifacts.errors import UsageError
from artifacts.runs.brief import Brief
from artifacts.runs.briefs import Briefs
from artifacts.storage import Proposal


@dataclass(frozen=True, slots=True)
class OldRuns:
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
        for number, brief in enumerate(briefs.newest()):
            if number < (self.keep or 0) or briefs.state_of(brief) == "running":
                continue
            began = datetime.fromisoformat(brief.created_at).astimezone(UTC)
            if self.older_than is None or now - began > self.older_than:
                yield brief


def delete_run(session: Session, entity: str, project: str, id_: str) -> None:
    """Gone for readers, its files and rows are for a collector. Its artifacts stay.

    Again does nothing.
    """
    catalog = session.writable
    fold = catalog.run_to_write(entity, project, id_)
    if not fold.is_empty and not fold.state.is_deleted:
        catalog.check_writing()
        fold.append(Proposal([{"kind": "deleted"}], drops=[*fold.state.names()]))
