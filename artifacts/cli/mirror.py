"""Mirror: collections copied from one store to another, as `art store copy` does it."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import click

from artifacts.catalog import Session, mirror
from artifacts.cli.call import Call
from artifacts.cli.options import command
from artifacts.cli.output import count_text, duration_text, shown, size_text
from artifacts.names import CollectionName


@command
@click.argument("source", metavar="SRC")
@click.argument("target", metavar="DST")
@click.option("--only", "names", metavar="NAME", multiple=True, help="A collection; repeatable.")
def copy(call: Call, source: str, target: str, *, names: tuple[str, ...]) -> None:
    """Copy what one store has and another has not.

    Versions keep their numbers and aliases. DST is made if there is none; a collection of it that
    has versions of its own under the same name is an error.
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
        "seconds": round(time.monotonic() - began, 3),
    }
    call.tell(data, _lines)


def _place(text: str) -> str:
    return text if "://" in text else os.path.abspath(os.path.expanduser(text))


def _collections(session: Session) -> Iterator[CollectionName]:
    for entity, project in session.catalog.projects():
        for name, _ in session.catalog.collections(entity, project):
            yield CollectionName(entity, project, name)


def _copy(call: Call, ours: Session, name: CollectionName, target: str) -> dict[str, Any]:
    there = replace(call.settings, store=target, entity=name.entity, project=name.project)
    done = mirror(ours, name, Session(there))
    return {"name": name.qualified, "versions": done.versions, "size": done.size}


def _lines(data: Mapping[str, Any]) -> Iterator[str]:
    copied: Sequence[Mapping[str, Any]] = data["collections"]
    for each in copied:
        versions = count_text(each["versions"], "version")
        yield f"{each['name']}  {versions} copied, {size_text(each['size'])}"
    took = duration_text(data["seconds"])
    yield f"{shown(data['target'])}  {count_text(len(copied), 'collection')} up to date, {took}"
