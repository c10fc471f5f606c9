"""Versions: what a name stands for, and all that a collection or a project has."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from artifacts.catalog.collection import CollectionState
from artifacts.catalog.collections import Collections
from artifacts.catalog.links import Shown, follow, shown_in
from artifacts.catalog.retention import end_of, is_over, lasting_s
from artifacts.catalog.row import VersionRow
from artifacts.catalog.version import Link, Version
from artifacts.errors import ArtifactNotFoundError, WrongTypeError
from artifacts.names import HIDDEN, ArtifactName, CollectionName, DigestName
from artifacts.storage import Fold


class Versions(Collections):
    """Collections, and the versions and links in them."""

    def resolve(self, name: ArtifactName | DigestName, type: str | None = None) -> Version:
        """Raises ArtifactNotFoundError, and WrongTypeError if its type is another."""
        with self.logs.operation():
            if isinstance(name, DigestName):
                version = self._resolve_digest(name)
            else:
                version = self._resolve_name(name)
        if type is not None and type != version.type:
            raise WrongTypeError(name.qualified, version.type, type)
        return version

    def base(self, name: CollectionName) -> Version | None:
        """The newest version that can be had without asking a store that is far away for it.

        Good for finding content that is in the store already, and for nothing else. Where this
        machine does not know the collection, the store is asked.
        """
        with self.logs.operation():
            fold = self.logs.guess(name) if self.logs.parallel else None
            row = next(iter(fold.guess), None) if fold else None
            return Version(self.store, name, fold, row) if fold and row else self.latest(name)

    def latest(self, name: CollectionName) -> Version | None:
        """The collection's newest version, if it has any."""
        collection = self.collection(name)
        return self.newest(name, collection) if collection else None

    def newest(self, name: CollectionName, collection: Fold[CollectionState]) -> Version | None:
        """As `latest`, of a collection as it was read."""
        row = next(self._rows(name, collection.state), None)
        return Version(self.store, name, collection, row) if row else None

    def each(
        self, entity: str, project: str
    ) -> Iterator[tuple[CollectionName, Fold[CollectionState]]]:
        """The collections and portfolios of a project in order of name, read one by one."""
        with self.logs.operation():
            directory = self.logs.project(entity, project)
            names = dict(directory.state.names) if directory else {}
        for name in sorted(each for each in names if not each.startswith(HIDDEN)):
            with self.logs.operation():
                fold = self.logs.fold(names[name].id).refresh()
            if fold.state.name and not fold.state.is_deleted:
                yield CollectionName(entity, project, name), fold

    def _rows(self, name: CollectionName, state: CollectionState) -> Iterator[VersionRow]:
        """Of versions whose time is not over, newest first."""
        return (row for row in state if not is_over(self.logs, name, state, row))

    def versions(self, name: CollectionName) -> Iterator[Version]:
        """Newest first; of a portfolio those that it shows. Raises ArtifactNotFoundError."""
        collection = self.collection(name)
        if collection is None:
            raise ArtifactNotFoundError(name.qualified, self.store.url)
        if collection.state.is_portfolio:
            return (each.version for each in self.links(name) if each.version)
        rows = self._rows(name, collection.state)
        return (Version(self.store, name, collection, row) for row in rows)

    def links(self, portfolio: CollectionName) -> Iterator[Shown]:
        """Newest first, those that lead nowhere too. Raises ArtifactNotFoundError."""
        with self.logs.operation():
            fold = self.logs.collection(portfolio)
            if fold is None:
                raise ArtifactNotFoundError(portfolio.qualified, self.store.url)
            return iter([*shown_in(self.logs, portfolio, fold)])

    def lasting_s(self, version: Version) -> int | None:
        """Seconds from its creation on, as far as the logs were read; None for ever."""
        name = version.collection_name
        return lasting_s(version.row, version.collection.state.ttl, self.logs.default_ttl(name))

    def end_of(self, version: Version) -> datetime | None:
        """When it is over, as far as the logs were read; None if it never is."""
        name, state = version.collection_name, version.collection.state
        return end_of(self.logs, name, state, version.row)

    def _resolve_name(self, name: ArtifactName) -> Version:
        collection = self.logs.collection(name.collection_name, name.version)
        if collection is None:
            raise ArtifactNotFoundError(name.qualified, self.store.url)
        state = collection.state
        state.expect(name.version, collection.log)
        number = -1 if (known := state.number_of(name.version)) is None else known
        if (link := state.link(number)) is not None:
            return follow(self.logs, Link(name.collection_name, collection, link))
        row = state.version(number)
        if row is None or is_over(self.logs, name.collection_name, state, row):
            hint = self._gone(name.collection_name, state, number) or _hint(state)
            raise ArtifactNotFoundError(name.qualified, self.store.url, hint)
        return Version(self.store, name.collection_name, collection, row)

    def _gone(self, name: CollectionName, state: CollectionState, number: int) -> str:
        """What became of a version that there was."""
        row = state.known(number)
        if row is None or row.dropped is not None:
            return f"v{number} was deleted at {row.dropped}" if row else ""
        return f"v{number} was to last until {end_of(self.logs, name, state, row)}, and is over"

    def _resolve_digest(self, name: DigestName) -> Version:
        listed = (each for each, _ in self.collections(name.entity, name.project))
        for each in [name.collection] if name.collection else listed:
            collection = CollectionName(name.entity, name.project, each)
            versions = self.versions(collection) if self.collection(collection) is not None else ()
            for version in versions:
                if version.digest.hex().startswith(name.digest):
                    return version
        raise ArtifactNotFoundError(name.qualified, self.store.url)


def _hint(state: CollectionState) -> str:
    """What there is, for somebody who asked for another version."""
    if not len(state.rows):
        return f"{state.name} has no version"
    aliases = f"has the aliases {', '.join(state.aliases)}" if state.aliases else "has no alias"
    return f"{state.name} goes up to v{state.next - 1} and {aliases}"
