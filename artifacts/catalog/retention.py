"""Retention: which versions last, and which are over or left over and so are dropped."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import islice

from msgspec import Struct

from artifacts.catalog.collection import CollectionState
from artifacts.catalog.logs import Logs
from artifacts.catalog.row import VersionRow
from artifacts.errors import UsageError
from artifacts.names import LATEST, CollectionName
from artifacts.storage import Change, Fold, Proposal

FOR_EVER = 0  # seconds, as events write it
_MOST = 1000  # changes of one event


def lasting_s(row: VersionRow, *defaults: int | None) -> int | None:
    """Seconds that a version lasts: what it says, else the first default that says something."""
    said = next((each for each in (row.ttl, *defaults) if each is not None), FOR_EVER)
    return said or None


def ends(row: VersionRow, *defaults: int | None) -> datetime | None:
    """When a version is over; None if it never is."""
    seconds = lasting_s(row, *defaults)
    try:
        return datetime.fromisoformat(row.created) + timedelta(seconds=seconds) if seconds else None
    except (ValueError, OverflowError):  # a time that nobody can tell, or after all times
        return None


def end_of(
    logs: Logs, name: CollectionName, state: CollectionState, row: VersionRow
) -> datetime | None:
    """When a version of that collection is over, as far as its directory was read."""
    return ends(row, state.ttl, logs.default_ttl(name))


def is_over(logs: Logs, name: CollectionName, state: CollectionState, row: VersionRow) -> bool:
    end = end_of(logs, name, state, row)
    return end is not None and end <= logs.clock()


def over(state: CollectionState, row: VersionRow) -> Change:
    """What says that a version's time is over, unless somebody gives it another meanwhile."""
    return {"kind": "dropped", "version": row.number, "seen": [row.ttl, state.ttl]}


def drop(
    fold: Fold[CollectionState], numbers: Sequence[int], unless: Sequence[str] | None = None
) -> list[VersionRow]:
    """Delete versions, but for those that an alias keeps: any of `unless`, if empty any at all.

    Those that are gone now.
    """
    rows = [row for number in numbers if (row := fold.state.version(number)) is not None]
    spared = {} if unless is None else {"unless": [*unless]}
    changes = [{"kind": "dropped", "version": row.number, **spared} for row in rows]
    return _append(fold, rows, changes)


def expire(logs: Logs, name: CollectionName, fold: Fold[CollectionState]) -> list[VersionRow]:
    """Drop the versions whose time is over; they are returned."""
    rows = [row for row in fold.state if is_over(logs, name, fold.state, row)]
    return _append(fold, rows, [over(fold.state, row) for row in rows])


def _append(
    fold: Fold[CollectionState], rows: Sequence[VersionRow], changes: Sequence[Change]
) -> list[VersionRow]:
    gone: list[VersionRow] = []
    for start in range(0, len(rows), _MOST):
        some = rows[start : start + _MOST]
        drops = [name for row in some for name in (row.manifest, row.layout)]
        with fold.lock:
            fold.append(Proposal(changes[start : start + _MOST], drops=drops))
            gone += [row for row in some if fold.state.version(row.number) is None]
    return gone


class Rule(Struct, frozen=True):
    """What stays of a collection: the newest `keep`, what is younger, and what has an alias.

    The version that `latest` is on stays in any case.
    """

    keep: int | None = None
    older_than: timedelta | None = None
    keeps_aliased: bool = False

    def __post_init__(self) -> None:
        if self.keep is None and self.older_than is None:
            raise UsageError("say what is to stay: --keep N, --older-than AGE, or both")
        if self.keep is not None and self.keep < 0:
            raise UsageError(f"cannot keep {self.keep} versions: give a number from 0 on")

    def left_over(self, state: CollectionState, now: datetime) -> Iterator[VersionRow]:
        """What does not stay, newest first."""
        for row in islice(state, self.keep or 0, None):
            aliases = state.aliases_of(row.number)
            is_kept = LATEST in aliases or (self.keeps_aliased and aliases)
            if not is_kept and (self.older_than is None or self._is_old(row, now)):
                yield row

    def _is_old(self, row: VersionRow, now: datetime) -> bool:
        assert self.older_than is not None
        try:
            return datetime.fromisoformat(row.created) <= now - self.older_than
        except (ValueError, OverflowError):
            return False

    def prune(
        self, fold: Fold[CollectionState], now: datetime, *, is_dry: bool = False
    ) -> list[VersionRow]:
        """Drop what is left over; it is returned. What gets an alias meanwhile stays."""
        rows = [*self.left_over(fold.state, now)]
        if is_dry:
            return rows
        return drop(fold, [row.number for row in rows], () if self.keeps_aliased else (LATEST,))
