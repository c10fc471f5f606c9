"""Brief: a run in short, and what is kept of those of a project from one listing to the next."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import orjson
from msgspec import Struct

from artifacts.catalog import Kept, RunState


class Brief(Struct, frozen=True):
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
    lost: int  # records
    own_journal: str

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
            state.lost.get("records", 0),
            state.own_journal,
        )

    @property
    def id(self) -> str:
        return self.path.rpartition("/")[2]


_FIELDS = list(Brief.__struct_fields__)
_TAGS = _FIELDS.index("tags")


def _parse(data: bytes) -> dict[str, Brief]:
    return {brief.key: brief for brief in map(_brief, orjson.loads(data))}


def _brief(row: list[Any]) -> Brief:
    row[_TAGS] = tuple(row[_TAGS])
    return Brief(*row)


def _dump(known: Mapping[str, Brief]) -> bytes:
    rows = [[getattr(brief, name) for name in _FIELDS] for brief in known.values()]
    return orjson.dumps(rows)


KEPT = Kept("runs", 2, "briefs", _parse, _dump)
"""From one listing of a project's runs to the next."""
