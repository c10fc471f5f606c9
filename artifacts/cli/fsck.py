"""Fsck: look through the whole store, and put back what is found elsewhere."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click

from artifacts.cache import Checked
from artifacts.catalog import Catalog
from artifacts.catalog.upkeep.fsck import Finding
from artifacts.catalog.upkeep.mending import (
    CopiesSource,
    FolderSource,
    Source,
    StoreSource,
    checkup,
)
from artifacts.cli.call import Call
from artifacts.cli.options import command
from artifacts.cli.output import count_text, duration_text, shown, size_text
from artifacts.cli.workers import executor_of, executor_option
from artifacts.errors import UsageError, VerificationError
from artifacts.storage import Address, now, open_store

_CACHE = "cache"


@command
@click.option("--repair-from", "source", metavar="cache|STORE|DIR", help="Put back what is there.")
@click.option("--anew", is_flag=True, help="Read all again, if an earlier check did not end.")
@executor_option
def fsck(call: Call, *, source: str | None, anew: bool, executor: str | None) -> None:
    """Look through the whole store for faults.

    All logs, objects and caches are read. What is missing, damaged or foreign is told with the
    versions and paths that it takes along; orphans and spoiled caches harm nobody. With
    --repair-from what a copy of the store, a folder or this machine's cache has whole is put back.

    Killed or interrupted, and run again within a day, it goes on: what it had found right is not
    read again, all else is.
    """
    began = time.monotonic()
    catalog = call.session.writable if source else call.session.catalog
    where = _source(call, source) if source else None
    checked = _checked(call, catalog, is_anew=anew)
    earlier = {"began": checked.began.isoformat(timespec="seconds"), "right": checked.rows}
    progress = call.progress("check the store")
    with executor_of(executor) as workers, progress:
        found = checkup(catalog, where, progress, executor=workers, checked=checked)
    data = {
        "url": catalog.store.url,
        "objects": found.objects,
        "size": found.size,
        "knows_orphans": found.knows_orphans,
        "findings": [*map(_finding, found.findings)],
        "earlier": earlier if earlier["right"] else None,
        "seconds": round(time.monotonic() - began, 3),
    }
    faults = [each.where for each in found.findings if each.is_fault]
    (call.answer if found.findings else call.tell)(data, _lines)
    if faults:
        raise VerificationError(catalog.store.url, faults)


def _checked(call: Call, catalog: Catalog, *, is_anew: bool) -> Checked:
    checked = Checked(call.session.cache, catalog.identity.id, catalog.store.url, now())
    if is_anew:
        checked.anew(now())
    return checked


def _source(call: Call, text: str) -> Source:
    """Raises UsageError."""
    if text == _CACHE:
        return CopiesSource(call.session.copies)
    if "://" in text or (Path(text) / "store.json").is_file():
        return StoreSource(open_store(Address(text, call.settings.storage_options)))
    if not Path(text).is_dir():
        raise UsageError(f"{text!r} is no folder: give a copy of the store, a folder, or {_CACHE}")
    return FolderSource(Path(text), call.session.catalog)


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "kind": finding.kind,
        "where": finding.where,
        "reason": finding.reason,
        "affected": [*finding.affected],
        "fault": finding.is_fault,
        "repaired": finding.is_repaired,
    }


def _lines(data: Mapping[str, Any]) -> Iterator[str]:
    for each in data["findings"]:
        state = "repaired" if each["repaired"] else each["kind"]
        affected = f" [{', '.join(each['affected'])}]" if each["affected"] else ""
        yield f"{state}: {shown(each['where'])}: {shown(each['reason'])}{shown(affected)}"
    objects, size = count_text(data["objects"], "object"), size_text(data["size"])
    found = Counter("repaired" if each["repaired"] else each["kind"] for each in data["findings"])
    summary = ", ".join(f"{count:,} {kind}" for kind, count in found.items()) or "whole"
    took = duration_text(data["seconds"])
    yield f"{shown(data['url'])}  {summary}; {objects}, {size}, {took}"
    if earlier := data["earlier"]:
        right, began = count_text(earlier["right"], "place"), earlier["began"]
        yield f"{right} not read again, found right by a check from {began} on that did not end"
    if not data["knows_orphans"]:
        yield "orphans cannot be told before the faults above are repaired"
