"""Put: a file or folder of this machine becomes a version."""

from __future__ import annotations

import json
import os
import re
import stat
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import Executor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import click

from artifacts.cache import Ignore, Keep, Tree, Wish, refer
from artifacts.catalog import Draft, Facts, Session, Version
from artifacts.cli.call import Call
from artifacts.cli.options import command
from artifacts.cli.output import count_text, duration_text, size_text
from artifacts.cli.workers import executor_of, executor_option
from artifacts.errors import InvalidError, UnsupportedFileError, UsageError
from artifacts.metadata import check_metadata
from artifacts.names import MAX_LENGTH, CollectionName, check_aliases, check_tags

_TYPE = "dataset"
_REFUSED = re.compile(r"[^a-zA-Z0-9_\-.]+")


@command
@click.argument("path")
@click.argument("name", required=False)
@click.option("--reference", is_flag=True, help="PATH is a uri; its bytes stay where they are.")
@click.option("--exclude", multiple=True, help="Leave out what this pattern names; repeatable.")
@click.option("--include", multiple=True, help="Only files that this pattern names; repeatable.")
@click.option("--modes", is_flag=True, help="Permissions too.")
@click.option("--symlinks", is_flag=True, help="Links as links, and do not follow them.")
@click.option("--empty-folders", is_flag=True, help="Folders with nothing in them, too.")
@click.option("--type", help="What kind of thing it is; a new collection's is dataset.")
@click.option("--alias", "aliases", multiple=True, help="A movable name for it; repeatable.")
@click.option("--tag", "tags", multiple=True, help="A label; repeatable.")
@click.option("--description", help="What it is, as Markdown.")
@click.option("--metadata", metavar="JSON", help="What else to note, as a JSON object.")
@executor_option
def put(  # noqa: PLR0913 - one parameter for each option
    call: Call,
    path: str,
    name: str | None,
    *,
    reference: bool,
    exclude: tuple[str, ...],
    include: tuple[str, ...],
    modes: bool,
    symlinks: bool,
    empty_folders: bool,
    type: str | None,
    aliases: tuple[str, ...],
    tags: tuple[str, ...],
    description: str | None,
    metadata: str | None,
    executor: str | None,
) -> None:
    """Make a version of a file or folder.

    NAME is [[entity/]project/]name; without one it is called as the file or folder is. With
    --reference PATH is file://, https://, s3://, gs://, az:// or the like, an object or all below a
    folder or prefix, of which only what identifies it is kept.
    """
    began = time.monotonic()
    facts = Facts(
        check_aliases(aliases), check_tags(tags), description, _parse_metadata(metadata or "{}")
    )
    collection = call.collection(name or _name_of(Path(path)))
    if not reference:
        _check_kind(Path(path))
    session = call.session_of(collection)
    draft = session.draft(collection.collection, type or _type_of(session, collection))
    with executor_of(executor) as workers:
        content: Wish | Path | Tree = Wish(path) if reference else Path(path)
        if not reference and os.path.isdir(path):
            ignore = Ignore.of(exclude or None, include or None)
            content = session.tree(path, ignore, Keep(modes, symlinks, empty_folders))
        version = _commit(session, draft, content, facts, workers)
    data = {
        "name": version.qualified_name,
        "is_new": _is_new(version),
        "is_updated": _is_updated(version),
        "digest": version.digest.hex(),
        "files": version.row.entries,
        "size": version.row.size,
        "seconds": round(time.monotonic() - began, 3),
        "store": version.store.url,
    }
    call.answer(data, (lambda _: [version.qualified_name]) if call.settings.quiet else _lines)


def _commit(
    session: Session,
    draft: Draft,
    content: Path | Tree | Wish,
    facts: Facts,
    executor: Executor | None,
) -> Version:
    with ExitStack() as stack:
        stack.callback(draft.intake.discard)
        progress = stack.enter_context(session.progress(f"put {draft.name}"))
        if isinstance(content, Wish):
            draft.add_rows(refer(content, session.places, progress, executor, session.cache))
        elif isinstance(content, Tree):
            draft.add_tree(content, "", progress, executor=executor)
        else:
            draft.add_file(content, content.name)
        settings = session.settings
        return session.writable.commit(draft, settings.entity, settings.project, facts)


def _check_kind(path: Path) -> None:
    """Raises UnsupportedFileError, FileNotFoundError."""
    if path.is_symlink() and not path.exists():
        raise UnsupportedFileError([f"{path} (a link to {os.readlink(path)!r}, where nothing is)"])
    mode = path.stat().st_mode
    if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
        raise UnsupportedFileError([f"{path} (neither a file nor a folder)"])


def _name_of(path: Path) -> str:
    name = _REFUSED.sub("-", path.resolve().name)[:MAX_LENGTH]
    if not name:
        raise UsageError(f"{path} has no name of its own; give one after it")
    return name


def _parse_metadata(text: str) -> dict[str, Any]:
    try:
        return check_metadata(json.loads(text))
    except (json.JSONDecodeError, TypeError) as error:
        raise InvalidError(f"--metadata wants a JSON object: {error}") from error


def _is_new(version: Version) -> bool:
    """Whether the event that was just appended is the one that made the version."""
    return version.row.event == version.collection.tail.number - 1


def _is_updated(version: Version) -> bool:
    """Whether the last event changed what is said of a version that was there."""
    event = version.collection.log.read(version.collection.tail.number - 1)
    return not _is_new(version) and version.row.updated == event.time


def _type_of(session: Session, name: CollectionName) -> str:
    """The collection's own type, where there is one."""
    collection = session.writable.collection(name)
    return collection.state.type if collection else _TYPE


def _lines(data: Mapping[str, Any]) -> Iterator[str]:
    what = "new version" if data["is_new"] else "the same files as before"
    if data["is_updated"]:
        what += ", description, metadata or tags updated"
    files, size = count_text(data["files"], "file"), size_text(data["size"])
    took = duration_text(data["seconds"])
    yield f"{data['name']}  {what}, {files}, {size}, {took}, in {data['store']}"
