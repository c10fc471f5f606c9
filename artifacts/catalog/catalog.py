"""Catalog: names to versions, in one store."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from threading import RLock
from typing import Any

from artifacts.cache import Intake
from artifacts.catalog.collection import CollectionState
from artifacts.catalog.commit import Content, write_content
from artifacts.catalog.directory import DirectoryState, Listing
from artifacts.catalog.draft import Draft
from artifacts.catalog.version import Version
from artifacts.errors import (
    ArtifactNotFoundError,
    ConflictError,
    InvalidNameError,
    WrongTypeError,
)
from artifacts.names import (
    LATEST,
    ArtifactName,
    CollectionName,
    DigestName,
    check_collection_name,
    parse_version,
)
from artifacts.storage import (
    Change,
    Clock,
    Fold,
    Log,
    ObjectStore,
    Proposal,
    begin_writing,
    identify,
    now,
    open_store,
)

_TRIES = 8  # of finding a collection that others rename, delete and make again meanwhile


@dataclass(frozen=True, slots=True)
class Facts:
    """What a commit says beside its content."""

    aliases: Sequence[str] = ()
    tags: Sequence[str] = ()
    description: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    run: str | None = None


class Catalog:
    """Any number of threads may commit and resolve; who only reads needs only read access."""

    def __init__(
        self, store: ObjectStore, clock: Clock = now, *, has_checkpoints: bool = True
    ) -> None:
        self.store = store
        self.identity = identify(store)
        self._clock = clock
        self._has_checkpoints = has_checkpoints
        self._lock = RLock()
        self._projects = self._directory("root")
        self._directories: dict[str, Fold[DirectoryState]] = {}
        self._collections: dict[str, Fold[CollectionState]] = {}
        self._may_write = False

    @classmethod
    def open(cls, url: str, *, create: bool = False) -> Catalog:
        """Raises StoreNotFoundError unless `create`, NotAStoreError, UnsupportedStoreError."""
        return cls(open_store(url, create=create))

    def intake(self, cache: Path) -> Intake:
        """Where a new draft's files go."""
        return Intake(self.store, cache, self.identity.id)

    def commit(
        self, draft: Draft, entity: str, project: str, facts: Facts | None = None
    ) -> Version:
        """The version that has the draft's content: a new one, or the one that had it already.

        Its aliases, and `latest`, are moved to it; changed metadata is recorded. Raises
        InvalidNameError if the collection has another type.
        """
        facts = facts or Facts()
        self.begin_writing()
        content = write_content(self.store, draft)
        name = CollectionName(entity, project, draft.name)
        change = {
            "kind": "committed",
            "manifest": str(content.name),
            "layout": str(content.layout),
            "size": content.manifest.size,
            "entries": len(content.manifest),
            "aliases": [*dict.fromkeys((*facts.aliases, LATEST))],
        }
        extra = {"run": facts.run, "tags": [*facts.tags], "description": facts.description}
        change |= {key: value for key, value in extra.items() if value}
        if facts.metadata:
            change["metadata"] = dict(facts.metadata)
        with self._lock:
            return self._append(name, draft.type, change, content)

    def _append(
        self, name: CollectionName, type_: str, change: Change, content: Content
    ) -> Version:
        for _ in range(_TRIES):
            fold, born = self._ensure(name, type_)
            fold.append(
                Proposal([*born, change], content.inline, adds=[content.name, content.layout])
            )
            number = fold.state.outcome
            row = None if number is None else fold.state.version(number)
            if row is not None:
                return Version(self.store, name, fold, row)
        raise ConflictError(f"{name.qualified} keeps being deleted; commit again later")

    def resolve(self, name: ArtifactName | DigestName, type: str | None = None) -> Version:
        """Raises ArtifactNotFoundError, and WrongTypeError if its type is another."""
        with self._lock:
            if isinstance(name, DigestName):
                version = self._resolve_digest(name)
            else:
                version = self._resolve_name(name)
        if type is not None and type != version.type:
            raise WrongTypeError(name.qualified, version.type, type)
        return version

    def _resolve_name(self, name: ArtifactName) -> Version:
        collection = self.collection(name.collection_name)
        if collection is None:
            raise ArtifactNotFoundError(name.qualified, self.store.url)
        state, number = collection.state, parse_version(name.version)
        if number is None:
            number = state.aliases.get(name.version)
        row = None if number is None else state.version(number)
        if row is None:
            raise ArtifactNotFoundError(name.qualified, self.store.url, _hint(state))
        return Version(self.store, name.collection_name, collection, row)

    def latest(self, name: CollectionName) -> Version | None:
        """The collection's newest version, if it has any."""
        collection = self.collection(name)
        row = next(iter(collection.state), None) if collection else None
        return Version(self.store, name, collection, row) if collection and row else None

    def versions(self, name: CollectionName) -> Iterator[Version]:
        """Newest first. Raises ArtifactNotFoundError."""
        collection = self.collection(name)
        if collection is None:
            raise ArtifactNotFoundError(name.qualified, self.store.url)
        return (Version(self.store, name, collection, row) for row in collection.state)

    def collection(self, name: CollectionName) -> Fold[CollectionState] | None:
        """As it is now; None if there is none."""
        listing = self._listing(name)
        if listing is None:
            return None
        fold = self._fold(listing.id).refresh()
        return None if fold.state.is_deleted or fold.is_empty else fold

    def projects(self) -> Iterator[tuple[str, str]]:
        """Entity and project of each, in order of name."""
        for text in sorted(self._projects.refresh().state.names):
            entity, _, project = text.partition("/")
            yield entity, project

    def collections(self, entity: str, project: str) -> Iterator[tuple[str, str]]:
        """Name and type of each collection of a project, in order of name."""
        directory = self._project(entity, project)
        for name, listing in sorted(directory.state.names.items() if directory else ()):
            yield name, listing.type

    def change(self, version: Version, changes: Sequence[Change]) -> None:
        """Append changes beside a version's content."""
        self.begin_writing()
        with self._lock:
            version.collection.append(Proposal(changes))
            version.refresh()

    def rename(self, name: CollectionName, to: str) -> CollectionName:
        """The old name is free afterwards, its version numbers are not.

        Raises ArtifactNotFoundError, InvalidNameError if another collection has or had the new
        name, and ConflictError if somebody renames, deletes or makes one of them meanwhile.
        """
        new = CollectionName(name.entity, name.project, check_collection_name(to))
        fold, directory = self._existing(name)
        id_ = _id_of(fold)
        if not directory.state.is_free(to, id_):
            raise InvalidNameError(new.qualified, "another collection has or had that name")
        change = {"kind": "renamed", "name": name.collection, "to": to}
        directory.append(Proposal([{**change, "id": id_, "next": fold.state.next}]))
        there = directory.state.names.get(to)
        if there is None or there.id != id_:
            raise ConflictError(f"{name.qualified} or {to} was changed meanwhile; rename it again")
        fold.append(Proposal([{"kind": "renamed", "name": to}]))
        return new

    def delete(self, name: CollectionName) -> None:
        """Frees the name, but not its version numbers. Raises ArtifactNotFoundError."""
        fold, directory = self._existing(name)
        drops = [each for row in fold.state for each in (row.manifest, row.layout)]
        fold.append(Proposal([{"kind": "deleted"}], drops=drops))
        change = {"kind": "removed", "name": name.collection}
        directory.append(Proposal([{**change, "id": _id_of(fold), "next": fold.state.next}]))

    def run_log(self, entity: str, project: str, run: str) -> Log:
        """The log of a run. Its id follows from its name, so starting one contends with nobody."""
        self.begin_writing()
        project_id = self._ensure_project(entity, project)[0]
        return Log(self.store, f"run/{project_id}/{run}", self._clock)

    def begin_writing(self) -> None:
        """Once a session. Raises UnsupportedStoreError for a store that forgot how to create."""
        if not self._may_write:
            begin_writing(self.store)
            self._may_write = True

    def _resolve_digest(self, name: DigestName) -> Version:
        collections = (
            [name.collection]
            if name.collection
            else [each for each, _ in self.collections(name.entity, name.project)]
        )
        for each in collections:
            collection = CollectionName(name.entity, name.project, each)
            if self.collection(collection) is not None:
                for version in self.versions(collection):
                    if version.digest.hex().startswith(name.digest):
                        return version
        raise ArtifactNotFoundError(name.qualified, self.store.url)

    def _existing(self, name: CollectionName) -> tuple[Fold[CollectionState], Fold[DirectoryState]]:
        """A collection to be changed, and the directory that lists it."""
        self.begin_writing()
        fold = self.collection(name)
        directory = self._project(name.entity, name.project)
        if fold is None or directory is None:
            raise ArtifactNotFoundError(name.qualified, self.store.url)
        return fold, directory

    def _listing(self, name: CollectionName) -> Listing | None:
        directory = self._project(name.entity, name.project)
        return directory.state.names.get(name.collection) if directory else None

    def _ensure(
        self, name: CollectionName, type_: str
    ) -> tuple[Fold[CollectionState], Sequence[Change]]:
        """The collection's log, and what its first event must begin with if it has none yet."""
        _, directory = self._ensure_project(name.entity, name.project)
        listing = directory.state.names.get(name.collection)
        closed = self._closed(listing)
        if listing is None or closed is not None:
            listing = self._list(directory, name.collection, type_, closed)
        if listing.type != type_:
            raise InvalidNameError(
                name.qualified, f"already exists with type {listing.type!r}, not {type_!r}"
            )
        fold = self._fold(listing.id).refresh()
        first = directory.state.floor(name.collection)
        born = {"kind": "created", "name": name.collection, "type": type_, "first": first}
        return fold, [born] if fold.is_empty else []

    def _closed(self, listing: Listing | None) -> tuple[str, int] | None:
        """Id and next version number of a deleted collection that is still listed."""
        if listing is None:
            return None
        state = self._fold(listing.id).refresh().state
        return (listing.id, state.next) if state.is_deleted else None

    def _list(
        self,
        directory: Fold[DirectoryState],
        name: str,
        type_: str,
        closed: tuple[str, int] | None,
    ) -> Listing:
        change = {"kind": "added", "name": name, "id": secrets.token_hex(16), "type": type_}
        if closed is not None:
            change |= {"replaces": closed[0], "next": closed[1]}  # type: ignore[dict-item]
        directory.append(Proposal([change]))
        return directory.state.names[name]

    def _ensure_project(self, entity: str, project: str) -> tuple[str, Fold[DirectoryState]]:
        name = f"{entity}/{project}"
        listing = self._projects.refresh().state.names.get(name)
        if listing is None:
            change = {"kind": "added", "name": name, "id": secrets.token_hex(16)}
            self._projects.append(Proposal([change]))
            listing = self._projects.state.names[name]
        return listing.id, self._open_directory(listing.id)

    def _project(self, entity: str, project: str) -> Fold[DirectoryState] | None:
        listing = self._projects.refresh().state.names.get(f"{entity}/{project}")
        return self._open_directory(listing.id) if listing else None

    def _open_directory(self, id_: str) -> Fold[DirectoryState]:
        if id_ not in self._directories:
            self._directories[id_] = self._directory(id_)
        return self._directories[id_].refresh()

    def _directory(self, id_: str) -> Fold[DirectoryState]:
        log = Log(self.store, f"directory/{id_}", self._clock)
        return Fold(log, DirectoryState, DirectoryState, has_checkpoints=self._has_checkpoints)

    def _fold(self, id_: str) -> Fold[CollectionState]:
        if id_ not in self._collections:
            log = Log(self.store, f"collection/{id_}", self._clock)
            self._collections[id_] = Fold(
                log, CollectionState, CollectionState, has_checkpoints=self._has_checkpoints
            )
        return self._collections[id_]


def _id_of(fold: Fold[CollectionState]) -> str:
    return fold.log.name.rpartition("/")[2]


def _hint(state: CollectionState) -> str:
    """What there is, for somebody who asked for another version."""
    newest = f"v{state.next - 1}" if len(state.rows) else "no version"
    return f"{state.name} goes up to {newest} and has the aliases {', '.join(state.aliases)}"
