"""Files: what a version says a folder should hold, and what a folder holds."""

from __future__ import annotations

from pathlib import Path

from artifacts.cache import Expected, expected_files
from artifacts.catalog import Version
from artifacts.content import Digest
from artifacts.storage import hash_file


def files_of(version: Version) -> dict[str, Expected]:
    """Digest and size of each file of a version, by path."""
    files: dict[str, Expected] = {}
    for _, page, _ in version.pages():
        files |= expected_files(page)
    return files


def digest_of(path: Path) -> Digest | None:
    """None for what cannot be read as a file."""
    try:
        if not path.is_file():
            return None
        with path.open("rb", buffering=0) as file:
            return hash_file(file.fileno())[0]
    except OSError:
        return None


def size_of(path: Path) -> int | None:
    """Bytes; None for what cannot be read as a file."""
    try:
        return path.stat().st_size if path.is_file() else None
    except OSError:
        return None
