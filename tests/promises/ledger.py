"""Ledger: a store that is far away, and writes down for all processes what was asked of it."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

from artifacts.storage import LocalStore, Read, Tell, silent


class LedgerStore:
    """Objects in a folder, which nobody can read in place; reads take `delay_s` each."""

    concurrency = 8

    def __init__(self, root: Path, ledger: Path, delay_s: float = 0.0) -> None:
        self._store = LocalStore(root)
        self._ledger = ledger
        self._delay_s = delay_s

    @property
    def url(self) -> str:
        return f"ledger://{self._store.url}"

    def spool(self) -> Path:
        return self._store.spool()

    def read(self, key: str, start: int = 0, length: int | None = None) -> bytes:
        time.sleep(self._delay_s)
        data = self._store.read(key, start, length)
        self._note(key, start, start + len(data))
        return data

    def fetch(self, key: str, path: Path, tell: Tell = silent) -> None:
        time.sleep(self._delay_s)
        self._store.fetch(key, path, tell)
        self._note(key, 0, path.stat().st_size)

    def write(self, key: str, data: bytes) -> None:
        self._store.write(key, data)

    def create(self, key: str, data: bytes) -> None:
        self._store.create(key, data)

    def take(self, key: str, path: Path) -> None:
        self._store.take(key, path)

    def stream(self, key: str, size: int, read: Read) -> None:
        self._store.stream(key, size, read)

    def size(self, key: str) -> int:
        return self._store.size(key)

    def list(self, prefix: str = "") -> Iterator[str]:
        return self._store.list(prefix)

    def folders(self, prefix: str = "") -> Iterator[str]:
        return self._store.folders(prefix)

    def delete(self, key: str) -> None:
        self._store.delete(key)

    def _note(self, key: str, start: int, stop: int) -> None:
        fd = os.open(self._ledger, os.O_CREAT | os.O_APPEND | os.O_WRONLY)
        os.write(fd, f"{key} {start} {stop}\n".encode())
        os.close(fd)


def noted(ledger: Path) -> dict[str, list[tuple[int, int]]]:
    """From where to where each immutable object was read, in order."""
    ranges: dict[str, list[tuple[int, int]]] = {}
    for line in ledger.read_text().splitlines() if ledger.exists() else ():
        key, start, stop = line.split()
        if key.split("/")[0] in ("blobs", "pages", "layouts", "manifests", "chunks"):
            ranges.setdefault(key, []).append((int(start), int(stop)))
    return {key: sorted(each) for key, each in ranges.items()}
