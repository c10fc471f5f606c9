"""Verify: stored bytes compared with the digests that name them. Repairs nothing."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

from blake3 import blake3

from artifacts.catalog.catalog import Catalog
from artifacts.catalog.version import Version
from artifacts.content import Digest, Page
from artifacts.errors import (
    ArtifactsError,
    BrokenLogError,
    DigestMismatchError,
    NotFoundError,
)
from artifacts.names import CollectionName
from artifacts.progress import Progress, Silent
from artifacts.storage import (
    BLOBS,
    BUFFER_BYTES,
    Extent,
    Layout,
    Log,
    Name,
    ObjectStore,
    PageLayout,
    Tail,
    checked,
    read_spans,
)

T = TypeVar("T")
_MOST = 2**28  # bytes of a page, a manifest or a layout


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong, where, and which paths of which versions it takes with it."""

    where: str
    reason: str
    affected: tuple[str, ...] = ()


@dataclass(slots=True)
class Report:
    """All problems, not the first, one for each place; `objects` and `size` bytes were read."""

    objects: int = 0
    size: int = 0
    _problems: dict[str, Problem] = field(default_factory=dict)

    @property
    def problems(self) -> list[Problem]:
        """In order of place."""
        return [self._problems[where] for where in sorted(self._problems)]

    @property
    def is_clean(self) -> bool:
        return not self._problems

    def add(self, where: str, reason: object, *affected: str) -> None:
        """What is found first is the reason; whatever is affected counts."""
        before = self._problems.get(where, Problem(where, str(reason)))
        more = tuple(each for each in affected if each not in before.affected)
        self._problems[where] = replace(before, affected=before.affected + more)


def verify_version(version: Version, progress: Progress | None = None) -> Report:
    """Reads every byte of one version, through its layout as a download would."""
    report = Report()
    _Content(report, progress or Silent()).check([version])
    return report


def verify_store(catalog: Catalog, progress: Progress | None = None) -> Report:
    """Reads the whole store: every log from its first event, every version, every object.

    A blob that is a file by itself is read once; a pack twice, the second time file by file.
    """
    report = Report()
    progress = progress or Silent()
    sound = _check_objects(catalog.store, report, progress)
    _check_logs(catalog.store, report)
    from_logs = Catalog(catalog.store, has_checkpoints=False)
    versions = [*_versions(from_logs, report)]
    _check_heads(catalog, versions, report)
    _Content(report, progress, sound).check(versions)
    return report


class _Content:
    """Pages that versions share are read once, and so is each file that lies in one place."""

    def __init__(
        self, report: Report, progress: Progress, sound: Mapping[Name, int] | None = None
    ) -> None:
        self._report = report
        self._progress = progress
        self._sound = sound or {}
        self._seen: dict[int, str | None] = {}  # what is wrong with the bytes in a place

    def check(self, versions: Iterable[Version]) -> None:
        """Each page once, though a fault in it affects every version that has it."""
        pages: dict[tuple[Name, Name], list[tuple[Version, int]]] = {}
        for version in versions:
            layout = self._layout_of(version)
            if layout is None:
                continue
            for position, names in enumerate(zip(layout.pages, layout.layouts, strict=True)):
                pages.setdefault(names, []).append((version, position))
        for users in pages.values():
            self._check_page(*users[0], [version for version, _ in users])

    def _layout_of(self, version: Version) -> Layout | None:
        row, affected = version.row, [version.qualified_name]
        manifest = self._read(lambda: version.manifest, row.manifest, affected)
        if manifest is None:
            return None
        return self._read(lambda: version.layout, row.layout, affected)

    def _check_page(self, version: Version, position: int, users: Sequence[Version]) -> None:
        row, names = version.manifest.rows[position], version.layout
        affected = [f"{user.qualified_name}: {row.first} to {row.last}" for user in users]
        page = self._read(lambda: version.page(position), names.pages[position], affected)
        if page is None:
            return
        layout = self._read(
            lambda: version.page_layout(position, page), names.layouts[position], affected
        )
        if layout is None:
            return
        part = _Part(version.store, page, layout, users)
        for extent in layout.extents(page, range(len(page))):
            self._check_extent(part, extent)
        for index in layout.pieces:
            self._check_pieces(part, index)

    def _read(self, read: Callable[[], T], name: Name, affected: Iterable[str]) -> T | None:
        """What is read; nothing if it cannot be, which is reported."""
        try:
            return read()
        except ArtifactsError as error:
            where = error.key if isinstance(error, BrokenLogError) else name.key
            self._report.add(where, error, *affected)
            return None

    def _check_extent(self, part: _Part, extent: Extent) -> None:
        """Each file of a pack against its own digest, from one pass over the pack."""
        stream = _Stream(part.store, extent.blob, extent.offset)
        for index in extent.indices:
            size = part.page.sizes[index] or 0
            if self._is_known(part, index, extent.blob, stream.offset):
                stream.skip(size)
                continue
            try:
                found, length = stream.digest(size)
            except ArtifactsError as error:
                left = range(index, extent.indices.stop)
                self._report.add(extent.blob.key, error, *part.named(*left))
                return
            place = _place(extent.blob, stream.offset - size, part.page.digest_at(index), size)
            self._seen[place] = self._judge(part, index, found, length, extent.blob)

    def _is_known(self, part: _Part, index: int, blob: Name, offset: int) -> bool:
        """Whether these bytes were read before; what was wrong with them then still is."""
        digest, size = part.page.digest_at(index), part.page.sizes[index]
        if blob.digest == digest and not offset and self._sound.get(blob) == size:
            return True
        place = _place(blob, offset, digest, size)
        if fault := self._seen.get(place):
            self._report.add(blob.key, fault, *part.named(index))
        return place in self._seen

    def _check_pieces(self, part: _Part, index: int) -> None:
        spans = part.layout.spans(part.page, index)
        hasher, length = blake3(), 0
        try:
            for data in read_spans(part.store, spans, part.page.paths[index]):
                hasher.update(data)
                length += len(data)
        except ArtifactsError as error:
            self._report.add(spans[0].blob.key, error, *part.named(index))
            return
        self._judge(part, index, Digest(hasher.digest()), length, spans[0].blob)

    def _judge(self, part: _Part, index: int, found: Digest, length: int, blob: Name) -> str | None:
        """What is wrong with a file's bytes, which is reported too."""
        self._report.size += length
        self._progress.advance(length)
        path, expected = part.page.paths[index], part.page.digest_at(index)
        fault = None
        if found != expected:
            fault = f"{path}: digest is {found}, expected {expected}"
        elif length != part.page.sizes[index]:
            fault = f"{path}: has {length} bytes, expected {part.page.sizes[index]}"
        if fault:
            self._report.add(blob.key, fault, *part.named(index))
        return fault


