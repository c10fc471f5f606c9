"""Catalog: names to versions, in one store."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from artifacts.cache import CachedStore, Copies, Intake, cached
from artifacts.catalog.access import Access
from artifacts.catalog.collection import CollectionState
from artifacts.catalog.collections import Collections
from artifacts.catalog.commit import Content, write_content
from artifacts.catalog.draft import Draft
from artifacts.catalog.lineage import Lineage, lineage
from artifacts.catalog.links import Shown, follow, link, shown_in, unlink
from artifacts.catalog.logs import Logs
from artifacts.catalog.retention import Rule, drop, end_of, is_over, lasting_s, over
from artifacts.catalog.row import VersionRow
from artifacts.catalog.run import RunState
from artifacts.catalog.usage import RunFacts, Usage, run_key
from artifacts.catalog.version import Link, Version
from artifacts.errors import (
    AliasedError,
    ArtifactNotFoundError,
    ConflictError,
    LostRaceError,
    WrongTypeError,
)
from artifacts.names import (
    HIDDEN,
    LATEST,
    ArtifactName,
    CollectionName,
    DigestName,
)
from artifacts.storage import (
    Address,
    Change,
    Epoch,
    Fold,
    Log,
    Parallel,
    Proposal,
    StoreIdentity,
    UnreachableStore,
    opened,
    place_at,
)

_TRIES = 8  # of finding a collection that others rename, delete and make again meanwhile
_OF_ALIASES = ("aliased", "unaliased")
_SOON_S = 2  # what was asked so long before an upload ended is asked again


@dataclass(frozen=True, slots=True)
class Facts:
    """What a commit says beside its content."""

    aliases: Sequence[str] = ()
    tags: Sequence[str] = ()
    description: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    run: str | None = None
    ttl: int | None = None  # seconds that it lasts, 0 for ever; None for what others say
    distributed: str | None = None  # which meeting of many writers it came of
    created: str | None = None  # when, in another store of which it is a copy


class Catalog(Collections):
    """Any number of threads may commit and resolve; who only reads needs only read access."""

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

    @classmethod
    def offline(cls, address: str | Address, cache: Path, copies: Copies) -> Catalog | None:
        """What this machine knew last of a store that is far away, and has copies of.

        Nothing is asked of the store; what is not here raises StorageError. None for a store of
        this machine.
        """
        found = place_at(address)
        parallel = Parallel.over(found)
        if parallel is None:
            return None
        place = CachedStore(UnreachableStore(found.url), copies)
        catalog = cls(place, access=Access(place, parallel))
        catalog.logs = Logs(place, catalog._access, cache=cache, is_offline=True)
        return catalog

    @property
    def identity(self) -> StoreIdentity:
        """Raises StoreNotFoundError, NotAStoreError."""
        return self._access.identity

    def may_create(self) -> None:
        """From now on the store is made where it is not there."""
        self._access.may_create = True

    def intake(self, cache: Path) -> Intake:
        """Where a new draft's files go, who rely on nothing that is condemned by now."""
        epoch = self.epoch()
        return Intake(self.store, cache, self.identity.id, epoch, sizes=self.identity.chunks)

    def epoch(self, *, is_new: bool = False) -> Epoch:
        """What a writer has to heed who looks at what exists from now on; see Logs.epoch."""
        with self.logs.operation():
            return self.logs.epoch(is_new=is_new)

    def commit(
        self,
        draft: Draft,
        entity: str,
        project: str,
        facts: Facts | None = None,
        *,
        expected: Sequence[Change] = (),
    ) -> Version:
        """The version that has the draft's content: a new one, or the one that had it already.

        Its aliases, and `latest`, are moved to it; changed metadata is recorded. Raises
        InvalidNameError if the collection has another type; LostRaceError if what is `expected`
        of the collection is not so any more; MissingBlobError for what was added so long ago that
        a collector deleted it.
        """
        facts = facts or Facts()
        name = CollectionName(entity, project, draft.name)
        self.begin_writing()
        for _ in range(_TRIES):
            self.logs.foresee(entity, project, draft.name)
            started = time.monotonic()
            content = write_content(self.store, draft)
            changes = [*expected, _committed(content, facts)]
            with self.logs.operation(goes_on=time.monotonic() - started < _SOON_S):
                version = self._append(name, draft.type, changes, content)
            if version is not None:
                return version
            draft.renew(self.epoch(is_new=True))
        raise ConflictError(f"{name.qualified}: garbage is collected all the time; commit again")

    def _append(
        self, name: CollectionName, type_: str, changes: Sequence[Change], content: Content
    ) -> Version | None:
        """None if a collection of garbage began since the content's epoch."""
        for _ in range(_TRIES):
            fold, born = self.logs.ensure(name, type_)
            if fold.state.fence > content.epoch:
                return None
            self._access.check_writing()
            with fold.lock:
                adds, epoch = [content.name, content.layout], content.epoch
                all_ = [*born, *self._expired(name, fold, content.manifest.digest), *changes]
                event = fold.append(Proposal(all_, content.inline, adds=adds, epoch=epoch))
                number = fold.state.outcome
                row = None if number is None else fold.state.version(number)
                if fold.state.surprised == event.number:
                    raise LostRaceError(fold.log.key(event.number))
            if row is not None:
                return Version(self.store, self.logs.name_of(fold, name), fold, row)
            if fold.state.fence > content.epoch:
                return None
        raise ConflictError(f"{name.qualified} keeps being deleted; commit again later")

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

    def _expired(
        self, name: CollectionName, fold: Fold[CollectionState], digest: bytes
    ) -> list[Change]:
        """That the version with this content is over, if it is: the same content is another."""
        number = fold.state.find(digest)
        row = None if number is None else fold.state.version(number)
        is_so = row is not None and is_over(self.logs, name, fold.state, row)
        return [over(fold.state, row)] if row is not None and is_so else []

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

    def link(
        self, version: Version, target: CollectionName, aliases: Sequence[str] = ()
    ) -> Version:
        """The version as a portfolio shows it, which is made if there is none; see `link`.

        Raises InvalidNameError.
        """
        self.begin_writing()
        with self.logs.operation():
            return link(self.logs, version, target, aliases)

    def unlink(self, version: Version) -> None:
        """The portfolio that it was found in shows it no more. Raises InvalidError."""
        self.begin_writing()
        with self.logs.operation():
            unlink(self.logs, version)

    def change(self, version: Version, changes: Sequence[Change]) -> None:
        """Append changes beside a version's content, those of aliases where it was found."""
        self.begin_writing()
        with self.logs.operation():
            self._access.check_writing()
            shown = [each for each in changes if version.link and each["kind"] in _OF_ALIASES]
            if version.link and shown:
                version.link.fold.append(Proposal(shown))
            if own := [each for each in changes if each not in shown]:
                version.collection.append(Proposal(own))
            version.refresh()

    def drop(self, version: Version, *, with_aliases: bool = False) -> None:
        """Delete a version for ever; again does nothing. Raises AliasedError if it has aliases."""
        self.begin_writing()
        with self.logs.operation():
            self._access.check_writing()
            version.refresh()
            spared = None if with_aliases else ()
            drop(version.collection, [version.row.number], spared)
            version.refresh()
        if version.row.dropped is None:
            raise AliasedError(version.qualified_name, version.aliases)

    def prune(self, name: CollectionName, rule: Rule, *, is_dry: bool = False) -> list[VersionRow]:
        """Delete the versions that a rule does not keep, newest first; what is deleted now.

        Raises ArtifactNotFoundError.
        """
        with self.logs.operation():
            fold, _ = self.logs.existing(name)
            return rule.prune(fold, self.logs.clock(), is_dry=is_dry)

    def lasting_s(self, version: Version) -> int | None:
        """Seconds from its creation on, as far as the logs were read; None for ever."""
        name = version.collection_name
        return lasting_s(version.row, version.collection.state.ttl, self.logs.default_ttl(name))

    def run_log(self, entity: str, project: str, run: str) -> Log:
        """The log of a run. Its id follows from its name, so starting one contends with nobody.

        Nothing may be appended to it before `check_writing` returned.
        """
        self.logs.begin_epoch()
        with self.logs.operation():
            return self.logs.run(entity, project, run)

    def run_to_write(self, entity: str, project: str, run: str) -> Fold[RunState]:
        """What the log of a run adds up to, as it is now; nothing, for one that is to begin.

        Nothing may be appended to it before `check_writing` returned.
        """
        self.begin_writing()
        with self.logs.operation():
            listing = self.logs.project_to_write(entity, project)
            return self.logs.run_fold(listing.id, run_key(run)).refresh()

    def run(self, entity: str, project: str, run: str) -> Fold[RunState] | None:
        """As `run_to_write`, for reading; None if there is no such run, or not any more."""
        with self.logs.operation():
            listing = self.logs.all_projects().state.names.get(f"{entity}/{project}")
            if listing is None:
                return None
            fold = self.logs.run_fold(listing.id, run_key(run)).refresh()
            return None if fold.is_empty or fold.state.is_deleted else fold

    @cached_property
    def _usage(self) -> Usage:
        return Usage(self.logs)

    def used_by(self, version: Version) -> list[RunFacts]:
        """Runs that used it, in order of beginning. Raises BrokenLogError, UnknownEventError."""
        with self.logs.operation():
            return self._usage.used_by(version)

    def logged_by(self, version: Version) -> RunFacts | None:
        """The run that its commit names; None if it was logged without one."""
        path = version.row.run
        with self.logs.operation():
            return (self._usage.run(path) or RunFacts(path, state="")) if path else None

    def lineage(
        self, version: Version, *, up: bool = True, down: bool = True, depth: int | None = None
    ) -> Lineage:
        """What it was made from, and what was made from it; see `lineage`."""
        with self.logs.operation():
            return lineage(self.logs, self._usage, version, up=up, down=down, depth=depth)

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


def _committed(content: Content, facts: Facts) -> Change:
    change = {
        "kind": "committed",
        "manifest": str(content.name),
        "layout": str(content.layout),
        "size": content.manifest.size,
        "entries": len(content.manifest),
        "aliases": [*dict.fromkeys((*facts.aliases, LATEST))],
    }
    extra: dict[str, Any] = {"run": facts.run, "tags": [*facts.tags]}
    extra |= {"description": facts.description, "metadata": dict(facts.metadata)}
    extra |= {"distributed": facts.distributed, "created": facts.created}
    change |= {key: value for key, value in extra.items() if value}
    return change if facts.ttl is None else change | {"ttl": facts.ttl}


def _hint(state: CollectionState) -> str:
    """What there is, for somebody who asked for another version."""
    if not len(state.rows):
        return f"{state.name} has no version"
    aliases = f"has the aliases {', '.join(state.aliases)}" if state.aliases else "has no alias"
    return f"{state.name} goes up to v{state.next - 1} and {aliases}"
