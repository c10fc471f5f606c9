"""Objects: pages, layouts, manifests and chunk lists, named by their canonical bytes."""

from __future__ import annotations

from collections.abc import Mapping

from artifacts.content import Digest
from artifacts.errors import DigestMismatchError, ObjectNotFoundError
from artifacts.storage import codec
from artifacts.storage.healing import healed
from artifacts.storage.name import Name
from artifacts.storage.store import ObjectStore

MAX_OBJECT_BYTES = 2**28  # of a page, a layout or a manifest that a reader will believe


class Objects:
    """Written once, verified on every read. Equal content is stored once."""

    def __init__(self, store: ObjectStore) -> None:
        self.store = store

    def has(self, name: Name, size: int | None = None) -> bool:
        """Whether the object is there, and has the stored size, if that is known."""
        try:
            found = self.store.size(name.key)
        except ObjectNotFoundError:
            return False
        return size is None or found == size

    def put(self, name: Name, data: bytes) -> None:
        """`data` is canonical and has the name's digest."""
        if not self.has(name):
            self.store.write(name.key, codec.encode(data))

    def get(self, name: Name, most: int = MAX_OBJECT_BYTES) -> bytes:
        """Canonical bytes, at most `most` of them.

        Raises ObjectNotFoundError, DigestMismatchError, MalformedError.
        """
        return healed(
            self.store,
            name.key,
            lambda: checked(name, self.store.read(name.key, 0, most + 2), most),
        )


class InlineObjects(Objects):
    """As Objects, but looks first among those that a commit carried within its event."""

    def __init__(self, store: ObjectStore, inline: Mapping[str, bytes]) -> None:
        super().__init__(store)
        self.inline = inline

    def get(self, name: Name, most: int = MAX_OBJECT_BYTES) -> bytes:
        stored = self.inline.get(str(name))
        return super().get(name, most) if stored is None else checked(name, stored, most)


def checked(name: Name, stored: bytes, most: int = MAX_OBJECT_BYTES) -> bytes:
    """Raises DigestMismatchError, MalformedError."""
    data = codec.decode(stored, most, name.key)
    if (actual := Digest.of(data)) != name.digest:
        raise DigestMismatchError(name.key, name.digest.hex(), actual.hex())
    return data
