"""Handover: versions of an offline store become versions of the store that they were made for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial

from msgspec import Struct
from msgspec.structs import replace

from artifacts.catalog.catalog import Catalog
from artifacts.catalog.collection import CollectionState, id_of
from artifacts.catalog.commit import Facts
from artifacts.catalog.distributed import Distributed, closing_part, facts_of_part
from artifacts.catalog.draft import Draft
from artifacts.catalog.incremental import commit_over_latest
from artifacts.catalog.retelling import news
from artifacts.catalog.session import Session
from artifacts.catalog.version import Version
from artifacts.errors import InvalidNameError
from artifacts.names import LATEST, CollectionName
from artifacts.progress import Progress, Silent
from artifacts.storage import Fold


class Meeting(Struct, frozen=True):
    """What many writers put together: its collection and type, and what they call it."""

    name: str
    type: str
    id: str


class OfflineLink(Struct, frozen=True):
    """A version that a portfolio of the offline store shows."""

    id: str  # of the portfolio's log, and the link's number
    version: str  # its id
    portfolio: CollectionName
    aliases: tuple[str, ...]


class Handover:
    """From one session's store to another's, within their one project, under numbers of its own.

    What is said of a version is what was said of it last. Content that is there is not read. What
    has a `deed` is done once, also if nobody knows whether it was, and others moved on since.
    """

    def __init__(self, source: Session, target: Session, progress: Progress | None = None) -> None:
        self.twins: dict[str, str] = {}
        """Ids of versions there, by those that they have here."""
        self._source, self._target = source, target
        self._progress = progress or Silent()

    def name_of(self, id_: str) -> str | None:
        """What a version's collection is called; None for a version that was deleted here."""
        version = find_version(self._source, id_)
        return version.collection_name.collection if version else None

    def log(self, id_: str, deed: str | None = None) -> Version | None:
        """The version there that has the content; None for one that was deleted here, or since.

        What was laid over the latest version here is laid over the latest there. Raises
        InvalidNameError if its name has another type there, or is a portfolio's.
        """
        version = find_version(self._source, id_)
        if version is None:
            return None
        there = self._collection(version.collection_name.collection, version.type)
        return self._once(id_, there, deed, partial(self._committed, version, deed))

    def upsert(self, id_: str, meeting: Meeting, deed: str | None = None) -> None:
        """Add to what many put together there. Raises as `log`."""
        part = _any_version(self._source, id_)
        if part is None:
            return
        distributed = self._distributed(meeting)
        distributed.settle()
        if deed not in _deeds(self._collection(meeting.name, meeting.type)):
            draft = self._moved(part, meeting.name, meeting.type)
            distributed.upsert(draft, replace(facts_of_part(part.row), deed=deed))

    def finish(self, id_: str, meeting: Meeting, deed: str | None = None) -> Version | None:
        """The version there that all came to, whoever added to it; None as of `log`.

        Raises as `log`.
        """
        version = find_version(self._source, id_)
        part = closing_part(self._source.catalog.logs, version) if version else None
        if version is None or part is None:
            return None
        self._distributed(meeting).settle()
        there = self._collection(meeting.name, meeting.type)
        finish = partial(self._finished, version, part, meeting, deed)
        return self._once(id_, there, deed, finish)

    def link(
        self,
        version: Version,
        portfolio: CollectionName,
        aliases: tuple[str, ...],
        deed: str | None = None,
    ) -> None:
        """Show a version of the store that is handed over to."""
        if deed not in _deeds(self._target.catalog.collection(portfolio)):
            self._target.writable.link(version, portfolio, aliases, deed=deed)

    def logged(self, run: str) -> Iterator[str]:
        """Ids of the versions here that a run logged, in order within each collection."""
        settings, catalog = self._source.settings, self._source.catalog
        for _, fold in catalog.each(settings.entity, settings.project):
            rows = sorted(fold.state, key=lambda row: row.number)
            yield from (f"{id_of(fold)}-{row.number}" for row in rows if row.run == run)

    def shown(self) -> Iterator[OfflineLink]:
        """What portfolios show here, each in the order in which it came to."""
        catalog = self._source.catalog
        for portfolio in catalog.all_portfolios():
            if (fold := catalog.collection(portfolio)) is None:
                continue
            for each in reversed([*catalog.links(portfolio)]):
                if each.version is not None:
                    id_ = f"{id_of(fold)}-{each.row.number}"
                    yield OfflineLink(id_, each.version.id, portfolio, tuple(each.aliases))

    def _once(
        self,
        id_: str,
        there: Fold[CollectionState] | None,
        deed: str | None,
        make: Callable[[], Version],
    ) -> Version | None:
        """What it makes; if the deed is done, what that made, or None if it was deleted since."""
        if there is None or deed not in there.state.deeds:
            made = make()
        elif (row := there.state.version(there.state.deeds[deed])) is not None:
            made = Version(there.log.store, self._place(there.state.name), there, row)
        else:
            return None
        self.twins[id_] = made.id
        return made

    def _committed(self, version: Version, deed: str | None) -> Version:
        place = version.collection_name
        draft = self._moved(version, place.collection, version.type)
        commit = commit_over_latest if self._is_incremental(version) else Catalog.commit
        facts = replace(Facts.of(version.row, version.aliases), deed=deed)
        return commit(self._target.writable, draft, place.entity, place.project, facts)

    def _finished(
        self, version: Version, part: Version, meeting: Meeting, deed: str | None
    ) -> Version:
        """Of one that is as it was made, only aliases are told: the rest its writers said."""
        is_as_made = version.row.updated == version.row.created
        facts = Facts.of(version.row, version.aliases)
        if is_as_made:
            facts = replace(facts_of_part(part.row), aliases=version.aliases)
        draft = self._moved(part, meeting.name, meeting.type)
        made = self._distributed(meeting).finish(draft, replace(facts, deed=deed))
        changes = news(version.row, version.aliases, made)  # if it was finished before
        if is_as_made:
            changes = [each for each in changes if each["kind"] == "aliased"]
        if changes:
            self._target.writable.change(made, changes)
        return made

    def _moved(self, version: Version, name: str, type_: str) -> Draft:
        """In the other store, without what a version had that it was laid over."""
        draft = self._draft(version)
        if self._is_incremental(version) and (base := self._base(version)) is not None:
            before = self._draft(base).rows
            draft.rows = {path: row for path, row in draft.rows.items() if row != before.get(path)}
        return draft.moved(self._target.draft(name, type_), self.twins, self._progress)

    def _place(self, name: str) -> CollectionName:
        settings = self._target.settings
        return CollectionName(settings.entity, settings.project, name)

    def _collection(self, name: str, type_: str) -> Fold[CollectionState] | None:
        """That of the other store, if there is one. Raises InvalidNameError if it is another's."""
        place, catalog = self._place(name), self._target.writable
        there = catalog.collection(place)
        if there is None or (there.state.type == type_ and not there.state.is_portfolio):
            return there
        kind = "portfolio" if there.state.is_portfolio else "collection"
        found = f"a {kind} of type {there.state.type!r}"
        reason = f"is {found} in {catalog.store.url}, and was logged offline with type {type_!r}"
        raise InvalidNameError(place.qualified, f"{reason}: rename it there, and sync again")

    def _draft(self, version: Version) -> Draft:
        intake = self._source.catalog.intake(self._source.cache)
        draft = Draft(version.collection_name.collection, version.type, intake)
        draft.adopt(version)
        return draft

    def _distributed(self, meeting: Meeting) -> Distributed:
        return Distributed(self._target, meeting.name, meeting.type, meeting.id)

    def _is_incremental(self, version: Version) -> bool:
        return self._expected(version) is not None

    def _base(self, version: Version) -> Version | None:
        """What it was laid over."""
        number = self._expected(version)
        row = None if number is None else version.collection.state.known(number)
        home = version.collection_name
        return Version(version.store, home, version.collection, row) if row else None

    def _expected(self, version: Version) -> int | None:
        """Number of the version that it was laid over, -1 if none was there; None if it was not."""
        changes = version.collection.log.read(version.row.event).changes
        is_distributed = any("distributed" in each for each in changes)
        for each in changes:
            if each["kind"] == "expected" and each["alias"] == LATEST and not is_distributed:
                return int(each.get("version", -1))
        return None


def find_version(session: Session, id_: str) -> Version | None:
    """A version by its id, of a collection of the session's project; None if it was deleted."""
    version = _any_version(session, id_)
    return None if version is None or version.collection.state.is_deleted else version


def _deeds(there: Fold[CollectionState] | None) -> Mapping[str, int]:
    """What was done there, with the number of what it made."""
    return {} if there is None else there.state.deeds


def _any_version(session: Session, id_: str) -> Version | None:
    """Also of a collection that was deleted, as those are in which writers met."""
    collection, _, number = id_.rpartition("-")
    settings, catalog = session.settings, session.catalog
    with catalog.logs.operation():
        fold = catalog.logs.fold(collection).refresh()
        row = fold.state.version(int(number))
        if row is None:
            return None
        found = CollectionName(settings.entity, settings.project, fold.state.name)
        return Version(catalog.store, catalog.logs.name_of(fold, found), fold, row)
