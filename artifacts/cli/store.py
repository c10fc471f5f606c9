"""Store: the place itself, and how much lies in it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import click

from artifacts.catalog import Catalog
from artifacts.cli.call import Call
from artifacts.cli.options import command, shared_options
from artifacts.cli.output import facts, size_text, table
from artifacts.errors import ObjectNotFoundError
from artifacts.names import CollectionName
from artifacts.progress import Progress
from artifacts.storage import ObjectStore


@click.group(params=shared_options(), no_args_is_help=False)
def store() -> None:
    """Look after the store itself."""


@command
def info(call: Call) -> None:
    """Tell where the store is, what is in it, and how many bytes."""
    catalog = call.session.catalog
    with call.session.progress("list the store") as progress:
        objects = _objects(catalog.store, progress)
    data = {
        "url": catalog.store.url,
        "id": catalog.identity.id,
        "format": catalog.identity.format,
        **_names(catalog),
        "objects": objects,
    }
    call.answer(data, _lines)


store.add_command(info)


def _names(catalog: Catalog) -> dict[str, int]:
    projects = [*catalog.projects()]
    lengths = [
        len(collection.state.rows)
        for entity, project in projects
        for name, _ in catalog.collections(entity, project)
        if (collection := catalog.collection(CollectionName(entity, project, name)))
    ]
    return {"projects": len(projects), "collections": len(lengths), "versions": sum(lengths)}


def _objects(store: ObjectStore, progress: Progress) -> list[dict[str, Any]]:
    """Number and bytes of the stored objects by kind, which is their key's first part."""
    counts: Counter[str] = Counter()
    sizes: Counter[str] = Counter()
    for key in store.list():
        try:
            size = store.size(key)
        except ObjectNotFoundError:
            continue  # deleted since it was listed
        kind = key.partition("/")[0]
        counts[kind] += 1
        sizes[kind] += size
        progress.advance(size)
    return [{"kind": kind, "count": counts[kind], "size": sizes[kind]} for kind in sorted(counts)]


def _lines(data: Mapping[str, Any]) -> Iterator[str]:
    words = ("url", "id", "format", "projects", "collections", "versions")
    yield from facts((word, f"{data[word]}") for word in words)
    yield ""
    everything = [*data["objects"], _total(data["objects"])]
    yield from table(
        ("KIND", ">OBJECTS", ">SIZE"),
        ((each["kind"], f"{each['count']:,}", size_text(each["size"])) for each in everything),
    )


def _total(objects: list[dict[str, Any]]) -> dict[str, Any]:
    count, size = (sum(each[fact] for each in objects) for fact in ("count", "size"))
    return {"kind": "in all", "count": count, "size": size}
