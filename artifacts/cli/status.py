"""Status: where things are, who says so, and what waits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from artifacts.cli.call import Call
from artifacts.cli.offline import offline_here
from artifacts.cli.options import command
from artifacts.cli.output import count_text, facts, shown, size_text
from artifacts.credentials import Credentials
from artifacts.errors import ArtifactsError
from artifacts.runs import Pending, is_held, left_in
from artifacts.settings import Settings

_SETTINGS = ("store", "entity", "project", "cache_dir", "artifact_dir")


@command
def status(call: Call) -> None:
    """Tell which store, entity and project are meant, and why.

    And which runs of this machine, and offline ones below the working directory, wait to be
    synced, how full its cache is, and whether the store answers.
    """
    settings = call.settings
    kept = Credentials(settings.credentials_path).place_of(settings.store)
    pending = [*Pending.all(settings.cache_dir)]
    waiting = [each for each in pending if not is_held(each.folder)]
    copies = call.session.copies
    data: dict[str, Any] = {
        "settings": [
            {"name": each, "value": str(getattr(settings, each)), "from": settings.sources[each]}
            for each in _SETTINGS
        ]
        + [_offline(settings)],
        "is_there": False,
        "trouble": None,
        "credentials": kept,
        "pending": [*map(_pending, waiting)],
        "cache": {"size": sum(copy.size for copy in copies), "limit": copies.limit},
    }
    try:
        data["is_there"] = bool(call.session.catalog.identity)
    except ArtifactsError as error:
        data["trouble"] = str(error)
    data["pending"] += _found_here(call, pending, asks=data["is_there"])
    call.answer(data, _lines)


def _offline(settings: Settings) -> dict[str, str]:
    """W&B's mode is one of runs; ours of whoever looks a version up in a store far away."""
    of_runs = not settings.offline and settings.mode in ("offline", "dryrun")
    value, source = ("runs only", "mode") if of_runs else (str(settings.offline), "offline")
    return {"name": "offline", "value": value, "from": settings.sources[source]}


def _pending(pending: Pending) -> dict[str, Any]:
    path = f"{pending.entity}/{pending.project}/{pending.run}"
    return {"run": path, "folder": str(pending.folder), "store": pending.store}


def _found_here(call: Call, known: list[Pending], *, asks: bool) -> Iterator[dict[str, Any]]:
    """What `art sync` finds below the working directory, and the store lacks if that is asked."""
    for folder in offline_here(known):
        if is_held(folder):
            continue
        try:
            run = left_in(folder, call.session if asks else None)
        except (ArtifactsError, OSError):
            run = folder.name  # `art sync` tells why
        if run is not None:
            yield {"run": run, "folder": str(folder), "store": call.settings.store}


def _lines(data: Mapping[str, Any]) -> Iterator[str]:
    width = max(len(each["value"]) for each in data["settings"])
    said = {
        each["name"]: f"{each['value'].ljust(width)}  ({each['from']})" for each in data["settings"]
    }
    cache, waiting = data["cache"], count_text(len(data["pending"]), "run")
    yield from facts(
        [
            *said.items(),
            ("credentials", f"kept in {data['credentials']}" if data["credentials"] else ""),
            ("answers", "yes" if data["is_there"] else data["trouble"]),
            ("cache", f"{size_text(cache['size'])} of {size_text(cache['limit'])}"),
            (
                "waiting",
                f"{waiting} of this machine; `art sync` brings them into their stores"
                if data["pending"]
                else "no run of this machine",
            ),
        ]
    )
    yield from (f"  {shown(each['run'])}  {shown(each['folder'])}" for each in data["pending"])
