"""Batch: what some records of a journal say, as changes of the run's log and rows to be stored."""

from __future__ import annotations

import json
from typing import Any

from msgspec import Struct, field

from artifacts.runs.rows.segments import Row
from artifacts.runs.values import spelled
from artifacts.storage import Change, Name

_BY_NAME = frozenset(("steps", "nested"))  # what a change of the summary says beside its members


class Batch(Struct):
    """What some records say: changes of the run's log, and rows that are no segment yet."""

    changes: list[dict[str, Any]] = field(default_factory=list)
    rows: dict[str, list[Row]] = field(default_factory=dict)
    names: list[Name] = field(default_factory=list)
    sizes: dict[str, int] = field(default_factory=dict)  # of the rows, in the journal
    told: int = 0  # bytes of the changes there

    @property
    def is_fenced(self) -> bool:
        """Whether it comes to nothing below a run's fence."""
        return bool(self.names) or any(each["kind"] == "compacted" for each in self.changes)

    def note(self, kind: str, facts: Change) -> None:
        """Notes that only set things are told together."""
        last = next((each for each in self.changes if each["kind"] == kind), None)
        if last is None or kind not in ("config", "summary", "facts"):
            self.changes.append({"kind": kind, **facts})
        elif kind == "facts":
            last.update(facts)
        else:
            _merge(last, facts)


def _merge(last: dict[str, Any], facts: Change) -> None:
    set_, unset = dict(last.get("set", {})), dict.fromkeys(last.get("unset", ()))
    for key in facts.get("unset", ()):
        set_.pop(key, None)
        unset[key] = None
    set_ |= facts.get("set", {})
    last["set"], last["unset"] = set_, [key for key in unset if key not in set_]
    for key in _BY_NAME & facts.keys():
        last[key] = {**last.get(key, {}), **facts[key]}


def as_told(facts: dict[str, Any], line: bytes = b" ") -> dict[str, Any]:
    """What an event can say: of a number that JSON has not, its name; `line` may have some.

    Raises ValueError, RecursionError for what none can.
    """
    if line[:1] != b" ":
        return facts
    told: dict[str, Any] = spelled(facts)
    json.dumps(told, ensure_ascii=False, allow_nan=False).encode()
    return told
