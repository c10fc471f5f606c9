"""Unreachable: a store of which nothing is asked; only copies of it can answer."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

from artifacts.errors import StorageError
from artifacts.storage.store import Read, Tell, silent


class UnreachableStore:
    """An ObjectStore whose every method raises StorageError at once."""

    concurrency = 1

    def __init__(self, url: str) -> None:
        self.url = url

    def read(self, key: str, start: int = 0, length: int | None = None) -> bytes:
        self._refuse(key)

    def write(self, key: str, data: bytes) -> None:
        self._refuse(key)

    def create(self, key: str, data: bytes) -> None:
        self._refuse(key)

    def take(self, key: str, path: Path) -> None:
        self._refuse(key)

    def stream(self, key: str, size: int, read: Read) -> None:
        self._refuse(key)

    def fetch(self, key: str, path: Path, tell: Tell = silent) -> None:
        self._refuse(key)

    def spool(self) -> Path:
        self._refuse("spool")

    def size(self, key: str) -> int:
        self._refuse(key)

    def list(self, prefix: str = "") -> Iterator[str]:
        self._refuse(prefix)

    def folders(self, prefix: str = "") -> Iterator[str]:
        self._refuse(prefix)

    def delete(self, key: str) -> None:
        self._refuse(key)

    def _refuse(self, key: str) -> NoReturn:
        reason = f"{self.url} is not asked, as this is offline, and this machine has no copy of it"
        raise StorageError(key, reason)
