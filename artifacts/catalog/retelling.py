"""Retelling: what is said of a version in one store, said of its twin in another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from artifacts.catalog.row import VersionRow
from artifacts.catalog.version import Version
from artifacts.storage import Change


def news(ours: VersionRow, aliases: Sequence[str], there: Version) -> list[Change]:
    """What makes all that is said of ours be said of the one there."""
    theirs = there.row
    facts: dict[str, Any] = {"description": ours.description, "metadata": dict(ours.metadata)}
    told = {key: value for key, value in facts.items() if value and value != getattr(theirs, key)}
    if ours.ttl not in (None, theirs.ttl):
        told["ttl"] = ours.ttl
    of = {"version": theirs.number}
    changes: list[Change] = [{"kind": "updated", **of, **told}] if told else []
    tags = [tag for tag in ours.tags if tag not in theirs.tags]
    changes += [{"kind": "tagged", **of, "tag": tag} for tag in tags]
    return changes + moves(aliases, there.aliases, theirs.number)


def moves(aliases: Sequence[str], there: Sequence[str], number: int) -> list[Change]:
    """Of the aliases that a version or a link does not have there yet."""
    new = [alias for alias in aliases if alias not in there]
    return [{"kind": "aliased", "version": number, "alias": alias} for alias in new]
