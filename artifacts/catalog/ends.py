"""Ends: which runs a project has, and how far their logs go, as listings say it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import TypeVar

from artifacts.errors import ObjectNotFoundError
from artifacts.storage import Ahead, Log, ObjectStore

_T = TypeVar("_T")
LISTED = 1000
"""Names that a bucket gives in one answer, be they of runs or of events."""
_PROJECT = re.compile(r"logs/run/([0-9a-f]{32})/")
_RUN = re.compile(r"logs/run/[0-9a-f]{32}/([0-9a-f]{32})/")
_EVENT = re.compile(r"logs/run/[0-9a-f]{32}/([0-9a-f]{32})/([0-9]{12,})")
_BEGINNINGS = "0123456789abcdef"  # of keys of runs, which are digests


def projects_there(store: ObjectStore) -> set[str]:
    """Ids of the projects that have a run."""
    folders = store.folders("logs/run/")
    return {match[1] for each in folders if (match := _PROJECT.fullmatch(each))}


def runs_there(store: ObjectStore, project: str, expected: int) -> set[str]:
    """Keys of the runs that have a log, of which so many are expected.

    A request for each `LISTED` of them, however many events they have.
    """
    return {run for runs in _listed(_runs, store, project, expected) for run in runs}


def ends(store: ObjectStore, project: str, expected: int) -> dict[str, int]:
    """For each run the number of its events, of which so many are expected in all.

    A request for each `LISTED` of them.
    """
    found = _listed(_ends, store, project, expected)
    return {run: end for each in found for run, end in each.items()}


def ends_if_cheaper(
    store: ObjectStore, project: str, expected: int, runs: int
) -> dict[str, int] | None:
    """As `ends`; None where to ask `has_event` of each of so many runs takes less."""
    if store.concurrency == 1 or expected // LISTED >= runs:
        return None
    return ends(store, project, expected)


def has_event(store: ObjectStore, project: str, run: str, number: int) -> bool:
    """Whether a run's log goes on with the event of that number."""
    try:
        store.size(Log(store, f"run/{project}/{run}").key(number))
    except ObjectNotFoundError:
        return False
    return True


def grown(store: ObjectStore, project: str, known: Mapping[str, int]) -> Iterable[str]:
    """Runs with other events than the first ones, of which so many are known of each."""
    there = ends_if_cheaper(store, project, sum(known.values()), len(known))
    if there is not None:
        return [run for run, end in there.items() if known.get(run, 0) < end]
    runs = sorted(runs_there(store, project, len(known)))
    with Ahead(store) as ahead:
        old = [run for run in runs if run in known]
        asked = ahead.each(partial(has_event, store, project, run, known[run]) for run in old)
        same = {run for run, goes_on in zip(old, asked, strict=True) if not goes_on()}
    return [run for run in runs if run not in same]


def _listed(
    read: Callable[[ObjectStore, str], _T], store: ObjectStore, project: str, expected: int
) -> Iterator[_T]:
    """What is read of the names with each of some prefixes."""
    with Ahead(store) as ahead:
        prefixes = _prefixes(store, project, expected)
        for job in ahead.each(partial(read, store, each) for each in prefixes):
            yield job()


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
