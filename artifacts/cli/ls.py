"""Ls: the collections of a project, or the versions of a collection."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import click

from artifacts.catalog import Catalog, Shown, Version
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
        _list_versions(call, call.collection(name))


def _list_versions(call: Call, name: CollectionName) -> None:
    catalog = call.session.catalog
    fold = catalog.collection(name)
    if fold is not None and fold.state.is_portfolio:
        call.answer([*map(_link, catalog.links(name))], _link_lines)
    else:
        call.answer([*map(_version, catalog.versions(name))], _version_lines)


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
        listed = [*catalog.collections(entity, project), *catalog.portfolios(entity, project)]
        for name, _ in sorted(listed):
            yield CollectionName(entity, project, name)


def _collection(catalog: Catalog, name: CollectionName, *, is_all: bool) -> dict[str, Any] | None:
    """None for one that is deleted or still empty."""
    fold = catalog.collection(name)
    if fold is None or not fold.state.name:
        return None
    called = {"name": name.qualified if is_all else name.collection, "type": fold.state.type}
    if fold.state.is_portfolio:
        links = [*catalog.links(name)]
        return called | _newest(next((each.version for each in links if each.version), None), links)
    latest = catalog.latest(name)
    return called | _newest(latest, range(fold.state.count)) if latest else None


def _newest(latest: Version | None, versions: Sequence[object]) -> dict[str, Any]:
    """Of a portfolio there may be none that its links lead to."""
    return {
        "latest": f"v{latest.number}" if latest else None,
        "size": latest.row.size if latest else None,
        "versions": len(versions),
        "created": latest.row.created if latest else None,
        "portfolio": latest is None or latest.link is not None,
    }


def _link(link: Shown) -> dict[str, Any]:
    version = link.version
    return {
        "version": f"v{link.row.number}",
        "aliases": [*link.aliases],
        "source": version.source_qualified_name if version else None,
        "size": version.row.size if version else None,
        "linked": link.row.created,
        "digest": link.row.digest.hex(),
    }


def _version(version: Version) -> dict[str, Any]:
    return {
        "version": f"v{version.number}",
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
                    each["latest"] or "",
                    size_text(each["size"]),
                    f"{each['versions']:,}",
                    age_text(each["created"] or "", now()),
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


def _link_lines(found: Sequence[dict[str, Any]]) -> Iterator[str]:
    return table(
        ("VERSION", "ALIASES", "SHOWS", ">SIZE", "LINKED", "DIGEST"),
        (
            (
                each["version"],
                ", ".join(each["aliases"]),
                each["source"] or "what was deleted",
                size_text(each["size"]),
                age_text(each["linked"], now()),
                each["digest"],
            )
            for each in found
        ),
    )
