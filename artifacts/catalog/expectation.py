"""Expectation: what a folder should hold of a version, references included."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from artifacts.cache import Expected, Receipt
from artifacts.catalog.version import Version
from artifacts.content import Kind


@dataclass(frozen=True, slots=True)
class Expectation:
    """`unproven` are paths of references of whose bytes nothing was ever known."""

    files: Mapping[str, Expected]
    unproven: Collection[str] = ()


def expectation(version: Version, root: str | os.PathLike[str]) -> Expectation:
    """Of all of a version.

    What a reference led to is known if the digest of its bytes was recorded when it was added;
    if not, the receipt in the folder says what was delivered. What a receipt of this very
    version does not list was left out when it was delivered, and is not expected.
    """
    files = version.files()
    told = Receipt.find(Path(root))
    delivered = [each for each in told.deliveries if each.manifest.digest == version.digest]
    had = told.referred() if delivered else {}
    unproven: set[str] = set()
    for entry in version.entries() if _has_references(version, files) else ():
        if entry.kind is not Kind.REFERENCE or entry.detail is None:
            continue
        known = had.get(entry.path)
        if known is not None and known.entry == entry.digest:
            files[entry.path] = known.content
        elif not delivered and entry.detail.is_content:
            files[entry.path] = (entry.digest, entry.size or 0)
        else:
            unproven.add(entry.path)
    return Expectation(files, unproven)


def _has_references(version: Version, files: Collection[str]) -> bool:
    """Or folders, or links: whatever is no file."""
    return len(files) != version.row.entries
