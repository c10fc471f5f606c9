"""Referring: what a uri leads to, as rows of entries whose bytes stay where they are."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from itertools import chain, islice
from pathlib import Path
from typing import TypeAlias, TypeVar

from msgspec import Struct

from artifacts.cache.digests import Digests, state_key
from artifacts.cache.hashing import Hashed, hash_files
from artifacts.cache.tree import Found, Tree
from artifacts.content import Detail, Digest, Kind, Row
from artifacts.errors import (
    FileChangedError,
    InvalidError,
    MissingReferenceError,
    TooManyObjectsError,
)
from artifacts.progress import Progress
from artifacts.storage import Places, Told, Uri
from artifacts.workers import batched, spread

MOST_OBJECTS = 10_000_000
_MOST_TOLD, _MOST_READ = 1024, 16  # objects of a batch, and those of them that are to be read
_MOST_FILES = 256
_THREADS = 8
_OF_REFERENCES = "references"  # instead of a store's id: no store has their bytes

_T = TypeVar("_T")
_Found: TypeAlias = tuple[str, str, Told]
"""Path in the artifact, uri, and what is told of it."""

Referred: TypeAlias = tuple[str, Row]
"""Path in the artifact, and the rest of the entry."""


class Wish(Struct, frozen=True):
    """What a user wants of a uri.

    `name` is the entry's path, or of a folder or prefix the folder that its entries are in.
    Without `checksum` nothing is read, and but for local folders nobody is asked.
    """

    uri: str
    name: str | None = None
    checksum: bool = True
    most: int = MOST_OBJECTS


def refer(
    wish: Wish,
    places: Places,
    progress: Progress,
    executor: Executor | None = None,
    cache: Path | None = None,
) -> Iterator[Referred]:
    """Every object that the uri leads to, in no promised order, as they are listed.

    Files that `cache` knows are not read again. An executor's workers, who must see the same disk
    and the same places, read what only its bytes tell apart. Raises InvalidError,
    TooManyObjectsError, MissingReferenceError, StorageError, UnsupportedFileError,
    FileChangedError.
    """
    uri = Uri.parse(wish.uri)
    if uri.scheme == "file":
        if not wish.checksum:
            return (
                (path, _row(f"file://{source}", Told())) for path, source, _ in _files(uri, wish)
            )
        return _hashed_files(uri, wish, progress, executor, cache)
    if not wish.checksum or not places.reaches(uri):
        return iter([(wish.name or _name_unasked(uri), _row(uri.text, Told(version=uri.version)))])
    return _objects(uri, wish, places, progress, executor)


def _files(uri: Uri, wish: Wish) -> Iterator[Found]:
    found: Iterable[Found]
    if os.path.isdir(uri.key):
        below = f"{wish.name}/" if wish.name else ""
        found = ((below + path, source, stat) for path, source, stat in Tree(uri.key))
    elif os.path.isfile(uri.key):
        found = [(wish.name or uri.name, uri.key, os.stat(uri.key))]
    else:
        raise MissingReferenceError(uri.text)
    return _bounded(found, wish)


def _hashed_files(
    uri: Uri, wish: Wish, progress: Progress, executor: Executor | None, cache: Path | None
) -> Iterator[Referred]:
    rows = Digests(cache, _OF_REFERENCES, uri.key) if cache else None
    batches = batched(_files(uri, wish), lambda each: each[2].st_size, _MOST_FILES)
    work = ((_unknown(batch, rows), batch) for batch in batches)
    tasks = (([source for _, source, _ in new], (batch, new)) for new, batch in work)
    for hashed, (batch, new) in spread(hash_files, tasks, executor):
        read = dict(zip((source for _, source, _ in new), hashed, strict=True))
        for path, source, stat in batch:
            digest, size = _digest(source, stat, read, rows)
            progress.advance(size)
            yield path, _content_row(f"file://{source}", digest, size)
    if rows is not None:
        rows.save([], {})


def _unknown(batch: Iterable[Found], rows: Digests | None) -> list[Found]:
    return [each for each in batch if rows is None or rows.get(state_key(each[2])) is None]


def _digest(
    source: str, stat: os.stat_result, read: Mapping[str, Hashed | None], rows: Digests | None
) -> tuple[bytes, int]:
    """Of a file as it was known or read. Raises FileChangedError if it could not be."""
    key = state_key(stat)
    if source not in read:
        known = rows.get(key) if rows else None
        assert known is not None
        return known[0], stat.st_size
    hashed = read[source]
    if hashed is None:
        raise FileChangedError(source)
    if rows is not None and hashed.is_of(stat) and state_key(os.stat(source)) == key:
        rows.put(key, stat, hashed.digest)
    return hashed.digest, hashed.size


def _objects(
    uri: Uri, wish: Wish, places: Places, progress: Progress, executor: Executor | None
) -> Iterator[Referred]:
    found = _bounded(_told(uri, wish, places), wish)
    work = (
        ([text for _, text, told in batch if _is_to_read(told)], batch) for batch in _batches(found)
    )
    tasks = (((texts, places), batch) for texts, batch in work)
    for contents, batch in spread(hash_objects, tasks, executor, threads=_THREADS):
        read = iter(contents)
        for path, text, told in batch:
            if _is_to_read(told):
                digest, size = next(read)
                yield path, _content_row(text, digest, size)
            else:
                yield path, _row(text, told)
            progress.advance(told.size or 0)


def _batches(found: Iterable[_Found]) -> Iterator[list[_Found]]:
    batch: list[_Found] = []
    count = 0
    for each in found:
        batch.append(each)
        count += _is_to_read(each[2])
        if len(batch) >= _MOST_TOLD or count >= _MOST_READ:
            yield batch
            batch, count = [], 0
    if batch:
        yield batch


def _is_to_read(told: Told) -> bool:
    """Whether nothing but its bytes would show that it was replaced."""
    return told.etag is None and told.version is None


def hash_objects(batch: tuple[Sequence[str], Places]) -> list[tuple[Digest, int]]:
    """Digests and sizes of what lies at uris, for workers."""
    texts, places = batch
    return [places.digest(Uri.parse(text)) for text in texts]


def _told(uri: Uri, wish: Wish, places: Places) -> Iterator[_Found]:
    """Path, uri and facts of the one object, or of all below the folder or prefix."""
    told = _look(uri, places)
    is_single = uri.scheme == "http" or uri.version is not None
    if told is not None and (is_single or told.size):
        yield wish.name or _name_of(uri), uri.text, told
        return
    listed = iter(()) if is_single else _list(uri, places)
    first = [*islice(listed, 1)]
    if first:
        below = f"{wish.name}/" if wish.name else ""
        prefix = _prefix(uri)
        for key, each in chain(first, listed):
            yield below + key.removeprefix(prefix), uri.beside(key), each
    elif told is not None:  # an empty object, that stands for no folder
        yield wish.name or _name_of(uri), uri.text, told
    else:
        raise MissingReferenceError(uri.text)


def _look(uri: Uri, places: Places) -> Told | None:
    """None where no object lies."""
    if uri.scheme != "http" and (not uri.key or uri.key.endswith("/")):
        return None
    try:
        return places.look(uri)
    except MissingReferenceError:
        return None


def _list(uri: Uri, places: Places) -> Iterator[tuple[str, Told]]:
    try:
        yield from places.list(uri, _prefix(uri))
    except MissingReferenceError:
        return


def _prefix(uri: Uri) -> str:
    """A folder's: s3://bucket/part does not mean what lies in s3://bucket/party."""
    key = uri.key.rstrip("/")
    return f"{key}/" if key else ""


def _bounded(found: Iterable[_T], wish: Wish) -> Iterator[_T]:
    """Raises TooManyObjectsError."""
    for count, each in enumerate(found):
        if count >= wish.most:
            raise TooManyObjectsError(wish.uri, wish.most)
        yield each


def _name_of(uri: Uri) -> str:
    """Raises InvalidError where it has none of its own."""
    if not uri.name:
        raise InvalidError(f"{uri.text} has no name of its own: pass name=")
    return uri.name


def _name_unasked(uri: Uri) -> str:
    """Nobody knows whether it is an object, so all of the key is its path."""
    if uri.is_bucket:
        return uri.key.strip("/") or uri.root.rpartition("/")[2]
    if uri.scheme in ("http", "file"):
        return _name_of(uri)
    raise InvalidError(f"{uri.text} is of a scheme whose paths are not known: pass name=")


def _row(text: str, told: Told) -> Row:
    detail = Detail(Kind.REFERENCE, uri=text, etag=told.etag, version=told.version)
    derived = detail.derive(told.size)
    assert derived is not None  # of a reference that is not of content
    return (*derived, detail)


def _content_row(text: str, digest: bytes, size: int) -> Row:
    return digest, size, Detail(Kind.REFERENCE, uri=text, is_content=True)
