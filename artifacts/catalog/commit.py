"""Commit: a draft's content on its way to being a version: pages, layouts, manifest, event.

Each is written before what names it, so whoever dies in between leaves only what nobody sees.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Self

from msgspec import Struct, field

from artifacts.catalog.draft import Draft
from artifacts.catalog.row import VersionRow
from artifacts.content import Digest, Manifest, PageRow, build
from artifacts.names import LATEST
from artifacts.storage import (
    LAYOUTS,
    MANIFESTS,
    PAGES,
    Change,
    Epoch,
    Layout,
    Name,
    Objects,
    ObjectStore,
    PageLayout,
    encode,
)

INLINE_BYTES = 16 * 1024  # objects of a commit that are smaller in all ride within its event
_WRITERS = 8


class Content(Struct, frozen=True):
    """What a commit's event says of its content, and what it carries of it."""

    manifest: Manifest
    name: Name
    layout: Name
    epoch: int = 0
    inline: dict[str, bytes] = field(default_factory=dict)


class Facts(Struct, frozen=True):
    """What a commit says beside its content."""

    aliases: Sequence[str] = ()
    tags: Sequence[str] = ()
    description: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    run: str | None = None
    ttl: int | None = None  # seconds that it lasts, 0 for ever; None for what others say
    distributed: str | None = None  # which meeting of many writers it came of
    created: str | None = None  # when, in another store of which it is a copy
    deed: str | None = None  # 32 hex digits: done once, however often it is committed
    deeds: Sequence[str] = ()  # of the parts that it was put together of

    @classmethod
    def of(cls, row: VersionRow, aliases: Sequence[str] = (), created: str | None = None) -> Self:
        """What is said of a version, for another that is to be like it."""
        return cls(
            aliases=aliases,
            tags=row.tags,
            description=row.description,
            metadata=row.metadata,
            run=row.run,
            ttl=row.ttl,
            created=created,
        )

    def committing(self, content: Content) -> Change:
        """What its event says of it."""
        change = {
            "kind": "committed",
            "manifest": str(content.name),
            "layout": str(content.layout),
            "size": content.manifest.size,
            "entries": len(content.manifest),
            "aliases": [*dict.fromkeys((*self.aliases, LATEST))],
        }
        extra: dict[str, Any] = {"run": self.run, "tags": [*self.tags]}
        extra |= {"description": self.description, "metadata": dict(self.metadata)}
        extra |= {"distributed": self.distributed, "created": self.created}
        extra |= {"deed": self.deed, "deeds": [*self.deeds]}
        change |= {key: value for key, value in extra.items() if value}
        return change if self.ttl is None else change | {"ttl": self.ttl}


def write_content(store: ObjectStore, draft: Draft) -> Content:
    """Everything that a version needs is durable in the store, or within `inline`."""
    with draft.lock:
        return _write_content(store, draft)


def _write_content(store: ObjectStore, draft: Draft) -> Content:
    intake = draft.intake
    contents = intake.close(draft.digests)
    blobs, pieces = contents.names(), contents.spans_in_pieces()
    rows: list[PageRow] = []
    pages: list[Name] = []
    layouts: list[Name] = []
    with _Outgoing(store, intake.epoch) as outgoing:
        for row, page, data in build(draft.rows):
            spans = PageLayout.of(page, contents.places, blobs, pieces).encode()
            rows.append(row)
            pages.append(outgoing.put(PAGES, row.digest, data))
            layouts.append(outgoing.put(LAYOUTS, Digest.of(spans), spans))
        manifest = Manifest(tuple(rows))
        root = Layout(manifest.digest, pages, layouts).encode()
        name = outgoing.put(MANIFESTS, manifest.digest, manifest.data)
        layout = outgoing.put(LAYOUTS, Digest.of(root), root)
        return Content(manifest, name, layout, intake.epoch.number, outgoing.finish())


class _Outgoing:
    """Holds objects back while they are small enough to ride within the event."""

    def __init__(self, store: ObjectStore, epoch: Epoch) -> None:
        self._objects = Objects(store)
        self._epoch = epoch
        self._held: dict[str, bytes] = {}
        self._names: dict[str, tuple[Name, bytes]] = {}
        self._bytes = 0
        self._pool = ThreadPoolExecutor(_WRITERS, thread_name_prefix="art-commit")
        self._sent: list[Future[None]] = []

    def put(self, kind: str, digest: Digest, data: bytes) -> Name:
        """What it is called where it can be relied on."""
        name = self._epoch.name(kind, digest)
        if self._bytes <= INLINE_BYTES:
            stored = encode(data)
            self._bytes += len(stored)
            self._held[str(name)] = stored
            self._names[str(name)] = (name, data)
            if self._bytes > INLINE_BYTES:
                for held in self._names.values():
                    self._send(*held)
                self._held.clear()
                self._names.clear()
        else:
            self._send(name, data)
        return name

    def finish(self) -> dict[str, bytes]:
        """All that was sent is durable; what was not is returned."""
        for sent in self._sent:
            sent.result()
        return self._held

    def _send(self, name: Name, data: bytes) -> None:
        self._sent.append(self._pool.submit(self._objects.put, name, data))

    def __enter__(self) -> _Outgoing:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(cancel_futures=True)
