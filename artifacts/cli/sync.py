"""Sync: what runs logged on this machine and their store has not got."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import click
from msgspec import Struct

from artifacts.catalog import Session, Version
from artifacts.cli.call import Call
from artifacts.cli.offline import offline_here
from artifacts.cli.options import command
from artifacts.cli.output import count_text, shown, size_text
from artifacts.errors import ArtifactsError, UsageError
from artifacts.progress import Progress
from artifacts.runs import Pending, Synced, folders_below, settle
from artifacts.runs import sync as sync_folder

_SHOWN = 3  # folders that are named


class _Waiting(Struct, frozen=True):
    """What a run's folder holds, and how it gets into its store."""

    folder: Path
    store: str
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
    with call.progress("sync runs") as progress:
        for each in _given(call, paths) if paths else _waiting(call):
            try:
                synced = each.deliver(progress)
                told.append(_told(each, synced))
                failed += synced.brought.left if synced else ()
            except (ArtifactsError, OSError) as error:
                failed.append(error)
                told.append(_told(each, None) | {"state": "failed", "error": str(error)})
            progress.advance(0)
    call.tell(told, partial(_lines, store=call.settings.store))
    _note_what_stays(call, told)
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
    known = []
    for pending in Pending.all(call.settings.cache_dir):
        known.append(pending)
        session = Session(replace(call.settings, store=pending.store))
        yield _Waiting(pending.folder, pending.store, partial(_settled, session, pending))
    yield from (_of(call, folder) for folder in offline_here(known))


def _settled(session: Session, pending: Pending, _progress: Progress) -> Synced | None:
    return settle(session, pending)


def _of(call: Call, folder: Path) -> _Waiting:
    return _Waiting(folder, call.settings.store, partial(sync_folder, call.session, folder))


def _told(waiting: _Waiting, synced: Synced | None) -> dict[str, Any]:
    told: dict[str, Any] = {"folder": str(waiting.folder), "store": waiting.store}
    told["error"] = None
    if synced is None:
        nothing = {"missed": [], "artifacts": [], "stays": True, "links": 0, "left": []}
        return told | {"run": None, "state": "running", "records": 0, **nothing}
    brought = synced.brought
    state = "synced" if synced.records or brought.deeds else "there"
    left = [str(error) for error in brought.left]
    if left:
        told["error"], state = left[0], "incomplete"
    told |= {"run": synced.path, "state": state, "records": synced.records}
    told |= {"missed": [*synced.missed], "artifacts": [*map(_artifact, brought.versions)]}
    told["stays"] = next(folders_below(waiting.folder), None) is not None
    return told | {"links": brought.links, "left": left}


def _artifact(version: Version) -> dict[str, Any]:
    told = {"name": version.qualified_name, "type": version.type}
    return told | {"digest": version.digest.hex(), "size": version.row.size}


def _note_what_stays(call: Call, told: Sequence[Mapping[str, Any]]) -> None:
    """Of what is in its store, and which nobody but its user may delete."""
    folders = _dispensable(told)
    if not folders:
        return
    count = count_text(len(folders), "folder")
    listed = " ".join(_quoted(_from_here(folder)) for folder in folders[:_SHOWN])
    call.note(
        f"{count} of runs {'stays' if len(folders) == 1 else 'stay'}, though what was logged is in "
        f"the store; where nobody needs them: rm -r -- {listed}"
    )
    if len(folders) > _SHOWN:
        call.note(f"and {len(folders) - _SHOWN} more")


def _dispensable(told: Sequence[Mapping[str, Any]]) -> list[Path]:
    """Folders of runs that are in their stores, as are all runs below; without those in others."""
    done = [each for each in told if each["state"] in ("synced", "there") and not each["missed"]]
    folders = {Path(each["folder"]).resolve(): each for each in done}
    whole = {
        folder: Path(each["folder"])
        for folder, each in folders.items()
        if each["stays"] and all(below.resolve() in folders for below in folders_below(folder))
    }
    return [path for folder, path in whole.items() if whole.keys().isdisjoint(folder.parents)]


def _from_here(folder: Path) -> str:
    whole, here = Path(os.path.abspath(folder)), Path.cwd()
    return str(whole.relative_to(here) if here in whole.parents else whole)


def _quoted(path: str) -> str:
    """For a shell, with escapes of bytes where it would garble a terminal."""
    if path.isprintable():
        return shlex.quote(path)
    return "$'" + "".join(f"\\{byte:03o}" for byte in os.fsencode(path)) + "'"


def _lines(told: Sequence[Mapping[str, Any]], store: str) -> Iterator[str]:
    """Of runs that went to another store than this, with its name."""
    there = 0
    for each in told:
        if each["state"] == "there" and each["store"] == store and not each["missed"]:
            there += 1
            continue
        yield f"{shown(each['run'] or each['folder'])}  {_outcome(each, store)}"
        for artifact in each["artifacts"]:
            yield f"  {shown(artifact['name'])}  {size_text(artifact['size'])}"
        yield from (f"  not synced: {shown(reason)}" for reason in each["left"])
        for path in each["missed"]:
            yield f"  {shown(path)} is not there any more, and not stored"
    if there:
        yield f"{count_text(there, 'run')} {'was' if there == 1 else 'were'} in the store already"
    if not told:
        yield "nothing waits to be synced"


def _outcome(told: Mapping[str, Any], store: str) -> str:
    """What became of one run."""
    match told["state"]:
        case "synced" | "incomplete":
            place = "" if told["store"] == store else f" to {shown(told['store'])}"
            return f"{_counts(told)} synced{place}"
        case "running":
            return "its process is alive, and delivers it itself"
        case "there":
            return f"all of it was in {shown(told['store'])} already"
    return f"not synced: {told['error']}"


def _counts(told: Mapping[str, Any]) -> str:
    """6 records, 2 artifacts, 1 link."""
    counts = [count_text(told["records"], "record")]
    for noun, count in (("artifact", len(told["artifacts"])), ("link", told["links"])):
        counts += [count_text(count, noun)] if count else []
    return ", ".join(counts)
