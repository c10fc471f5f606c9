"""Verify: stored bytes compared with the digests that name them. Repairs nothing."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field

from blake3 import blake3

from artifacts.catalog.catalog import Catalog
from artifacts.catalog.version import Version
from artifacts.content import Digest, Page
from artifacts.errors import (
    ArtifactsError,
    DigestMismatchError,
    NotFoundError,
)
from artifacts.names import CollectionName
from artifacts.progress import Progress, Silent
from artifacts.storage import (
    BLOBS,
    BUFFER_BYTES,
    Extent,
    Log,
    Name,
    ObjectStore,
    PageLayout,
    Tail,
    checked,
    read_spans,
)

_MOST = 2**28  # bytes of a page, a manifest or a layout


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong, where, and which paths of which versions it takes with it."""

    where: str
    reason: str
    affected: tuple[str, ...] = ()


@dataclass(slots=True)
class Report:
    """All problems, not the first; `objects` were read, `size` bytes of them."""

    objects: int = 0
    size: int = 0
    problems: list[Problem] = field(default_factory=list)

    @property
    def is_clean(self) -> bool:
        return not self.problems

    def add(self, where: str, reason: object, *affected: str) -> None:
        self.problems.append(Problem(where, str(reason), affected))


def verify_version(version: Version, progress: Progress | None = None) -> Report:
    """Reads every byte of one version, through its layout as a download would."""
    report = Report()
    _Content(report, progress or Silent()).check(version)
    return report


def verify_store(catalog: Catalog, progress: Progress | None = None) -> Report:
    """Reads the whole store: every log from its first event, every version, every object."""
    report = Report()
    progress = progress or Silent()
    _check_objects(catalog.store, report, progress)
    _check_logs(catalog.store, report)
    content = _Content(report, progress)
    for version in _versions(catalog, report):
        content.check(version)
    return report


class _Content:
    """Pages that versions share are read once."""

    def __init__(self, report: Report, progress: Progress) -> None:
        self._report = report
        self._progress = progress
        self._seen: set[tuple[Name, Name]] = set()

    def check(self, version: Version) -> None:
        try:
            pages = version.layout
        except ArtifactsError as error:
            self._report.add(version.qualified_name, error, version.qualified_name)
            return
        for position, names in enumerate(zip(pages.pages, pages.layouts, strict=True)):
            if names not in self._seen:
                self._seen.add(names)
                self._check_page(version, position)

    def _check_page(self, version: Version, position: int) -> None:
        row = version.manifest.rows[position]
        try:
            page = version.page(position)
            layout = version.page_layout(position, page)
        except ArtifactsError as error:
            affected = f"{version.qualified_name}: {row.first} to {row.last}"
            self._report.add(str(version.layout.pages[position]), error, affected)
            return
        for extent in layout.extents(page, range(len(page))):
            self._check_extent(version, page, extent)
        for index in layout.pieces:
            self._check_file(version, page, layout, index)

    def _check_extent(self, version: Version, page: Page, extent: Extent) -> None:
        """Each file of a pack against its own digest, from one pass over the pack."""
        stream = _Stream(version.store, extent.blob, extent.offset)
        for index in extent.indices:
            size = page.sizes[index] or 0
            try:
                found, length = stream.digest(size)
            except ArtifactsError as error:
                affected = [page.paths[i] for i in range(index, extent.indices.stop)]
                self._file_fault(version, extent.blob, error, *affected)
                return
            self._judge(version, page, index, (found, length), extent.blob)

    def _check_file(self, version: Version, page: Page, layout: PageLayout, index: int) -> None:
        spans = layout.spans(page, index)
        hasher, length = blake3(), 0
        try:
            for data in read_spans(version.store, spans, page.paths[index]):
                hasher.update(data)
                length += len(data)
        except ArtifactsError as error:
            self._file_fault(version, spans[0].blob, error, page.paths[index])
            return
        found = (Digest(hasher.digest()), length)
        self._judge(version, page, index, found, spans[0].blob)

    def _judge(
        self, version: Version, page: Page, index: int, found: tuple[Digest, int], blob: Name
    ) -> None:
        """`found` is a digest, and of how many bytes it is."""
        digest, length = found
        self._report.size += length
        self._progress.advance(length)
        path, expected, size = page.paths[index], page.digest_at(index), page.sizes[index]
        if digest != expected:
            reason = f"{path}: digest is {digest}, expected {expected}"
            self._file_fault(version, blob, reason, path)
        elif length != size:
            self._file_fault(version, blob, f"{path}: has {length} bytes, expected {size}", path)

    def _file_fault(self, version: Version, blob: Name, reason: object, *paths: str) -> None:
        affected = [f"{version.qualified_name}: {path}" for path in paths]
        self._report.add(blob.key, reason, *affected)


