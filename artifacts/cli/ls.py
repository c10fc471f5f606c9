"""Ls: the collections of a project, or the versions of a collection."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import click

from artifacts.catalog import Catalog, Version
from artifacts.cli.call import Call
from artifacts.cli.options import command
from artifacts.cli.output import age_text, size_text, table
from artifacts.errors import UsageError
from artifacts.names import CollectionName
from artifacts.storage import now


@command
@click.argument("name", required=False)
@click.option("--all", "is_all", is_flag=True, help="The collections of all projects.")
def ls(call: Call, name: str | None, *, is_all: bool) -> None:
    """List the project's collections; with NAME its versions.

    Versions come newest first.
    """
    if name is None:
        _list_collections(call, is_all=is_all)
    elif is_all:
        raise UsageError("--all lists every collection; leave out the name, or --all")
    else:
        versions = call.session.catalog.versions(call.collection(name))
        call.answer([*map(_version, versions)], _version_lines)


def _list_collections(call: Call, *, is_all: bool) -> None:
    catalog = call.session.catalog
    place = (call.settings.entity, call.settings.project)
    names = _names(catalog, [*catalog.projects()] if is_all else [place])
    found = [data for name in names if (data := _collection(catalog, name, is_all=is_all))]
    call.answer(found, _collection_lines)
    if not found:
        where = "" if is_all else f" {'/'.join(place)} of"
        call.note(f"nothing in{where} {catalog.store.url}; `art ls --all` lists every project")


def _names(catalog: Catalog, places: Sequence[tuple[str, str]]) -> Iterator[CollectionName]:
    for entity, project in places:
        for name, _ in catalog.collections(entity, project):
            yield CollectionName(entity, project, name)


def _collection(catalog: Catalog, name: CollectionName, *, is_all: bool) -> dict[str, Any] | None:
    """None for one that is deleted or still empty."""
    latest = catalog.latest(name)
    if latest is None:
        return None
    return {
        "name": name.qualified if is_all else name.collection,
        "type": latest.type,
        "latest": f"v{latest.row.number}",
        "size": latest.row.size,
        "versions": latest.collection.state.count,
        "created": latest.row.created,
    }


def _version(version: Version) -> dict[str, Any]:
    return {
        "version": f"v{version.row.number}",
        "aliases": version.aliases,
        "size": version.row.size,
        "files": version.row.entries,
        "created": version.row.created,
        "digest": version.digest.hex(),
    }


def _collection_lines(found: Sequence[dict[str, Any]]) -> Iterator[str]:
    if found:
        yield from table(
            ("NAME", "TYPE", "LATEST", ">SIZE", ">VERSIONS", "WHEN"),
            (
                (
                    each["name"],
                    each["type"],
                    each["latest"],
                    size_text(each["size"]),
                    f"{each['versions']:,}",
                    age_text(each["created"], now()),
                )
                for each in found
            ),
        )


def _version_lines(found: Sequence[dict[str, Any]]) -> Iterator[str]:
    return table(
        ("VERSION", "ALIASES", ">SIZE", ">FILES", "WHEN", "DIGEST"),
        (
            (
                each["version"],
                ", ".join(each["aliases"]),
                size_text(each["size"]),
                f"{each['files']:,}",
                age_text(each["created"], now()),
                each["digest"],
            )
            for each in found
        ),
    )
