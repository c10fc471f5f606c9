"""Opening: an address leads to one store, or to an error that says why not."""

from __future__ import annotations

import errno
import os
import re
import time
from pathlib import Path

import pytest

from artifacts.errors import (
    AlreadyExistsError,
    InvalidSettingError,
    NotAStoreError,
    StorageError,
    StoreNotFoundError,
    UnsupportedStoreError,
)
from artifacts.storage import (
    CHUNK_SIZES,
    ChunkSizes,
    LocalStore,
    MemoryStore,
    begin_writing,
    identify,
    open_store,
)
from artifacts.storage.opening import initialize

ID = b"0123456789abcdef0123456751ec491f"  # the last eight digits check the others
IDENTITY = b'{"format":1,"id":"%s"}\n' % ID
SIZED = b'{"format":1,"id":"%s","least_chunk":%s,"mean_chunk":%s,"most_chunk":%s}'


class OverwritingStore(MemoryStore):
    """Ignores that it should only create, as some servers do."""

    def create(self, key: str, data: bytes) -> None:
        self.write(key, data)


class RacyStore(MemoryStore):
    """Looks before it leaps, as fsspec does on local files."""

    def create(self, key: str, data: bytes) -> None:
        if key in self.list(key):
            raise AlreadyExistsError(key)
        time.sleep(0.002)  # what a request takes
        self.write(key, data)


class RefusingStore(MemoryStore):
    """Creates, but says that it was somebody else."""

    def create(self, key: str, data: bytes) -> None:
        super().create(key, data)
        raise AlreadyExistsError(key)


class OvertakenStore(MemoryStore):
    """Somebody else makes a store of it at the last moment."""

    def create(self, key: str, data: bytes) -> None:
        if key == "store.json":
            self.write(key, IDENTITY)
        super().create(key, data)


@pytest.mark.parametrize(
    "address", ["{home}/a b", "~/a b", "a b", "file://{home}/a%20b", "FILE://localhost{home}/a b"]
)
def test_an_address_leads_to_its_folder(
    address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)

    store = open_store(address.format(home=tmp_path), create=True)

    assert store.url == str(tmp_path / "a b")
    assert identify(open_store(store.url)) == identify(store)


def test_a_name_in_memory_leads_to_one_store() -> None:
    store = open_store("memory://one", create=True)

    assert open_store("memory://one") is store
    assert store.url == "memory://one"
    with pytest.raises(StoreNotFoundError):
        open_store("memory://another")


@pytest.mark.parametrize(
    "address",
    [
        "",
        "a\0b",
        "file://host/a",
        "file://a",
        "file://",
        "s3://",
        "odd://a/b",
        "simplecache::s3://a/b",
        "~nobody-here/a",
        "s3:/bucket/store",
        "gs:/bucket",
    ],
)
def test_an_address_that_leads_nowhere_is_refused(address: str) -> None:
    with pytest.raises(InvalidSettingError) as caught:
        open_store(address, create=True)

    assert caught.value.setting == "store"


def test_no_password_gets_into_an_error() -> None:
    with pytest.raises(InvalidSettingError, match="s3://") as caught:
        open_store("s3://user:secret@bucket")

    assert "secret" not in str(caught.value)


def test_a_new_store_holds_its_identity_only(tmp_path: Path) -> None:
    store = open_store(str(tmp_path), create=True)

    identity = identify(store)
    sizes = b'"least_chunk":8192,"mean_chunk":32768,"most_chunk":131072'
    assert store.read("store.json") == b'{"format":1,"id":"%s",%s}\n' % (
        identity.id.encode(),
        sizes,
    )
    assert re.fullmatch("[0-9a-f]{32}", identity.id)
    assert identity.format == 1
    assert sorted(os.listdir(tmp_path)) == ["store.json", store.spool().name]
    assert not os.listdir(store.spool())


def test_an_absent_store_stays_absent_unless_asked_for(tmp_path: Path) -> None:
    with pytest.raises(StoreNotFoundError) as caught:
        open_store(str(tmp_path / "store"))

    assert caught.value.url == str(tmp_path / "store")
    assert not os.listdir(tmp_path)


def test_a_store_is_made_once(tmp_path: Path) -> None:
    identity = identify(open_store(str(tmp_path), create=True))

    assert identify(open_store(str(tmp_path), create=True)) == identity


def test_a_copy_is_the_same_store(tmp_path: Path) -> None:
    (tmp_path / "store.json").write_bytes(IDENTITY)

    assert identify(open_store(str(tmp_path))).id == ID.decode()


@pytest.mark.parametrize(
    ("sizes", "meant"),
    [
        (b"", CHUNK_SIZES),  # of a store that was made before there were any
        (b',"most_chunk":8192,"least_chunk":1024,"mean_chunk":2048', ChunkSizes(1024, 2048, 8192)),
    ],
)
def test_a_store_says_how_it_is_cut(sizes: bytes, meant: ChunkSizes) -> None:
    store = MemoryStore()
    store.write("store.json", IDENTITY.replace(b"}", sizes + b"}"))

    assert identify(store).chunks == meant
    assert begin_writing(store).chunks == meant


@pytest.mark.parametrize("stranger", ["a", "My Photo.JPG", ".hidden", "blobs"])
def test_somebodys_folder_is_left_alone(tmp_path: Path, stranger: str) -> None:
    (tmp_path / stranger).mkdir()

    with pytest.raises(NotAStoreError, match="not empty") as caught:
        open_store(str(tmp_path), create=True)

    assert stranger in caught.value.reason
    assert os.listdir(tmp_path) == [stranger]


