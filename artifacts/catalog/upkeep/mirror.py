"""Mirror: collections and portfolios, with numbers, aliases and what is said, in another store."""

from __future__ import annotations

import secrets

from msgspec import Struct, field

from artifacts.catalog.catalog import Catalog
from artifacts.catalog.collection import CollectionState
from artifacts.catalog.commit import Facts
from artifacts.catalog.draft import Draft
from artifacts.catalog.others import is_of_others
from artifacts.catalog.retelling import news
from artifacts.catalog.retention import is_over
from artifacts.catalog.row import VersionRow
from artifacts.catalog.session import Session
from artifacts.catalog.upkeep.relinking import relink
from artifacts.catalog.version import Version
from artifacts.errors import ArtifactNotFoundError, ConflictError
from artifacts.names import CollectionName
from artifacts.storage import Fold


class Mirrored(Struct):
    """How many versions or links were new to the other store, and the bytes of their files."""

    versions: int = 0
    links: int = 0
    size: int = 0
    left: list[str] = field(default_factory=list)
    """What could not be copied, and why."""


def mirror(source: Session, name: CollectionName, target: Session) -> Mirrored:
    """The other store has every version that this one has, and all that is said of them.

    Numbers, times of creation, aliases, tags, descriptions, metadata and times to live are the
    same there, as are the collection's own; of a portfolio, links to what is there too. Only what
    it has not is copied, and what it has beyond that stays. Raises ArtifactNotFoundError, and
    ConflictError if versions of the same number differ, or if it has more of them.
    """
    fold = source.catalog.collection(name)
    if fold is None:
        raise ArtifactNotFoundError(name.qualified, source.catalog.store.url)
    done = Mirrored()
    if fold.state.is_portfolio:
        done.links, done.left = relink(source.catalog, name, fold, target.writable)
    else:
        _copy_versions(source, name, fold, target, done)
    _tell_of_collection(source.catalog, name, fold.state, target.writable)
    return done


def has_runs(catalog: Catalog) -> bool:
    """Whether there are logs of runs, which are not copied."""
    return next(iter(catalog.store.list("logs/run/")), None) is not None


def _copy_versions(
    source: Session,
    name: CollectionName,
    fold: Fold[CollectionState],
    target: Session,
    done: Mirrored,
) -> None:
    state, catalog = fold.state, target.writable
    there = catalog.collection(name)
    start = there.state.next if there else 0
    if there is not None:
        _check_same(name, state, there.state, catalog.store.url)
        if there.state.type != state.type:
            catalog.retype(name, state.type)
    for number in range(start, state.next):
        row = state.version(number)
        if row is None or is_over(source.catalog.logs, name, state, row):
            _skip(target, name, state.type, number)
            continue
        draft = _draft(source, Version(source.catalog.store, name, fold, row))
        if others := [
            path for path, each in draft.rows.items() if each[2] and is_of_others(each[2])
        ]:
            reason = f"{others[0]} refers to an artifact of this store, and no other"
            done.left.append(f"{name.qualified}:v{number}: {reason}")
            _skip(target, name, state.type, number)
            continue
        _commit(draft, row, target, name)
        done.versions, done.size = done.versions + 1, done.size + row.size
    _tell_of_versions(catalog, name, state)


def _check_same(
    name: CollectionName, ours: CollectionState, theirs: CollectionState, url: str
) -> None:
    """Raises ConflictError."""
    if theirs.next > ours.next:
        reason = f"{name.qualified} has versions of its own in {url}: rename one of the two"
        raise ConflictError(reason)
    for number in range(theirs.first, theirs.next):
        mine, other = ours.version(number), theirs.version(number)
        if mine and other and mine.digest != other.digest:
            reason = f"{name.qualified}:v{number} is something else in {url}: rename one of the two"
            raise ConflictError(reason)


def _draft(source: Session, version: Version) -> Draft:
    name = version.collection_name.collection
    draft = Draft(name, version.type, source.catalog.intake(source.cache))
    draft.adopt(version)
    return draft


def _commit(draft: Draft, row: VersionRow, target: Session, name: CollectionName) -> None:
    moved = draft.moved(target.draft(name.collection, draft.type))
    facts = Facts.of(row, created=row.created)
    _expect(target.writable.commit(moved, name.entity, name.project, facts), row.number)


def _skip(target: Session, name: CollectionName, type_: str, number: int) -> None:
    """A number whose version is gone, or cannot be there, stands for nothing there either."""
    draft = target.draft(name.collection, type_)
    draft.add_bytes(secrets.token_bytes(16), "deleted")
    version = target.writable.commit(draft, name.entity, name.project)
    target.writable.drop(version, with_aliases=True)
    _expect(version, number)


def _expect(version: Version, number: int) -> None:
    if version.row.number != number:
        reason = f"{version.qualified_name} should be v{number}: somebody else commits there, too"
        raise ConflictError(reason)


def _tell_of_versions(catalog: Catalog, name: CollectionName, state: CollectionState) -> None:
    """What is said of each is said there too."""
    there = catalog.collection(name)
    for version in catalog.versions(name) if there else ():
        number = version.row.number
        row = state.version(number)
        if row is not None and (changes := news(row, state.aliases_of(number), version)):
            catalog.change(version, changes)


def _tell_of_collection(
    ours: Catalog, name: CollectionName, state: CollectionState, catalog: Catalog
) -> None:
    """What is said of it as a whole, and of its project, where that says nothing itself."""
    there = catalog.collection(name)
    if there is None:
        return
    if state.description and state.description != there.state.description:
        catalog.describe(name, state.description)
    if tags := [tag for tag in state.tags if tag not in there.state.tags]:
        catalog.label(name, tags)
    if state.ttl not in (None, there.state.ttl):
        catalog.retain(name.entity, name.project, state.ttl, name.collection)
    default = ours.retained(name.entity, name.project)
    if default is not None and catalog.retained(name.entity, name.project) is None:
        catalog.retain(name.entity, name.project, default)
