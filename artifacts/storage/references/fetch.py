"""Fetch: the bytes that a reference was made of, into a file, or an error says what is there."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import cast

from msgspec import Struct

from artifacts.content import MAX_SIZE, Detail, Digest
from artifacts.errors import ChangedReferenceError, MissingReferenceError, StorageError
from artifacts.storage.bulk import PART_BYTES, in_parts
from artifacts.storage.references.places import Places
from artifacts.storage.references.told import Told
from artifacts.storage.references.uri import Uri
from artifacts.storage.store import Tell
from artifacts.storage.transfer import TO_MAKE, TO_READ, copy_file, hash_file, write_at


class Recorded(Struct, frozen=True):
    """What an entry says of the object that it refers to; `digest` counts if it is content's."""

    path: str
    digest: bytes
    size: int | None
    detail: Detail

    @property
    def uri(self) -> str:
        return cast("str", self.detail.uri)

    def changed(self, reason: str) -> ChangedReferenceError:
        return ChangedReferenceError(self.path, self.uri, reason)

    def check_told(self, told: Told) -> None:
        """Raises ChangedReferenceError if what is told differs; what is not told is passed by."""
        detail = self.detail
        if None not in (detail.etag, told.etag) and detail.etag != told.etag:
            raise self.changed(f"its etag was {detail.etag} and is {told.etag}")
        if None not in (detail.version, told.version) and detail.version != told.version:
            raise self.changed(f"its version was {detail.version} and is {told.version}")
        if None not in (self.size, told.size) and self.size != told.size:
            raise self.changed(f"it had {self.size} bytes and has {told.size}")

    def check_content(self, digest: Digest, size: int) -> None:
        """Raises ChangedReferenceError."""
        if self.size is not None and size != self.size:
            raise self.changed(f"it had {self.size} bytes and has {size}")
        if self.detail.is_content and digest != self.digest:
            raise self.changed(f"its digest was {self.digest.hex()} and is {digest.hex()}")


def fetch(places: Places, recorded: Recorded, target: str, tell: Tell) -> tuple[Digest, int]:
    """Digest and length of what is in the new file `target`: the recorded bytes.

    Where the bucket keeps versions it is the recorded one that is read, whatever came after it.
    Raises MissingReferenceError, ChangedReferenceError, StorageError; then the file is to be
    removed.
    """
    try:
        uri = Uri.parse(recorded.uri)
        if uri.scheme == "file":
            digest, size = _copy(uri.key, target, tell, recorded.size)
        else:
            digest, size = _fetch(places, uri, recorded, target, tell)
    except MissingReferenceError as error:
        raise MissingReferenceError(error.uri, recorded.path) from None
    recorded.check_content(digest, size)
    return digest, size


def _copy(source: str, target: str, tell: Tell, most: int | None) -> tuple[Digest, int]:
    try:
        fd = os.open(source, TO_READ)
    except OSError:
        raise MissingReferenceError(f"file://{source}") from None
    try:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            raise MissingReferenceError(f"file://{source}")
        return copy_file(fd, Path(target), tell, MAX_SIZE if most is None else most)
    finally:
        os.close(fd)


def _fetch(
    places: Places, uri: Uri, recorded: Recorded, target: str, tell: Tell
) -> tuple[Digest, int]:
    fd = os.open(target, TO_MAKE, 0o666)
    try:
        if uri.scheme == "http":
            recorded.check_told(places.stream(uri, fd, recorded.size))
        else:
            _fill(places, uri, recorded, fd)
        os.lseek(fd, 0, os.SEEK_SET)
        return hash_file(fd, tell)
    finally:
        os.close(fd)


def _fill(places: Places, uri: Uri, recorded: Recorded, fd: int) -> None:
    """As it was recorded, or, where that can be found, from the version that has its etag."""
    detail = recorded.detail
    try:
        _fill_from(places, uri, recorded, detail.version, fd)
    except (ChangedReferenceError, MissingReferenceError):
        if detail.version is not None or detail.etag is None:
            raise
        older = places.version_with(uri, detail.etag)
        if older is None:
            raise
        _fill_from(places, uri, recorded, older, fd)


def _fill_from(places: Places, uri: Uri, recorded: Recorded, version: str | None, fd: int) -> None:
    size = recorded.size
    if not size:  # nothing could be read to see whether it still is so
        told = places.look(uri, version)
        recorded.check_told(told)
        size = told.size or 0
    try:
        is_told = _read_parts(places, uri, recorded, (version, size, fd))
    except StorageError:
        recorded.check_told(places.look(uri, version))  # there may be too little to read
        raise
    if not is_told and not recorded.detail.is_content:  # it may have been replaced meanwhile
        recorded.check_told(places.look(uri, version))


def _read_parts(
    places: Places, uri: Uri, recorded: Recorded, what: tuple[str | None, int, int]
) -> bool:
    """Whether every part came with what identifies the object."""
    version, size, fd = what

    def read(offset: int) -> bool:
        length = min(PART_BYTES, size - offset)
        data, told = places.part(uri, version, offset, length)
        recorded.check_told(told)
        if len(data) != length:
            raise recorded.changed(f"only {offset + len(data)} of {size} bytes are there")
        write_at(fd, offset, [data])
        return (told.etag or told.version) is not None

    are_told: list[bool] = []
    in_parts(places.client(uri), range(0, size, PART_BYTES), read, are_told.append)
    return all(are_told)
