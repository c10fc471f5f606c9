"""Ls: the collections of a project, or the versions of a collection."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import islice
from typing import Any, TypeAlias

import click

from artifacts.artifact import ASKED, Artifact, Artifacts, Filter, check_filter
from artifacts.catalog import Catalog, CollectionState, Shown, Version
from artifacts.cli.call import Call
from artifacts.cli.first import first_option, most_of, note_more
from artifacts.cli.options import command
from artifacts.cli.output import age_text, size_text, table, time_text
from artifacts.errors import InvalidError, UsageError
from artifacts.names import CollectionName
from artifacts.query import find
from artifacts.storage import Fold, now

Lines: TypeAlias = Callable[[Sequence[dict[str, Any]]], Iterator[str]]


@command
@click.argument("name", required=False)
@click.option("--all", "is_all", is_flag=True, help="The collections of all projects.")
@first_option
@click.option("--where", metavar="JSON", help="Only versions that match, as MongoDB has it.")
def ls(call: Call, name: str | None, *, is_all: bool, first: int | None, where: str | None) -> None:
    """List the project's collections; with NAME its versions.

    Versions come newest first. SIZE is that of the files uncompressed. With --where versions are
    listed that match, of NAME or of the whole project: {"metadata.accuracy": {"$gt": 0.9}}.
    """
    most = most_of(call, first)
    if name is not None and is_all:
        raise UsageError("--all lists every collection; leave out the name, or --all")
    if where is not None:
        if is_all:
            raise UsageError("--where looks through one project; leave out --all")
        _list_found(call, name, _filter_of(where), most)
    elif name is None:
        _list_collections(call, most, is_all=is_all)
    else:
        _list_versions(call, call.collection(name), most)


def _filter_of(text: str) -> Filter:
    try:
        return check_filter(json.loads(text), ASKED)
    except json.JSONDecodeError as error:
        raise InvalidError(f"--where wants a JSON object: {error}") from error


def _list_found(call: Call, name: str | None, wanted: Filter, most: int) -> None:
    session, settings = call.session, call.settings
    found: Iterable[Artifact]
    if name is None:
        found = find(session, settings.entity, settings.project, wanted)
    else:
        found = Artifacts(session, call.collection(name), Artifact.of_version, filters=wanted)
    if not _answer(call, map(_artifact, found), _found_lines, most):
        place = f"in {settings.entity}/{settings.project}"
        where = place if name is None else f"of {call.collection(name).qualified}"
        call.note(f"no version {where} matches")


def _answer(call: Call, found: Iterable[dict[str, Any]], lines: Lines, most: int) -> bool:
    """Whether there is any. Tells if there are more than are listed."""
    left = iter(found)
    listed = [*islice(left, most)] if most else [*left]
    call.answer(listed, lines)
    if most and next(left, None) is not None:
        note_more(call, most, "ls")
    return bool(listed)


def _list_versions(call: Call, name: CollectionName, most: int) -> None:
    catalog = call.session.catalog
    fold = catalog.collection(name)
    if fold is not None and fold.state.is_portfolio:
        _answer(call, map(partial(_link, catalog), catalog.links(name)), _link_lines, most)
    else:
        _answer(call, map(partial(_version, catalog), catalog.versions(name)), _version_lines, most)


def _list_collections(call: Call, most: int, *, is_all: bool) -> None:
    catalog = call.session.catalog
    place = (call.settings.entity, call.settings.project)
    places = [*catalog.projects()] if is_all else [place]
    opened = (each for entity, project in places for each in catalog.each(entity, project))
    told = (_collection(catalog, name, fold, is_all=is_all) for name, fold in opened)
    found = (data for data in told if data)
    if not _answer(call, found, _collection_lines, most):
        where = "" if is_all else f" {'/'.join(place)} of"
        call.note(f"nothing in{where} {catalog.store.url}; `art ls --all` lists every project")


def _collection(
    catalog: Catalog, name: CollectionName, fold: Fold[CollectionState], *, is_all: bool
) -> dict[str, Any] | None:
    """None for one that has no version."""
    called = {"name": name.qualified if is_all else name.collection, "type": fold.state.type}
    if fold.state.is_portfolio:
        links = [*catalog.links(name)]
        return called | _newest(next((each.version for each in links if each.version), None), links)
    latest = catalog.newest(name, fold)
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


def _link(catalog: Catalog, link: Shown) -> dict[str, Any]:
    version = link.version
    return {
        "version": f"v{link.row.number}",
        "aliases": [*link.aliases],
        "source": version.source_qualified_name if version else None,
        "size": version.row.size if version else None,
        "linked": link.row.created,
        "expires": time_text(catalog.end_of(version)) if version else None,
        "digest": link.row.digest.hex(),
    }


def _version(catalog: Catalog, version: Version) -> dict[str, Any]:
    return {
        "version": f"v{version.number}",
        "aliases": version.aliases,
        "size": version.row.size,
        "files": version.row.entries,
        "created": version.row.created,
        "expires": time_text(catalog.end_of(version)),
        "digest": version.digest.hex(),
    }


def _artifact(found: Artifact) -> dict[str, Any]:
    return {
        "name": found.name,
        "type": found.type,
        "aliases": found.aliases,
        "tags": found.tags,
        "size": found.size,
        "created": found.created_at,
        "metadata": found.metadata,
        "digest": found.digest,
    }


def _found_lines(found: Sequence[dict[str, Any]]) -> Iterator[str]:
    return table(
        ("NAME", "TYPE", "ALIASES", "TAGS", ">SIZE", "WHEN"),
        (
            (
                each["name"],
                each["type"],
                ", ".join(each["aliases"]),
                ", ".join(each["tags"]),
                size_text(each["size"]),
                age_text(each["created"], now()),
            )
            for each in found
        ),
    )


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
    heads = _expires_heads(found)
    return table(
        ("VERSION", "ALIASES", ">SIZE", ">FILES", "WHEN", *heads, "DIGEST"),
        (
            (
                each["version"],
                ", ".join(each["aliases"]),
                size_text(each["size"]),
                f"{each['files']:,}",
                age_text(each["created"], now()),
                *([each["expires"] or ""] if heads else []),
                each["digest"],
            )
            for each in found
        ),
    )


def _link_lines(found: Sequence[dict[str, Any]]) -> Iterator[str]:
    heads = _expires_heads(found)
    return table(
        ("VERSION", "ALIASES", "SHOWS", ">SIZE", "LINKED", *heads, "DIGEST"),
        (
            (
                each["version"],
                ", ".join(each["aliases"]),
                each["source"] or "what was deleted",
                size_text(each["size"]),
                age_text(each["linked"], now()),
                *([each["expires"] or ""] if heads else []),
                each["digest"],
            )
            for each in found
        ),
    )


def _expires_heads(found: Sequence[dict[str, Any]]) -> list[str]:
    """The head of one more column, if any of them ever ends."""
    return ["EXPIRES"] if any(each["expires"] for each in found) else []
