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
from typing import Any, NamedTuple

import click

from artifacts.cache import Ignore, Keep, Tree, Wish, refer
from artifacts.catalog import Draft, Facts, Session, Version
from artifacts.cli.call import Call
from artifacts.cli.options import command
from artifacts.cli.output import count_text, duration_text, size_text
from artifacts.cli.workers import executor_of, executor_option
from artifacts.content import Detail, Kind
from artifacts.errors import InvalidError, UnsupportedFileError, UsageError
from artifacts.metadata import check_metadata
from artifacts.names import MAX_LENGTH, CollectionName, check_aliases, check_tags
from artifacts.progress import Progress

_TYPE = "dataset"
_REFUSED = re.compile(r"[^a-zA-Z0-9_\-.]+")


class _Wanted(NamedTuple):
    """What of a folder goes into the version: which files, and what of them beside their bytes."""

    exclude: tuple[str, ...]
    include: tuple[str, ...]
    keep: Keep

    @property
    def ignore(self) -> Ignore:
        return Ignore.of(self.exclude or None, self.include or None)

    def given(self) -> str | None:
        """The first option, if any was."""
        options = {
            "--exclude": self.exclude,
            "--include": self.include,
            "--modes": self.keep.modes,
            "--symlinks": self.keep.symlinks,
            "--empty-folders": self.keep.empty_folders,
        }
        return next((option for option, value in options.items() if value), None)


def _not_empty(context: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    """Such as a variable of the shell that nobody set. Raises click's BadParameter."""
    if value == "":
        raise click.BadParameter("is empty", context, parameter)
    return value


@command
@click.argument("path", callback=_not_empty)
@click.argument("name", required=False, callback=_not_empty)
@click.option("--reference", is_flag=True, help="PATH is a uri; its bytes stay where they are.")
@click.option("--exclude", multiple=True, help="Leave out what this pattern names; repeatable.")
@click.option("--include", multiple=True, help="Only files that this pattern names; repeatable.")
@click.option("--modes", is_flag=True, help="Permissions too.")
@click.option("--symlinks", is_flag=True, help="Links as links, and do not follow them.")
@click.option("--empty-folders", is_flag=True, help="Folders with nothing in them, too.")
@click.option(
    "--type", callback=_not_empty, help="What kind of thing it is; a new collection's is dataset."
)
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
    wanted = _Wanted(exclude, include, Keep(modes, symlinks, empty_folders))
    session = call.session_of(collection)
    draft = session.draft(collection.collection, type or _type_of(session, collection))
    with executor_of(executor) as workers, ExitStack() as stack:
        content = _content(session, path, wanted, is_reference=reference)
        stack.callback(draft.intake.discard)
        progress = stack.enter_context(session.progress(f"put {draft.name}"))
        _add(session, draft, content, progress, workers)
        if wanted.include:
            _check_include(session, draft, path, wanted)
        elif wanted.exclude:
            _check_exclude(session, draft, path, wanted)
        version = session.writable.commit(draft, collection.entity, collection.project, facts)
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


def _content(
    session: Session, path: str, wanted: _Wanted, *, is_reference: bool
) -> Wish | Path | Tree:
    """Raises UsageError where what is wanted means nothing."""
    if not is_reference and os.path.isdir(path):
        return session.tree(path, wanted.ignore, wanted.keep)
    if option := wanted.given():
        what = "a reference" if is_reference else "a file"
        raise UsageError(f"{option} is for folders, and {path} is {what}")
    return Wish(path) if is_reference else Path(path)


def _add(
    session: Session,
    draft: Draft,
    content: Path | Tree | Wish,
    progress: Progress,
    executor: Executor | None,
) -> None:
    if isinstance(content, Wish):
        draft.add_rows(refer(content, session.places, progress, executor, session.cache))
    elif isinstance(content, Tree):
        draft.add_tree(content, "", progress, executor=executor)
    else:
        draft.add_file(content, content.name)


def _check_include(session: Session, draft: Draft, path: str, wanted: _Wanted) -> None:
    """Raises UsageError if it names nothing of what was added.

    Folders, and links to them, are there whatever it names.
    """
    included = Ignore.of(None, wanted.include)
    added = (each for each, (_, _, detail) in draft.rows.items() if not _is_folder(detail))
    if not all(included.leaves_out(each, is_folder=False) for each in added):
        return
    exclude = wanted.exclude or None
    count = _count(session.tree(path, Ignore.of(exclude), wanted.keep))
    files = _files_text(count)
    left = " that --exclude and .artignore leave" if exclude or count == 0 else ""
    patterns = " or ".join(wanted.include)
    raise UsageError(f"none of the {files} below {path}{left} is named by --include {patterns}")


def _check_exclude(session: Session, draft: Draft, path: str, wanted: _Wanted) -> None:
    """Raises UsageError if nothing is left of files that were there."""
    if not all(_is_folder(detail) for _, _, detail in draft.rows.values()):
        return
    count = _count(session.tree(path, Ignore.of(), wanted.keep))
    if count != 0:
        patterns = " or ".join(wanted.exclude)
        raise UsageError(
            f"none of the {_files_text(count)} below {path} is left by --exclude {patterns}"
        )


def _files_text(count: int | None) -> str:
    return "files" if count is None else count_text(count, "file")


def _is_folder(detail: Detail | None) -> bool:
    return detail is not None and detail.kind is Kind.FOLDER


def _count(tree: Tree) -> int | None:
    """How many files it has, whatever else it has; None if one of them has no valid name."""
    count = 0
    try:
        for _ in tree.entries():
            count += 1
    except UnsupportedFileError:  # told at the end, after all files
        return count
    except InvalidError:
        return None
    return count


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
        return check_metadata(json.loads(text, parse_constant=_refuse_number))
    except (json.JSONDecodeError, TypeError) as error:
        raise InvalidError(f"--metadata wants a JSON object: {error}") from error


def _refuse_number(text: str) -> float:
    """What Python's JSON has beside that of everybody else."""
    raise InvalidError(f"--metadata: JSON has no number {text}, use null or text")


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
