"""Places: where references lead to, asked again where a second answer may be another."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from tempfile import TemporaryFile
from typing import Any, TypeAlias, TypeVar

from blake3 import blake3

from artifacts.content import Digest
from artifacts.errors import (
    InvalidSettingError,
    MissingReferenceError,
    ObjectNotFoundError,
    StorageError,
)
from artifacts.storage.bucket import Bucket, Cursor
from artifacts.storage.bulk import PART_BYTES
from artifacts.storage.client import Client
from artifacts.storage.cloud import AzureBucket, GoogleBucket
from artifacts.storage.references.anywhere import AnySource
from artifacts.storage.references.azure import AzureSource
from artifacts.storage.references.google import GoogleSource
from artifacts.storage.references.s3 import S3Source
from artifacts.storage.references.told import Source, Told
from artifacts.storage.references.uri import Uri, family_of
from artifacts.storage.references.web import WebSource
from artifacts.storage.s3 import S3Bucket
from artifacts.storage.transfer import hash_file

Options: TypeAlias = Mapping[str, Mapping[str, Any]]
"""For filesystems of fsspec, by the scheme or by what the uris start with. Holds credentials."""

_T = TypeVar("_T")
_SETTING = "reference_options"


class Places:
    """Any number of threads and processes may ask. Nothing is ever written.

    What a URL prefix among `options` is the longest for is used for a uri, else its scheme's.
    """

    def __init__(self, options: Options | None = None) -> None:
        self._options = dict(options or {})
        self._clients: dict[tuple[str, str, str | None], Client] = {}

    def __reduce__(self) -> tuple[type[Places], tuple[Options]]:
        return Places, (self._options,)

    def reaches(self, uri: Uri) -> bool:
        """Whether there is a filesystem for its scheme, installed or not."""
        from fsspec.registry import known_implementations, registry

        scheme = uri.text.partition("://")[0]
        return scheme in known_implementations or scheme in registry

    def look(self, uri: Uri, version: str | None = None) -> Told:
        """What is told of one object. Raises MissingReferenceError, StorageError."""
        if uri.scheme == "http":
            return self._ask("asking about", uri, lambda bucket: WebSource(bucket).look(uri.key))
        wanted = version or uri.version
        return self.ask("asking about", uri, lambda source: source.look(uri.key, wanted))

    def list(self, uri: Uri, prefix: str) -> Iterator[tuple[str, Told]]:
        """Keys below a prefix and what is told of them, as they are read. Raises StorageError."""
        cursor: Cursor | None = None
        while True:
            page = self.ask("listing", uri, partial(_page, prefix=prefix, cursor=cursor))
            yield from page.found
            if (cursor := page.after) is None:
                return

    def part(self, uri: Uri, version: str | None, start: int, length: int) -> tuple[bytes, Told]:
        """Raises MissingReferenceError, StorageError."""
        return self.ask("reading", uri, lambda source: source.part(uri.key, version, start, length))

    def stream(self, uri: Uri, fd: int, most: int | None = None) -> Told:
        """Fill a file from the web; an attempt that broke off goes on where it did, if it may.

        Soon after `most` bytes it ends. Raises MissingReferenceError, StorageError.
        """
        known: list[Told] = []

        def attempt(bucket: Bucket) -> Told:
            source = WebSource(bucket)
            if not known:
                known.append(source.look(uri.key))
            return source.stream(uri.key, fd, known[0], most)

        return self._ask("reading", uri, attempt)

    def version_with(self, uri: Uri, etag: str) -> str | None:
        """Of an object that was replaced or deleted, the version that had this etag."""

        def find(bucket: Bucket) -> str | None:
            return S3Source(bucket).version_with(uri.key, etag)

        if uri.scheme != "s3":
            return None
        try:
            return self._ask("listing versions", uri, find)
        except (StorageError, MissingReferenceError):  # who may not list them finds none
            return None

    def digest(self, uri: Uri) -> tuple[Digest, int]:
        """Of the bytes that lie there now, which are read. As `part` raises."""
        if uri.scheme == "http":
            with TemporaryFile() as file:
                self.stream(uri, file.fileno())
                os.lseek(file.fileno(), 0, os.SEEK_SET)
                return hash_file(file.fileno())
        hasher, size = blake3(), 0
        while data := self.part(uri, uri.version, size, PART_BYTES)[0]:
            hasher.update(data)
            size += len(data)
            if len(data) < PART_BYTES:
                break
        return Digest(hasher.digest()), size

    def ask(self, doing: str, uri: Uri, act: Callable[[Source], _T]) -> _T:
        """Raises MissingReferenceError, StorageError."""
        return self._ask(doing, uri, lambda bucket: act(_source_of(bucket)))

    def client(self, uri: Uri) -> Client:
        """Raises InvalidSettingError, as the first call does."""
        which = self._which(uri)
        key = (uri.root, which, uri.options.get("account_name"))
        if key not in self._clients:
            given = self._options.get(which, {})
            implied = {} if "connection_string" in given else uri.options
            self._clients.setdefault(key, Client(uri.root, {**implied, **given}))
        return self._clients[key]

    def _ask(self, doing: str, uri: Uri, act: Callable[[Bucket], _T]) -> _T:
        try:
            return self.client(uri).call(doing, uri.key, act)
        except ObjectNotFoundError:
            raise MissingReferenceError(uri.text) from None
        except InvalidSettingError as error:
            raise InvalidSettingError(_SETTING, error.value, error.reason) from None

    def _which(self, uri: Uri) -> str:
        """Of the options those for the longest start of the uri, or for its scheme."""
        urls = [key for key in self._options if "://" in key and _is_below(uri.text, key)]
        schemes = [key for key in self._options if family_of(key) == uri.scheme]
        return max(urls, key=len) if urls else (schemes or [""])[-1]


def _page(source: Source, prefix: str, cursor: Cursor | None) -> Any:  # noqa: ANN401
    return source.page(prefix, cursor)


def _source_of(bucket: Bucket) -> Source:
    if isinstance(bucket, S3Bucket):
        return S3Source(bucket)
    if isinstance(bucket, GoogleBucket):
        return GoogleSource(bucket)
    if isinstance(bucket, AzureBucket):
        return AzureSource(bucket)
    return AnySource(bucket)


def _is_below(text: str, url: str) -> bool:
    return text == url or text.startswith(os.path.join(url, ""))
