"""Bulk: large files move in bounded memory, however large their parts have to be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from threading import Event, Lock
from typing import Any

import fsspec
import pytest

from artifacts.storage import RemoteStore, bulk
from artifacts.storage import client as module
from artifacts.storage.bucket import Bucket

PART = 100
ROOM = 8 * PART


class InParts(Bucket):
    """In memory; counts what is on its way at the same time."""

    most_parts = 10

    def __init__(self) -> None:
        super().__init__(fsspec.filesystem("memory", skip_instance_cache=True), "/in-parts")
        self.most = 0
        self._parts: dict[int, bytes] = {}
        self._now = 0
        self._lock, self._is_full = Lock(), Event()

    def begin(self, key: str) -> str:
        return key

    def add(self, key: str, upload: str, number: int, data: bytes) -> str:
        with self._lock:
            self._parts[number] = data
            self._now += len(data)
            self.most = max(self.most, self._now)
        if self._now > max(ROOM, len(data)):
            self._is_full.set()
        self._is_full.wait(0.05)  # for the others, if they are let
        with self._lock:
            self._now -= len(data)
        return str(number)

    def finish(self, key: str, upload: str, receipts: Sequence[str]) -> None:
        self.write(key, b"".join([self._parts[int(each)] for each in receipts]))

    def abandon(self, key: str, upload: str) -> None:
        self._parts.clear()


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> InParts:
    bucket = InParts()

    def connect(url: str, options: Mapping[str, Any]) -> Bucket:
        return bucket

    monkeypatch.setattr(module, "connect", connect)
    monkeypatch.setattr(module, "_ROOM_BYTES", ROOM, raising=False)
    monkeypatch.setattr(bulk, "PART_BYTES", PART)
    return bucket


@pytest.mark.parametrize("size", [PART * 10, PART * 25, PART * 100 + 1])
def test_parts_that_grow_with_the_file_take_no_more_memory(
    bucket: InParts, size: int, tmp_path: Path
) -> None:
    """But one that is larger than the room for all goes alone."""
    data = bytes(n % 251 for n in range(size))
    (tmp_path / "source").write_bytes(data)
    store = RemoteStore("memory://in-parts")

    store.take("k", tmp_path / "source")

    assert store.read("k") == data
    assert bucket.most <= max(ROOM, -(-size // bucket.most_parts))


def test_a_client_that_reads_the_file_itself_gets_its_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not every system has names for open files, and not every process may use them."""
    paths: list[str] = []
    monkeypatch.setattr(bulk, "PART_BYTES", PART)
    monkeypatch.setattr(Bucket, "put", lambda self, key, path: paths.append(path))
    (tmp_path / "source").write_bytes(bytes(PART + 1))

    RemoteStore("memory://whole").take("k", tmp_path / "source")

    assert paths == [str(tmp_path / "source")]