def _place(blob: Name, offset: int, digest: Digest, size: int | None) -> int:
    """A small key for where bytes lie: there may be millions of them."""
    return hash((blob, offset, digest, size))


@dataclass(frozen=True, slots=True)
class _Part:
    """A page, where its files lie, and which versions have it."""

    store: ObjectStore
    page: Page
    layout: PageLayout
    users: Sequence[Version]

    def named(self, *indices: int) -> Iterator[str]:
        """Paths in each version that has them."""
        for user in self.users:
            yield from (f"{user.qualified_name}: {self.page.paths[index]}" for index in indices)


class _Stream:
    """Consecutive files of one blob, read in large steps."""

    def __init__(self, store: ObjectStore, blob: Name, offset: int) -> None:
        self._store, self._blob = store, blob
        self.offset = offset  # of the next file
        self._held, self._read_to = memoryview(b""), offset

    def skip(self, size: int) -> None:
        self.offset += size
        self._held, self._read_to = memoryview(b""), self.offset

    def digest(self, size: int) -> tuple[Digest, int]:
        """Of the next `size` bytes, or of as many as there are. Raises ObjectNotFoundError."""
        hasher, left = blake3(), size
        self.offset += size
        while left:
            if not self._held:
                data = self._store.read(self._blob.key, self._read_to, BUFFER_BYTES)
                if not data:
                    break
                self._held = memoryview(data)
                self._read_to += len(data)
            hasher.update(self._held[:left])
            taken = min(left, len(self._held))
            left -= taken
            self._held = self._held[taken:]
        return Digest(hasher.digest()), size - left


def _check_objects(store: ObjectStore, report: Report, progress: Progress) -> dict[Name, int]:
    """The lengths of the blobs that are what their name says."""
    sound: dict[Name, int] = {}
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
                sound[name] = _check_blob(store, name, report, progress)
            else:
                checked(name, store.read(key), _MOST)
        except ArtifactsError as error:
            report.add(key, error)
    return sound


def _check_blob(store: ObjectStore, name: Name, report: Report, progress: Progress) -> int:
    """Its length. Raises DigestMismatchError."""
    hasher, offset = blake3(), 0
    while data := store.read(name.key, offset, BUFFER_BYTES):
        hasher.update(data)
        offset += len(data)
        report.size += len(data)
        progress.advance(len(data))
    found = Digest(hasher.digest())
    if found != name.digest:
        raise DigestMismatchError(name.key, name.digest.hex(), found.hex())
    return offset


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


def _check_heads(catalog: Catalog, versions: Iterable[Version], report: Report) -> None:
    """A checkpoint that is whole, but says something else than its log, was forged."""
    for version in {each.collection.log.name: each for each in versions}.values():
        true, name = version.collection.state, version.collection_name
        try:
            found = catalog.collection(name)
        except ArtifactsError as error:
            report.add(name.qualified, error, name.qualified)
            continue
        told = (found.state.aliases, found.state.index) if found else None
        if told != (true.aliases, true.index):
            reason = "the checkpoint says something else than the log: delete it"
            report.add(f"cache/heads/{version.collection.log.name}", reason, name.qualified)


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
