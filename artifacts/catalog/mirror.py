"""Mirror: a collection's versions, with their numbers and aliases, in another store."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import dataclass

from artifacts.catalog.catalog import Catalog, Facts
from artifacts.catalog.collection import CollectionState
from artifacts.catalog.draft import Draft
from artifacts.catalog.session import Session
from artifacts.catalog.version import Version
from artifacts.errors import ArtifactNotFoundError, ConflictError
from artifacts.names import CollectionName


@dataclass(frozen=True, slots=True)
class Mirrored:
    """How many versions were new to the other store, and how many bytes their files have."""

    versions: int
    size: int


def mirror(source: Session, name: CollectionName, target: Session) -> Mirrored:
    """The other store has every version that this one has, under the same number and aliases.

    Only versions that it has not are copied, and of their content what it has not. What it has
    of them beyond that stays; times are those of the copying. Raises ArtifactNotFoundError, and
    ConflictError if versions of the same number differ, or if it has more of them.
    """
    fold = source.catalog.collection(name)
    if fold is None:
        raise ArtifactNotFoundError(name.qualified, source.catalog.store.url)
    state, catalog = fold.state, target.writable
    there = catalog.collection(name)
    start = there.state.next if there else 0
    if there is not None:
        _check_same(name, state, there.state, catalog.store.url)
    versions = size = 0
    for number in range(start, state.next):
        row = state.version(number)
        if row is None:
            _skip(target, name, state.type, number)
            continue
        version = Version(source.catalog.store, name, fold, row)
        _copy(source, version, target, number)
        versions, size = versions + 1, size + row.size
    _move_aliases(catalog, name, state)
    return Mirrored(versions, size)


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


def _copy(source: Session, version: Version, target: Session, number: int) -> None:
    row, name = version.row, version.collection_name
    draft = Draft(name.collection, version.type, source.catalog.intake(source.cache))
    draft.adopt(version)
    moved = draft.moved(target.draft(name.collection, version.type))
    facts = Facts(
        tags=row.tags, description=row.description, metadata=row.metadata, run=row.run, ttl=row.ttl
    )
    _expect(target.writable.commit(moved, name.entity, name.project, facts), number)


def _skip(target: Session, name: CollectionName, type_: str, number: int) -> None:
    """A number whose version was deleted stands for nothing there either."""
    draft = target.draft(name.collection, type_)
    draft.add_bytes(secrets.token_bytes(16), "deleted")
    version = target.writable.commit(draft, name.entity, name.project)
    target.writable.drop(version, with_aliases=True)
    _expect(version, number)


def _expect(version: Version, number: int) -> None:
    if version.row.number != number:
        reason = f"{version.qualified_name} should be v{number}: somebody else commits there, too"
        raise ConflictError(reason)


def _move_aliases(catalog: Catalog, name: CollectionName, state: CollectionState) -> None:
    there = catalog.collection(name)
    versions: Iterator[Version] = catalog.versions(name) if there else iter(())
    for version in versions:
        number = version.row.number
        wanted = [each for each in state.aliases_of(number) if each not in version.aliases]
        if wanted:
            changes = [{"kind": "aliased", "version": number, "alias": each} for each in wanted]
            catalog.change(version, changes)
