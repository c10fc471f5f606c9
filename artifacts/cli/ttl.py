"""Ttl: how long versions last, and from when on they last otherwise."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

import click

from artifacts.catalog import FOR_EVER
from artifacts.cli.arguments import age, says_version
from artifacts.cli.call import Call
from artifacts.cli.options import command
from artifacts.cli.output import shown, time_text
from artifacts.errors import ArtifactNotFoundError

_NEVER, _INHERIT = "never", "inherit"


def _ttl(text: str) -> int | None:
    """Seconds as events write them. Raises click's BadParameter."""
    if text == _INHERIT:
        return None
    seconds = FOR_EVER if text == _NEVER else int(age(text).total_seconds())
    if text != _NEVER and not seconds:
        raise click.BadParameter(
            f"{text!r} is no time to live; `never` lets versions last for ever"
        )
    return seconds


@command
@click.argument("name", metavar="[NAME[:VERSION]]", required=False)
@click.option(
    "--set", "value", metavar="AGE", help="From creation on, like 30d; or `never`, or `inherit`."
)
def ttl(call: Call, name: str | None, *, value: str | None) -> None:
    """Tell or set how long versions last.

    That of a version counts before its collection's, and that before the project's, which is
    meant without NAME. When the time is over the version is gone; `art gc` frees what it needed.
    """
    seconds = _ttl(value) if value is not None else None
    if name is None:
        data = _of_project(call, seconds, is_set=value is not None)
    elif says_version(name):
        data = _of_version(call, name, seconds, is_set=value is not None)
    else:
        data = _of_collection(call, name, seconds, is_set=value is not None)
    call.answer(data, _lines)


def _of_project(call: Call, seconds: int | None, *, is_set: bool) -> dict[str, Any]:
    entity, project = call.settings.entity, call.settings.project
    catalog = call.session.catalog
    if is_set:
        catalog.retain(entity, project, seconds)
    return {"name": f"{entity}/{project}", "ttl": catalog.retained(entity, project)}


def _of_collection(call: Call, name: str, seconds: int | None, *, is_set: bool) -> dict[str, Any]:
    collection, catalog = call.collection(name), call.session.catalog
    if is_set:
        catalog.retain(collection.entity, collection.project, seconds, collection.collection)
    if (fold := catalog.collection(collection)) is None:
        raise ArtifactNotFoundError(collection.qualified, catalog.store.url)
    return {"name": collection.qualified, "ttl": fold.state.ttl}


def _of_version(call: Call, name: str, seconds: int | None, *, is_set: bool) -> dict[str, Any]:
    version, catalog = call.version(name), call.session.catalog
    if is_set:
        change = {"kind": "updated", "version": version.row.number, "ttl": seconds}
        catalog.change(version, [change])
    expires = time_text(catalog.end_of(version))
    return {"name": version.qualified_name, "ttl": version.row.ttl, "expires": expires}


def _lines(data: Mapping[str, Any]) -> Iterator[str]:
    seconds = data["ttl"]
    if seconds is None:
        lasts = "as long as what it is in says, or for ever"
    else:
        lasts = str(timedelta(seconds=seconds)) if seconds else "for ever"
    until = f"; until {data['expires']}" if data.get("expires") else ""
    yield f"{shown(data['name'])}  {lasts}{until}"
