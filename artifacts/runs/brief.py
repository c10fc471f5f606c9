"""Brief: a run in short, and what is kept of those of a project from one listing to the next."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Self

import orjson

from artifacts.catalog import RunState
from artifacts.errors import ArtifactsError
from artifacts.storage import Frame, ObjectStore, decode, encode

_EDITION = 1
_MOST = 2**30  # bytes of what is kept of one project's runs


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


def _key(project: str) -> str:
    return f"cache/runs/{project}"


def load(store: ObjectStore, project: str) -> dict[str, Brief]:
    """By their keys what is kept of a project's runs, if anything of use is."""
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


def save(store: ObjectStore, project: str, known: Mapping[str, Brief]) -> None:
    """Best effort: what cannot be written is read again from the logs."""
    rows = [[getattr(brief, name) for name in _FIELDS] for brief in known.values()]
    packed = encode(orjson.dumps(rows))
    try:
        frame = Frame({"runs": _EDITION, "project": project}, {"briefs": packed})
        store.write(_key(project), frame.encode())
    except ArtifactsError:
        pass  # who only reads, too, gets an answer
