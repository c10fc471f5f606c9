"""Packs: bytes lie where `add` said, under a name that is true, or there is an error."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from blake3 import blake3
from hypothesis import given, settings
from hypothesis import strategies as st

from artifacts.content import Digest
from artifacts.errors import StorageError
from artifacts.storage import BLOBS, LocalStore, MemoryStore, Name, ObjectStore, Packer, packs
from artifacts.storage.transfer import write_all
from artifacts.testing import CountingStore, FailingStore

PACK, BATCH = 64, 16
FULL = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
TINY = [b"%02d" % n for n in range(99)]
CONTENTS = st.lists(st.binary(min_size=1, max_size=40), max_size=30)


@pytest.fixture(autouse=True)
def small_packs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packs, "PACK_BYTES", PACK)
    monkeypatch.setattr(packs, "_BATCH_BYTES", BATCH)


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


def packed(store: ObjectStore, contents: list[bytes]) -> list[Name | None]:
    names: list[Name | None] = []
    with Packer(store, names) as packer:
        for data in contents:
            packer.add(data)
        packer.close()
    return names


def spooled(store: ObjectStore) -> list[str]:
    return os.listdir(store.spool())


class FailingDisk:
    """Writes as the disk does, but the write number `at`, counted from 0, fails."""

    def __init__(self, at: int) -> None:
        self.left = at

    def __call__(self, fd: int, data: memoryview) -> None:
        self.left -= 1
        if self.left == -1:
            raise FULL
        write_all(fd, data)


@given(CONTENTS)
@settings(deadline=None)
def test_bytes_lie_where_add_said(contents: list[bytes]) -> None:
    store, names = MemoryStore(), list[Name | None]()
    with Packer(store, names) as packer:
        places = [packer.add(data) for data in contents]
        packer.close()

    for data, (index, offset) in zip(contents, places, strict=True):
        name = names[index]
        assert name is not None
        assert store.read(name.key, offset, len(data)) == data


@given(CONTENTS)
@settings(deadline=None)
def test_packs_are_named_by_their_bytes_and_hold_nothing_else(contents: list[bytes]) -> None:
    store = MemoryStore()
    names = packed(store, contents)

    stored = [store.read(name.key) for name in names if name is not None]
    assert b"".join(stored) == b"".join(contents)
    assert names == [Name(BLOBS, Digest.of(data)) for data in stored]


@given(CONTENTS)
@settings(deadline=None)
def test_each_pack_but_the_last_is_full_and_none_much_more(contents: list[bytes]) -> None:
    store = MemoryStore()
    sizes = [store.size(name.key) for name in packed(store, contents) if name is not None]

    assert all(size >= PACK for size in sizes[:-1])
    assert all(size < PACK + 40 for size in sizes)


def test_a_pack_has_its_name_from_close_on(store: MemoryStore) -> None:
    names: list[Name | None] = [Name(BLOBS, Digest.of(b"of somebody else"))]
    with Packer(store, names) as packer:
        place = packer.add(b"data")
        assert (place, names[1:]) == ((1, 0), [None])
        packer.close()

    assert names[1:] == [Name(BLOBS, Digest.of(b"data"))]


def test_what_was_added_before_a_close_is_durable_after_it(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    for name in packed(store, TINY):
        assert name is not None
        assert Digest.of(store.read(name.key)) == name.digest
    assert not spooled(store)


def test_a_packer_goes_on_after_a_close(store: MemoryStore) -> None:
    names: list[Name | None] = []
    with Packer(store, names) as packer:
        first = packer.add(b"first")
        packer.close()
        second = packer.add(b"second")
        packer.close()

    assert (first, second) == ((0, 0), (1, 0))
    assert names == [Name(BLOBS, Digest.of(data)) for data in (b"first", b"second")]


def test_closing_twice_or_with_nothing_added_makes_nothing(store: MemoryStore) -> None:
    names: list[Name | None] = []
    with Packer(store, names) as packer:
        packer.close()
        packer.close()

    assert not names
    assert not list(store.list())


@pytest.mark.parametrize("count", [1, 10, 99])
def test_what_was_not_closed_leaves_nothing_behind(count: int) -> None:
    store = CountingStore(MemoryStore())
    with Packer(store, []) as packer:
        for data in TINY[:count]:
            packer.add(data)

    assert not spooled(store)


@pytest.mark.parametrize("at", range(15))
def test_a_disk_that_fails_once_is_told_of_and_leaves_nothing_behind(
    at: int, store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packs, "write_all", FailingDisk(at))

    with pytest.raises(StorageError) as caught:
        packed(store, TINY)

    assert os.strerror(errno.ENOSPC) in str(caught.value)
    assert not spooled(store)


@pytest.mark.parametrize("at", range(15))
def test_no_pack_that_was_written_badly_gets_a_name(
    at: int, store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packs, "write_all", FailingDisk(at))

    with pytest.raises(StorageError):
        packed(store, TINY)

    for key in store.list():
        name = Name.of_key(key)
        assert name is not None
        assert Digest.of(store.read(key)) == name.digest


def test_what_failed_once_cannot_be_closed_later(
    store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packs, "write_all", FailingDisk(0))
    with Packer(store, []) as packer:
        packer.add(b"lost")
        with pytest.raises(StorageError):
            packer.close()
        index, _ = packer.add(b"written well")
        with pytest.raises(StorageError):
            packer.close()

    assert index >= 0
    assert not spooled(store)


def test_a_spool_that_is_gone_is_told_of(store: MemoryStore) -> None:
    shutil.rmtree(store.spool())

    with pytest.raises(StorageError):
        packed(store, TINY[:1])


@pytest.mark.parametrize("at", [1, 2, 3, 4])
def test_a_store_that_does_not_take_a_pack_is_told_of(at: int) -> None:
    error = StorageError("blobs/k", "connection reset")
    store = FailingStore(MemoryStore(), at, error)

    with pytest.raises(StorageError) as caught:
        packed(store, TINY)

    assert caught.value is error
    assert not spooled(store)


def test_memory_is_bounded_when_the_disk_is_slower_than_the_reader(
    store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    added = written = most = 0

    def write_slowly(fd: int, data: memoryview) -> None:
        nonlocal written, most
        blake3(bytes(2**21)).digest()
        most = max(most, added - written)
        written += len(data)
        write_all(fd, data)

    monkeypatch.setattr(packs, "write_all", write_slowly)
    with Packer(store, []) as packer:
        for data in 10 * TINY:
            added += len(data)
            packer.add(data)
        packer.close()

    assert 2 * BATCH < most <= 10 * BATCH


def test_a_pack_that_there_was_no_memory_for_is_never_named(
    store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_fd: int, _data: memoryview) -> None:
        raise MemoryError

    names: list[Name | None] = []
    with Packer(store, names) as packer:
        monkeypatch.setattr(packs, "write_all", fail)
        packer.add(b"a" * BATCH)
        with pytest.raises((StorageError, MemoryError)):
            packer.close()
        monkeypatch.undo()
        packer.add(b"b")
        with pytest.raises(StorageError):
            packer.close()
    assert not list(store.list())


def test_a_batch_that_is_handed_over_twice_is_never_stored(store: MemoryStore) -> None:
    names: list[Name | None] = []
    with Packer(store, names) as packer:
        packer.add(b"a" * (BATCH - 1))
        submit = ThreadPoolExecutor.submit

        def interrupted(pool: ThreadPoolExecutor, act: Callable[..., object], *of: object) -> None:
            submit(pool, act, *of)
            raise KeyboardInterrupt

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(ThreadPoolExecutor, "submit", interrupted)
            with pytest.raises(KeyboardInterrupt):
                packer.add(b"b")
        packer.add(b"c")
        with pytest.raises(StorageError, match="begin anew"):
            packer.close()
    assert not list(store.list())
