"""Leftovers: what is in the store's caches of no use to anybody any more."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from artifacts.errors import ArtifactsError
from artifacts.storage import ChunkLists, Frame, Index, Name, ObjectStore, is_old

_HEADS, _ROWS, _CHUNKS = "cache/heads/", "cache/rows/", "cache/chunks/"


def sweep_caches(store: ObjectStore, before: datetime | None) -> int:
    """Delete what was written before that time and nothing leads to; how many files it was.

    Whoever wants one of them all the same makes it anew, as of any cache.
    """
    count = 0
    for key in (*_segments(store), *_lists(store), *_rows(store)):
        if before is None or is_old(store, key, before):
            store.delete(key)
            count += 1
    return count


def _segments(store: ObjectStore) -> Iterator[str]:
    """Of the index, that its head does not name."""
    yield from Index(store).unlisted()


def _lists(store: ObjectStore) -> Iterator[str]:
    """Of chunks of blobs that are gone."""
    lists = ChunkLists(store)
    if named := {*lists.blobs()}:
        there = {Name.of_key(key) for key in store.list("blobs/")}
        yield from (lists.key(blob) for blob in named - there)


def _rows(store: ObjectStore) -> Iterator[str]:
    """Pages of rows that no checkpoint names."""
    keys = {*store.list(_ROWS)}
    yield from keys - rows_in_use(store) if keys else ()


def rows_in_use(store: ObjectStore) -> set[str]:
    """Keys of the pages of rows that checkpoints name."""
    return {key for head in store.list(_HEADS) for key in _rows_of(store, head)}


def _rows_of(store: ObjectStore, head: str) -> list[str]:
    try:
        state = Frame.decode(store.read(head), head).header["head"]
        pages = [page for page in state.get("rows", {}).get("pages", ()) if page]
    except (ArtifactsError, KeyError, AttributeError, TypeError, ValueError):
        return []  # nobody believes it: what it names is made anew
    return [f"{_ROWS}{page[:2]}/{page}" for page in pages]
