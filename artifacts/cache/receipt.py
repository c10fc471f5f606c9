"""Receipt: the one hidden file that a download leaves, so that it can be verified offline."""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence, Set
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeAlias

from artifacts.content import Detail, Digest, Kind, Manifest, Page, PageRow, build
from artifacts.errors import (
    IntegrityError,
    InvalidPathError,
    MalformedError,
    ReceiptNotFoundError,
)
from artifacts.storage import MANIFESTS, PAGES, Frame, Name, checked, encode, on_disk

RECEIPT = ".artifact-receipt"
PARTIAL = ".artifact-partial"  # where a download is put together; gone when it ends
_OURS = re.compile(r"\.artifact-(receipt|partial)(-[0-9a-f]{8})?")
_UNFINISHED = re.compile(r"\.artifact-(receipt|partial)-[0-9a-f]{8}")
_FORMAT = 1


Expected: TypeAlias = tuple[bytes, int]
"""Digest and size that a file should have."""


def is_ours(name: str) -> bool:
    """Whether a file or folder is a download's own, and no part of anybody's data."""
    return name[0] == "." and _OURS.fullmatch(name) is not None


def is_unfinished(name: str) -> bool:
    """Whether it is what a download has only until it ends: never the receipt itself."""
    return _UNFINISHED.fullmatch(name) is not None


def check_not_ours(paths: Iterable[str]) -> None:
    """Raises InvalidPathError for a path that a download would take for its own."""
    for path in paths:
        if ".artifact-" in path and any(is_ours(part) for part in path.split("/") if part):
            raise InvalidPathError(path, "has a name that downloads keep for their own use")


@dataclass(frozen=True, slots=True)
class Had:
    """What a delivery made of a reference: the entry's digest, and what came of it."""

    entry: bytes
    content: Expected


@dataclass(frozen=True, slots=True)
class Delivery:
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
        for row in _rows(self.manifest, self.prefix, self.only):
            if row.digest not in self.pages:
                raise MalformedError(f"receipt of {self.name}", f"page {row.digest} is missing")
            files |= expected_files(row.check(self.pages[row.digest]), self.prefix)
        files |= self.references
        return {path: files[path] for path in self.only if path in files} if self.only else files

    def referred(self) -> dict[str, Had]:
        """Of each reference that was delivered its entry's digest, and what came of it.

        Raises IntegrityError.
        """
        found: dict[str, Had] = {}
        rows = self.manifest.rows if self.references else ()
        for row in rows:
            if row.digest in self.pages:
                page = row.check(self.pages[row.digest])
                for index, detail in page.details.items():
                    content = self.references.get(page.paths[index])
                    if detail.kind is Kind.REFERENCE and content is not None:
                        found[page.paths[index]] = Had(page.digest_at(index), content)
        return found

    def details(self) -> dict[str, Detail]:
        """What was delivered beside files' content: links, empty folders, permissions; by path.

        Raises IntegrityError as `files`.
        """
        details: dict[str, Detail] = {}
        for row in _rows(self.manifest, self.prefix, self.only):
            if row.digest in self.pages:
                details |= expected_details(row.check(self.pages[row.digest]), self.prefix)
        return {path: each for path, each in details.items() if self.has(path)}

    def joined(self, other: Delivery) -> Delivery:
        """With the other's paths, of the same manifest; both say which they are.

        Of a reference that both have, this one's says what came of it.
        """
        had = {**other.references, **self.references}
        return self._restricted({*self.only, *other.only}, {**self.pages, **other.pages}, had)

    def beside(self, newer: Delivery) -> Delivery | None:
        """What is left of it to say, once a newer one of its collection says its part."""
        if not self.only:
            is_covered = self.prefix.startswith(newer.prefix) and not newer.only
            return None if is_covered else self
        left = {path for path in self.only if not newer.has(path)}
        return self._restricted(left, self.pages, self.references) if left else None

    def has(self, path: str) -> bool:
        """Whether a path, if the artifact has it, was delivered."""
        return path in self.only if self.only else path.startswith(self.prefix)

    def _restricted(
        self, only: Set[str], pages: Mapping[Digest, bytes], references: Mapping[str, Expected]
    ) -> Delivery:
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


