"""Receipt: the one hidden file that a download leaves, so that it can be verified offline."""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from msgspec import Struct, field

from artifacts.cache.delivered import Delivered, Expected, Had, expected_files
from artifacts.content import Detail, Digest, Manifest, Page, build
from artifacts.errors import (
    DamagedReceiptError,
    DigestMismatchError,
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


class Receipt(Struct, frozen=True):
    """What was delivered into a folder, in order; a later delivery replaces its own paths."""

    deliveries: Sequence[Delivered] = field(default_factory=tuple)

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

    def left_out(self) -> dict[str, Expected | None]:
        """As that of a delivery, but for what another one brought. Raises IntegrityError."""
        found: dict[str, Expected | None] = {}
        for delivery in self.deliveries:
            found |= delivery.left_out()
        brought = self.files() if found else {}
        return {path: content for path, content in found.items() if path not in brought}

    def details(self) -> dict[str, Detail]:
        """As Delivered.details, of all deliveries. Raises IntegrityError."""
        details: dict[str, Detail] = {}
        for delivery in self.deliveries:
            replaced = delivery.files() if details else {}
            for path in details.keys() & replaced.keys():
                del details[path]
            details |= delivery.details()
        return details

    def adding(self, delivery: Delivered) -> Receipt:
        """With this delivery, instead of whatever said the same part of the same collection."""
        others: list[Delivered | None] = []
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
        try:
            frame = Frame.decode(data, name)
        except DigestMismatchError:
            raise DamagedReceiptError(name) from None
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


def _to_json(delivery: Delivered) -> dict[str, Any]:
    return {
        "name": delivery.name,
        "type": delivery.type,
        "store": delivery.store,
        "prefix": delivery.prefix,
        "digest": delivery.manifest.digest.hex(),
        **({"only": delivery.only} if delivery.only else {}),
    }


def _references_to_json(delivery: Delivered, objects: dict[str, bytes]) -> dict[str, Any]:
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


def _from_json(facts: Mapping[str, Any], objects: Mapping[str, bytes]) -> Delivered:
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
    return Delivered(name_, type_, store, prefix, manifest, pages, tuple(only), references)
