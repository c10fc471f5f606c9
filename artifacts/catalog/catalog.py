"""Catalog: names to versions, in one store."""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

from artifacts.cache import CachedStore, Copies, Intake, cached
from artifacts.catalog.access import Access
from artifacts.catalog.collection import CollectionState
from artifacts.catalog.commit import Content, Facts, write_content
from artifacts.catalog.draft import Draft
from artifacts.catalog.lineage import Lineage, lineage
from artifacts.catalog.links import link, unlink
from artifacts.catalog.logs import Logs
from artifacts.catalog.retention import Rule, drop, is_over, over
from artifacts.catalog.row import VersionRow
from artifacts.catalog.run import RunState
from artifacts.catalog.usage import RunFacts, Usage, run_key
from artifacts.catalog.version import Version
from artifacts.catalog.versions import Versions
from artifacts.errors import AliasedError, ConflictError, LostRaceError
from artifacts.names import CollectionName
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


class Catalog(Versions):
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
        only: str | None = None,
    ) -> Version:
        """The version that has the draft's content: a new one, or the one that had it already.

        Its aliases, and `latest`, are moved to it; changed metadata is recorded. Raises
        InvalidNameError if the collection has another type; LostRaceError if what is `expected`
        of the collection is not so any more, or if the one of `only` this id is deleted;
        MissingBlobError for what was added so long ago that a collector deleted it.
        """
        facts = facts or Facts()
        name = CollectionName(entity, project, draft.name)
        self.begin_writing()
        for _ in range(_TRIES):
            self.logs.foresee(entity, project, draft.name)
            started = time.monotonic()
            content = write_content(self.store, draft)
            changes = [*expected, facts.committing(content)]
            with self.logs.operation(goes_on=time.monotonic() - started < _SOON_S):
                version = self._append(name, draft.type, changes, content, only)
            if version is not None:
                return version
            draft.renew(self.epoch(is_new=True))
        raise ConflictError(f"{name.qualified}: garbage is collected all the time; commit again")

    def _append(
        self,
        name: CollectionName,
        type_: str,
        changes: Sequence[Change],
        content: Content,
        only: str | None,
    ) -> Version | None:
        """None if a collection of garbage began since the content's epoch."""
        for _ in range(_TRIES):
            if only is None:
                fold, born = self.logs.ensure(name, type_)
            else:
                fold, born = self.logs.going_on(name, type_, only), []
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

    def _expired(
        self, name: CollectionName, fold: Fold[CollectionState], digest: bytes
    ) -> list[Change]:
        """That the version with this content is over, if it is: the same content is another."""
        number = fold.state.find(digest)
        row = None if number is None else fold.state.version(number)
        is_so = row is not None and is_over(self.logs, name, fold.state, row)
        return [over(fold.state, row)] if row is not None and is_so else []

    def link(
        self,
        version: Version,
        target: CollectionName,
        aliases: Sequence[str] = (),
        *,
        deed: str | None = None,
    ) -> Version:
        """The version as a portfolio shows it, which is made if there is none; see `link`.

        Raises InvalidNameError.
        """
        self.begin_writing()
        with self.logs.operation():
            return link(self.logs, version, target, aliases, deed=deed)

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
            aliases = version.collection.state.aliases_of(version.row.number)
            if with_aliases or not aliases:  # but somebody may be giving it one
                spared = None if with_aliases else ()
                drop(version.collection, [version.row.number], spared)
                version.refresh()
        if version.row.dropped is None:
            raise AliasedError(version.qualified_name, aliases or version.aliases)

    def prune(self, name: CollectionName, rule: Rule, *, is_dry: bool = False) -> list[VersionRow]:
        """Delete the versions that a rule does not keep, newest first; what is deleted now.

        Raises ArtifactNotFoundError.
        """
        with self.logs.operation():
            fold, _ = self.logs.existing(name)
            return rule.prune(fold, self.logs.clock(), is_dry=is_dry)

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
