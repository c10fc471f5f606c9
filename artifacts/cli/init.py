"""Init: what a folder's programs and commands mean, written down in it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click

from artifacts.cli.call import Call
from artifacts.cli.options import command
from artifacts.cli.output import shown
from artifacts.errors import ConflictError

_FILE = "art.toml"
_HEAD = (
    "# Settings of `art` and `import artifacts` in this folder and below. No credentials here.\n"
)
_NO_STORE = '# store = "s3://bucket/prefix"  # without it, one store per user\n'


@command
@click.option("--force", is_flag=True, help="Overwrite a file that is there.")
def init(call: Call, *, force: bool) -> None:
    """Write `art.toml`: the store, entity and project of this folder.

    They are those in force, as options, environment and files above say; a store that nobody
    named is left open.
    """
    path = Path.cwd() / _FILE
    settings = call.settings
    data = {"entity": settings.entity, "project": settings.project}
    if settings.sources["store"] != "default":
        data = {"store": _portable(settings.store, path.parent), **data}
    _write(path, _text(data), force=force)
    call.tell({"file": str(path), **data}, _lines)


def _portable(store: str, folder: Path) -> str:
    """A folder below is named from here, so that the whole can be moved."""
    relative = "" if "://" in store else os.path.relpath(store, folder)
    return relative if relative and not relative.startswith("..") else store


def _text(data: Mapping[str, str]) -> str:
    lines = (f"{key} = {json.dumps(value, ensure_ascii=False)}\n" for key, value in data.items())
    return "".join([_HEAD, *([] if "store" in data else [_NO_STORE]), *lines])


def _write(path: Path, text: str, *, force: bool) -> None:
    try:
        with path.open("w" if force else "x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise ConflictError(f"{path} is there already: --force overwrites it") from None


def _lines(data: Mapping[str, Any]) -> Iterator[str]:
    yield f"{shown(data['file'])}  written"
    for key in ("store", "entity", "project"):
        if key in data:
            yield f"  {key:<8} {shown(data[key])}"
