"""Mirror: collections copied from one store to another, as `art store copy` does it."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import click

from artifacts.catalog import Session
from artifacts.catalog.upkeep.mirror import has_runs, mirror
from artifacts.cli.call import Call
from artifacts.cli.options import command
from artifacts.cli.output import count_text, duration_text, shown, size_text
from artifacts.names import CollectionName, check_folder


@command
@click.argument("source", metavar="SRC")
@click.argument("target", metavar="DST")
@click.option("--only", "names", metavar="NAME", multiple=True, help="A collection; repeatable.")
def copy(call: Call, source: str, target: str, *, names: tuple[str, ...]) -> None:
    """Copy what one store has and another has not.

    Versions keep their numbers, times, aliases and what is said of them; portfolios show what is
    there. DST is made if there is none; a collection of it that has versions of its own under the
    same name is an error. What cannot be copied is told, and stays behind.
    """
    began = time.monotonic()
    source, target = map(_place, (source, target))
    ours = Session(replace(call.settings, store=source))
    found = [*map(call.collection, names)] or [*_collections(ours)]
    copied = [_copy(call, ours, name, target) for name in found]
    data = {
        "source": ours.catalog.store.url,
        "target": target,
        "collections": copied,
        "runs_left": has_runs(ours.catalog),
        "seconds": round(time.monotonic() - began, 3),
    }
    call.tell(data, _lines)


def _place(text: str) -> str:
    return text if "://" in text else os.path.abspath(os.path.expanduser(check_folder(text)))


def _collections(session: Session) -> Iterator[CollectionName]:
    """All of them, then the portfolios, which show what is there."""
    catalog = session.catalog
    for listed in (catalog.collections, catalog.portfolios):
        for entity, project in catalog.projects():
            for name, _ in listed(entity, project):
                yield CollectionName(entity, project, name)


def _copy(call: Call, ours: Session, name: CollectionName, target: str) -> dict[str, Any]:
    there = replace(call.settings, store=target, entity=name.entity, project=name.project)
    done = mirror(ours, name, Session(there))
    told = {"versions": done.versions, "links": done.links, "size": done.size, "left": done.left}
    return {"name": name.qualified, **told}


def _lines(data: Mapping[str, Any]) -> Iterator[str]:
    copied: Sequence[Mapping[str, Any]] = data["collections"]
    for each in copied:
        versions = count_text(each["versions"], "version")
        links = f", {count_text(each['links'], 'link')}" if each["links"] else ""
        yield f"{each['name']}  {versions} copied{links}, {size_text(each['size'])}"
        yield from (f"left behind: {shown(reason)}" for reason in each["left"])
    if data["runs_left"]:
        yield "left behind: runs, and so what used which version; who logged it is told by name"
    took = duration_text(data["seconds"])
    yield f"{shown(data['target'])}  {count_text(len(copied), 'collection')} up to date, {took}"
