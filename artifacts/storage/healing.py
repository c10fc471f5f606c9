"""Healing: what turns out damaged is asked for once more, where the damage may be a copy's."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from artifacts.errors import IntegrityError
from artifacts.storage.store import CopyingStore, ObjectStore

T = TypeVar("T")


def healed(store: ObjectStore, key: str, attempt: Callable[[], T]) -> T:
    """What `attempt` makes of an object; made anew where a copy of the object was damaged.

    Raises IntegrityError as `attempt` does, if what the store itself has is damaged.
    """
    try:
        return attempt()
    except IntegrityError:
        if not forget(store, key):
            raise
        return attempt()


def forget(store: ObjectStore, *keys: str) -> bool:
    """Have the next reads answered by the store itself. False if they always are."""
    if not isinstance(store, CopyingStore):
        return False
    for key in keys:
        store.forget(key)
    return True


def has_copy(store: ObjectStore, *keys: str) -> bool:
    """Whether a read of one of them would be answered from a copy."""
    return isinstance(store, CopyingStore) and any(map(store.has_copy, keys))
