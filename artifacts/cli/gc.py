"""Gc: delete from the store what no version needs any more."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

import click

from artifacts.catalog.upkeep.gc import GRACE, collect
from artifacts.cli.arguments import age
from artifacts.cli.call import Call
from artifacts.cli.options import command
from artifacts.cli.output import count_text, duration_text, shown, size_text, time_text


@command
@click.option(
    "--grace",
    metavar="AGE",
    type=age,
    default=f"{GRACE.days}d",
    help="How old garbage has to be, and how long readers of it have.",
)
@click.option("--dry-run", "is_dry", is_flag=True, help="Only tell what would be done.")
def gc(call: Call, *, grace: timedelta, is_dry: bool) -> None:
    """Delete what no version needs any more, while others work.

    Versions whose time is over are deleted first. What is unneeded and older than AGE is
    condemned, and deleted by a run that comes AGE later; with --grace 0 by this one.
    """
    began = time.monotonic()
    catalog = call.session.catalog
    with call.progress("collect garbage") as progress:
        done = collect(catalog, grace, progress, is_dry=is_dry)
    data = {
        "url": catalog.store.url,
        "is_dry": is_dry,
        "versions": done.versions,
        "expired": done.expired,
        "objects": done.freed.objects,
        "freed": done.freed.size,
        "condemned": {
            "objects": done.condemned.objects,
            "size": done.condemned.size,
            "due": time_text(done.due),
        },
        "waiting": {
            "objects": done.waiting.objects,
            "size": done.waiting.size,
            "due": time_text(done.ripe),
        },
        "caches": done.caches,
        "seconds": round(time.monotonic() - began, 3),
    }
    call.tell(data, _lines)


def _lines(data: Mapping[str, Any]) -> Iterator[str]:
    would = "would be " if data["is_dry"] else ""
    for name in data["expired"]:
        yield f"{shown(name)}  its time is over, {would}deleted"
    objects, size = count_text(data["objects"], "object"), size_text(data["freed"])
    versions, took = count_text(data["versions"], "version"), duration_text(data["seconds"])
    yield f"{data['url']}  {objects} of {size} {would}freed, {versions} looked through, {took}"
    for fact, what in (
        ("condemned", f"{would}condemned, to be deleted by a run after"),
        ("waiting", "unneeded, to be condemned by a run after"),
    ):
        waits = data[fact]
        if waits["objects"]:
            count, size = count_text(waits["objects"], "object"), size_text(waits["size"])
            yield f"  {count} of {size} {what} {waits['due']}"
