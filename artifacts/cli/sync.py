"""Sync: what runs logged on this machine and their store has not got."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import click

from artifacts.catalog import Session, Version
from artifacts.cli.call import Call
from artifacts.cli.options import command
from artifacts.cli.output import count_text, shown, size_text
from artifacts.errors import ArtifactsError, UsageError
from artifacts.progress import Progress
from artifacts.runs import Pending, Synced, folders_below, settle
from artifacts.runs import sync as sync_folder


@dataclass(frozen=True, slots=True)
class _Waiting:
    """What a run's folder holds, and how it gets into its store."""

    folder: Path
    deliver: Callable[[Progress], Synced | None]


@command
@click.argument("paths", metavar="[PATH…]", nargs=-1)
def sync(call: Call, paths: tuple[str, ...]) -> None:
    """Bring what runs logged on this machine into their store.

    PATH is a run's folder, or one above. Without it all that killed processes of this machine
    left is delivered, each to its own store, and offline runs below the working directory, with
    the artifacts that they logged, used and linked. Again, or after an interrupt, each row is there
    once, and nothing that is there is uploaded. An artifact whose name is of another type there is
    told, and left for the next time.
    """
    told: list[dict[str, Any]] = []
    failed: list[Exception] = []
    with call.session.progress("sync runs") as progress:
        for each in _given(call, paths) if paths else _waiting(call):
            try:
                synced = each.deliver(progress)
                told.append(_told(each, synced))
                failed += synced.brought.left if synced else ()
            except (ArtifactsError, OSError) as error:
                failed.append(error)
                told.append(_told(each, None) | {"state": "failed", "error": str(error)})
            progress.advance(0)
    call.tell(told, _lines)
    if failed:
        raise failed[0]


def _given(call: Call, paths: tuple[str, ...]) -> Iterator[_Waiting]:
    """Raises UsageError for a path without a run."""
    for text in paths:
        path = Path(text)
        folders = [*folders_below(path)] if path.is_dir() else []
        if path.is_file() and ".wandb" in path.suffixes:
            folders = [path.parent]
        if not folders:
            raise UsageError(f"{text} has no run to be synced: no file run-<id>.wandb is there")
        yield from (_of(call, folder) for folder in folders)


def _waiting(call: Call) -> Iterator[_Waiting]:
    """What this machine knows to wait, then what is found here."""
    known: set[Path] = set()
    for pending in Pending.all(call.settings.cache_dir):
        with suppress(OSError):
            known.add(pending.folder.resolve())
        session = Session(replace(call.settings, store=pending.store))
        yield _Waiting(pending.folder, partial(_settled, session, pending))
    for folder in folders_below(Path.cwd()):
        if folder.resolve() not in known:
            yield _of(call, folder)


def _settled(session: Session, pending: Pending, _progress: Progress) -> Synced | None:
    return settle(session, pending)


def _of(call: Call, folder: Path) -> _Waiting:
    return _Waiting(folder, partial(sync_folder, call.session, folder))


def _told(waiting: _Waiting, synced: Synced | None) -> dict[str, Any]:
    told: dict[str, Any] = {"folder": str(waiting.folder), "error": None}
    if synced is None:
        nothing = {"missed": [], "artifacts": [], "links": 0, "left": []}
        return told | {"run": None, "state": "running", "records": 0, **nothing}
    brought = synced.brought
    state = "synced" if synced.records or brought.deeds else "there"
    left = [str(error) for error in brought.left]
    if left:
        told["error"], state = left[0], "incomplete"
    told |= {"run": synced.path, "state": state, "records": synced.records}
    told |= {"missed": [*synced.missed], "artifacts": [*map(_artifact, brought.versions)]}
    return told | {"links": brought.links, "left": left}


def _artifact(version: Version) -> dict[str, Any]:
    told = {"name": version.qualified_name, "type": version.type}
    return told | {"digest": version.digest.hex(), "size": version.row.size}


_WORDS = {
    "running": "its process is alive, and delivers it itself",
    "there": "all of it was in the store already",
}


def _lines(told: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for each in told:
        name = shown(each["run"] or each["folder"])
        if each["state"] in ("synced", "incomplete"):
            yield f"{name}  {_counts(each)} synced"
        else:
            failed = f"not synced: {each['error']}"
            yield f"{name}  {_WORDS.get(each['state'], failed)}"
        for artifact in each["artifacts"]:
            yield f"  {shown(artifact['name'])}  {size_text(artifact['size'])}"
        yield from (f"  not synced: {shown(reason)}" for reason in each["left"])
        for path in each["missed"]:
            yield f"  {shown(path)} is not there any more, and not stored"
    if not told:
        yield "nothing waits to be synced"


def _counts(told: Mapping[str, Any]) -> str:
    """6 records, 2 artifacts, 1 link."""
    counts = [count_text(told["records"], "record")]
    for noun, count in (("artifact", len(told["artifacts"])), ("link", told["links"])):
        counts += [count_text(count, noun)] if count else []
    return ", ".join(counts)
