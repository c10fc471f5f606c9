"""Age: when an object of a store was written, where the store can tell."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import Protocol, runtime_checkable

from artifacts.errors import ObjectNotFoundError
from artifacts.storage.store import FileStore, ObjectStore


@runtime_checkable
class DatedStore(ObjectStore, Protocol):
    """An ObjectStore that knows when its objects were written."""

    def written(self, key: str) -> datetime | None:
        """By its own clock; None if it does not say. Raises ObjectNotFoundError."""


def written(store: ObjectStore, key: str) -> datetime | None:
    """When the object was written, for economy and never for safety: clocks differ.

    Raises ObjectNotFoundError.
    """
    if isinstance(store, DatedStore):
        return store.written(key)
    if isinstance(store, FileStore):
        try:
            return datetime.fromtimestamp(os.stat(store.path(key)).st_mtime, UTC)
        except OSError:
            raise ObjectNotFoundError(key) from None
    return None


def is_old(store: ObjectStore, key: str, before: datetime) -> bool:
    """Whether the object was written before, or when nobody can tell; False if it is gone."""
    try:
        time = written(store, key)
    except ObjectNotFoundError:
        return False
    return time is None or time <= before
