"""Version: one committed version, its entries read page by page as they are asked for."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future
from functools import cached_property, partial

from blake3 import blake3
from msgspec import Struct

from artifacts.cache import CachedStore, Expected, expected_details, expected_files, uncached
from artifacts.catalog.collection import CollectionState, id_of
from artifacts.catalog.row import LinkRow, VersionRow
from artifacts.content import Detail, Diff, Digest, Entry, Kind, Manifest, Page, PageRow, diff
from artifacts.errors import (
    BrokenLogError,
    DigestMismatchError,
    EntryNotFoundError,
    IntegrityError,
    InvalidError,
    MalformedError,
    MissingBlobError,
    ObjectNotFoundError,
    StorageError,
)
from artifacts.names import CollectionName
from artifacts.storage import (
    MAX_OBJECT_BYTES,
    Fold,
    InlineObjects,
    Layout,
    Name,
    ObjectStore,
    PageLayout,
    PerProcess,
    Span,
    forget,
    has_copy,
    read_spans,
)


class Link(Struct, frozen=True):
    """How a version was found in a portfolio; `row` is as of the portfolio's last refresh."""

    portfolio: CollectionName
    fold: Fold[CollectionState]
    row: LinkRow


class Version:
    """`row` is as of the collection's last refresh; everything else of a version is immutable."""

    def __init__(
        self,
        store: ObjectStore,
        name: CollectionName,
        collection: Fold[CollectionState],
        row: VersionRow,
        link: Link | None = None,
    ) -> None:
        """`name` is where it was logged; if it was found in a portfolio, `link` says how."""
        self.store = store
        self.collection_name = name
        self.collection = collection
        self.row = row
        self.link = link

    def shown_by(self, link: Link) -> Version:
        """The same, as that link shows it."""
        return Version(self.store, self.collection_name, self.collection, self.row, link)

    @property
    def found_in(self) -> CollectionName:
        """The collection or portfolio in which it has its name, its number and its aliases."""
        return self.link.portfolio if self.link else self.collection_name

    @property
    def number(self) -> int:
        return self.link.row.number if self.link else self.row.number

    @property
    def name(self) -> str:
        return f"{self.found_in.collection}:v{self.number}"

    @property
    def qualified_name(self) -> str:
        return f"{self.found_in.qualified}:v{self.number}"

    @property
    def source_name(self) -> str:
        return f"{self.collection_name.collection}:v{self.row.number}"

    @property
    def source_qualified_name(self) -> str:
        """Where it was logged, whatever portfolio it was found in."""
        return f"{self.collection_name.qualified}:v{self.row.number}"

    @property
    def id(self) -> str:
        """Its source's, for ever, whatever it is called."""
        return f"{id_of(self.collection)}-{self.row.number}"

    @property
    def type(self) -> str:
        return self.collection.state.type

    @property
    def digest(self) -> Digest:
        return self.row.digest

    @property
    def aliases(self) -> list[str]:
        fold = self.link.fold if self.link else self.collection
        return fold.state.aliases_of(self.number)

    def refresh(self) -> None:
        """Take in what changed beside the content: aliases, description, metadata, tags."""
        self.row = self._row_now() or self.row
        if self.link is not None:
            self.link.fold.forget()
            self.link.fold.refresh()

    @cached_property
    def manifest(self) -> Manifest:
        """Raises IntegrityError if it is damaged, or is not what the log says of it."""
        name = self.row.manifest
        self._begin(self.row.layout)  # whoever wants the one mostly wants the other
        manifest = Manifest.decode(self._get(name), str(name))
        if (len(manifest), manifest.size) != (self.row.entries, self.row.size):
            raise MalformedError(
                str(name), f"its counts differ from those of {self.qualified_name}"
            )
        return manifest

    @cached_property
    def layout(self) -> Layout:
        name = self.row.layout
        pages = [row.digest for row in self.manifest.rows]
        return Layout.decode(self._get(name), self.digest, pages, str(name))

    def page(self, position: int) -> Page:
        """Raises IntegrityError."""
        row = self.manifest.rows[position]
        return row.check(self._get(self.layout.pages[position], row.length))

    def page_bytes(self, position: int) -> bytes:
        """Canonical bytes of a page, checked; where its files lie will be asked for next."""
        self._begin(self.layout.layouts[position])
        return self._get(self.layout.pages[position], self.manifest.rows[position].length)

    def page_layout(self, position: int, page: Page) -> PageLayout:
        """Raises IntegrityError."""
        name = self.layout.layouts[position]
        return PageLayout.decode(self._get(name), page, str(name))

    def pages(self, prefix: str = "") -> Iterator[tuple[int, Page, range]]:
        """Position, page, and the indices in it of paths that start with `prefix`."""
        for position in self.manifest.positions_under(prefix):
            page = self.page(position)
            if wanted := page.range_of(prefix):
                yield position, page, wanted

    def entries(self, prefix: str = "") -> Iterator[Entry]:
        """Entries whose path starts with `prefix`, as a string, in path order."""
        for _, page, wanted in self.pages(prefix):
            yield from map(page.__getitem__, wanted)

    def files(self) -> dict[str, Expected]:
        """Digest and size of each file, by path."""
        files: dict[str, Expected] = {}
        for _, page, _ in self.pages():
            files |= expected_files(page)
        return files

    def details(self) -> dict[str, Detail]:
        """What is said beside files' content: links, empty folders, permissions; by path."""
        details: dict[str, Detail] = {}
        for _, page, _ in self.pages():
            details |= expected_details(page)
        return details

    def entry(self, path: str) -> Entry:
        """Reads one page. Raises EntryNotFoundError."""
        _, page, index = self._locate(path)
        return page[index]

    def read(self, path: str) -> Iterator[bytes]:
        """One file's bytes, in pieces; the last comes only if all of them were right.

        Raises EntryNotFoundError, DigestMismatchError, MalformedError, MissingBlobError.
        """
        position, page, index = self._locate(path)
        entry = page[index]
        if entry.kind is not Kind.FILE:
            what = f"a {entry.kind.name.lower()}, whose bytes the store does not have"
            raise InvalidError(f"{path!r} is {what}: download it")
        spans = self._spans(position, page, index)
        keys = {span.blob.key for span in spans}
        if has_copy(self.store, *keys):  # what was handed out cannot be taken back
            try:
                deque(_checked(self.store, spans, entry), maxlen=0)
            except IntegrityError:
                forget(self.store, *keys)
        is_begun = False
        try:
            for data in _checked(self.store, spans, entry):
                yield data
                is_begun = True
        except MissingBlobError:
            renewed = None if is_begun else self.renewed()
            if renewed is None:
                raise
            yield from renewed.read(path)

    def renewed(self) -> Version | None:
        """This version as its bytes lie now, if they were laid out anew since."""
        row = self._row_now()
        if row is None or row.layout == self.row.layout:
            return None
        return Version(self.store, self.collection_name, self.collection, row, self.link)

    def _row_now(self) -> VersionRow | None:
        self.collection.forget()  # what another thread asked for before now
        return self.collection.refresh().state.known(self.row.number)

    def uncached(self) -> Version:
        """This version, read from the store itself."""
        store = uncached(self.store)
        return Version(store, self.collection_name, self.collection, self.row, self.link)

    def placed(self, path: str) -> tuple[bytes, Sequence[Span]] | None:
        """Digest of the file at a path, and where its bytes lie.

        None, too, where this version is damaged: whoever asks has a file to store anew.
        """
        try:
            position, page, index = self._locate(path)
            return page.digest_at(index), self._spans(position, page, index)
        except (EntryNotFoundError, IntegrityError):
            return None

    def diff(self, newer: Version) -> Diff:
        """What turns this version's entries into the newer one's."""
        return diff(self.manifest, newer.manifest, self._read_row, newer._read_row)

    def _read_row(self, row: PageRow) -> Page:
        return self.page(self.manifest.rows.index(row))

    def _locate(self, path: str) -> tuple[int, Page, int]:
        position = self.manifest.position_of(path)
        if position is not None:
            page = self._last_page(position)
            index = page.index_of(path)
            if index is not None:
                return position, page, index
        raise EntryNotFoundError(path)

    def _last_page(self, position: int) -> Page:
        """The page last asked for is kept: entries are mostly asked for in order."""
        kept = self._kept
        if kept is None or kept[0] != position:
            self._kept = kept = (position, self.page(position), None)
        return kept[1]

    _kept: tuple[int, Page, PageLayout | None] | None = None

    def _spans(self, position: int, page: Page, index: int) -> list[Span]:
        kept = self._kept
        layout = kept[2] if kept and kept[0] == position else None
        if layout is None:
            layout = self.page_layout(position, page)
            self._kept = (position, page, layout)
        return [*layout.spans(page, index)]

    def keep_carried(self) -> None:
        """Where the store is far away, have copies of what the event carried, for offline days."""
        if isinstance(self.store, CachedStore):
            for name, stored in self.carried.items():
                self.store.copies.put(Name.parse(name).key, stored)

    @property
    def carried(self) -> Mapping[str, bytes]:
        """Stored forms of the objects that ride with the event which placed it, by name."""
        return self._objects.inline

    @cached_property
    def _objects(self) -> InlineObjects:
        """The objects of the store, and those within the event that placed this version."""
        log, number = self.collection.log, self.row.placed
        try:
            event = log.read(number)
        except ObjectNotFoundError:
            raise BrokenLogError(log.key(number), "it is missing") from None
        except StorageError:
            if not self.collection.is_offline:
                raise
            return InlineObjects(self.store, {})  # what it carried may be among the copies
        return InlineObjects(self.store, event.objects)

    def _begin(self, name: Name) -> None:
        """Have an object under way, where that pays."""
        parallel = self.collection.log.parallel
        if parallel is not None and str(name) not in self._objects.inline:
            self._begun.mine[name] = parallel.begin(partial(self._objects.get, name))

    @cached_property
    def _begun(self) -> PerProcess[dict[Name, Future[bytes]]]:
        return PerProcess(dict)

    def _get(self, name: Name, most: int = MAX_OBJECT_BYTES) -> bytes:
        begun = self._begun.mine.pop(name, None)
        try:
            return begun.result() if begun else self._objects.get(name, most)
        except ObjectNotFoundError:
            raise MissingBlobError(self.qualified_name, name.key, self.store.url) from None


def _checked(store: ObjectStore, spans: Sequence[Span], entry: Entry) -> Iterator[bytes]:
    """As Version.read."""
    hasher, size, held = blake3(), 0, b""
    for data in read_spans(store, spans, entry.path):
        yield from filter(None, [held])
        hasher.update(data)
        size += len(data)
        held = data
    if (actual := Digest(hasher.digest())) != entry.digest:
        raise DigestMismatchError(entry.path, entry.digest.hex(), actual.hex())
    if size != entry.size:
        raise MalformedError(entry.path, f"it has {size} bytes, not the {entry.size} of its entry")
    yield held
