"""Briefs: the runs of a project in short, newest first, of which few logs are read."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from functools import partial
from pathlib import Path
from typing import Any, Self

import orjson

from artifacts.catalog import Catalog, RunState
from artifacts.errors import ArtifactsError, IntegrityError, ObjectNotFoundError, StorageError
from artifacts.progress import Progress, Silent
from artifacts.runs.heartbeat import state_of
from artifacts.storage import Ahead, FileStore, Fold, Frame, Log, ObjectStore, decode, encode

_RUN = re.compile(r"[0-9a-f]{32}")
_EVENT = re.compile(r"[0-9a-f]{32}/([0-9a-f]{32})/([0-9]{12,})")
_EDITION = 1
_WORTH = 8  # runs that were looked at: from so many on, writing down what they are pays
_MOST = 2**30  # bytes of what is kept of one project's runs
_BEGINNINGS = "0123456789abcdef"  # of keys, which are digests: as many listings at once
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Brief:
    """What the first `number` events of a run's log add up to, in short."""

    key: str
    number: int
    path: str
    name: str
    group: str
    job_type: str
    tags: tuple[str, ...]
    created_at: str  # ISO 8601, UTC, as the other
    heard_at: str
    told_state: str
    is_preempting: bool
    is_deleted: bool
    last_step: int | None

    @classmethod
    def of(cls, key: str, number: int, state: RunState) -> Self:
        facts = state.facts
        path = str(facts.get("path", ""))
        return cls(
            key,
            number,
            path,
            str(facts.get("name") or path.rpartition("/")[2]),
            str(facts.get("group") or ""),
            str(facts.get("job_type") or ""),
            tuple(map(str, facts.get("tags") or ())),
            state.created_at,
            state.heard_at,
            state.told_state,
            state.is_preempting,
            state.is_deleted,
            state.last_step,
        )

    @property
    def id(self) -> str:
        return self.path.rpartition("/")[2]


_FIELDS = [field.name for field in fields(Brief)]
_TAGS = _FIELDS.index("tags")


class Briefs:
    """Of one project's runs. What is known of them from before is kept in the store's cache."""

    def __init__(
        self, catalog: Catalog, entity: str, project: str, progress: Progress | None = None
    ) -> None:
        """Of a project that is not there, none. `progress` hears of each log that is read."""
        self._progress = progress or Silent()
        with catalog.logs.operation():
            listing = catalog.logs.all_projects().state.names.get(f"{entity}/{project}")
        self._store = catalog.store
        self._project = listing.id if listing else None
        self._known: dict[str, Brief] = {}
        self._looked_at = 0

    def newest(self) -> Generator[Brief, None, None]:
        """Each as it is now, the one that began last first; a log is read when its turn comes.

        Those that are deleted, or whose log is damaged, which is told of, are left out. Raises
        StorageError.
        """
        if self._project is None:
            return
        ends = _ends(self._store, self._project)
        kept = _load(self._store, self._project)
        self._known = {key: brief for key, brief in kept.items() if key in ends}
        try:
            self._take_born([key for key in ends if key not in self._known])
            ordered = sorted(self._known.values(), key=lambda brief: brief.created_at, reverse=True)
            found = self._now(ordered, ends)
            yield from (each for each in found if each.path and not each.is_deleted)
        finally:
            if self._looked_at >= _WORTH:
                _save(self._store, self._project, self._known)

    def state_of(self, brief: Brief) -> str:
        """As a reader takes it by now: a run of which nothing is heard has crashed."""
        return state_of(brief, self._store, self._log(brief.key).name)

    def _take_born(self, keys: Iterable[str]) -> None:
        with Ahead(self._store) as ahead:
            for job in ahead.each(partial(_unless_damaged, self._born, key) for key in keys):
                if (brief := job()) is not None:
                    self._known[brief.key] = brief
                    self._looked_at += 1

    def _now(self, ordered: Iterable[Brief], ends: Mapping[str, int]) -> Iterator[Brief]:
        with Ahead(self._store) as ahead:
            jobs = (
                partial(_same, brief)
                if self._is_now(brief, ends[brief.key])
                else partial(_unless_damaged, self._read, brief.key)
                for brief in ordered
            )
            for job in ahead.each(jobs):
                if (brief := job()) is not None:
                    self._looked_at += brief != self._known[brief.key]
                    self._known[brief.key] = brief
                    yield brief

    def _is_now(self, brief: Brief, end: int) -> bool:
        """Whether the log has no event beyond; where its end was not asked for, it is now."""
        if end:
            return brief.number >= end
        try:
            self._store.size(self._log(brief.key).key(brief.number))
        except ObjectNotFoundError:
            return True
        return False

    def _born(self, key: str) -> Brief:
        """By its first event alone, which never changes: enough to put the runs in order."""
        self._progress.advance(0)
        log, state = self._log(key), RunState()
        state.apply(log.read(0), log.key(0))
        return Brief.of(key, 1, state)

    def _read(self, key: str) -> Brief:
        self._progress.advance(0)
        fold = Fold(self._log(key), RunState).refresh()
        return Brief.of(key, fold.tail.number, fold.state)

    def _log(self, key: str) -> Log:
        return Log(self._store, f"run/{self._project}/{key}")