def test_a_file_is_no_store(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")

    for create in (False, True):
        with pytest.raises(NotAStoreError):
            open_store(str(tmp_path / "file"), create=create)


def test_a_folder_of_other_things_is_no_store_to_a_reader_either(tmp_path: Path) -> None:
    (tmp_path / "My Photo.JPG").write_bytes(b"")

    with pytest.raises(NotAStoreError, match=r"My Photo\.JPG"):
        open_store(str(tmp_path))


def test_what_a_killed_maker_left_does_not_matter(tmp_path: Path) -> None:
    left = LocalStore(tmp_path)
    left.create("probe/0/0", b"")
    (left.spool() / "left").write_bytes(b"")

    identify(open_store(str(tmp_path), create=True))


def test_who_is_overtaken_takes_what_the_other_made() -> None:
    assert initialize(OvertakenStore()).id == ID.decode()


def test_who_comes_late_takes_what_the_other_made() -> None:
    store = MemoryStore()
    store.write("blobs/a", b"")
    store.write("store.json", IDENTITY)

    assert initialize(store).id == ID.decode()


@pytest.mark.parametrize("store", [OverwritingStore(), RacyStore(), RefusingStore()], ids=type)
def test_a_place_that_cannot_create_once_is_refused(store: MemoryStore) -> None:
    with pytest.raises(UnsupportedStoreError):
        initialize(store)

    assert not list(store.list())


def test_a_disk_without_hard_links_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def link(*_: object) -> None:
        raise OSError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(os, "link", link)

    with pytest.raises(UnsupportedStoreError, match="hard links"):
        open_store(str(tmp_path), create=True)
    assert not list(LocalStore(tmp_path).list())


@pytest.mark.parametrize("format_", [b"0", b"2", b"12345678901234567890"])
def test_another_format_is_named_with_the_one_supported(format_: bytes) -> None:
    store = MemoryStore()
    store.write("store.json", b'{"format":%s,"new":[]}' % format_)

    with pytest.raises(NotAStoreError, match=rf"{format_.decode()}\b.*\b1\b"):
        identify(store)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"\xff",
        b"null",
        b"[1]",
        b"{}",
        b'{"format":"1"}',
        b'{"format":true,"id":"%s"}' % ID,
        b'{"format":1}',
        b'{"format":1,"id":1}',
        b'{"format":1,"id":"%s"}' % ID.upper(),
        b'{"format":1,"id":"%s"}' % ID.replace(b"0", b"1", 1),
        b'{"format":1,"id":"%s\\n"}' % ID,
        b'{"format":1,"id":"%s","more":"%s"}' % (ID, b"x" * 10_000),
        SIZED % (ID, b"8191", b"32768", b"131072"),
        SIZED % (ID, b"8192", b"4096", b"131072"),
        SIZED % (ID, b"8192", b"32768", b"16384"),
        SIZED % (ID, b"512", b"32768", b"131072"),
        SIZED % (ID, b"8192", b"32768", b"524288"),
        SIZED % (ID, b"true", b"32768", b"131072"),
        SIZED % (ID, b"8192.0", b"32768", b"131072"),
        SIZED % (ID, b"8192", b"null", b"131072"),
        (SIZED % (ID, b"8192", b"32768", b"131072")).replace(b"most_", b"mosu_"),
        b"[" * 10_000,
    ],
)
def test_what_is_no_identity_is_refused(data: bytes) -> None:
    store = MemoryStore()
    store.write("store.json", data)

    for look in (identify, begin_writing, initialize):
        with pytest.raises(NotAStoreError) as caught:
            look(store)
        assert caught.value.url == store.url
    assert store.read("store.json") == data


def test_a_writing_session_changes_nothing(tmp_path: Path) -> None:
    store = open_store(str(tmp_path), create=True)
    before = store.read("store.json")

    assert begin_writing(store) == identify(store)
    assert store.read("store.json") == before
    assert list(store.list()) == ["store.json"]


def test_no_writing_session_begins_where_the_second_creator_wins() -> None:
    store = OverwritingStore()
    store.write("store.json", IDENTITY)

    with pytest.raises(UnsupportedStoreError):
        begin_writing(store)

    assert store.read("store.json") == IDENTITY


def test_no_writing_session_begins_without_a_store(tmp_path: Path) -> None:
    with pytest.raises(StoreNotFoundError):
        begin_writing(LocalStore(tmp_path))

    assert not list(LocalStore(tmp_path).list())


def test_nothing_is_written_where_a_store_was_unmounted(tmp_path: Path) -> None:
    store = LocalStore(tmp_path / "store")
    begin_writing(store, initialize(store))
    store.write("logs/a", b"before")
    (tmp_path / "store").rename(tmp_path / "elsewhere")
    (tmp_path / "store").mkdir()  # an empty mount point

    for attempt in (store.write, store.create):
        with pytest.raises(StorageError, match=r"store.json is gone; was its disk unmounted\?"):
            attempt("logs/b", b"after")
    store.spool()
    assert not [*(tmp_path / "store").iterdir()]

    (tmp_path / "store").rmdir()
    (tmp_path / "elsewhere").rename(tmp_path / "store")
    store.write("logs/b", b"after")
    assert store.read("logs/a") == b"before"
