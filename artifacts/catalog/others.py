"""Others: entries of other artifacts, which references of this store may lead to."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping

from blake3 import blake3
from msgspec.structs import replace

from artifacts.catalog.collection import CollectionState
from artifacts.catalog.version import Version
from artifacts.content import Detail, Digest, Entry, Kind, Row
from artifacts.errors import InvalidError, MissingReferenceError
from artifacts.names import CollectionName
from artifacts.storage import TO_MAKE, Fold, Log, ObjectStore, Parallel, Recorded, write_all

SCHEME = "wandb-artifact"
_URI = re.compile(rf"{SCHEME}://([0-9a-f]{{32}})-([0-9]{{1,12}})/(.+)", re.DOTALL)


def uri_of(version_id: str, path: str) -> str:
    """What names a version's entry in its store for ever. Source: W&B's ref_url."""
    return f"{SCHEME}://{version_id}/{path}"


def is_of_others(detail: Detail) -> bool:
    """Whether it is of a reference that leads nowhere outside its store."""
    return detail.uri is not None and detail.uri.startswith(f"{SCHEME}://")


def led_over(detail: Detail, twins: Mapping[str, str]) -> Detail | None:
    """The reference as it is in another store, in which a version of this one has that id.

    None if it has none there.
    """
    match = _URI.fullmatch(detail.uri or "")
    twin = twins.get(f"{match[1]}-{match[2]}") if match else None
    return replace(detail, uri=uri_of(twin, match[3])) if match and twin else None


class Others:
    """Versions of one store by their ids, whatever they are called meanwhile."""

    def __init__(self, store: ObjectStore, parallel: Parallel | None = None) -> None:
        self._store, self._parallel = store, parallel
        self._found: dict[str, Fold[CollectionState]] = {}

    def row(self, uri: str) -> tuple[str, Row]:
        """Path and row of the entry that a uri names.

        One that is itself a reference is taken over, so that all lead to the bytes themselves.
        Raises InvalidError, MissingReferenceError.
        """
        entry = self._entry(uri)
        if entry.kind is Kind.REFERENCE:
            return entry.path, entry.row
        return entry.path, row_of(entry, uri)

    def fetch(
        self, recorded: Recorded, target: str, tell: Callable[[int], None]
    ) -> tuple[Digest, int]:
        """As cache.Fetch; IntegrityError, too, if the other artifact is damaged."""
        version, path = self._locate(recorded.uri)
        entry = self._entry(recorded.uri)
        if entry.digest != recorded.digest or entry.kind is not Kind.FILE:
            raise recorded.changed(f"it had {recorded.digest.hex()} and has {entry.digest.hex()}")
        hasher, size = blake3(), 0
        fd = os.open(target, TO_MAKE, 0o666)
        try:
            for data in version.read(path):
                hasher.update(data)
                size += len(data)
                write_all(fd, memoryview(data))
                tell(len(data))
        finally:
            os.close(fd)
        return Digest(hasher.digest()), size

    def _entry(self, uri: str) -> Entry:
        version, path = self._locate(uri)
        try:
            return version.entry(path)
        except LookupError:
            raise MissingReferenceError(uri) from None

    def _locate(self, uri: str) -> tuple[Version, str]:
        match = _URI.fullmatch(uri)
        if match is None:
            raise InvalidError(f"{uri!r} names no entry: take ArtifactManifestEntry.ref_url()")
        id_, number, path = match[1], int(match[2]), match[3]
        if id_ not in self._found:
            log = Log(self._store, f"collection/{id_}", parallel=self._parallel)
            self._found[id_] = Fold(log, CollectionState).refresh()
        fold = self._found[id_]
        row = None if fold.state.is_deleted else fold.state.version(number)
        if row is None:
            raise MissingReferenceError(uri)
        name = CollectionName("-", "-", fold.state.name)  # nobody is told
        return Version(self._store, name, fold, row), path


def row_of(entry: Entry, uri: str) -> Row:
    """That of a reference to a file."""
    if entry.kind is not Kind.FILE or entry.size is None:
        raise InvalidError(f"{entry.path!r} is a {entry.kind.name.lower()}, which has no bytes")
    return entry.digest, entry.size, Detail(Kind.REFERENCE, uri=uri, is_content=True)
