"""Logs: those that names lead to, found and made, and what is known of them from before."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from threading import RLock
from typing import Any, TypeVar

from artifacts.catalog.access import Access
from artifacts.catalog.collection import CollectionState, id_of
from artifacts.catalog.directory import DirectoryState, Listing
from artifacts.catalog.generations import LOG, Generations
from artifacts.catalog.run import RunState
from artifacts.errors import ArtifactNotFoundError, ConflictError, InvalidNameError, LostRaceError
from artifacts.names import CollectionName
from artifacts.storage import (
    Change,
    Clock,
    Epoch,
    Fold,
    Log,
    MachineHeads,
    ObjectStore,
    PerProcess,
    Proposal,
    State,
    now,
)

S = TypeVar("S", bound=State)
_RUN = re.compile(r"logs/run/([0-9a-f]{32})/([0-9a-f]{32})/").match
_TRIES = 8  # of adding to a directory while collections of garbage begin


class Logs:
    """Each is folded once, and from then on only its end is read.

    Where the store is far away, all that can be foreseen is asked for at once; what `cache` knows
    of the store from before serves to foresee, and is compared with what the store says.
    """

    def __init__(
        self,
        store: ObjectStore,
        access: Access,
        clock: Clock = now,
        *,
        cache: Path | None = None,
        has_checkpoints: bool = True,
        is_offline: bool = False,
    ) -> None:
        """Offline, nothing is asked: what the machine knew last is all there is."""
        self.store = store
        self.access = access
        self.is_offline = is_offline
        self.parallel = None if is_offline else access.parallel
        self.clock = clock
        self._has_checkpoints = has_checkpoints
        is_known = cache is not None and (self.parallel is not None or is_offline)
        self._machine = MachineHeads(cache, store.url) if cache and is_known else None
        self._lock = PerProcess(RLock)
        self._begun: list[Fold[Any]] = []
        self.projects = self._fold_of("directory/root", DirectoryState)
        self.generations = self._fold_of(LOG, Generations)
        self._knows_epoch = False
        self._directories: dict[str, Fold[DirectoryState]] = {}
        self._collections: dict[str, Fold[CollectionState]] = {}
        self._runs: dict[str, Fold[RunState]] = {}

    @contextmanager
    def operation(self, *, goes_on: bool = False) -> Iterator[None]:
        """One at a time. What was asked before it, or for it and in vain, is no answer."""
        with self._lock.mine:
            if not goes_on:
                self._forget()
            try:
                yield
            finally:
                self._forget()

    def foresee(self, entity: str, project: str, collection: str) -> None:
        """Have under way what a later operation that `goes_on` will want."""
        with self._lock.mine:
            self._forget()
            self._begin(entity, project, collection)

    def collection(self, name: CollectionName, version: str = "") -> Fold[CollectionState] | None:
        """As it is now; None if there is none. Somebody will want `version` of it."""
        directory = self.project(name.entity, name.project, name.collection, version)
        listing = directory.state.names.get(name.collection) if directory else None
        if listing is None:
            return None
        foresee = partial(self._begin, name.entity, name.project, name.collection, version)
        fold = self.fold(listing.id).refresh(foresee)
        return None if fold.state.is_deleted or not fold.state.name else fold

    def guess(self, name: CollectionName) -> Fold[CollectionState] | None:
        """As far as is known without asking; None if nothing is."""
        project = self.projects.guess.names.get(f"{name.entity}/{name.project}")
        directory = self.directory(project.id).guess if project else DirectoryState()
        listing = directory.names.get(name.collection)
        return self.fold(listing.id) if listing else None

    def existing(self, name: CollectionName) -> tuple[Fold[CollectionState], Fold[DirectoryState]]:
        """A collection to be changed, and the directory that lists it.

        Raises ArtifactNotFoundError.
        """
        self.access.begin_writing()
        fold = self.collection(name)
        directory = self.project(name.entity, name.project)
        if fold is None or directory is None:
            raise ArtifactNotFoundError(name.qualified, self.store.url)
        self.access.check_writing()
        return fold, directory

    def ensure(
        self, name: CollectionName, type_: str, *, is_portfolio: bool = False
    ) -> tuple[Fold[CollectionState], Sequence[Change]]:
        """The collection's log, and what its first event must begin with if it has none yet.

        Raises InvalidNameError if it has another type, or is a portfolio and should be none.
        """
        project, directory = self._ensure_project(name.entity, name.project, name.collection)
        listing = directory.state.names.get(name.collection)
        fold = self.fold(listing.id).refresh() if listing else None
        if listing is None or fold is None or fold.state.is_deleted:
            closed = (listing.id, fold.state.next) if listing and fold else None
            wanted = Listing(secrets.token_hex(16), type_, is_portfolio)
            listing = self._list(directory, name.collection, wanted, closed, project.epoch)
            fold = self.fold(listing.id)
            fold = fold.first() if listing.id == wanted.id else fold.refresh()
        _check_kind(name, fold.state.type or listing.type, type_)
        _check_is(name, listing, is_portfolio=is_portfolio)
        if fold.state.name:
            return fold, []
        first = self._first(directory, name.collection)
        born = {"kind": "created", "name": name.collection, "type": type_, "first": first}
        begun = born | ({"portfolio": True} if is_portfolio else {})
        return fold, [*_fence(fold.state.fence, listing.epoch), begun]

    def going_on(self, name: CollectionName, type_: str, id_: str) -> Fold[CollectionState]:
        """The log of a collection that was found just now.

        Raises LostRaceError if it is deleted, InvalidNameError if it has another type.
        """
        fold = self.fold(id_).refresh()
        if fold.state.is_deleted:
            raise LostRaceError(fold.log.key(0))
        _check_kind(name, fold.state.type, type_)
        return fold

    def name_of(self, fold: Fold[CollectionState], name: CollectionName) -> CollectionName:
        """What a collection is called that was found by a name, and may have left it since."""
        if fold.state.name == name.collection:
            return name
        directory = self.project(name.entity, name.project)
        now = directory.state.name_of(id_of(fold), name.collection) if directory else None
        return CollectionName(name.entity, name.project, now) if now else name

    def project(
        self, entity: str, project: str, collection: str = "", version: str = ""
    ) -> Fold[DirectoryState] | None:
        """Its directory as it is now; None if there is none."""
        foresee = partial(self._begin, entity, project, collection, version)
        foresee()
        self._check_identity()
        listing = self.projects.refresh(foresee).state.names.get(f"{entity}/{project}")
        return self.directory(listing.id).refresh(foresee) if listing else None

    def default_ttl(self, name: CollectionName) -> int | None:
        """What a project said of its versions when it was read last."""
        listing = self.projects.state.names.get(f"{name.entity}/{name.project}")
        return self.directory(listing.id).state.ttl if listing else None

    def all_projects(self) -> Fold[DirectoryState]:
        """The directory of projects as it is now."""
        self._start(self.projects)
        self._check_identity()
        return self.projects.refresh()

    def make_project(self, entity: str, project: str) -> None:
        """One that is there stays as it is."""
        self._ensure_project(entity, project)

    def project_to_write(self, entity: str, project: str) -> Listing:
        """A project that is made if there is none."""
        return self._ensure_project(entity, project)[0]

    def run(self, entity: str, project: str, run: str) -> Log:
        """The log of a run; its project is made if there is none.

        A project keeps its id, so one that is known is not asked for again.
        """
        listing = self.projects.state.names.get(f"{entity}/{project}")
        if listing is None:
            self._begin(entity, project)
            listing, _ = self._ensure_project(entity, project)
        return Log(self.store, f"run/{listing.id}/{run}", self.clock, self.parallel)

    def run_fold(self, project: str, run: str) -> Fold[RunState]:
        """Of a run, by the project's id and the run's key; as it was read last."""
        name = f"run/{project}/{run}"
        if name not in self._runs:
            self._runs[name] = self._fold_of(name, RunState)
        return self._runs[name]

    def run_folds(self) -> Iterator[Fold[RunState]]:
        """Of all runs of all projects, none of them read again."""
        found = {match[0]: match for key in self.store.list("logs/run/") if (match := _RUN(key))}
        for match in found.values():
            yield self._fold_of(f"run/{match[1]}/{match[2]}", RunState)

    def begin_epoch(self) -> None:
        """Have under way what `epoch` will want, where that pays."""
        if not self._knows_epoch:
            self.generations.begin()

    def epoch(self, *, is_new: bool = False) -> Epoch:
        """What a writer has to heed who looks at what exists from now on.

        Where asking takes long it may be what was true before, unless it is to be new: whoever
        heeds too little is refused by a fence, and asks again.
        """
        if is_new or self.parallel is None or not self._knows_epoch:
            self.begin_epoch()
            self._check_identity()
            self.generations.refresh()
            self._knows_epoch = True
        return self.generations.state.known(self.store)

    def directory(self, id_: str) -> Fold[DirectoryState]:
        """As it was read last."""
        if id_ not in self._directories:
            self._directories[id_] = self._fold_of(f"directory/{id_}", DirectoryState)
        return self._directories[id_]

    def fold(self, id_: str) -> Fold[CollectionState]:
        """Of a collection, as it was read last."""
        if id_ not in self._collections:
            self._collections[id_] = self._fold_of(f"collection/{id_}", CollectionState)
        return self._collections[id_]

    def is_deleted(self, listing: Listing) -> bool:
        """Whether it is still listed only because its deleter died, or has not ended yet."""
        return listing.is_closing and self.fold(listing.id).refresh().state.is_deleted

    def settle_name(self, fold: Fold[CollectionState], directory: Fold[DirectoryState]) -> None:
        """The log says the name that the directory decided on, whoever renames it meanwhile."""
        while now := directory.refresh().state.name_of(id_of(fold), fold.state.name):
            if fold.refresh().state.name == now:
                return
            fold.append(Proposal([{"kind": "renamed", "name": now}]))

    def settle_type(self, fold: Fold[CollectionState], directory: Fold[DirectoryState]) -> None:
        """The directory lists the type that the log says, whoever changes it meanwhile."""
        id_ = id_of(fold)
        while name := directory.refresh().state.name_of(id_, fold.refresh().state.name):
            type_ = fold.state.type
            if directory.state.names[name].type == type_:
                return
            change = {"kind": "retyped", "name": name, "id": id_, "type": type_}
            directory.append(Proposal([change]))

    def _list(
        self,
        directory: Fold[DirectoryState],
        name: str,
        wanted: Listing,
        closed: tuple[str, int] | None,
        epoch: int,
    ) -> Listing:
        """In a directory that was itself added at an epoch."""
        kind = "opened" if wanted.is_portfolio else "added"
        change: dict[str, Any] = {"kind": kind, "name": name, "id": wanted.id, "type": wanted.type}
        if closed is not None:
            change |= {"replaces": closed[0], "next": closed[1]}
        return self._add(directory, change, epoch)

    def _add(self, directory: Fold[DirectoryState], change: Change, epoch: int = 0) -> Listing:
        """What the name stands for then: this, or what another added first.

        Raises ConflictError if collections of garbage begin one after the other.
        """
        self.access.check_writing()
        for _ in range(_TRIES):
            now, state = self.generations.state.epoch, directory.state
            directory.append(Proposal([*_fence(state.fence, epoch), change], epoch=now))
            there = directory.state.names.get(change["name"])
            if there is not None and there.id != change.get("replaces"):
                return there
            self.generations.refresh()
        raise ConflictError(
            f"{change['name']} cannot be made while garbage is collected; try again"
        )

    def _first(self, directory: Fold[DirectoryState], name: str) -> int:
        """The number that a new collection of that name begins with.

        Whoever had the name before knows it best, once its log says that it has another.
        """
        floor = directory.state.floors.get(name)
        if floor is None:
            return 0
        before = self.fold(floor.id).refresh()
        now = directory.state.name_of(floor.id)
        if now is not None and before.state.name == name:  # its renamer died, or is as far as we
            self.access.check_writing()
            before.append(Proposal([{"kind": "renamed", "name": now}]))
        return max(floor.number, before.state.left.get(name, 0))

    def _ensure_project(
        self, entity: str, project: str, collection: str = ""
    ) -> tuple[Listing, Fold[DirectoryState]]:
        directory = self.project(entity, project, collection)
        name = f"{entity}/{project}"
        if directory is None:
            change = {"kind": "added", "name": name, "id": secrets.token_hex(16)}
            listing = self._add(self.projects, change)
            directory = self.directory(listing.id)
            directory = directory.first() if listing.id == change["id"] else directory.refresh()
        return self.projects.state.names[name], directory

    def _check_identity(self) -> None:
        """What is no store, or is in another format, says nothing."""
        if self.parallel is not None:
            _ = self.access.identity

    def _begin(self, entity: str, project: str, collection: str = "", version: str = "") -> None:
        """Have under way what these names lead to, as far as can be guessed."""
        if self.parallel is None:
            return
        self._start(self.projects)
        if there := self.projects.guess.names.get(f"{entity}/{project}"):
            directory = self._start(self.directory(there.id))
            if listing := directory.guess.names.get(collection):
                fold = self._start(self.fold(listing.id))
                fold.guess.expect(version, fold.log)

    def _start(self, fold: Fold[S]) -> Fold[S]:
        if fold not in self._begun:
            self._begun.append(fold)
            fold.begin()
        return fold

    def _forget(self) -> None:
        for fold in self._begun:
            fold.forget()
        self._begun.clear()

    def _fold_of(self, name: str, kind: type[S]) -> Fold[S]:
        log = Log(self.store, name, self.clock, self.parallel)
        return Fold(
            log,
            kind,
            machine=self._machine,
            has_checkpoints=self._has_checkpoints,
            is_offline=self.is_offline,
        )


def _fence(there: int, wanted: int) -> list[Change]:
    """What the first event of a log begins with, so that no earlier epoch counts in it."""
    return [{"kind": "fenced", "epoch": wanted}] if there < wanted else []


def _check_kind(name: CollectionName, type_: str, wanted: str) -> None:
    if type_ != wanted:
        reason = f"already exists with type {type_!r}, not {wanted!r}"
        raise InvalidNameError(name.qualified, reason)


def _check_is(name: CollectionName, listing: Listing, *, is_portfolio: bool) -> None:
    if listing.is_portfolio and not is_portfolio:
        reason = "it is a portfolio, which shows what is logged elsewhere: log under another name"
        raise InvalidNameError(name.qualified, reason)
    if is_portfolio and not listing.is_portfolio:
        reason = "versions are logged to it, so it is no portfolio: link to another name"
        raise InvalidNameError(name.qualified, reason)
