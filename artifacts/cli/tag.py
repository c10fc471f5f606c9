"""Tag: labels of a version, or of a collection as a whole."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import click

from artifacts.cli.call import Call
from artifacts.cli.options import command
from artifacts.errors import ArtifactNotFoundError, NotFoundError
from artifacts.names import check_tags


@command
@click.argument("name")
@click.argument("tags", metavar="TAG...", nargs=-1, required=True)
@click.option("--remove", is_flag=True, help="Take them off.")
@click.option("--collection", "is_whole", is_flag=True, help="Of the collection as a whole.")
def tag(call: Call, name: str, tags: tuple[str, ...], *, remove: bool, is_whole: bool) -> None:
    """Put tags on a version, or take them off.

    Any number of versions may have a tag. With --collection the tags are the collection's own.
    """
    wanted = check_tags(tags)
    told, left = (_tag_collection if is_whole else _tag_version)(call, name, wanted, remove=remove)
    call.tell({"name": told, "tags": [*left]}, _lines)


def _tag_version(
    call: Call, name: str, tags: Sequence[str], *, remove: bool
) -> tuple[str, Sequence[str]]:
    version = call.version(name)
    _check(version.qualified_name, tags, version.row.tags if remove else tags)
    kind, number = "untagged" if remove else "tagged", version.row.number
    changes = [{"kind": kind, "version": number, "tag": each} for each in tags]
    call.session.writable.change(version, changes)
    return version.qualified_name, version.row.tags


def _tag_collection(
    call: Call, name: str, tags: Sequence[str], *, remove: bool
) -> tuple[str, Sequence[str]]:
    collection, catalog = call.collection(name), call.session.writable
    fold = catalog.collection(collection)
    if fold is None:
        raise ArtifactNotFoundError(collection.qualified, catalog.store.url)
    _check(collection.qualified, tags, fold.state.tags if remove else tags)
    catalog.label(collection, () if remove else tags, tags if remove else ())
    return collection.qualified, fold.state.tags


def _check(name: str, tags: Sequence[str], there: Sequence[str]) -> None:
    if strange := [each for each in tags if each not in there]:
        has = ", ".join(there) or "none"
        raise NotFoundError(f"{name} has no tag {', '.join(strange)}; it has {has}")


def _lines(data: Mapping[str, Any]) -> Iterator[str]:
    yield f"{data['name']}  {', '.join(data['tags']) or 'no tag'}"
