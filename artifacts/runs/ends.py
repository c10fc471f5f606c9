"""Ends: which runs a project has, and how far their logs go, as listings say it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import partial

from artifacts.storage import Ahead, ObjectStore

LISTED = 1000
"""Names that a bucket gives in one answer, be they of runs or of events."""
_RUN = re.compile(r"logs/run/[0-9a-f]{32}/([0-9a-f]{32})/")
_EVENT = re.compile(r"logs/run/[0-9a-f]{32}/([0-9a-f]{32})/([0-9]{12,})")
_BEGINNINGS = "0123456789abcdef"  # of keys of runs, which are digests


def runs_there(store: ObjectStore, project: str, expected: int) -> set[str]:
    """Keys of the runs that have a log, of which so many are expected.

    A request for each `LISTED` of them, however many events they have.
    """
    runs: set[str] = set()
    with Ahead(store) as ahead:
        prefixes = _prefixes(store, project, expected)
        for job in ahead.each(partial(_runs, store, each) for each in prefixes):
            runs |= job()
    return runs


def ends(store: ObjectStore, project: str, expected: int) -> dict[str, int]:
    """For each run the number of its events, of which so many are expected in all.

    A request for each `LISTED` of them.
    """
    found: dict[str, int] = {}
    with Ahead(store) as ahead:
        prefixes = _prefixes(store, project, expected)
        for job in ahead.each(partial(_ends, store, each) for each in prefixes):
            found |= job()
    return found


def _prefixes(store: ObjectStore, project: str, expected: int) -> Sequence[str]:
    """Of several listings at once, if there is more than an answer for each."""
    is_much = store.concurrency > 1 and expected >= LISTED * len(_BEGINNINGS)
    return [f"logs/run/{project}/{each}" for each in (_BEGINNINGS if is_much else ("",))]


def _runs(store: ObjectStore, prefix: str) -> set[str]:
    return {match[1] for each in store.folders(prefix) if (match := _RUN.fullmatch(each))}


def _ends(store: ObjectStore, prefix: str) -> dict[str, int]:
    ends: dict[str, int] = {}
    for key in store.list(prefix):
        if match := _EVENT.fullmatch(key):
            ends[match[1]] = max(ends.get(match[1], 0), int(match[2]) + 1)
    return ends
