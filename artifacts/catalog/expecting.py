"""Expecting: what a folder should hold of a version, references included."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from contextlib import suppress
from pathlib import Path

from msgspec import Struct

from artifacts.cache import Expected, Had, Receipt, known_content
from artifacts.catalog.version import Version
from artifacts.content import Kind
from artifacts.errors import IntegrityError


class Expectation(Struct, frozen=True):
    """`unproven` are paths of references of whose bytes nothing is known."""

    files: Mapping[str, Expected]
    unproven: Collection[str] = ()


def expectation(version: Version, root: str | os.PathLike[str]) -> Expectation:
    """Of all of a version.

    What a reference led to is known if the digest of its bytes was recorded when it was added,
    whatever a receipt in the folder lists. Only if not, a receipt of this very version is asked
    what was delivered.
    """
    files = version.files()
    unproven: set[str] = set()
    if not _has_references(version, files):
        return Expectation(files)
    came = _came(version, Path(root))
    for entry in version.entries():
        if entry.kind is not Kind.REFERENCE:
            continue
        told = came.get(entry.path)
        if (content := known_content(entry)) is not None:
            files[entry.path] = content
        elif told is not None and told.entry == entry.digest:
            files[entry.path] = told.content
        else:
            unproven.add(entry.path)
    return Expectation(files, unproven)


def _came(version: Version, root: Path) -> Mapping[str, Had]:
    """Of references, by a receipt of this very version; nothing if there is none of any use."""
    deliveries = Receipt.find(root).deliveries
    same = [each for each in deliveries if each.manifest.digest == version.digest]
    with suppress(IntegrityError):
        return Receipt(same).referred()
    return {}


def _has_references(version: Version, files: Collection[str]) -> bool:
    """Or folders, or links: whatever is no file."""
    return len(files) != version.row.entries
