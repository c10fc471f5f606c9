"""Rm: delete a version, or a collection with all its versions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import click

from artifacts.catalog import id_of, showing
from artifacts.cli.arguments import says_version
from artifacts.cli.call import Call
from artifacts.cli.options import command
from artifacts.errors import ArtifactNotFoundError


@command
@click.argument("name", metavar="NAME[:VERSION]")
@click.option("--delete-aliases", is_flag=True, help="Delete a version that has aliases, too.")
def rm(call: Call, name: str, *, delete_aliases: bool) -> None:
    """Delete a version, or a whole collection.

    A version that has aliases stays, unless they are to be deleted too. In a portfolio only the
    link goes, and with a portfolio its links. Numbers are never used again; `art gc` frees what
    only deleted versions needed. Links that lead nowhere from then on are told.
    """
    is_version = says_version(name)
    data = _version(call, name, delete_aliases) if is_version else _collection(call, name)
    call.tell(data, _lines)


def _version(call: Call, name: str, with_aliases: bool) -> dict[str, Any]:  # noqa: FBT001
    version, catalog = call.version(name), call.session.writable
    told = {"name": version.qualified_name, "versions": 0 if version.link else 1}
    if version.link is not None:
        catalog.unlink(version)
        return {**told, "shown_by": []}
    catalog.drop(version, with_aliases=with_aliases)
    return {**told, "shown_by": showing(catalog, [version.id]).get(version.id, [])}


def _collection(call: Call, name: str) -> dict[str, Any]:
    collection, catalog = call.collection(name), call.session.writable
    fold = catalog.collection(collection)
    if fold is None:
        raise ArtifactNotFoundError(collection.qualified, catalog.store.url)
    ids = {f"{id_of(fold)}-{row.number}" for row in fold.state}
    told = {"name": collection.qualified, "versions": fold.state.count}
    catalog.delete(collection)
    shown = showing(catalog, ids).values()
    return {**told, "shown_by": [each for links in shown for each in links]}


def _lines(data: Mapping[str, Any]) -> Iterator[str]:
    yield f"{data['name']}  deleted"
    yield from (f"{link}  leads nowhere now" for link in data["shown_by"])
