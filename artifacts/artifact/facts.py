"""Facts: what is said of a version, and what changes when its user says something else."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from typing import Any

from msgspec.structs import replace

from artifacts.catalog import Facts, Version


def facts_of(version: Version) -> Facts:
    """As of the version's last refresh, and the caller's to change."""
    facts = Facts.of(version.row, version.aliases)
    return replace(facts, tags=[*facts.tags], metadata=deepcopy(dict(facts.metadata)))


def changes(before: Facts, after: Facts, version: Version) -> list[dict[str, Any]]:
    """What to append for what was changed here; what others changed meanwhile is kept."""
    number, now = version.row.number, facts_of(version)
    updated: dict[str, Any] = {}
    if after.description != before.description:
        updated["description"] = after.description
    if after.metadata != before.metadata:
        updated["metadata"] = after.metadata
    if after.ttl != before.ttl:
        updated["ttl"] = after.ttl
    found = [{"kind": "updated", "version": number, **updated}] if updated else []
    taken = without(after.aliases, [*before.aliases, *now.aliases])
    left = without(without(before.aliases, after.aliases), without(before.aliases, now.aliases))
    for kind, aliases in (("aliased", taken), ("unaliased", left)):
        found += [{"kind": kind, "alias": alias, "version": version.number} for alias in aliases]
    new = without(after.tags, [*before.tags, *now.tags])
    gone = [tag for tag in without(before.tags, after.tags) if tag in now.tags]
    for kind, tags in (("tagged", new), ("untagged", gone)):
        found += [{"kind": kind, "tag": tag, "version": number} for tag in tags]
    return found


def without(texts: Sequence[str], others: Sequence[str]) -> list[str]:
    """Those that are none of the others, in their order."""
    return [text for text in texts if text not in others]