@dataclass(frozen=True, slots=True)
class Receipt:
    """What was delivered into a folder, in order; a later delivery replaces its own paths."""

    deliveries: Sequence[Delivery] = field(default_factory=tuple)

    def files(self) -> dict[str, Expected]:
        """Digest and size of each file of all deliveries, by path. Raises IntegrityError."""
        files: dict[str, Expected] = {}
        for delivery in self.deliveries:
            files |= delivery.files()
        return files

    def referred(self) -> dict[str, Had]:
        """As that of a delivery, of all of them. Raises IntegrityError."""
        found: dict[str, Had] = {}
        for delivery in self.deliveries:
            found |= delivery.referred()
        return found

    def details(self) -> dict[str, Detail]:
        """As Delivery.details, of all deliveries. Raises IntegrityError."""
        details: dict[str, Detail] = {}
        for delivery in self.deliveries:
            for path in details.keys() & delivery.files().keys():
                del details[path]
            details |= delivery.details()
        return details

    def adding(self, delivery: Delivery) -> Receipt:
        """With this delivery, instead of whatever said the same part of the same collection."""
        others: list[Delivery | None] = []
        for each in self.deliveries:
            if (each.collection, each.store) != (delivery.collection, delivery.store):
                others.append(each)
            elif each.only and delivery.only and each.manifest == delivery.manifest:
                delivery = delivery.joined(each)
            else:
                others.append(each.beside(delivery))
        return Receipt((*filter(None, others), delivery))

    def write(self, root: Path) -> None:
        """Raises StorageError."""
        objects: dict[str, bytes] = {}
        for delivery in self.deliveries:
            manifest = Name(MANIFESTS, delivery.manifest.digest)
            objects[str(manifest)] = encode(delivery.manifest.data)
            objects |= {str(Name(PAGES, d)): encode(data) for d, data in delivery.pages.items()}
        deliveries = [
            _to_json(each) | _references_to_json(each, objects) for each in self.deliveries
        ]
        header = {"receipt": _FORMAT, "deliveries": deliveries}
        beside = root / f"{RECEIPT}-{secrets.token_hex(4)}"
        try:
            with on_disk(root / RECEIPT):
                beside.write_bytes(Frame(header, objects).encode())
                beside.replace(root / RECEIPT)
        finally:
            with suppress(OSError):  # moved away, or never made
                beside.unlink()

    @classmethod
    def read(cls, root: Path) -> Receipt:
        """Raises ReceiptNotFoundError, IntegrityError."""
        try:
            data = (root / RECEIPT).read_bytes()
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            raise ReceiptNotFoundError(os.fspath(root)) from None
        name = str(root / RECEIPT)
        frame = Frame.decode(data, name)
        if frame.header.get("receipt") != _FORMAT:
            raise MalformedError(
                name, f"format {frame.header.get('receipt')!r}, expected {_FORMAT}"
            )
        try:
            return cls(
                tuple(_from_json(each, frame.objects) for each in frame.header["deliveries"])
            )
        except (KeyError, TypeError, ValueError) as error:
            if isinstance(error, IntegrityError):
                raise
            raise MalformedError(name, repr(error)) from error

    @classmethod
    def find(cls, root: Path) -> Receipt:
        """As `read`, but an empty one where there is none, or none that can be used."""
        try:
            return cls.read(root)
        except (ReceiptNotFoundError, IntegrityError):
            return cls()


def expected_files(page: Page, prefix: str = "") -> dict[str, Expected]:
    """Digest and size of each file of a page whose path starts with `prefix`, by path."""
    paths, sizes, digests, details = page.paths, page.sizes, page.digests, page.details
    return {
        paths[i]: (digests[32 * i : 32 * i + 32], sizes[i] or 0)
        for i in page.range_of(prefix)
        if i not in details or details[i].kind is Kind.FILE
    }


def expected_details(page: Page, prefix: str = "") -> dict[str, Detail]:
    """What else a page says of what starts with `prefix`, but for references; by path."""
    wanted = page.range_of(prefix)
    return {
        page.paths[index]: detail
        for index, detail in page.details.items()
        if index in wanted and detail.kind is not Kind.REFERENCE
    }


def _to_json(delivery: Delivery) -> dict[str, Any]:
    return {
        "name": delivery.name,
        "type": delivery.type,
        "store": delivery.store,
        "prefix": delivery.prefix,
        "digest": delivery.manifest.digest.hex(),
        **({"only": delivery.only} if delivery.only else {}),
    }


def _references_to_json(delivery: Delivery, objects: dict[str, bytes]) -> dict[str, Any]:
    """Names of pages that hold them as files, which are put to the objects."""
    rows = {path: (*each, None) for path, each in delivery.references.items()}
    names = []
    for row, _, data in build(rows):
        names.append(row.digest.hex())
        objects[str(Name(PAGES, row.digest))] = encode(data)
    return {"references": names} if names else {}


def _references_from_json(
    facts: Mapping[str, Any], objects: Mapping[str, bytes]
) -> dict[str, Expected]:
    found: dict[str, Expected] = {}
    for digest in facts.get("references", ()):
        name = Name(PAGES, Digest.parse(digest))
        page = Page.decode(checked(name, objects[str(name)]), str(name))
        found |= expected_files(page)
    return found


def _from_json(facts: Mapping[str, Any], objects: Mapping[str, bytes]) -> Delivery:
    name = Name(MANIFESTS, Digest.parse(facts["digest"]))
    manifest = Manifest.decode(checked(name, objects[str(name)]), str(name))
    pages = {
        row.digest: checked(page, objects[str(page)], row.length)
        for row in manifest.rows
        if str(page := Name(PAGES, row.digest)) in objects
    }
    only = facts.get("only", [])
    texts = [facts[key] for key in ("name", "type", "store", "prefix")]
    if not isinstance(only, list) or not all(isinstance(text, str) for text in (*texts, *only)):
        raise TypeError(f"a delivery says {texts!r} and {only!r}")
    references = _references_from_json(facts, objects)
    name_, type_, store, prefix = texts
    return Delivery(name_, type_, store, prefix, manifest, pages, tuple(only), references)
