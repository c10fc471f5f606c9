"""Bulk: large files to and from a bucket, part by part, a bounded number of them in memory."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Protocol, TypeVar, runtime_checkable

from artifacts.errors import ObjectNotFoundError, StorageError
from artifacts.storage.bucket import Bucket
from artifacts.storage.client import Client

PART_BYTES = 8 * 2**20  # measured: as fast as 16, in half the memory

_T = TypeVar("_T")


@runtime_checkable
class PartsBucket(Protocol):
    """A bucket that puts an object together from parts, which may come in any order."""

    most_parts: int

    def begin(self, key: str) -> str:
        """Name an upload."""

    def add(self, key: str, upload: str, number: int, data: bytes) -> str:
        """The part's receipt, for `finish`. Parts are numbered from 1."""

    def finish(self, key: str, upload: str, receipts: Sequence[str]) -> None:
        """Make the object of its parts."""

    def abandon(self, key: str, upload: str) -> None:
        """Delete the parts."""


def upload(client: Client, key: str, fd: int, path: Path) -> None:
    """Make the object from an open file and its path, neither of which changes meanwhile.

    At most 64 MiB are in memory, of all uploads and downloads of the client together; but of a
    file of more than that for each of the parts that a bucket takes, one part.
    """
    size = os.fstat(fd).st_size
    if size <= PART_BYTES:
        _in_parts(client, [partial(_put_small, client, key, fd, size)])
    elif isinstance(client.bucket, PartsBucket):
        _upload_parts(client, key, fd, size, client.bucket.most_parts)
    else:
        _in_parts(client, [partial(_put_whole, client, key, path)])


def download(client: Client, key: str, fd: int) -> None:
    """Fill an empty file with the object. Raises OSError for the file's own disk."""
    [first] = _in_parts(client, [partial(_fetch, client, key, fd, 0)])
    if first == PART_BYTES:
        size = client.call("asking for its size", key, lambda bucket: bucket.size(key))
        rest = range(PART_BYTES, size, PART_BYTES)
        got = _in_parts(client, [partial(_fetch, client, key, fd, offset) for offset in rest])
        if first + sum(got) != size:
            raise StorageError(key, f"only {first + sum(got)} of {size} bytes could be read")


def _put_small(client: Client, key: str, fd: int, size: int) -> None:
    with client.room.take(size):
        data = os.pread(fd, size, 0)
        client.call("uploading", key, lambda bucket: bucket.write(key, data))


def _put_whole(client: Client, key: str, path: Path) -> None:
    client.call("uploading", key, lambda bucket: bucket.put(key, str(path)))


def _fetch(client: Client, key: str, fd: int, offset: int) -> int:
    """How many bytes there were."""
    with client.room.take(PART_BYTES):
        data = client.call("downloading", key, lambda bucket: bucket.read(key, offset, PART_BYTES))
        view = memoryview(data)
        while view:
            count = os.pwrite(fd, view, offset)
            view, offset = view[count:], offset + count
        return len(data)


def _upload_parts(client: Client, key: str, fd: int, size: int, most: int) -> None:
    part_bytes = max(PART_BYTES, -(-size // most))
    name = _ask(client, "starting to upload", key, lambda bucket: bucket.begin(key))
    offsets = enumerate(range(0, size, part_bytes), 1)

    def add(number: int, offset: int) -> str:
        with client.room.take(part_bytes):
            data = os.pread(fd, part_bytes, offset)
            return _ask(
                client, "uploading", key, lambda bucket: bucket.add(key, name, number, data)
            )

    try:
        receipts = _in_parts(client, [partial(add, *each) for each in offsets])
        _finish(client, key, name, receipts, size)
    except BaseException:
        with suppress(StorageError, ObjectNotFoundError):
            _ask(client, "giving up", key, lambda bucket: bucket.abandon(key, name))
        raise


def _finish(client: Client, key: str, name: str, receipts: Sequence[str], size: int) -> None:
    """Of a lost answer to it, the second says that there is no such upload."""
    try:
        _ask(client, "finishing to upload", key, lambda bucket: bucket.finish(key, name, receipts))
    except ObjectNotFoundError:
        found = client.call("asking for its size", key, lambda bucket: bucket.size(key))
        if found != size:
            raise StorageError(key, f"is {found} bytes after {size} were uploaded") from None


def _ask(client: Client, doing: str, key: str, act: Callable[[PartsBucket], _T]) -> _T:
    def checked(bucket: Bucket) -> _T:
        assert isinstance(bucket, PartsBucket)
        return act(bucket)

    return client.call(doing, key, checked)


def _in_parts(client: Client, tasks: Sequence[Callable[[], _T]]) -> Sequence[_T]:
    """What each returned, in order. After the first that fails no other one is begun."""
    futures = [client.parts.submit(task) for task in tasks]
    try:
        return [future.result() for future in futures]
    finally:
        _end(futures)


def _end(futures: Sequence[Future[_T]]) -> None:
    """Nobody works on the file any more when this returns."""
    for future in futures:
        future.cancel()
    for future in futures:
        if not future.cancelled():
            future.exception()
