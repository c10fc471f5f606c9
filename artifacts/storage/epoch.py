"""Epoch: what a writer knows of collections, and so which names it may rely on and write."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

from artifacts.content import Digest
from artifacts.errors import ObjectNotFoundError
from artifacts.storage.condemned import (
    CondemnedKeys,
    CondemnedList,
    Heeded,
    read_condemned,
    read_keys,
)
from artifacts.storage.name import Name
from artifacts.storage.store import ObjectStore


class Epoch:
    """Number of the last generation that was begun, and all names condemned in any up to it.

    The lists are read when they are first needed, which is as good: a generation's never change.
    They are gone some generations later; then no name of an earlier epoch may be relied on.
    """

    def __init__(
        self, number: int = 0, store: ObjectStore | None = None, heeded: Heeded | None = None
    ) -> None:
        self.number = number
        self._store, self._heeded = store, heeded or Heeded()

    def forbids(self, name: Name) -> bool:
        """Whether nobody may rely on the name any more, or write it.

        Raises IntegrityError if what is condemned cannot be known.
        """
        if self._heeded == Heeded() or name.epoch >= self.number:
            return False  # only what is older can have been condemned by then
        return self._lists is None or any(name in each for each in self._lists)

    def name(self, kind: str, digest: Digest) -> Name:
        """What content is to be called: its plain name, unless that is condemned."""
        plain = Name(kind, digest)
        return Name(kind, digest, self.number) if self.forbids(plain) else plain

    @cached_property
    def _lists(self) -> Sequence[CondemnedList | CondemnedKeys] | None:
        """None if they are gone."""
        if self._store is None:
            return []
        try:
            return [
                *(read_keys(self._store, name) for name in self._heeded.keys),
                *(read_condemned(self._store, name) for name in self._heeded.lists),
            ]
        except ObjectNotFoundError:
            return None

    def __reduce__(self) -> tuple[type[Epoch], tuple[int, ObjectStore | None, Heeded]]:
        """Whoever unpickles it reads the lists anew."""
        return Epoch, (self.number, self._store, self._heeded)


START = Epoch()
"""Before the first collection."""
