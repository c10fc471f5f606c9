"""Rm: delete a version, or a collection with all its versions."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from typing import Any

import click

from artifacts.catalog import CollectionState, id_of, showing
from artifacts.cli.arguments import says_version
from artifacts.cli.call import Call
from artifacts.cli.options import command
from artifacts.cli.output import count_text
from artifacts.errors import ArtifactNotFoundError, ConflictError, UsageError
from artifacts.names import CollectionName


@command
@click.argument("name", metavar="NAME[:VERSION]")
@click.option("--delete-aliases", is_flag=True, help="Delete a version that has aliases, too.")
@click.option("--yes", "is_sure", is_flag=True, help="Delete a whole collection without asking.")
def rm(call: Call, name: str, *, delete_aliases: bool, is_sure: bool) -> None:
    """Delete a version, or after a question a whole collection.

    A version that has aliases stays, unless they are to be deleted too. In a portfolio only the
    link goes, and with a portfolio its links. Numbers are never used again; `art gc` frees what
    only deleted versions needed. Links that lead nowhere from then on are told.
    """
    if says_version(name):
        data: dict[str, Any] | None = _version(call, name, with_aliases=delete_aliases)
    else:
        data = _collection(call, name, is_sure=is_sure)
    if data is None:
        call.note("nothing deleted")
    else:
        call.tell(data, _lines)


def _version(call: Call, name: str, *, with_aliases: bool) -> dict[str, Any]:
    version, catalog = call.version(name), call.session.writable
    told = {"name": version.qualified_name, "versions": 0 if version.link else 1}
    if version.link is not None:
        catalog.unlink(version)
        return {**told, "shown_by": []}
    catalog.drop(version, with_aliases=with_aliases)
    return {**told, "shown_by": showing(catalog, [version.id]).get(version.id, [])}


def _collection(call: Call, name: str, *, is_sure: bool) -> dict[str, Any] | None:
    """None if it is not to be deleted after all.

    Raises ConflictError if since the question its name went to another, or it has more in it.
    """
    collection, catalog = call.collection(name), call.session.writable
    fold = catalog.collection(collection)
    if fold is None:
        raise ArtifactNotFoundError(collection.qualified, catalog.store.url)
    if not is_sure:
        known = fold.state.next
        if not _agrees(call, collection.qualified, fold.state):
            return None
        if fold.refresh().state.next != known:
            raise _changed(collection)
    catalog.delete(collection, only=id_of(fold))
    if not fold.refresh().state.is_deleted:
        raise _changed(collection)
    shown = showing(catalog, {f"{id_of(fold)}-{row.number}" for row in fold.state}).values()
    told = {"name": collection.qualified, "versions": fold.state.count}
    return {**told, "shown_by": [each for links in shown for each in links]}


def _changed(name: CollectionName) -> ConflictError:
    return ConflictError(f"{name.qualified} has changed since, and nothing was deleted: ask again")


def _agrees(call: Call, name: str, state: CollectionState) -> bool:
    """Raises UsageError where nobody can be asked."""
    links = sum(1 for _ in state.links())
    what = count_text(links, "link") if state.is_portfolio else count_text(state.count, "version")
    if call.is_json or not sys.stdin.isatty():
        raise UsageError(f"this deletes {name} and its {what}: say --yes, or name a version")
    return click.confirm(f"Delete {name} and its {what}?", err=True)


def _lines(data: Mapping[str, Any]) -> Iterator[str]:
    yield f"{data['name']}  deleted"
    yield from (f"{link}  leads nowhere now" for link in data["shown_by"])
