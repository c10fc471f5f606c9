"""Bulk: large files move in bounded memory, however large their parts have to be."""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from io import BytesIO
from pathlib import Path
from threading import Event, Lock, Thread, current_thread
from typing import Any

import fsspec
import pytest

from artifacts.errors import StorageError
from artifacts.storage import RemoteStore, bulk
from artifacts.storage import client as module
from artifacts.storage.bucket import Bucket
from artifacts.storage.room import Room

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

    def add(self, key: str, upload: str, number: int, data: memoryview) -> str:
        with self._lock:
            self._parts[number] = bytes(data)
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


def test_what_comes_and_what_goes_never_wait_for_each_other(
    bucket: InParts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Though each worker is slower to ask for room than those who have more parts to send."""
    take, fetch, begun = Room.take, bucket.fetch, Event()

    def take_late(room: Room, size: int) -> AbstractContextManager[None]:
        if current_thread().name.startswith("art-part"):
            time.sleep(0.01)
        return take(room, size)

    def fetch_noted(key: str, start: int, length: int, fd: int) -> int:
        if start:
            begun.set()
        return fetch(key, start, length, fd)

    monkeypatch.setattr(Room, "take", take_late)
    monkeypatch.setattr(bucket, "fetch", fetch_noted)
    monkeypatch.setattr(bucket, "most_parts", 1000)
    bucket.write("there", data := bytes(n % 251 for n in range(PART * 40)))
    (tmp_path / "source").write_bytes(data)
    store = RemoteStore("memory://in-parts")

    coming = Thread(target=store.fetch, args=("there", tmp_path / "target"), daemon=True)
    going = Thread(target=store.take, args=("k", tmp_path / "source"), daemon=True)
    coming.start()
    begun.wait()
    going.start()
    for each in (coming, going):
        each.join(300)

    assert [each.is_alive() for each in (coming, going)] == [False, False]
    assert (tmp_path / "target").read_bytes() == store.read("k") == data


def test_little_takes_little_memory(tmp_path: Path) -> None:
    store = RemoteStore("memory://little", spool=tmp_path)
    tracemalloc.start()
    try:
        store.stream("k", 10, BytesIO(bytes(10)).readinto)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak < 2**20


def test_a_stream_that_comes_to_more_than_it_was_to_is_not_cut(tmp_path: Path) -> None:
    store = RemoteStore("memory://more", spool=tmp_path)
    with pytest.raises(StorageError, match="more than the 10 bytes"):
        store.stream("k", 10, BytesIO(bytes(11)).readinto)
