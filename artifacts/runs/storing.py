"""Storing: bytes of a run as blobs, under names that it may rely on at one epoch."""

from __future__ import annotations

import os
from pathlib import Path

from blake3 import blake3

from artifacts.cache import Renewal
from artifacts.content import Digest
from artifacts.storage import BLOBS, BUFFER_BYTES, Epoch, Name, Objects, ObjectStore

_FEW_BYTES = 2**23
_TRIES = 3  # while the file is being written


class Storing:
    """Whatever is returned is durable in the store."""

    def __init__(self, store: ObjectStore, epoch: Epoch) -> None:
        self._store, self._epoch = store, epoch

    def blob(self, data: bytes) -> Name:
        """Raises StorageError."""
        name = self._epoch.name(BLOBS, Digest.of(data))
        if not Objects(self._store).has(name, len(data)):
            self._store.write(name.key, data)
        return name

    def renewed(self, name: Name) -> Name:
        """Where a blob of another run is that a run may rely on. Raises MissingBlobError."""
        return Renewal(self._store, self._epoch, is_renewed=True).renewed(name)

    def file(self, path: Path) -> tuple[Name, int]:
        """As it is now, with its size; it may be written to meanwhile. Raises OSError too."""
        with path.open("rb", buffering=0) as file:
            if os.fstat(file.fileno()).st_size <= _FEW_BYTES:
                data = file.read(2 * _FEW_BYTES) or b""
                return self.blob(data), len(data)
            for _ in range(_TRIES):
                size = os.fstat(file.fileno()).st_size
                if (stored := self._stream(file.fileno(), size)) is not None:
                    return stored, size
        raise OSError(0, "it changes all the time", str(path))

    def _stream(self, fd: int, size: int) -> Name | None:
        """None if its first `size` bytes changed while they were sent."""
        digest = _digest(fd, size)
        name = self._epoch.name(BLOBS, digest)
        if Objects(self._store).has(name, size):
            return name
        sent = blake3()
        at = 0

        def read(most: int) -> bytes:
            nonlocal at
            data = os.pread(fd, min(most, size - at), at)
            at += len(data)
            sent.update(data)
            if (at == size and sent.digest() != digest) or (at < size and not data):
                raise _ChangedError
            return data

        try:
            self._store.stream(name.key, size, read)
        except _ChangedError:
            return None
        return name


class _ChangedError(Exception):
    """A file is not what it was when it was hashed."""


def _digest(fd: int, size: int) -> Digest:
    hasher, at = blake3(), 0
    while data := os.pread(fd, min(BUFFER_BYTES, size - at), at):
        hasher.update(data)
        at += len(data)
    return Digest(hasher.digest())