class _Stream:
    """Consecutive files of one blob, read in large steps."""

    def __init__(self, store: ObjectStore, blob: Name, offset: int) -> None:
        self._store, self._blob, self._offset = store, blob, offset
        self._held = memoryview(b"")

    def digest(self, size: int) -> tuple[Digest, int]:
        """Of the next `size` bytes, or of as many as there are. Raises ObjectNotFoundError."""
        hasher, left = blake3(), size
        while left:
            if not self._held:
                data = self._store.read(self._blob.key, self._offset, BUFFER_BYTES)
                if not data:
                    break
                self._held = memoryview(data)
                self._offset += len(data)
            hasher.update(self._held[:left])
            taken = min(left, len(self._held))
            left -= taken
            self._held = self._held[taken:]
        return Digest(hasher.digest()), size - left


def _check_objects(store: ObjectStore, report: Report, progress: Progress) -> None:
    for key in itertools.chain.from_iterable(
        store.list(f"{kind}/") for kind in ("blobs", "chunks", "layouts", "manifests", "pages")
    ):
        name = Name.of_key(key)
        if name is None:
            report.add(key, "it is no object of this store; move it away")
            continue
        report.objects += 1
        try:
            if name.kind == BLOBS:
                _check_blob(store, name, progress)
            else:
                checked(name, store.read(key), _MOST)
        except ArtifactsError as error:
            report.add(key, error)


def _check_blob(store: ObjectStore, name: Name, progress: Progress) -> None:
    """Raises DigestMismatchError."""
    hasher, offset = blake3(), 0
    while data := store.read(name.key, offset, BUFFER_BYTES):
        hasher.update(data)
        offset += len(data)
        progress.advance(len(data))
    found = Digest(hasher.digest())
    if found != name.digest:
        raise DigestMismatchError(name.key, name.digest.hex(), found.hex())


def _check_logs(store: ObjectStore, report: Report) -> None:
    keys = sorted(store.list("logs/"))
    for name, group in itertools.groupby(keys, key=lambda key: key.rpartition("/")[0]):
        expected = 0
        log = Log(store, name.removeprefix("logs/"))
        try:
            for event in log.after(Tail.start(log.name)):
                expected = event.number + 1
        except ArtifactsError as error:
            report.add(name, error, name)
        else:
            report.objects += expected
            for key in list(group)[expected:]:
                report.add(key, f"it lies beyond the log's end, which is event {expected - 1}")


def _versions(catalog: Catalog, report: Report) -> Iterator[Version]:
    """Every version of every collection whose log can be read; other faults are reported."""
    try:
        projects = [*catalog.projects()]
    except ArtifactsError as error:
        report.add("logs/directory/root", error, "every project")
        return
    for entity, project in projects:
        try:
            names = [name for name, _ in catalog.collections(entity, project)]
        except ArtifactsError as error:
            report.add(f"{entity}/{project}", error, f"{entity}/{project}")
            continue
        for collection in names:
            name = CollectionName(entity, project, collection)
            try:
                yield from catalog.versions(name)
            except NotFoundError:
                continue  # listed, but its creator died before its first event
            except ArtifactsError as error:
                report.add(name.qualified, error, name.qualified)
