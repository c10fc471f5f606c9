"""Collections: what a store has by name, and what is said of each as a whole."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from artifacts.catalog.access import Access
from artifacts.catalog.collection import CollectionState, id_of
from artifacts.catalog.logs import Logs
from artifacts.errors import ConflictError, InvalidNameError, ProjectNotFoundError
from artifacts.names import (
    HIDDEN,
    CollectionName,
    check_collection_name,
    check_tags,
    check_type,
)
from artifacts.storage import Clock, Fold, ObjectStore, Parallel, Proposal, now


class Collections:
    """Any number of threads may ask and change; who only reads needs only read access."""

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
        access = access or Access(store, Parallel.over(store))
        self._access = access
        self.logs = Logs(store, access, clock, cache=cache, has_checkpoints=has_checkpoints)

    def collection(self, name: CollectionName) -> Fold[CollectionState] | None:
        """As it is now; None if there is none."""
        with self.logs.operation():
            return self.logs.collection(name)

    def projects(self) -> Iterator[tuple[str, str]]:
        """Entity and project of each, in order of name."""
        with self.logs.operation():
            names = sorted(self.logs.all_projects().state.names)
        for text in names:
            entity, _, project = text.partition("/")
            yield entity, project

    def collections(
        self, entity: str, project: str, *, with_hidden: bool = False
    ) -> Iterator[tuple[str, str]]:
        """Name and type of each collection of a project that has versions, in order of name.

        Those are hidden in which the writers of one version meet, while they do.
        """
        for name, type_ in self._listed(entity, project, is_portfolio=False):
            if with_hidden or not name.startswith(HIDDEN):
                yield name, type_

    def portfolios(self, entity: str, project: str) -> Iterator[tuple[str, str]]:
        """Name and type of each portfolio of a project, in order of name."""
        yield from self._listed(entity, project, is_portfolio=True)

    def all_portfolios(self) -> Iterator[CollectionName]:
        """Those of all projects, one project after the other."""
        for entity, project in self.projects():
            for name, _ in self.portfolios(entity, project):
                yield CollectionName(entity, project, name)

    def listed(self, entity: str, project: str) -> Iterator[tuple[str, str]]:
        """Name and type of each of them, collections and portfolios alike, in order of name."""
        yield from self._listed(entity, project)

    def _listed(
        self, entity: str, project: str, *, is_portfolio: bool | None = None
    ) -> Sequence[tuple[str, str]]:
        with self.logs.operation():
            directory = self.logs.project(entity, project)
            listed = directory.state.names.items() if directory else ()
            return [
                (name, each.type)
                for name, each in sorted(listed, key=lambda pair: pair[0])
                if is_portfolio in (None, each.is_portfolio) and not self.logs.is_deleted(each)
            ]

    def retained(self, entity: str, project: str) -> int | None:
        """What a project says of its versions: seconds, 0 for ever, None for nothing."""
        with self.logs.operation():
            directory = self.logs.project(entity, project)
            return directory.state.ttl if directory else None

    def retain(
        self, entity: str, project: str, ttl: int | None, collection: str | None = None
    ) -> None:
        """Versions of a collection, or of a project, that say nothing themselves last so long.

        Seconds, 0 for ever; None for what the project says, and of that for ever. Raises
        ArtifactNotFoundError, ProjectNotFoundError.
        """
        self.begin_writing()
        change = {"kind": "retained", "ttl": ttl}
        with self.logs.operation():
            if collection is not None:
                fold, _ = self.logs.existing(CollectionName(entity, project, collection))
                fold.append(Proposal([change]))
            elif (directory := self.logs.project(entity, project)) is not None:
                self._access.check_writing()
                directory.append(Proposal([change]))
            else:
                raise ProjectNotFoundError(f"{entity}/{project}", self.store.url)

    def rename(self, name: CollectionName, to: str) -> CollectionName:
        """The old name is free afterwards, its version numbers are not.

        Raises ArtifactNotFoundError, InvalidNameError if another collection has or had the new
        name, and ConflictError if somebody renames, deletes or makes one of them meanwhile.
        """
        new = CollectionName(name.entity, name.project, check_collection_name(to))
        with self.logs.operation():
            fold, directory = self.logs.existing(name)
            id_ = id_of(fold)
            if not directory.state.is_free(to, id_):
                raise InvalidNameError(new.qualified, "another collection has or had that name")
            change = {"kind": "renamed", "name": name.collection, "to": to}
            directory.append(Proposal([{**change, "id": id_, "next": fold.state.next}]))
            there = directory.state.names.get(to)
            if there is None or there.id != id_:
                reason = f"{name.qualified} or {to} was changed meanwhile; rename it again"
                raise ConflictError(reason)
            self.logs.settle_name(fold, directory)
        return new

    def retype(self, name: CollectionName, type: str) -> None:
        """Its versions are of that type from now on.

        Raises ArtifactNotFoundError, and InvalidNameError for a reserved type or a portfolio.
        """
        check_type(type)
        with self.logs.operation():
            fold, directory = self.logs.existing(name)
            if fold.state.is_portfolio:
                reason = "a portfolio has the type of what it shows; it cannot be changed"
                raise InvalidNameError(name.qualified, reason)
            if fold.state.type != type:
                fold.append(Proposal([{"kind": "retyped", "type": type}]))
            self.logs.settle_type(fold, directory)

    def describe(self, name: CollectionName, description: str | None) -> None:
        """What the collection as a whole is, as Markdown. Raises ArtifactNotFoundError."""
        with self.logs.operation():
            fold, _ = self.logs.existing(name)
            if fold.state.description != description:
                fold.append(Proposal([{"kind": "described", "description": description}]))

    def label(
        self, name: CollectionName, add: Sequence[str] = (), remove: Sequence[str] = ()
    ) -> None:
        """Change tags of the collection as a whole; what others change meanwhile is kept.

        Raises ArtifactNotFoundError, InvalidNameError.
        """
        changes = [{"kind": "unlabelled", "tag": tag} for tag in remove]
        changes += [{"kind": "labelled", "tag": tag} for tag in check_tags(add)]
        with self.logs.operation():
            fold, _ = self.logs.existing(name)
            if changes:
                fold.append(Proposal(changes))

    def delete(self, name: CollectionName, *, only: str | None = None) -> None:
        """Frees the name, but not its version numbers; what a portfolio shows stays.

        With `only`, if that is the id of what the name stands for. Raises ArtifactNotFoundError.
        """
        with self.logs.operation():
            fold, directory = self.logs.existing(name)
            if only not in (None, id_of(fold)):
                return
            change = {"name": name.collection, "id": id_of(fold)}
            directory.append(Proposal([{"kind": "closing", **change}]))
            drops = [each for row in fold.state for each in (row.manifest, row.layout)]
            fold.append(Proposal([{"kind": "deleted"}], drops=drops))
            directory.append(Proposal([{"kind": "removed", **change, "next": fold.state.next}]))

    def make_project(self, entity: str, project: str) -> None:
        """Without a collection; one that is there stays as it is."""
        self.begin_writing()
        with self.logs.operation():
            self.logs.make_project(entity, project)

    def begin_writing(self) -> None:
        """Once a session: have it seen to that the store refuses to create twice."""
        self._access.begin_writing()

    def check_writing(self) -> None:
        """Raises UnsupportedStoreError for a store that forgot how to create."""
        self._access.check_writing()