def _same(brief: Brief) -> Brief:
    return brief


def _unless_damaged(read: Callable[[str], Brief], key: str) -> Brief | None:
    try:
        return read(key)
    except (IntegrityError, ObjectNotFoundError) as error:
        _log.warning("the run of log %s is left out: %s", key, error)
        return None


def _ends(store: ObjectStore, project: str) -> dict[str, int]:
    """For each run how many events its log has at least; 0 where that is better asked for later."""
    if isinstance(store, FileStore):
        return _folders(store.path(f"logs/run/{project}"))
    beginnings = _BEGINNINGS if store.concurrency > 1 else ("",)
    ends: dict[str, int] = {}
    with Ahead(store) as ahead:
        jobs = (partial(_numbers, store, f"logs/run/{project}/{each}") for each in beginnings)
        for job in ahead.each(jobs):
            ends |= job()
    return ends


def _folders(place: Path) -> dict[str, int]:
    try:
        names = os.listdir(place)
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise StorageError(str(place), error.strerror or str(error)) from error
    return dict.fromkeys(filter(_RUN.fullmatch, names), 0)


def _numbers(store: ObjectStore, prefix: str) -> dict[str, int]:
    ends: dict[str, int] = {}
    for key in store.list(prefix):
        if match := _EVENT.fullmatch(key, len("logs/run/")):
            ends[match[1]] = max(ends.get(match[1], 0), int(match[2]) + 1)
    return ends


def _key(project: str) -> str:
    return f"cache/runs/{project}"


def _load(store: ObjectStore, project: str) -> dict[str, Brief]:
    """What is kept, if anything of use is."""
    key = _key(project)
    try:
        frame = Frame.decode(store.read(key), key)
        if frame.header["runs"] != _EDITION or frame.header["project"] != project:
            return {}
        rows = orjson.loads(decode(frame.objects["briefs"], _MOST, key))
        return {brief.key: brief for brief in map(_brief, rows)}
    except (ArtifactsError, ValueError, KeyError, TypeError):
        return {}


def _brief(row: list[Any]) -> Brief:
    row[_TAGS] = tuple(row[_TAGS])
    return Brief(*row)


def _save(store: ObjectStore, project: str, known: Mapping[str, Brief]) -> None:
    """Best effort: what cannot be written is read again from the logs."""
    rows = [[getattr(brief, name) for name in _FIELDS] for brief in known.values()]
    packed = encode(orjson.dumps(rows))
    try:
        frame = Frame({"runs": _EDITION, "project": project}, {"briefs": packed})
        store.write(_key(project), frame.encode())
    except ArtifactsError:
        pass  # who only reads, too, gets an answer
