"""Receipt: the one hidden file that a download leaves, so that it can be verified offline."""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

from artifacts.content import Digest, Kind, Manifest, Page
from artifacts.errors import IntegrityError, MalformedError, ReceiptNotFoundError
from artifacts.storage import MANIFESTS, PAGES, Frame, Name, checked, encode

RECEIPT = ".artifact-receipt"
PARTIAL = ".artifact-partial"  # where a download is put together; gone when it ends
_OURS = re.compile(r"\.artifact-(receipt|partial)(-[0-9a-f]{8})?")
_FORMAT = 1
_MOST = 2**28  # bytes of a manifest


Expected: TypeAlias = tuple[bytes, int]
"""Digest and size that a file should have."""


def is_ours(name: str) -> bool:
    """Whether a file or folder is a download's own, and no part of anybody's data."""
    return name[0] == "." and _OURS.fullmatch(name) is not None


@dataclass(frozen=True, slots=True)
class Delivery:
    """One artifact, or the part of it below `prefix`, that was put into a folder."""

    name: str  # entity/project/collection:v3
    type: str
    store: str
    prefix: str
    manifest: Manifest
    pages: Mapping[Digest, bytes]  # canonical bytes of those that hold the prefix

    @property
    def collection(self) -> str:
        return self.name.rpartition(":")[0]

    def files(self) -> dict[str, Expected]:
        """Digest and size of each file that was delivered, by path.

        Raises IntegrityError for pages that are not those of the manifest.
        """
        files: dict[str, Expected] = {}
        for position in self.manifest.positions_under(self.prefix):
            row = self.manifest.rows[position]
            if row.digest not in self.pages:
                raise MalformedError(f"receipt of {self.name}", f"page {row.digest} is missing")
            files |= expected_files(row.check(self.pages[row.digest]), self.prefix)
        return files


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

    def adding(self, delivery: Delivery) -> Receipt:
        """With this delivery instead of any other of the same collection and prefix."""
        same = (delivery.collection, delivery.store, delivery.prefix)
        others = [d for d in self.deliveries if (d.collection, d.store, d.prefix) != same]
        return Receipt((*others, delivery))

    def write(self, root: Path) -> None:
        objects: dict[str, bytes] = {}
        for delivery in self.deliveries:
            manifest = Name(MANIFESTS, delivery.manifest.digest)
            objects[str(manifest)] = encode(delivery.manifest.data)
            objects |= {str(Name(PAGES, d)): encode(data) for d, data in delivery.pages.items()}
        header = {"receipt": _FORMAT, "deliveries": [*map(_to_json, self.deliveries)]}
        beside = root / f"{RECEIPT}-{secrets.token_hex(4)}"
        try:
            beside.write_bytes(Frame(header, objects).encode())
            beside.replace(root / RECEIPT)
        finally:
            beside.unlink(missing_ok=True)

    @classmethod
    def read(cls, root: Path) -> Receipt:
        """Raises ReceiptNotFoundError, IntegrityError."""
        try:
            data = (root / RECEIPT).read_bytes()
        except (FileNotFoundError, NotADirectoryError):
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


def _to_json(delivery: Delivery) -> dict[str, Any]:
    return {
        "name": delivery.name,
        "type": delivery.type,
        "store": delivery.store,
        "prefix": delivery.prefix,
        "digest": delivery.manifest.digest.hex(),
    }


def _from_json(facts: Mapping[str, Any], objects: Mapping[str, bytes]) -> Delivery:
    name = Name(MANIFESTS, Digest.parse(facts["digest"]))
    manifest = Manifest.decode(checked(name, objects[str(name)], _MOST), str(name))
    pages = {
        row.digest: checked(page, objects[str(page)], row.length)
        for row in manifest.rows
        if str(page := Name(PAGES, row.digest)) in objects
    }
    texts = [facts[key] for key in ("name", "type", "store", "prefix")]
    if not all(isinstance(text, str) for text in texts):
        raise TypeError(f"a delivery says {texts!r}")
    return Delivery(texts[0], texts[1], texts[2], texts[3], manifest, pages)
