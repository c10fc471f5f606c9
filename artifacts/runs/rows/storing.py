"""Storing: bytes of a run as blobs, under names that it may rely on at one epoch."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

from blake3 import blake3

from artifacts.cache import Renewal
from artifacts.catalog import Segment
from artifacts.content import Digest
from artifacts.storage import BLOBS, TO_READ, Epoch, Name, Objects, ObjectStore, hash_file

_FEW_BYTES = 2**23
_TRIES = 3  # while the file is being written


class Storing:
    """Whatever is returned is durable in the store."""

    def __init__(self, store: ObjectStore, epoch: Epoch) -> None:
        self._store, self._epoch = store, epoch

    @property
    def epoch(self) -> int:
        """What an event has to say that names what was stored here."""
        return self._epoch.number

    def blob(self, data: bytes) -> Name:
        """Raises StorageError."""
        name = self._epoch.name(BLOBS, Digest.of(data))
        if not Objects(self._store).has(name, len(data)):
            self._store.write(name.key, data)
        return name

    def segment(
        self, encoded: tuple[str, bytes], rows: int, steps: tuple[int, int] | None
    ) -> Segment:
        """Rows as `encode` gave them, so many, and the least and greatest step of a history."""
        format_, data = encoded
        return Segment(self.blob(data), format_, rows, len(data), *(steps or ()))

    def renewed(self, name: Name) -> Name:
        """Where a blob of another run is that a run may rely on. Raises MissingBlobError."""
        return Renewal(self._store, self._epoch, is_renewed=True).renewed(name)

    def file(self, path: Path) -> tuple[Name, int]:
        """As it is now, with its size; it may be written to meanwhile. Raises OSError too."""
        with open(path, "rb", buffering=0, opener=_opened) as file:
            found = os.fstat(file.fileno())
            if not stat.S_ISREG(found.st_mode):  # a device might never end
                raise OSError(errno.EINVAL, "it is no regular file", str(path))
            if found.st_size <= _FEW_BYTES:
                data = file.read(2 * _FEW_BYTES) or b""
                return self.blob(data), len(data)
            for _ in range(_TRIES):
                if (stored := self._stream(file.fileno())) is not None:
                    return stored
        raise OSError(0, "it changes all the time", str(path))

    def _stream(self, fd: int) -> tuple[Name, int] | None:
        """None if what was hashed changed while it was sent."""
        os.lseek(fd, 0, os.SEEK_SET)
        digest, size = hash_file(fd, most=os.fstat(fd).st_size)
        name = self._epoch.name(BLOBS, digest)
        if Objects(self._store).has(name, size):
            return name, size
        sent = blake3()
        at = 0

        def read(buffer: memoryview) -> int:
            nonlocal at
            count = os.preadv(fd, [buffer[: size - at]], at)
            at += count
            sent.update(buffer[:count])
            if (at == size and sent.digest() != digest) or (at < size and not count):
                raise _ChangedError
            return count

        try:
            self._store.stream(name.key, size, read)
        except _ChangedError:
            return None
        return name, size


def _opened(path: str, _flags: int) -> int:
    return os.open(path, TO_READ)


class _ChangedError(Exception):
    """A file is not what it was when it was hashed."""
