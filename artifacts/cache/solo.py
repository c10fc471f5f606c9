"""Solo: a large file that is sent from where it lies, under a name that was found before."""

from __future__ import annotations

import os

from blake3 import blake3

from artifacts.content import Digest
from artifacts.errors import FileChangedError
from artifacts.storage import BUFFER_BYTES, ChunkRows, ChunkSizes, Cutter


class SoloFile:
    """An open file of a known digest, read once more from its beginning.

    What is sent is what was named, or `read` raises at the end. `rows` are then its chunks.
    """

    def __init__(self, fd: int, path: str, size: int, digest: Digest, sizes: ChunkSizes) -> None:
        self._fd, self._path, self._size, self._digest = fd, path, size, digest
        self._at = self._cut = 0
        self._hasher, self._cutter = blake3(), Cutter(sizes)
        self.rows = ChunkRows()

    def read(self, buffer: memoryview) -> int:
        """As the stream's next bytes, few enough for the processor's cache to have them still when
        they are cut. Raises FileChangedError.
        """
        most = min(len(buffer), BUFFER_BYTES, self._size - self._at)
        data = buffer[: os.preadv(self._fd, [buffer[:most]], self._at)]
        self._at += len(data)
        self._hasher.update(data)
        for chunk in self._cutter.feed(data) if data else self._cutter.close():
            self.rows.add_raw(chunk, self._cut)
            self._cut += len(chunk)
        if not data and self._hasher.digest() != self._digest:
            raise FileChangedError(self._path)
        return len(data)
