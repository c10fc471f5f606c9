"""Delivered: one artifact, or a part of it, in a folder, and what the folder should hold of it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence, Set
from functools import cached_property
from typing import TypeAlias

from msgspec import Struct, field
from msgspec.structs import replace

from artifacts.content import Detail, Digest, Entry, Kind, Manifest, Page, PageRow
from artifacts.errors import MalformedError

Expected: TypeAlias = tuple[bytes, int]
"""Digest and size that a file should have."""


class Had(Struct, frozen=True):
    """What a delivery made of a reference: the entry's digest, and what came of it."""

    entry: bytes
    content: Expected


class Delivered(Struct, frozen=True, dict=True):
    """One artifact, or a part of it, that was put into a folder.

    All paths that start with `prefix`, unless `only` lists, in order, which of them.
    """

    name: str  # entity/project/collection:v3
    type: str
    store: str
    prefix: str
    manifest: Manifest
    pages: Mapping[Digest, bytes]  # canonical bytes of those that can hold what was delivered
    only: tuple[str, ...] = ()
    references: Mapping[str, Expected] = field(default_factory=dict)
    """Of those that were delivered, what came of them, by path."""

    @property
    def collection(self) -> str:
        return self.name.rpartition(":")[0]

    @property
    def part(self) -> str:
        """Which part of the artifact it is, for people to read; nothing for all of it."""
        return ", ".join(self.only) if self.only else self.prefix and f"{self.prefix}…"

    def files(self) -> dict[str, Expected]:
        """Digest and size of each file that was delivered, by path.

        Raises IntegrityError for pages that are not those of the manifest.
        """
        files: dict[str, Expected] = {}
        for page in self._pages:
            files |= expected_files(page, self.prefix)
            files |= self._referred(page)
        return {path: files[path] for path in self.only if path in files} if self.only else files

    def referred(self) -> dict[str, Had]:
        """Of each reference that was delivered its entry's digest, and what came of it.

        Raises IntegrityError.
        """
        return {
            entry.path: Had(entry.digest, content)
            for page in (self._pages if self.references else ())
            for entry, content in self._references_of(page)
            if content is not None
        }

    def left_out(self) -> dict[str, Expected | None]:
        """References that were not delivered, and what is known of their bytes; by path.

        Raises IntegrityError as `files`.
        """
        return {
            entry.path: known_content(entry)
            for page in self._pages
            for entry, content in self._references_of(page)
            if content is None and self.has(entry.path)
        }

    def details(self) -> dict[str, Detail]:
        """What was delivered beside files' content: links, empty folders, permissions; by path.

        Raises IntegrityError as `files`.
        """
        details: dict[str, Detail] = {}
        for page in self._pages:
            details |= expected_details(page, self.prefix)
        return {path: each for path, each in details.items() if self.has(path)}

    def joined(self, other: Delivered) -> Delivered:
        """With the other's paths, of the same manifest; both say which they are.

        Of a reference that both have, this one's says what came of it.
        """
        had = {**other.references, **self.references}
        return self._restricted({*self.only, *other.only}, {**self.pages, **other.pages}, had)

    def beside(self, newer: Delivered) -> Delivered | None:
        """What is left of it to say, once a newer one of its collection says its part."""
        if not self.only:
            is_covered = self.prefix.startswith(newer.prefix) and not newer.only
            return None if is_covered else self
        left = {path for path in self.only if not newer.has(path)}
        return self._restricted(left, self.pages, self.references) if left else None

    def has(self, path: str) -> bool:
        """Whether a path, if the artifact has it, was delivered."""
        return path in self.only if self.only else path.startswith(self.prefix)

    @cached_property
    def _pages(self) -> Sequence[Page]:
        """Raises IntegrityError for a page that lacks, or is not that of the manifest."""
        return [*map(self._page, _rows(self.manifest, self.prefix, self.only))]

    def _page(self, row: PageRow) -> Page:
        if row.digest not in self.pages:
            raise MalformedError(f"receipt of {self.name}", f"page {row.digest} is missing")
        return row.check(self.pages[row.digest])

    def _references_of(self, page: Page) -> Iterator[tuple[Entry, Expected | None]]:
        """Of each the entry and what was delivered: known bytes are as the artifact knows them."""
        for index, detail in page.details.items():
            if detail.kind is Kind.REFERENCE and page.paths[index].startswith(self.prefix):
                entry = page[index]
                told = self.references.get(entry.path)
                yield entry, told and (known_content(entry) or told)

    def _referred(self, page: Page) -> dict[str, Expected]:
        return {entry.path: told for entry, told in self._references_of(page) if told}

    def _restricted(
        self, only: Set[str], pages: Mapping[Digest, bytes], references: Mapping[str, Expected]
    ) -> Delivered:
        needed = {row.digest for row in _rows(self.manifest, "", only)} & pages.keys()
        held = {digest: pages[digest] for digest in needed}
        had = {path: each for path, each in references.items() if path in only}
        return replace(self, pages=held, only=tuple(sorted(only)), references=had)


def _rows(manifest: Manifest, prefix: str, only: Collection[str]) -> Iterator[PageRow]:
    """Of the pages that can hold what was delivered."""
    positions: Iterable[int | None] = manifest.positions_under(prefix)
    if only:
        positions = dict.fromkeys(map(manifest.position_of, only))
    return (manifest.rows[each] for each in positions if each is not None)


def known_content(entry: Entry) -> Expected | None:
    """Digest and size of the bytes that a reference led to, if they were read when it was added."""
    if entry.detail is None or not entry.detail.is_content:
        return None
    return entry.digest, entry.size or 0


def expected_files(page: Page, prefix: str = "") -> dict[str, Expected]:
    """Digest and size of each file of a page whose path starts with `prefix`, by path."""
    rows = page.rows(page.range_of(prefix))
    files = {path: (digest, size or 0) for path, digest, size in rows}
    for index, detail in page.details.items():
        if detail.kind is not Kind.FILE:
            files.pop(page.paths[index], None)
    return files


def expected_details(page: Page, prefix: str = "") -> dict[str, Detail]:
    """What else a page says of what starts with `prefix`, but for references; by path."""
    wanted = page.range_of(prefix)
    return {
        page.paths[index]: detail
        for index, detail in page.details.items()
        if index in wanted and detail.kind is not Kind.REFERENCE
    }
