"""Fields: what a change in a log says, each value of the type and size that a rule expects.

Anybody who can write to the store can write anything there. Raises KeyError, TypeError or
ValueError, which a fold takes for what they are.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any, TypeVar

from artifacts.names import check_entity, check_project
from artifacts.storage import LAYOUTS, MANIFESTS, Change, Name

T = TypeVar("T")

MAX_EPOCH = 10**9 - 1
MAX_NUMBER = 10**12 - 1  # of a version: what its name has room for
MAX_SECONDS = 253402300799  # the end of the year 9999
_ID = re.compile(r"[0-9a-f]{32}")


def text_of(change: Change, key: str) -> str:
    return _typed(key, change[key], str)


def id_of(change: Change, key: str = "id") -> str:
    """Of a log: nothing that could lead out of its folder."""
    if not _ID.fullmatch(id_ := text_of(change, key)):
        raise ValueError(f"{key!r} is {id_!r}, expected 32 hex digits")
    return id_


def deeds_of(change: Change) -> list[str]:
    """What is done with it: its own deed, and those of its parts."""
    deeds = [each for each in (deed_of(change), *texts_of(change, "deeds")) if each is not None]
    return [id_of({"id": each}) for each in deeds]


def deed_of(change: Change) -> str | None:
    """What its doer calls it, to whom it may look as if it was not done."""
    return id_of(change, "deed") if "deed" in change else None


def place_of(change: Change, key: str = "project") -> str:
    """An entity and a project of it. Raises InvalidNameError."""
    entity, _, project = text_of(change, key).partition("/")
    return f"{check_entity(entity)}/{check_project(project)}"


def time_of(change: Change, key: str) -> str:
    """ISO 8601 with offset: one that can be compared with others."""
    if datetime.fromisoformat(time := text_of(change, key)).tzinfo is None:
        raise ValueError(f"{key!r} is {time!r}, which has no offset")
    return time


def number_of(change: Change, key: str, most: int = MAX_NUMBER) -> int:
    """A whole one from 0 to `most`."""
    number = _typed(key, change[key], int)
    if not 0 <= number <= most or isinstance(number, bool):
        raise ValueError(f"{key!r} is {number}, expected a number from 0 to {most}")
    return number


def seconds_of(change: Change, key: str = "time") -> float:
    """Since 1970, of a time that has a date."""
    seconds = change[key]
    if not isinstance(seconds, int | float) or isinstance(seconds, bool):
        raise TypeError(f"{key!r} is {seconds!r}")
    if not 0 <= seconds <= MAX_SECONDS:
        raise ValueError(f"{key!r} is {seconds}, expected seconds since 1970")
    return float(seconds)


def ttl_of(change: Change) -> int | None:
    """Seconds that versions last, 0 for ever; None for what others say."""
    return None if change["ttl"] is None else number_of(change, "ttl")


def seen_of(change: Change) -> list[int | None] | None:
    """What lasted how long when it was found to be over: the version's and the collection's."""
    seen = change.get("seen")
    return None if seen is None else [ttl_of({"ttl": each}) for each in _typed("seen", seen, list)]


def manifest_of(change: Change) -> Name:
    return _name_of(change, "manifest", MANIFESTS)


def layout_of(change: Change, key: str = "layout") -> Name:
    return _name_of(change, key, LAYOUTS)


def texts_of(change: Change, key: str) -> list[str]:
    texts = _typed(key, change.get(key, []), list)
    return [_typed(key, each, str) for each in texts]


def facts_of(change: Change) -> dict[str, Any]:
    """What is said of a version beside its content; only what the change mentions."""
    facts: dict[str, Any] = {}
    if "description" in change:
        description = change["description"]
        facts["description"] = None if description is None else text_of(change, "description")
    if "metadata" in change:
        facts["metadata"] = _typed("metadata", change["metadata"], dict)
    if "ttl" in change:
        facts["ttl"] = ttl_of(change)
    if "tags" in change:
        facts["tags"] = texts_of(change, "tags")
    return facts


def _name_of(change: Change, key: str, kind: str) -> Name:
    name = Name.parse(text_of(change, key))
    if name.kind != kind:
        raise ValueError(f"{key!r} is {name}")
    return name


def _typed(key: str, value: object, type_: type[T]) -> T:
    if not isinstance(value, type_):
        raise TypeError(f"{key!r} is {value!r}")
    return value
