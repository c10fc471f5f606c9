"""Status: where things are, who says so, and what waits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from artifacts.cli.call import Call
from artifacts.cli.options import command
from artifacts.cli.output import count_text, facts, shown, size_text
from artifacts.credentials import Credentials
from artifacts.errors import ArtifactsError
from artifacts.runs import Pending, is_held

_SETTINGS = ("store", "entity", "project", "cache_dir", "artifact_dir", "offline")


@command
def status(call: Call) -> None:
    """Tell which store, entity and project are meant, and why.

    And which runs of this machine wait to be synced, how full its cache is, and whether the store
    answers.
    """
    settings = call.settings
    kept = Credentials(settings.credentials_path).place_of(settings.store)
    pending = [*Pending.all(settings.cache_dir)]
    copies = call.session.copies
    data = {
        "settings": [
            {"name": each, "value": str(getattr(settings, each)), "from": settings.sources[each]}
            for each in _SETTINGS
        ],
        "is_there": False,
        "trouble": None,
        "credentials": kept,
        "pending": [*map(_pending, (each for each in pending if not is_held(each.folder)))],
        "cache": {"size": sum(copy.size for copy in copies), "limit": copies.limit},
    }
    try:
        data["is_there"] = bool(call.session.catalog.identity)
    except ArtifactsError as error:
        data["trouble"] = str(error)
    call.answer(data, _lines)


def _pending(pending: Pending) -> dict[str, Any]:
    path = f"{pending.entity}/{pending.project}/{pending.run}"
    return {"run": path, "folder": str(pending.folder), "store": pending.store}


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
