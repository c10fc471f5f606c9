"""Row: what a collection's log says of one version, or a portfolio's of one link."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import Any, Self

from msgspec import Struct

from artifacts.catalog.fields import (
    facts_of,
    id_of,
    layout_of,
    manifest_of,
    number_of,
    place_of,
    text_of,
    time_of,
)
from artifacts.content import MAX_SIZE, Digest
from artifacts.storage import Change, Event, Name


class VersionRow(Struct, frozen=True):
    """What the log says of one version. Content never changes; the rest as of the fold's tail."""

    number: int
    manifest: Name
    layout: Name
    size: int  # bytes
    entries: int
    event: int  # number of the event that committed it
    placed: int  # number of the event that says where its bytes lie, and may carry pages of it
    created: str  # ISO 8601, UTC, by the writer's clock
    updated: str
    run: str | None
    description: str | None
    metadata: Mapping[str, Any]
    tags: tuple[str, ...]
    ttl: int | None  # seconds from its creation on, 0 for ever; None for what others say
    dropped: str | None  # when it was deleted

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Self:
        return cls(
            number=row["number"],
            manifest=Name.parse(row["manifest"]),
            layout=Name.parse(row["layout"]),
            size=row["size"],
            entries=row["entries"],
            event=row["event"],
            placed=row.get("placed", row["event"]),
            created=row["created"],
            updated=row["updated"],
            run=row.get("run"),
            description=row.get("description"),
            metadata=deepcopy(row.get("metadata", {})),  # a user's own from here on
            tags=tuple(row.get("tags", ())),
            ttl=row.get("ttl"),
            dropped=row.get("dropped"),
        )

    @property
    def digest(self) -> Digest:
        """The artifact's digest."""
        return self.manifest.digest


class LinkRow(Struct, frozen=True):
    """What a portfolio's log says of one link to a version, which may be deleted since."""

    number: int
    collection: str  # the id of its log
    version: int  # its number there
    project: str  # entity/project in whose directory the collection is listed
    digest: Digest  # of its content
    created: str  # ISO 8601, UTC, by the linker's clock

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Self:
        return cls(
            number=row["number"],
            collection=row["collection"],
            version=row["version"],
            project=row["project"],
            digest=Digest.parse(row["digest"]),
            created=row["created"],
        )


def new_row(number: int, event: Event, change: Change) -> dict[str, Any]:
    """As a commit makes it."""
    facts = facts_of(change) | ({"run": text_of(change, "run")} if "run" in change else {})
    return {
        "number": number,
        "manifest": str(manifest_of(change)),
        "layout": str(layout_of(change)),
        "size": number_of(change, "size", MAX_SIZE),
        "entries": number_of(change, "entries"),
        "event": event.number,
        "created": time_of(change, "created") if "created" in change else event.time,
        "updated": event.time,
        **said(facts),
    }


def said(facts: Mapping[str, Any]) -> dict[str, Any]:
    """What a commit really says of its version; a time of 0 is something."""
    return {k: v for k, v in facts.items() if v or (k == "ttl" and v is not None)}


def new_link(number: int, event: Event, change: Change) -> dict[str, Any]:
    return {
        "number": number,
        "collection": id_of(change, "collection"),
        "version": number_of(change, "version"),
        "project": place_of(change),
        "digest": Digest.parse(text_of(change, "digest")).hex(),
        "created": event.time,
    }


def key_of(link: Mapping[str, Any]) -> bytes:
    """By which a link to that version is found."""
    return Digest.of(f"{link['collection']}-{link['version']}".encode())


def is_same_link(link: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether the first is there, and leads to what the other leads to."""
    same = all(link[key] == other[key] for key in ("collection", "version"))
    return same and not link.get("is_gone")
