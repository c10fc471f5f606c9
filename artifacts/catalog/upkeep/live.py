"""Live: what the versions of all collections reach, page by page."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from msgspec import Struct

from artifacts.catalog.catalog import Catalog
from artifacts.catalog.version import Version
from artifacts.content import Digest, Page
from artifacts.errors import ArtifactNotFoundError, IntegrityError
from artifacts.names import CollectionName
from artifacts.storage import Extent, Located, PageLayout

Complain = Callable[[Version, IntegrityError], None]
"""Told of a version that is damaged, and so can be left as it is."""


class Placed(Struct, frozen=True):
    """A page of a version, and where its files lie."""

    page: Page
    layout: PageLayout

    def extents(self) -> Iterator[Extent]:
        """Of all files but those in pieces."""
        return self.layout.extents(self.page, range(len(self.page)))

    def size(self, extent: Extent) -> int:
        return sum(self.page.sizes[index] or 0 for index in extent.indices)

    def is_solo(self, extent: Extent) -> bool:
        """Whether it is a whole blob that is named by the only file in it."""
        first = extent.indices[0]
        is_named = extent.blob.digest == self.page.digest_at(first)
        return is_named and not extent.offset and len(extent.indices) == 1


def live_versions(catalog: Catalog) -> Iterator[Version]:
    """Of every collection, newest first. None is kept: there may be many, of many pages.

    Raises BrokenLogError, UnknownEventError: what a log does not tell nobody may guess.
    """
    for entity, project in catalog.projects():
        for name, _ in catalog.collections(entity, project, with_hidden=True):
            try:
                yield from catalog.versions(CollectionName(entity, project, name))
            except ArtifactNotFoundError:
                continue  # deleted meanwhile, or its creator died before its first event


def live_pages(catalog: Catalog, complain: Complain) -> Iterator[Placed]:
    """Each page in each of its layouts once, however many versions share it.

    Memory: some 100 bytes for each of them.
    """
    seen: set[tuple[Digest, Digest]] = set()
    for version in live_versions(catalog):
        try:
            layout = version.layout
            for position, names in enumerate(zip(layout.pages, layout.layouts, strict=True)):
                digests = (names[0].digest, names[1].digest)
                if digests not in seen:
                    page = version.page(position)
                    yield Placed(page, version.page_layout(position, page))
                    seen.add(digests)
        except IntegrityError as error:
            complain(version, error)


def located(placed: Placed, extent: Extent) -> Iterator[Located]:
    """Rows for the index of the files that lie end to end in a pack."""
    offset = extent.offset
    for index in extent.indices:
        yield Located(placed.page.digest_at(index), extent.blob, offset)
        offset += placed.page.sizes[index] or 0
