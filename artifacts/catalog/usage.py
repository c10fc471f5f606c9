"""Usage: what runs say that they used and logged, read from their logs, each event once."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from typing import Any, Self

from msgspec import Struct, field, to_builtins
from msgspec.structs import replace

from artifacts.catalog.ends import grown, projects_there
from artifacts.catalog.fields import text_of, texts_of
from artifacts.catalog.journals import Journals, from_a_start_on
from artifacts.catalog.kept import Kept
from artifacts.catalog.logs import Logs
from artifacts.catalog.run import RUN_KINDS, check_kinds
from artifacts.catalog.version import Version
from artifacts.content import Digest
from artifacts.errors import BrokenLogError
from artifacts.storage import (
    Ahead,
    Change,
    Event,
    Log,
    Tail,
    apply_rules,
)

_VERSION_ID = re.compile(r"[0-9a-f]{32}-(0|[1-9][0-9]{0,11})")
DELETED = "deleted"
"""State of a run that is gone for readers; what it used and logged is known still."""


class Use(Struct, frozen=True):
    """A version that a run used or logged: its id, and what it was called then."""

    id: str
    name: str
    digest: str
    slot: str | None = None

    def __post_init__(self) -> None:
        if self.id and not is_version_id(self.id):
            raise ValueError(f"{self.id!r} is no version's id")

    @classmethod
    def of(cls, change: Change) -> Self:
        id_ = text_of(change, "id") if "id" in change else ""
        slot = text_of(change, "as") if "as" in change else None
        return cls(id_, text_of(change, "artifact"), text_of(change, "digest"), slot)

    def means(self, version: Version) -> bool:
        return self.id == version.id or (not self.id and self.name == version.source_qualified_name)


class RunFacts(Struct, frozen=True):
    """What is known of a run from its own log. `path` is `entity/project/id`."""

    path: str = ""
    name: str = ""
    state: str = "running"
    created_at: str = ""  # ISO 8601, UTC, by its own clock
    config: Mapping[str, Any] = field(default_factory=dict)
    used: tuple[Use, ...] = ()
    logged: tuple[Use, ...] = ()

    @property
    def id(self) -> str:
        return self.path.rpartition("/")[2]

    @property
    def entity(self) -> str:
        return self.path.partition("/")[0]

    @property
    def project(self) -> str:
        return self.path.rpartition("/")[0].rpartition("/")[2]

    @classmethod
    def load(cls, saved: Mapping[str, Any]) -> Self:
        """As `to_builtins` gave it. Raises KeyError, TypeError for what it never gives."""
        told = dict(saved)
        for key in ("used", "logged"):
            told[key] = tuple(Use(**use) for use in saved[key])
        return cls(**told)


class _Read(Struct, frozen=True):
    """How far a run's log was read, what of it counted, and what that said."""

    tail: Tail
    facts: RunFacts = field(default_factory=RunFacts)
    journals: Mapping[str, Any] = field(default_factory=Journals().save)


class Usage:
    """Of all runs of a store. A question lists the runs' logs, and reads only what is new of them.

    What was read before is kept in the store's cache, a file for each project, by who may write.
    """

    def __init__(self, logs: Logs) -> None:
        self._logs = logs
        self._projects: dict[str, dict[str, _Read]] = {}

    def runs(self) -> list[RunFacts]:
        """As of now, in order of beginning. Raises BrokenLogError, UnknownEventError."""
        for project in sorted(projects_there(self._logs.store)):
            self._refresh(project)
        found = [read.facts for known in self._projects.values() for read in known.values()]
        return sorted(found, key=lambda facts: (facts.created_at, facts.path))

    def used_by(self, version: Version) -> list[RunFacts]:
        there = (run for run in self.runs() if run.state != DELETED)
        return [run for run in there if any(use.means(version) for use in run.used)]

    def run(self, path: str) -> RunFacts | None:
        """One run, of which only its own log is read; None if it has none."""
        place, _, id_ = path.rpartition("/")
        listing = self._logs.all_projects().state.names.get(place)
        read = self._read(listing.id, run_key(id_), None) if listing else None
        return read.facts if read and read.tail.number else None

    def _refresh(self, project: str) -> None:
        if project not in self._projects:
            self._projects[project] = _KEPT.load(self._logs.store, project)
        known = self._projects[project]
        ends = {run: read.tail.number for run, read in known.items()}
        new = [*grown(self._logs.store, project, ends)]
        with Ahead(self._logs.store) as ahead:
            reads = ahead.each(partial(self._read, project, run, known.get(run)) for run in new)
            for run, read in zip(new, reads, strict=True):
                known[run] = read()
        _KEPT.save(self._logs.store, project, known, len(new))

    def _read(self, project: str, run: str, known: _Read | None) -> _Read:
        log = Log(self._logs.store, f"run/{project}/{run}")
        if known is not None:
            with suppress(BrokenLogError):  # what was kept may be of another log
                return _go_on(log, known)
        return _go_on(log, _Read(Tail.start(log.name)))


