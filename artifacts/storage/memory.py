"""MemoryStore: a dict. The model that the other stores are tested against."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from threading import Lock
from weakref import finalize

from artifacts.errors import AlreadyExistsError, ObjectNotFoundError
from artifacts.storage.keys import check_key, check_prefix
from artifacts.storage.store import Read, Tell, silent
from artifacts.storage.transfer import on_disk


class MemoryStore:
    """An ObjectStore that lives and dies with the process."""

    def __init__(self, name: str = "") -> None:
        self._name = name
        self._objects: dict[str, bytes] = {}
        self._spool: Path | None = None
        self._lock = Lock()

    @property
    def url(self) -> str:
        return f"memory://{self._name}"

    @property
    def concurrency(self) -> int:
        return 1

    def spool(self) -> Path:
        """Made when first asked for; goes with the store."""
        with self._lock:
            if self._spool is None:
                self._spool = Path(tempfile.mkdtemp(prefix="artifacts-"))
                finalize(self, shutil.rmtree, self._spool, ignore_errors=True)
            return self._spool

    def read(self, key: str, start: int = 0, length: int | None = None) -> bytes:
        check_key(key)
        try:
            data = self._objects[key]
        except KeyError:
            raise ObjectNotFoundError(key) from None
        return data[start:] if length is None else data[start : start + length]

    def write(self, key: str, data: bytes) -> None:
        check_key(key)
        with self._lock:
            self._objects[key] = data

    def create(self, key: str, data: bytes) -> None:
        check_key(key)
        with self._lock:
            if key in self._objects:
                raise AlreadyExistsError(key)
            self._objects[key] = data

    def take(self, key: str, path: Path) -> None:
        self.write(key, path.read_bytes())
        path.unlink()

    def stream(self, key: str, size: int, read: Read) -> None:
        check_key(key)
        data, buffer = bytearray(), memoryview(bytearray(size + 1))
        while count := read(buffer):
            data += buffer[:count]
        self.write(key, bytes(data))

    def fetch(self, key: str, path: Path, tell: Tell = silent) -> None:
        data = self.read(key)
        with on_disk(path):
            path.write_bytes(data)
        tell(len(data))

    def size(self, key: str) -> int:
        return len(self.read(key))

    def list(self, prefix: str = "") -> Iterator[str]:
        check_prefix(prefix)
        with self._lock:
            return iter([key for key in self._objects if key.startswith(prefix)])

    def folders(self, prefix: str = "") -> Iterator[str]:
        ends = ((key, key.find("/", len(prefix)) + 1) for key in self.list(prefix))
        return iter({key[:end]: None for key, end in ends if end})

    def delete(self, key: str) -> None:
        check_key(key)
        with self._lock:
            self._objects.pop(key, None)
