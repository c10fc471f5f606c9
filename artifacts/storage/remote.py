"""RemoteStore: objects in a bucket, through a filesystem of fsspec."""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

from artifacts.errors import AlreadyExistsError, ObjectNotFoundError, StorageError
from artifacts.storage.bucket import Bucket, Cursor, Page
from artifacts.storage.bulk import download, is_in_parts, put, upload
from artifacts.storage.client import Client
from artifacts.storage.keys import check_key, check_prefix, is_key
from artifacts.storage.store import Read, Tell, silent
from artifacts.storage.transfer import on_disk, take_stream

_AT_ONCE = 16
_Ask: TypeAlias = Callable[[str, Cursor | None, Bucket], Page]
_TO_FILL = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_BINARY", 0)


class RemoteStore:
    """An ObjectStore that any number of threads, processes and machines may write to.

    Each process connects when it first asks for something, so a store may be pickled, its
    options with it, and survives a fork. A request that the bucket is too busy for, or does not
    answer, is repeated for about a minute; then StorageError says what was being done.

    A create whose answer got lost is repeated too, and then finds its own object: whoever must
    know whose bytes they are reads them back.
    """

    def __init__(
        self,
        url: str,
        options: Mapping[str, Any] | None = None,
        *,
        spool: Path | None = None,
        single_writer: bool = False,
    ) -> None:
        """`options` are for fsspec's filesystem, and may hold credentials.

        With `single_writer`, `create` looks and then writes: enough within one process, whose
        threads wait for each other, and wrong as soon as a second one writes.
        """
        self._client = Client(url.rstrip("/"), options or {})
        self._options, self._given_spool = options, spool
        self._has_single_writer = single_writer

    def __reduce__(self) -> tuple[partial[RemoteStore], tuple[()]]:
        again = partial(
            RemoteStore,
            self.url,
            self._options,
            spool=self._given_spool,
            single_writer=self._has_single_writer,
        )
        return again, ()

    def connect(self) -> None:
        """What the first request would do too, without asking for anything.

        Raises InvalidSettingError for a URL that leads nowhere, a package that is not installed,
        options that do not fit; StorageError if the client got no answer when it was made.
        """
        self._client.connect()

    @property
    def url(self) -> str:
        return self._client.url

    @property
    def concurrency(self) -> int:
        return _AT_ONCE

    def spool(self) -> Path:
        """The folder that was given, or one of this user's for all stores."""
        return _made(self._given_spool) if self._given_spool else _own_folder()

    def root_names(self) -> Iterator[str]:
        """All that lies below the URL, be it an object of a store or not."""
        return self._walk("")

    def read(self, key: str, start: int = 0, length: int | None = None) -> bytes:
        check_key(key)
        if length == 0:
            self.size(key)  # some clients ask nothing to read nothing
            return b""
        return self._client.call("reading", key, lambda bucket: bucket.read(key, start, length))

    def write(self, key: str, data: bytes) -> None:
        check_key(key)
        try:
            self._client.call("writing", key, lambda bucket: bucket.write(key, data))
        except ObjectNotFoundError:
            raise self._has_no_bucket(key) from None

    def create(self, key: str, data: bytes) -> None:
        check_key(key)
        if self._has_single_writer:
            return self._look_and_write(key, data)
        try:
            return self._client.call("creating", key, lambda bucket: bucket.create(key, data))
        except ObjectNotFoundError:
            raise self._has_no_bucket(key) from None

    def take(self, key: str, path: Path) -> None:
        """In parts, of which a few are in memory, whatever the number of calls under way."""
        check_key(key)
        with on_disk(path), path.open("rb", buffering=0) as file:
            size = os.fstat(file.fileno()).st_size
            if is_in_parts(self._client, size):
                self.stream(key, size, file.readinto)
            else:
                self._uploaded(key, partial(put, self._client, key, path))
            path.unlink()

    def stream(self, key: str, size: int, read: Read) -> None:
        check_key(key)
        if is_in_parts(self._client, size):
            self._uploaded(key, partial(upload, self._client, key, size, read))
        else:
            take_stream(self, key, read)

    def fetch(self, key: str, path: Path, tell: Tell = silent) -> None:
        """As `take`. An object that is replaced meanwhile may come out as a mixture."""
        check_key(key)
        with on_disk(path):
            fd = os.open(path, _TO_FILL, 0o666)
            try:
                download(self._client, key, fd, tell)
            finally:
                os.close(fd)

    def size(self, key: str) -> int:
        check_key(key)
        return self._client.call("asking for its size", key, lambda bucket: bucket.size(key))

    def written(self, key: str) -> datetime | None:
        """When the object was written, by the bucket's clock; None if it does not say.

        Raises ObjectNotFoundError.
        """
        check_key(key)
        return self._client.call("asking for its age", key, lambda bucket: bucket.written(key))

    def list(self, prefix: str = "") -> Iterator[str]:
        """Page by page, as it is read."""
        check_prefix(prefix)
        return filter(is_key, self._walk(prefix))

    def folders(self, prefix: str = "") -> Iterator[str]:
        """As `list`."""
        check_prefix(prefix)
        return (each for each in self._walk(prefix, _folders) if is_key(each[:-1]))

    def delete(self, key: str) -> None:
        check_key(key)
        with suppress(ObjectNotFoundError):
            self._client.call("deleting", key, lambda bucket: bucket.delete(key))

    def _walk(self, prefix: str, ask: _Ask | None = None) -> Iterator[str]:
        cursor: Cursor | None = None
        while True:
            try:
                page = self._client.call("listing", prefix, partial(ask or _page, prefix, cursor))
            except ObjectNotFoundError:
                raise self._has_no_bucket(prefix) from None
            yield from page.names
            if (cursor := page.after) is None:
                return

    def _look_and_write(self, key: str, data: bytes) -> None:
        with self._client.alone:
            try:
                self.size(key)
            except ObjectNotFoundError:
                return self.write(key, data)
        raise AlreadyExistsError(key)

    def _uploaded(self, key: str, act: Callable[[], None]) -> None:
        try:
            act()
        except ObjectNotFoundError:
            raise self._lost(key) from None

    def _lost(self, key: str) -> StorageError:
        """Where there is something, it is not the bucket that an upload did not find."""
        if next(self._walk(""), None) is None:
            return self._has_no_bucket(key)
        return StorageError(key, f"its upload to {self.url} was ended by others: try again")

    def _has_no_bucket(self, key: str) -> StorageError:
        return StorageError(key, f"there is no bucket or folder for {self.url}: make it first")


def _page(prefix: str, cursor: Cursor | None, bucket: Bucket) -> Page:
    return bucket.page(prefix, cursor)


def _folders(prefix: str, cursor: Cursor | None, bucket: Bucket) -> Page:
    return bucket.folders(prefix, cursor)


def _own_folder() -> Path:
    """The same for all processes of this user, so that each can delete what a killed one left."""
    user = os.getuid() if hasattr(os, "getuid") else 0
    folder = Path(tempfile.gettempdir()) / f"artifacts-{user}"
    with suppress(OSError):  # whoever writes there is told what is wrong
        folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.lstat()
        if not stat.S_ISDIR(found.st_mode) or (user and found.st_uid != user):
            return Path(tempfile.mkdtemp(prefix="artifacts-"))  # somebody else took the name
    return folder


def _made(folder: Path) -> Path:
    with suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
    return folder