def _go_on(log: Log, known: _Read) -> _Read:
    told, tail, journals = _Told(known.facts), known.tail, Journals.load(known.journals)
    for event in log.after(tail):
        key = log.key(event.number)
        check_kinds(event, key)
        counting = journals.counting(event, key)
        if told.facts.state == DELETED:
            counting = from_a_start_on(counting)
        apply_rules(told, _RULES, counting, key)
        tail = event.tail
    return _Read(tail, told.facts, journals.save())


def is_version_id(text: str) -> bool:
    """Whether it is as Version.id."""
    return bool(_VERSION_ID.fullmatch(text))


def run_key(id_: str) -> str:
    """The part of its log's name that a run's id gives, whatever characters it has."""
    return Digest.of(id_.encode()).hex()[:32]


class _Told(Struct):
    """The fold of a run's log, as far as it is about artifacts."""

    facts: RunFacts

    def _started(self, event: Event, change: Change) -> None:
        """Again, if it was resumed; anew, if it was deleted."""
        before = RunFacts() if self.facts.state == DELETED else self.facts
        config = change.get("config", {})
        self.facts = replace(
            before,
            path=text_of(change, "path"),
            name=str(change.get("name") or before.name or text_of(change, "id")),
            state="running",
            created_at=before.created_at or event.time,
            config={**before.config, **config},
        )

    def _used(self, _event: Event, change: Change) -> None:
        self.facts = replace(self.facts, used=_with(self.facts.used, Use.of(change)))

    def _logged(self, _event: Event, change: Change) -> None:
        self.facts = replace(self.facts, logged=_with(self.facts.logged, Use.of(change)))

    def _finished(self, _event: Event, change: Change) -> None:
        self.facts = replace(self.facts, state=text_of(change, "state"))

    def _config(self, _event: Event, change: Change) -> None:
        config = {**self.facts.config, **change.get("set", {})}
        gone = texts_of(change, "unset")
        left = {key: value for key, value in config.items() if key not in gone}
        self.facts = replace(self.facts, config=left)

    def _anew(self, _event: Event, change: Change) -> None:
        kept = texts_of(change, "config")
        left = {key: value for key, value in self.facts.config.items() if key in kept}
        self.facts = replace(self.facts, config=left)

    def _facts(self, _event: Event, change: Change) -> None:
        self.facts = replace(self.facts, name=str(change.get("name") or self.facts.name))

    def _deleted(self, _event: Event, _change: Change) -> None:
        self.facts = replace(self.facts, state=DELETED)

    def _passed(self, _event: Event, _change: Change) -> None:
        """Nothing about artifacts."""


_RULES = {
    **dict.fromkeys(RUN_KINDS, _Told._passed),
    "anew": _Told._anew,
    "config": _Told._config,
    "facts": _Told._facts,
    "started": _Told._started,
    "used": _Told._used,
    "logged": _Told._logged,
    "finished": _Told._finished,
    "deleted": _Told._deleted,
}


def _with(uses: tuple[Use, ...], use: Use) -> tuple[Use, ...]:
    return uses if use in uses else (*uses, use)


def _parse(data: bytes) -> dict[str, _Read]:
    return {
        run: _Read(Tail(int(number), Digest.parse(previous)), RunFacts.load(facts), journals)
        for run, (number, previous, facts, journals) in json.loads(data).items()
    }


def _dump(known: Mapping[str, _Read]) -> bytes:
    saved = {
        run: [read.tail.number, read.tail.previous.hex(), to_builtins(read.facts), read.journals]
        for run, read in known.items()
    }
    return json.dumps(saved, ensure_ascii=False, separators=(",", ":")).encode()


_KEPT = Kept("lineage", 3, "runs", _parse, _dump)
