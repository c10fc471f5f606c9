"""Uploads: in the background where that pays, and whatever happens nothing is lost or left."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from threading import Barrier, Event

import pytest

from artifacts.errors import FileChangedError, StorageError
from artifacts.storage import MemoryStore, ObjectStore, Read, Uploads, delete_abandoned, upload
from artifacts.testing import FailingStore, SlowStore

FAULT = StorageError("blobs/2", "connection reset")


def far(store: ObjectStore, pause: Callable[[float], object] = lambda _: None) -> SlowStore:
    return SlowStore(store, 1, sleep=lambda delay_s: (pause(delay_s), None)[1])


def add(uploads: Uploads, store: ObjectStore, *names: str) -> None:
    for name in names:
        path = store.spool() / name
        path.write_text(name)
        uploads.add(f"blobs/{name}", path)


def spool(store: ObjectStore) -> list[str]:
    return os.listdir(store.spool())


def test_a_store_that_answers_at_once_has_a_file_when_it_was_added() -> None:
    store = MemoryStore()
    add(Uploads(store), store, "1")

    assert store.read("blobs/1") == b"1"
    assert not spool(store)


def test_a_far_store_gets_several_at_a_time() -> None:
    store, all_at_once = MemoryStore(), Barrier(4)
    uploads = Uploads(far(store, lambda _: all_at_once.wait(timeout=300)))
    add(uploads, store, *"1234")
    uploads.finish()

    assert sorted(store.list()) == [f"blobs/{n}" for n in "1234"]


def test_all_arrive_however_many_they_are() -> None:
    store, names = MemoryStore(), [*map(str, range(100))]
    uploads = Uploads(far(store))
    add(uploads, store, *names)
    uploads.finish()

    assert {store.read(f"blobs/{name}").decode() for name in names} == {*names}
    assert not spool(store)


@pytest.mark.parametrize("is_far", [True, False])
def test_what_need_not_be_stored_is_not(is_far: bool) -> None:  # noqa: FBT001
    store = MemoryStore()
    uploads = Uploads(far(store) if is_far else store)
    path = store.spool() / "1"
    path.write_text("1")
    uploads.add("blobs/1", path, unless=lambda: True)
    uploads.finish()

    assert not [*store.list()]
    assert not spool(store)


def test_a_failure_is_told_of_by_every_finish() -> None:
    store = MemoryStore()
    uploads = Uploads(far(FailingStore(store, 2, FAULT)))
    add(uploads, store, *"123")
    for _ in range(2):
        with pytest.raises(StorageError) as caught:
            uploads.finish()

        assert caught.value is FAULT
    uploads.discard()
    assert not spool(store)


def test_who_adds_after_a_failure_is_told_of_it_and_leaves_nothing_behind() -> None:
    store = MemoryStore()
    uploads = Uploads(far(FailingStore(store, 1, FAULT)))

    with pytest.raises(StorageError):
        add(uploads, store, *map(str, range(100)))
    uploads.discard()
    assert not spool(store)


def test_a_failure_at_once_leaves_nothing_behind() -> None:
    store = MemoryStore()

    with pytest.raises(StorageError):
        add(Uploads(FailingStore(store, 1, FAULT)), store, "1")
    assert not spool(store)


def test_what_was_not_begun_is_neither_stored_nor_left(monkeypatch: pytest.MonkeyPatch) -> None:
    store, cancelled = MemoryStore(), Event()

    class Pool(ThreadPoolExecutor):
        def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:  # noqa: FBT001, FBT002
            super().shutdown(wait=False, cancel_futures=cancel_futures)
            cancelled.set()
            super().shutdown(wait)

    monkeypatch.setattr(upload, "ThreadPoolExecutor", Pool)
    uploads = Uploads(far(store, lambda _: cancelled.wait(timeout=300)))
    add(uploads, store, *"1234567")
    uploads.discard()

    assert len([*store.list()]) == 4
    assert not spool(store)


def test_what_waits_is_not_taken_for_abandoned() -> None:
    store, looked = MemoryStore(), Event()
    uploads = Uploads(far(store, lambda _: looked.wait(timeout=300)))
    add(uploads, store, *"1234567")

    assert delete_abandoned(str(store.spool()), at_least_s=0) == 0
    looked.set()
    uploads.finish()
    assert len([*store.list()]) == 7


def test_a_stream_is_read_when_it_was_added_and_sent_when_all_is_finished() -> None:
    store, sent = MemoryStore(), Event()

    class Slow(MemoryStore):
        def stream(self, key: str, size: int, read: Read) -> None:
            store.stream(key, size, read)
            sent.wait(timeout=300)
            assert read(memoryview(bytearray(1))) == 0  # a closed file would say something else

    uploads, file = Uploads(far(Slow())), BytesIO(b"streamed")
    uploads.stream("blobs/1", 8, file.readinto)

    assert file.read() == b""
    file.close()
    sent.set()
    uploads.finish()
    assert store.read("blobs/1") == b"streamed"


@pytest.mark.parametrize("reach", [far, lambda store: store], ids=["far", "near"])
def test_a_stream_that_cannot_be_read_harms_no_other(
    reach: Callable[[ObjectStore], ObjectStore],
) -> None:
    store = MemoryStore()
    uploads = Uploads(reach(store))

    def read(_buffer: memoryview) -> int:
        raise FileChangedError("model.bin")

    with pytest.raises(FileChangedError):
        uploads.stream("blobs/1", 8, read)
    uploads.stream("blobs/2", 2, BytesIO(b"ok").readinto)
    uploads.finish()
    assert [*store.list()] == ["blobs/2"]


def test_a_stream_that_cannot_be_stored_is_no_success() -> None:
    store = MemoryStore()
    uploads = Uploads(FailingStore(far(store), at=1, before=True, error=FAULT))

    with pytest.raises(StorageError, match="connection reset"):
        uploads.stream("blobs/1", 8, BytesIO(b"streamed").readinto)
    with pytest.raises(StorageError, match="connection reset"):
        uploads.finish()
