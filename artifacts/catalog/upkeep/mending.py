"""Mending: what a store lost or damaged is put back from where it is found whole."""

from __future__ import annotations

import os
import secrets
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Executor
from datetime import timedelta
from functools import cached_property, partial
from pathlib import Path
from typing import Protocol

from blake3 import blake3
from msgspec.structs import replace

from artifacts.cache import PART_BYTES, Checked, Copies, uncached
from artifacts.catalog.catalog import Catalog
from artifacts.catalog.upkeep.fsck import LOG, YOUNG, Checkup, Finding, fsck
from artifacts.catalog.upkeep.live import live_pages, located
from artifacts.catalog.upkeep.verify import DAMAGED, MISSING
from artifacts.errors import ArtifactsError, IntegrityError, NotFoundError, ObjectNotFoundError
from artifacts.progress import Progress
from artifacts.storage import BLOBS, Frame, Log, Name, ObjectStore, Tail, checked, hash_file

_STEP = 2**23  # bytes that are held at once


class Source(Protocol):
    """Where whole objects may be found. Nothing that it gives is believed."""

    def pieces(self, name: Name) -> Iterator[bytes]:
        """The object as a store has it. Raises ArtifactsError, OSError where it is not."""

    @property
    def store(self) -> ObjectStore | None:
        """If it is one, which may have logs, too."""


class StoreSource:
    """Another store, a backup or a mirror of this one's keys."""

    def __init__(self, store: ObjectStore) -> None:
        self.store: ObjectStore | None = store
        self._store = store

    def pieces(self, name: Name) -> Iterator[bytes]:
        size, at = self._store.size(name.key), 0
        while at < size:
            yield (data := self._store.read(name.key, at, _STEP))
            if not data:
                return
            at += len(data)


class CopiesSource:
    """What this machine has kept."""

    store: ObjectStore | None = None

    def __init__(self, copies: Copies) -> None:
        self._copies = copies

    def pieces(self, name: Name) -> Iterator[bytes]:
        whole = self._copies.read(name.key, 0, None)
        if whole is not None:
            yield whole
            return
        for number in range(2**31):
            part = self._copies.read_part(name.key, number, 0, PART_BYTES)
            if part is None:
                return
            yield part


class FolderSource:
    """Files of a folder, put together to blobs as versions say that they lie in these."""

    store: ObjectStore | None = None

    def __init__(self, folder: Path, catalog: Catalog) -> None:
        self._catalog = catalog
        self._files: dict[bytes, Path] = {}
        for root, _, names in os.walk(folder):
            for path in (Path(root, each) for each in names):
                if path.is_file():
                    with path.open("rb", buffering=0) as file:
                        digest, _ = hash_file(file.fileno())
                    self._files[digest] = path

    def pieces(self, name: Name) -> Iterator[bytes]:
        if name.kind != BLOBS:
            raise ObjectNotFoundError(name.key)
        end = 0
        for offset, size, digest in sorted(self._packed.get(name, {(0, 0, name.digest)})):
            if offset != end or digest not in self._files:
                raise ObjectNotFoundError(name.key)
            with self._files[digest].open("rb") as file:
                yield from iter(partial(file.read, _STEP), b"")
            end += size

    @cached_property
    def _packed(self) -> Mapping[Name, set[tuple[int, int, bytes]]]:
        """Offset, size and digest of the files that lie raw in each blob."""
        packed: dict[Name, set[tuple[int, int, bytes]]] = defaultdict(set)
        for placed in live_pages(self._catalog, lambda _version, _error: None):
            for extent in placed.extents():
                sizes = (placed.page.sizes[index] or 0 for index in extent.indices)
                for file, size in zip(located(placed, extent), sizes, strict=True):
                    packed[file.blob].add((file.offset, size, file.digest))
        return packed


def checkup(
    catalog: Catalog,
    source: Source | None = None,
    progress: Progress | None = None,
    *,
    executor: Executor | None = None,
    young: timedelta = YOUNG,
    checked: Checked | None = None,
) -> Checkup:
    """As `fsck`; what a source has whole is put back, until no more of that is found.

    What is `checked` is forgotten when all of this has ended, and only then.

    What a damaged log or page kept from sight is seen once that is mended. The findings are those
    of the last look and, before them, all that were repaired. Raises as `mend`.
    """
    repaired: list[Finding] = []
    while True:
        found = fsck(catalog, progress, executor=executor, young=young, checked=checked)
        findings = mend(catalog, found.findings, source) if source else found.findings
        new = [each for each in findings if each.is_repaired]
        if not new:
            if checked:
                checked.forget()
            found.findings = [*repaired, *found.findings]
            return found
        repaired += new


def mend(catalog: Catalog, findings: Sequence[Finding], source: Source) -> list[Finding]:
    """The same findings, those repaired that the source has whole.

    Nothing is written that was not compared with its digest, and of a log only events that lead
    from what it has to what it has. Raises StorageError of the store itself.
    """
    store = uncached(catalog.store)
    catalog.begin_writing()
    catalog.check_writing()
    return [
        replace(each, is_repaired=True) if _mended(store, each, source) else each
        for each in findings
    ]


def _mended(store: ObjectStore, finding: Finding, source: Source) -> bool:
    if finding.kind in (DAMAGED, MISSING) and (name := Name.of_key(finding.where)):
        return _put_back(store, name, source)
    if finding.kind == LOG and source.store is not None:
        log = finding.where.removeprefix("logs/")
        parts = log.split("/")
        return _mend_log(
            store, "/".join(parts[:-1] if parts[-1].isdigit() else parts), source.store
        )
    return False


def _put_back(store: ObjectStore, name: Name, source: Source) -> bool:
    path = store.spool() / f"mended-{secrets.token_hex(8)}"
    try:
        if not _fetched(name, source, path):
            return False
        store.take(name.key, path)
    finally:
        path.unlink(missing_ok=True)
    return True


def _fetched(name: Name, source: Source, path: Path) -> bool:
    """Whether the source had the object whole, which is at the path then."""
    hasher = blake3()
    try:
        with path.open("wb") as file:
            for data in source.pieces(name):
                hasher.update(data)
                file.write(data)
        if name.kind == BLOBS:
            return hasher.digest() == name.digest
        checked(name, path.read_bytes())
    except (NotFoundError, IntegrityError):
        return False
    return True


def _mend_log(store: ObjectStore, name: str, source: ObjectStore) -> bool:
    """Events that are missing or damaged, if all others are those of the source's unbroken log."""
    log = Log(source, name)
    lost: list[tuple[str, bytes]] = []
    try:
        for event in log.after(Tail.start(name)):
            key = log.key(event.number)
            theirs = source.read(key)
            if (ours := _event_of(store, key)) is None:
                lost.append((key, theirs))
            elif ours != theirs:
                return False  # another history
    except (NotFoundError, IntegrityError):
        return False
    for key, data in lost:
        store.write(key, data)
    return bool(lost) and _is_whole(store, name)


def _event_of(store: ObjectStore, key: str) -> bytes | None:
    """Its bytes; None if it is missing or damaged."""
    try:
        Frame.decode(data := store.read(key), key)
    except (NotFoundError, IntegrityError):
        return None
    return data


def _is_whole(store: ObjectStore, name: str) -> bool:
    try:
        for _ in Log(store, name).after(Tail.start(name)):
            pass
    except ArtifactsError:
        return False
    return True
