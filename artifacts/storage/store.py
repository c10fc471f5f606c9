"""ObjectStore: the operations on which everything above is built."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol, TypeAlias, runtime_checkable

Read: TypeAlias = Callable[[memoryview], int]
"""Puts a stream's next bytes into a buffer, as many as it likes: how many, and 0 at the end."""
Tell: TypeAlias = Callable[[int], None]
"""Hears of so many bytes more."""


def silent(_count: int) -> None:
    """A Tell for nobody."""


class ObjectStore(Protocol):
    """Whole objects under relative, '/'-separated keys of `[a-z0-9._-/]`.

    An object is absent or complete: no reader ever sees part of a write. What a write, create
    or take that returned has made is durable. Any number of threads may use one store.
    """

    @property
    def url(self) -> str:
        """What a user types to reach this store."""

    @property
    def concurrency(self) -> int:
        """How many requests under way at once pay off; 1 where each is answered at once."""

    def read(self, key: str, start: int = 0, length: int | None = None) -> bytes:
        """The object, or the part of it from `start`; shorter where the object ends.

        Raises ObjectNotFoundError.
        """

    def write(self, key: str, data: bytes) -> None:
        """Replace the object, or make it."""

    def create(self, key: str, data: bytes) -> None:
        """Write only if absent; of many racing creators exactly one succeeds.

        Raises AlreadyExistsError.
        """

    def take(self, key: str, path: Path) -> None:
        """Make the object from a file, which is used up: moved if it lies in `spool`."""

    def stream(self, key: str, size: int, read: Read) -> None:
        """Make the object of what is read, in order and to the end, in bounded memory.

        `size` is what it is expected to come to. What `read` raises is raised, and the object is
        what it was before.
        """

    def fetch(self, key: str, path: Path, tell: Tell = silent) -> None:
        """Copy the object to a file of this machine, which is made or filled anew; not durably.

        `tell` hears of all bytes in order, as soon as they and those before them are there.

        Raises ObjectNotFoundError, and StorageError also for the file's own disk.
        """

    def spool(self) -> Path:
        """A folder of this machine for files on their way to `take`."""

    def size(self, key: str) -> int:
        """Length in bytes. Raises ObjectNotFoundError."""

    def list(self, prefix: str = "") -> Iterator[str]:
        """Keys that start with `prefix`, in no promised order."""

    def folders(self, prefix: str = "") -> Iterator[str]:
        """What keys that start with `prefix` have up to the next '/', and with it; each once.

        At the cost of so many keys, whatever lies below; in no promised order. One whose last
        object was just deleted may be among them.
        """

    def delete(self, key: str) -> None:
        """Remove the object; removing an absent one is no error.

        A power cut may bring it back, which harms nobody: what is deleted has no name left.
        """


@runtime_checkable
class FileStore(ObjectStore, Protocol):
    """An ObjectStore whose objects are files of this machine, to be read in place."""

    def path(self, key: str) -> Path:
        """Where the object lies, or would lie. Never to be written to."""


@runtime_checkable
class CopyingStore(ObjectStore, Protocol):
    """An ObjectStore that answers from copies of its own, of which one may be damaged."""

    def has_copy(self, key: str) -> bool:
        """Whether a read would be answered from a copy, or a part of it."""

    def forget(self, key: str) -> None:
        """Have the next read answered by the object itself."""
