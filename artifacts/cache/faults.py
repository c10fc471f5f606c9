"""Faults: what is wrong with stored bytes, told of a file that they should be."""

from __future__ import annotations

from collections.abc import Sequence

from artifacts.content import Digest, Page
from artifacts.errors import (
    ArtifactsError,
    DigestMismatchError,
    IntegrityError,
    MalformedError,
    MissingBlobError,
    ObjectNotFoundError,
    StorageError,
)

_LISTED = 3  # blobs that an error names


def mismatch(page: Page, index: int, found: Digest, size: int, where: str) -> IntegrityError:
    """Of a file whose bytes lie somewhere, and have this digest and size."""
    name = f"{page.paths[index]} (in {where})"
    expected = page.digest_at(index)
    if found == expected:
        reason = f"it has {size} bytes, not the {page.sizes[index]} of its entry"
        return MalformedError(name, reason)
    return DigestMismatchError(name, expected.hex(), found.hex())


def of_file(error: ArtifactsError, url: str, path: str) -> ArtifactsError:
    """What reading a blob raised, told of one of the files that lie in it."""
    if isinstance(error, MissingBlobError):
        return MissingBlobError(path, error.key, error.store)
    if isinstance(error, ObjectNotFoundError):
        return MissingBlobError(path, error.key, url)
    if isinstance(error, StorageError):
        return StorageError(f"{path} (in {error.key})", error.reason)
    return error


def listed(keys: Sequence[str]) -> str:
    """The first ones, and how many more."""
    more = len(keys) - _LISTED
    return ", ".join(keys[:_LISTED]) + (f" and {more} more" if more > 0 else "")
