"""Catalog: names to versions, in one store."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from threading import RLock
from typing import Any, TypeVar

from artifacts.cache import Copies, Intake, cached
from artifacts.catalog.access import Access
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
)
from artifacts.storage import (
    Address,
    Change,
    Clock,
    Fold,
    Log,
    MachineHeads,
    ObjectStore,
    Parallel,
    PerProcess,
    Proposal,
    State,
    StoreIdentity,
    now,
    opened,
    place_at,
)

S = TypeVar("S", bound=State)
_TRIES = 8  # of finding a collection that others rename, delete and make again meanwhile
_SOON_S = 2  # what was asked so long before an upload ended is asked again


@dataclass(frozen=True, slots=True)
class Facts:
    """What a commit says beside its content."""

    aliases: Sequence[str] = ()
    tags: Sequence[str] = ()
    description: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    run: str | None = None


class Catalog:
    """Any number of threads may commit and resolve; who only reads needs only read access.

    Where the store is far away, all that can be foreseen is asked for at once; what `cache` knows
    of the store from before serves to foresee, and is compared with what the store says.
    """

    def __init__(
        self,
        store: ObjectStore,
        clock: Clock = now,
        *,
        cache: Path | None = None,
        has_checkpoints: bool = True,
        access: Access | None = None,
    ) -> None:
        self.store = store
        self._clock = clock
        self._has_checkpoints = has_checkpoints
        self._parallel = access.parallel if access else Parallel.over(store)
        self._access = access or Access(store, self._parallel)
        self._machine = MachineHeads(cache, store.url) if cache and self._parallel else None
        self._lock = PerProcess(RLock)
        self._begun: list[Fold[Any]] = []
        self._projects = self._directory("root")
        self._directories: dict[str, Fold[DirectoryState]] = {}
        self._collections: dict[str, Fold[CollectionState]] = {}

    @classmethod
    def open(
        cls,
        address: str | Address,
        *,
        create: bool = False,
        cache: Path | None = None,
        copies: Copies | None = None,
    ) -> Catalog:
        """Where the store is far away, what is wrong with it is raised by the first use.

        Raises StoreNotFoundError unless `create`, NotAStoreError, UnsupportedStoreError.
        """
        found = place_at(address)
        parallel = Parallel.over(found)
        if parallel is None:
            return cls(opened(found, create=create))
        place = cached(found, copies) if copies else found
        access = Access(place, parallel, lambda may_create: opened(found, create=may_create))
        access.may_create = create
        return cls(place, cache=cache, access=access)

    @property
    def identity(self) -> StoreIdentity:
        """Raises StoreNotFoundError, NotAStoreError."""
        return self._access.identity

    def may_create(self) -> None:
        """From now on the store is made where it is not there."""
        self._access.may_create = True

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
        name = CollectionName(entity, project, draft.name)
        self.begin_writing()
        with self._lock.mine:
            self._forget()
            self._begin(entity, project, draft.name)
        started = time.monotonic()
        content = write_content(self.store, draft)
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
        with self._operation(goes_on=time.monotonic() - started < _SOON_S):
            return self._append(name, draft.type, change, content)

    def _append(
        self, name: CollectionName, type_: str, change: Change, content: Content
    ) -> Version:
        for _ in range(_TRIES):
            fold, born = self._ensure(name, type_)
            self._access.check_writing()
            with fold.lock:
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
        with self._operation():
            if isinstance(name, DigestName):
                version = self._resolve_digest(name)
            else:
                version = self._resolve_name(name)
        if type is not None and type != version.type:
            raise WrongTypeError(name.qualified, version.type, type)
        return version

    def _resolve_name(self, name: ArtifactName) -> Version:
        collection = self._collection(name.collection_name, name.version)
        if collection is None:
            raise ArtifactNotFoundError(name.qualified, self.store.url)
        state = collection.state
        state.expect(name.version, collection.log)
        number = state.number_of(name.version)
        row = None if number is None else state.version(number)
        if row is None:
            raise ArtifactNotFoundError(name.qualified, self.store.url, _hint(state))
        return Version(self.store, name.collection_name, collection, row)

    def base(self, name: CollectionName) -> Version | None:
        """The newest version that can be had without asking a store that is far away for it.

        Good for finding content that is in the store already, and for nothing else. Where this
        machine does not know the collection, the store is asked.
        """
        with self._operation():
            project = self._projects.guess.names.get(f"{name.entity}/{name.project}")
            directory = self._open_directory(project.id).guess if project else DirectoryState()
            listing = directory.names.get(name.collection)
            state = self._fold(listing.id).guess if listing else None
            if self._parallel is None or listing is None or state is None or not len(state.rows):
                return self.latest(name)
            return Version(self.store, name, self._fold(listing.id), next(iter(state)))

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
        with self._operation():
            return self._collection(name)

    def projects(self) -> Iterator[tuple[str, str]]:
        """Entity and project of each, in order of name."""
        with self._operation():
            self._start(self._projects)
            self._check_identity()
            names = sorted(self._projects.refresh().state.names)
        for text in names:
            entity, _, project = text.partition("/")
            yield entity, project

    def collections(self, entity: str, project: str) -> Iterator[tuple[str, str]]:
        """Name and type of each collection of a project, in order of name."""
        with self._operation():
            directory = self._project(entity, project)
            names = sorted(directory.state.names.items() if directory else ())
        for name, listing in names:
            yield name, listing.type

    def change(self, version: Version, changes: Sequence[Change]) -> None:
        """Append changes beside a version's content."""
        self.begin_writing()
        with self._operation():
            self._access.check_writing()
            version.collection.append(Proposal(changes))
            version.refresh()

    def rename(self, name: CollectionName, to: str) -> CollectionName:
        """The old name is free afterwards, its version numbers are not.

        Raises ArtifactNotFoundError, InvalidNameError if another collection has or had the new
        name, and ConflictError if somebody renames, deletes or makes one of them meanwhile.
        """
        new = CollectionName(name.entity, name.project, check_collection_name(to))
        with self._operation():
            fold, directory = self._existing(name)
            id_ = _id_of(fold)
            if not directory.state.is_free(to, id_):
                raise InvalidNameError(new.qualified, "another collection has or had that name")
            change = {"kind": "renamed", "name": name.collection, "to": to}
            directory.append(Proposal([{**change, "id": id_, "next": fold.state.next}]))
            there = directory.state.names.get(to)
            if there is None or there.id != id_:
                reason = f"{name.qualified} or {to} was changed meanwhile; rename it again"
                raise ConflictError(reason)
            fold.append(Proposal([{"kind": "renamed", "name": to}]))
        return new

    def delete(self, name: CollectionName) -> None:
        """Frees the name, but not its version numbers. Raises ArtifactNotFoundError."""
        with self._operation():
            fold, directory = self._existing(name)
            drops = [each for row in fold.state for each in (row.manifest, row.layout)]
            fold.append(Proposal([{"kind": "deleted"}], drops=drops))
            change = {"kind": "removed", "name": name.collection}
            directory.append(Proposal([{**change, "id": _id_of(fold), "next": fold.state.next}]))

    def run_log(self, entity: str, project: str, run: str) -> Log:
        """The log of a run. Its id follows from its name, so starting one contends with nobody.

        Nothing may be appended to it before `check_writing` returned.
        """
        with self._operation():
            self._begin(entity, project)
            project_id = self._ensure_project(entity, project)[0]
        return Log(self.store, f"run/{project_id}/{run}", self._clock, self._parallel)

    def begin_writing(self) -> None:
        """Once a session: have it seen to that the store refuses to create twice."""
        self._access.begin_writing()

    def check_writing(self) -> None:
        """Raises UnsupportedStoreError for a store that forgot how to create."""
        self._access.check_writing()

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

    @contextmanager
    def _operation(self, *, goes_on: bool = False) -> Iterator[None]:
        """One at a time. What was asked before it, or for it and in vain, is no answer."""
        with self._lock.mine:
            if not goes_on:
                self._forget()
            try:
                yield
            finally:
                self._forget()

    def _forget(self) -> None:
        for fold in self._begun:
            fold.forget()
        self._begun.clear()

    def _begin(self, entity: str, project: str, collection: str = "", version: str = "") -> None:
        """Have under way what these names lead to, as far as can be guessed."""
        if self._parallel is None:
            return
        self._start(self._projects)
        if there := self._projects.guess.names.get(f"{entity}/{project}"):
            directory = self._start(self._open_directory(there.id))
            if listing := directory.guess.names.get(collection):
                self._start(self._fold(listing.id)).guess.expect(
                    version, self._fold(listing.id).log
                )

    def _start(self, fold: Fold[S]) -> Fold[S]:
        if fold not in self._begun:
            self._begun.append(fold)
            fold.begin()
        return fold

    def _existing(self, name: CollectionName) -> tuple[Fold[CollectionState], Fold[DirectoryState]]:
        """A collection to be changed, and the directory that lists it."""
        self.begin_writing()
        fold = self._collection(name)
        directory = self._project(name.entity, name.project)
        if fold is None or directory is None:
            raise ArtifactNotFoundError(name.qualified, self.store.url)
        self._access.check_writing()
        return fold, directory

    def _collection(self, name: CollectionName, version: str = "") -> Fold[CollectionState] | None:
        directory = self._project(name.entity, name.project, name.collection, version)
        listing = directory.state.names.get(name.collection) if directory else None
        if listing is None:
            return None
        foresee = partial(self._begin, name.entity, name.project, name.collection, version)
        fold = self._fold(listing.id).refresh(foresee)
        return None if fold.state.is_deleted or fold.is_empty else fold

    def _ensure(
        self, name: CollectionName, type_: str
    ) -> tuple[Fold[CollectionState], Sequence[Change]]:
        """The collection's log, and what its first event must begin with if it has none yet."""
        _, directory = self._ensure_project(name.entity, name.project, name.collection)
        listing = directory.state.names.get(name.collection)
        fold = self._fold(listing.id).refresh() if listing else None
        if listing is None or fold is None or fold.state.is_deleted:
            closed = (listing.id, fold.state.next) if listing and fold else None
            listing = self._list(directory, name.collection, type_, closed)
            fold = self._fold(listing.id).refresh()
        if listing.type != type_:
            raise InvalidNameError(
                name.qualified, f"already exists with type {listing.type!r}, not {type_!r}"
            )
        first = directory.state.floor(name.collection)
        born = {"kind": "created", "name": name.collection, "type": type_, "first": first}
        return fold, [born] if fold.is_empty else []

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
        self._access.check_writing()
        directory.append(Proposal([change]))
        return directory.state.names[name]

    def _ensure_project(
        self, entity: str, project: str, collection: str = ""
    ) -> tuple[str, Fold[DirectoryState]]:
        directory = self._project(entity, project, collection)
        name = f"{entity}/{project}"
        if directory is None:
            change = {"kind": "added", "name": name, "id": secrets.token_hex(16)}
            self._access.check_writing()
            self._projects.append(Proposal([change]))
            directory = self._open_directory(self._projects.state.names[name].id).refresh()
        return self._projects.state.names[name].id, directory

    def _project(
        self, entity: str, project: str, collection: str = "", version: str = ""
    ) -> Fold[DirectoryState] | None:
        foresee = partial(self._begin, entity, project, collection, version)
        foresee()
        self._check_identity()
        listing = self._projects.refresh(foresee).state.names.get(f"{entity}/{project}")
        return self._open_directory(listing.id).refresh(foresee) if listing else None

    def _check_identity(self) -> None:
        """What is no store, or is in another format, says nothing."""
        if self._parallel is not None:
            _ = self.identity

    def _open_directory(self, id_: str) -> Fold[DirectoryState]:
        if id_ not in self._directories:
            self._directories[id_] = self._directory(id_)
        return self._directories[id_]

    def _directory(self, id_: str) -> Fold[DirectoryState]:
        return self._fold_of(f"directory/{id_}", DirectoryState)

    def _fold(self, id_: str) -> Fold[CollectionState]:
        if id_ not in self._collections:
            self._collections[id_] = self._fold_of(f"collection/{id_}", CollectionState)
        return self._collections[id_]

    def _fold_of(self, name: str, kind: type[S]) -> Fold[S]:
        log = Log(self.store, name, self._clock, self._parallel)
        return Fold(log, kind, machine=self._machine, has_checkpoints=self._has_checkpoints)


def _id_of(fold: Fold[CollectionState]) -> str:
    return fold.log.name.rpartition("/")[2]


def _hint(state: CollectionState) -> str:
    """What there is, for somebody who asked for another version."""
    newest = f"v{state.next - 1}" if len(state.rows) else "no version"
    return f"{state.name} goes up to {newest} and has the aliases {', '.join(state.aliases)}"
