"""Relinking: what a portfolio shows is shown in another store's, under the same numbers."""

from __future__ import annotations

import secrets
from collections.abc import Mapping

from artifacts.catalog.catalog import Catalog
from artifacts.catalog.collection import CollectionState
from artifacts.catalog.links import follow, link
from artifacts.catalog.retelling import moves
from artifacts.catalog.row import LinkRow
from artifacts.catalog.version import Link, Version
from artifacts.errors import ArtifactNotFoundError
from artifacts.names import CollectionName
from artifacts.storage import Fold, Proposal


def relink(
    source: Catalog, name: CollectionName, fold: Fold[CollectionState], target: Catalog
) -> tuple[int, list[str]]:
    """How many links are new there, and what could not be linked, or not as it is here.

    Only what is in the other store is linked there. Numbers are the same, unless links of later
    numbers are there already; so are aliases.
    """
    count, left = 0, []
    links = _links(target, name)
    rows: list[LinkRow] = sorted(fold.state.links(), key=lambda row: row.number)
    for row in rows:
        shown = f"{name.qualified}:v{row.number}"
        version = _twin(source, Link(name, fold, row), target)
        if version is None:
            left.append(f"{shown}: the version that it shows is not in {target.store.url}")
            continue
        there = version.shown_by(links[version.id]) if version.id in links else None
        if there is None:
            there = _linked(target, name, version, row.number, fold.state.type)
            count += 1
            if there.number != row.number:
                left.append(f"{shown}: is v{there.number} there, as that number was passed")
        if changes := moves(fold.state.aliases_of(row.number), there.aliases, there.number):
            target.change(there, changes)
    return count, left


def _twin(source: Catalog, link: Link, target: Catalog) -> Version | None:
    """What a link leads to, in the other store."""
    try:
        version = follow(source.logs, link)
    except ArtifactNotFoundError:
        return None
    fold = target.collection(version.collection_name)
    row = fold.state.version(version.row.number) if fold else None
    if fold is None or row is None or row.digest != version.digest:
        return None
    return Version(target.store, version.collection_name, fold, row)


def _links(target: Catalog, name: CollectionName) -> Mapping[str, Link]:
    """What the portfolio shows there, by the ids of versions."""
    fold = target.collection(name)
    rows = fold.state.links() if fold else ()
    return {f"{row.collection}-{row.version}": Link(name, fold, row) for row in rows if fold}


def _linked(
    target: Catalog, name: CollectionName, version: Version, number: int, type_: str
) -> Version:
    """Under that number, if it is free yet; the portfolio's type is older than the version's."""
    target.begin_writing()
    with target.logs.operation():
        _leave_out(target, name, version, number, type_)
        return link(target.logs, version, name, (), type_)


def _leave_out(
    target: Catalog, name: CollectionName, version: Version, number: int, type_: str
) -> None:
    """Numbers up to that one, of links that are gone or cannot be there, stand for nothing."""
    fold, born = target.logs.ensure(name, type_, is_portfolio=True)
    target.check_writing()
    with fold.lock:
        while (free := born[-1]["first"] if born else fold.state.next) < number:
            nothing = {"collection": secrets.token_hex(16), "version": 0, "aliases": []}
            where = {"project": f"{name.entity}/{name.project}", "digest": version.digest.hex()}
            fold.append(Proposal([*born, {"kind": "linked", **nothing, **where}]))
            if fold.state.outcome is not None:
                gone = {"kind": "unlinked", "version": fold.state.outcome}
                fold.append(Proposal([gone]))
            born = ()
            if fold.state.next == free:
                return  # it was deleted meanwhile
