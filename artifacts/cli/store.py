"""Store: the place itself, and how much lies in it."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import click

from artifacts.catalog import Catalog
from artifacts.catalog.upkeep.reindex import reindex
from artifacts.catalog.upkeep.repack import BELOW
from artifacts.catalog.upkeep.repack import repack as repack_store
from artifacts.cli.call import Call
from artifacts.cli.mirror import copy
from artifacts.cli.options import command, shared_options
from artifacts.cli.output import count_text, duration_text, facts, shown, size_text, table
from artifacts.cli.workers import executor_of, executor_option
from artifacts.errors import ObjectNotFoundError, VerificationError
from artifacts.names import CollectionName
from artifacts.progress import Progress
from artifacts.storage import ObjectStore


@click.group(params=shared_options(), no_args_is_help=False)
def store() -> None:
    """Look after the store itself."""


@command
def info(call: Call) -> None:
    """Tell where the store is, what is in it, and how many bytes.

    STORED is what lies there, where content is compressed and nothing lies twice.
    """
    catalog = call.session.catalog
    with call.progress("list the store") as progress:
        objects = _objects(catalog.store, progress)
    data = {
        "url": catalog.store.url,
        "id": catalog.identity.id,
        "format": catalog.identity.format,
        **_names(catalog),
        "objects": objects,
    }
    call.answer(data, _lines)


@command
@click.option(
    "--below",
    metavar="SHARE",
    type=click.FloatRange(0, 1),
    default=BELOW,
    help="Of a blob's bytes: with less in use it is repacked.",
)
@click.option("--dry-run", "is_dry", is_flag=True, help="Only tell what would be done.")
@executor_option
def repack(call: Call, *, below: float, is_dry: bool, executor: str | None) -> None:
    """Copy what is in use of blobs that are mostly not.

    Versions keep their digests and are read and committed meanwhile. Nothing is deleted: the old
    blobs are for a collector.
    """
    began = time.monotonic()
    catalog = call.session.catalog
    progress = call.progress("repack")
    with executor_of(executor) as workers, progress:
        done = repack_store(catalog, below, progress, executor=workers, is_dry=is_dry)
    data = {
        "url": catalog.store.url,
        "is_dry": is_dry,
        "blobs": done.blobs,
        "size": done.size,
        "live": done.live,
        "packs": done.packs,
        "versions": done.versions,
        "problems": done.problems,
        "seconds": round(time.monotonic() - began, 3),
    }
    _tell(call, data, _repacked)


@command
@executor_option
def index(call: Call, *, executor: str | None) -> None:
    """Make anew by what known content is found again.

    Whatever was lost of the index, or of the lists of chunks, is there afterwards.
    """
    began = time.monotonic()
    catalog = call.session.catalog
    progress = call.progress("index the store")
    with executor_of(executor) as workers, progress:
        done = reindex(catalog, progress, executor=workers)
    data = {
        "url": catalog.store.url,
        "rows": done.rows,
        "lists": done.lists,
        "problems": done.problems,
        "seconds": round(time.monotonic() - began, 3),
    }
    _tell(call, data, _indexed)


for each in (info, repack, index, copy):
    store.add_command(each)


def _tell(
    call: Call, data: dict[str, Any], lines: Callable[[Mapping[str, Any]], Iterable[str]]
) -> None:
    """Raises VerificationError if damage was found on the way, once it is told."""
    call.tell(data, lines)
    if data["problems"]:
        if not call.is_json:
            call.answer(data["problems"], lambda problems: map(shown, problems))
        raise VerificationError(data["url"], data["problems"])


def _repacked(data: Mapping[str, Any]) -> Iterator[str]:
    blobs, size, live = (
        count_text(data["blobs"], "blob"),
        *map(size_text, (data["size"], data["live"])),
    )
    would = "would be copied" if data["is_dry"] else "copied"
    yield f"{data['url']}  {blobs} of {size}, of which {live} are in use and {would}"
    if not data["is_dry"]:
        packs, versions = count_text(data["packs"], "pack"), count_text(data["versions"], "version")
        yield f"  {packs}, {versions} moved, {duration_text(data['seconds'])}"


def _indexed(data: Mapping[str, Any]) -> Iterator[str]:
    rows, lists = count_text(data["rows"], "row"), count_text(data["lists"], "list")
    took = duration_text(data["seconds"])
    yield f"{data['url']}  {rows}, {lists} of chunks made anew, {took}"


def _names(catalog: Catalog) -> dict[str, int]:
    projects = [*catalog.projects()]
    lengths = [
        collection.state.count
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
        ("KIND", ">OBJECTS", ">STORED"),
        ((each["kind"], f"{each['count']:,}", size_text(each["size"])) for each in everything),
    )


def _total(objects: list[dict[str, Any]]) -> dict[str, Any]:
    count, size = (sum(each[fact] for each in objects) for fact in ("count", "size"))
    return {"kind": "in all", "count": count, "size": size}
