"""CachedStore: what it wraps, but nothing immutable is fetched twice, and no copy is believed."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from artifacts.cache import CachedStore, Copies, cached, uncached
from artifacts.cache.copies import PART_BYTES
from artifacts.content import Digest
from artifacts.errors import ObjectNotFoundError, StorageError
from artifacts.storage import (
    BLOBS,
    PAGES,
    CopyingStore,
    FileStore,
    LocalStore,
    MemoryStore,
    Name,
    Objects,
    ObjectStore,
    Tell,
    encode,
    silent,
)
from artifacts.testing import CountingStore, FailingStore, SlowStore, StoreContract

LIMIT = 10**9
BLOB = os.urandom(3 * PART_BYTES + 1000)
KEY = Name(BLOBS, Digest.of(BLOB)).key
PAGE = b"canonical bytes of a page, again and again and again"
PAGE_NAME = Name(PAGES, Digest.of(PAGE))


class Disk(NamedTuple):
    total: int
    free: int


class Witness(MemoryStore):
    """Remembers which bytes it was asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.ranges: list[tuple[int, int]] = []

    def read(self, key: str, start: int = 0, length: int | None = None) -> bytes:
        data = super().read(key, start, length)
        self.ranges.append((start, start + len(data)))
        return data


class Scene:
    """A store with a blob and a page in it, and a cache before it."""

    def __init__(self, folder: Path, limit: int = LIMIT) -> None:
        self.memory = Witness()
        self.memory.write(KEY, BLOB)
        self.memory.write(PAGE_NAME.key, encode(PAGE))
        self.remote = CountingStore(self.memory)
        self.copies = Copies(folder, limit)
        self.store = CachedStore(self.remote, self.copies)

    def reads(self) -> int:
        """How often the store itself was read since this was last asked."""
        count = sum(operation in ("read", "fetch") for operation, _ in self.remote.calls)
        self.remote.calls.clear()
        return count

    def files(self) -> list[Path]:
        return [Path(copy.path) for copy in self.copies]

    def whole(self) -> bytes | None:
        fd = self.store.open(KEY, len(BLOB))
        if fd is None:
            return None
        with os.fdopen(fd, "rb") as file:
            return file.read()


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path / "cache")


class TestCachedStore(StoreContract):
    many = 100

    @pytest.fixture
    def store(self, tmp_path: Path) -> ObjectStore:
        return CachedStore(MemoryStore(), Copies(tmp_path / "cache", LIMIT))


def test_it_is_a_store_of_copies_and_no_store_of_files(scene: Scene) -> None:
    assert isinstance(scene.store, CopyingStore)
    assert not isinstance(scene.store, FileStore)


def test_a_store_of_this_machine_is_its_own_cache(tmp_path: Path) -> None:
    near: list[ObjectStore] = [
        MemoryStore(),
        LocalStore(tmp_path / "store"),
        CountingStore(LocalStore(tmp_path)),
    ]

    assert [cached(store, Copies(tmp_path / "cache", LIMIT)) for store in near] == near
    assert not (tmp_path / "cache").exists()


def test_without_room_there_is_no_cache(tmp_path: Path) -> None:
    far = SlowStore(MemoryStore(), 0)

    assert cached(far, Copies(tmp_path, 0)) is far
    assert uncached(cached(far, Copies(tmp_path, LIMIT))) is far


@given(st.lists(st.tuples(st.integers(0, len(BLOB) + 5), st.integers(0, len(BLOB) + 5))))
def test_every_range_is_the_blobs(ranges: list[tuple[int, int]]) -> None:
    memory = MemoryStore()
    scene = Scene(memory.spool())
    for start, length in ranges:
        assert scene.store.read(KEY, start, length) == BLOB[start : start + length]


def test_a_small_file_costs_one_part_of_its_pack(scene: Scene) -> None:
    for _ in range(2):
        assert scene.store.read(KEY, 5000, 4096) == BLOB[5000:9096]

    assert scene.reads() == 1
    assert sum(path.stat().st_size for path in scene.files()) < 1.1 * PART_BYTES


def test_missing_neighbours_come_in_one_request(scene: Scene) -> None:
    scene.store.read(KEY, PART_BYTES, 1)
    scene.reads()

    assert scene.store.read(KEY, 0, len(BLOB)) == BLOB
    assert scene.reads() == 2  # what lies before the part that was there, and what lies after it
    assert scene.store.read(KEY, 7, 3 * PART_BYTES) == BLOB[7 : 7 + 3 * PART_BYTES]
    assert scene.reads() == 0


def test_a_whole_blob_comes_once_and_replaces_its_parts(scene: Scene) -> None:
    scene.store.read(KEY, 0, 1)
    for _ in range(2):
        assert scene.whole() == BLOB
    assert scene.store.read(KEY, 100, 10) == BLOB[100:110]

    assert scene.reads() == 2
    assert scene.files() == [Path(scene.copies.folder, "objects", KEY)]
    assert scene.files()[0].stat().st_mode & 0o222 == 0


def test_an_object_comes_once_whatever_length_is_asked_for(scene: Scene) -> None:
    for most in (len(PAGE), 10 * len(PAGE)):
        assert Objects(scene.store).get(PAGE_NAME, most) == PAGE

    assert scene.reads() == 1


def test_stores_share_what_has_the_same_name(scene: Scene) -> None:
    other = CachedStore(CountingStore(MemoryStore()), scene.copies)
    scene.store.read(KEY, 0, 10)

    assert other.read(KEY, 0, 10) == BLOB[:10]


@pytest.mark.parametrize("key", ["store.json", "logs/a/000000000000", "cache/heads/a", "probe/1"])
def test_what_may_change_is_not_kept(scene: Scene, key: str) -> None:
    for data in (b"one", b"two"):
        scene.memory.write(key, data)
        assert scene.store.read(key) == data
    assert not scene.files()


def test_a_copy_says_nothing_about_what_the_store_has(scene: Scene) -> None:
    scene.whole()
    scene.memory.delete(KEY)

    with pytest.raises(ObjectNotFoundError):
        scene.store.size(KEY)
    assert not Objects(scene.store).has(Name(BLOBS, Digest.of(BLOB)))


def test_what_the_store_does_not_have_is_an_error_and_leaves_nothing(scene: Scene) -> None:
    absent = Name(BLOBS, Digest.of(b"absent")).key
    tries: list[Callable[[], object]] = [
        lambda: scene.store.read(absent, 0, 10),
        lambda: scene.store.open(absent, 10),
        lambda: scene.store.read(Name(PAGES, Digest.of(b"absent")).key),
    ]
    for attempt in tries:
        with pytest.raises(ObjectNotFoundError):
            attempt()
    assert not scene.files()
    assert not [*scene.copies.spool().iterdir()]
    assert not [*Path(scene.copies.folder, "turns").iterdir()]


def test_what_is_uploaded_stays_here(scene: Scene) -> None:
    name = Name(BLOBS, Digest.of(b"uploaded"))
    path = scene.store.spool() / "pack"
    path.write_bytes(b"uploaded")

    scene.store.take(name.key, path)

    assert not path.exists()
    assert scene.memory.read(name.key) == b"uploaded"
    assert scene.store.read(name.key, 2, 3) == b"loa"
    assert scene.reads() == 0
    assert not [*scene.copies.spool().iterdir()]


def test_what_could_not_be_uploaded_does_not_stay(tmp_path: Path) -> None:
    remote = FailingStore(MemoryStore(), 1, StorageError("k", "no"))
    store = CachedStore(remote, Copies(tmp_path / "cache", LIMIT))
    path = store.spool() / "pack"
    path.write_bytes(b"uploaded")

    with pytest.raises(StorageError):
        store.take(KEY, path)

    assert not store.has_copy(KEY)
    assert [*store.spool().iterdir()] == [path]


def test_what_is_written_stays_here_and_goes_when_it_is_deleted(scene: Scene) -> None:
    scene.store.write(PAGE_NAME.key, encode(PAGE))
    assert Objects(scene.store).get(PAGE_NAME, 1000) == PAGE
    assert scene.reads() == 0

    scene.store.delete(PAGE_NAME.key)
    with pytest.raises(ObjectNotFoundError):
        scene.store.read(PAGE_NAME.key)


def cut(path: Path) -> None:
    os.truncate(path, path.stat().st_size - 1)


def empty(path: Path) -> None:
    os.truncate(path, 0)


def lengthen(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"more")


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[3] ^= 1
    path.write_bytes(data)


every_damage = pytest.mark.parametrize("damage", [cut, empty, lengthen, flip, Path.unlink])
seen_at_once = pytest.mark.parametrize("damage", [cut, empty, lengthen, Path.unlink])


@seen_at_once
def test_a_part_of_the_wrong_length_is_fetched_again(
    scene: Scene, damage: Callable[[Path], None]
) -> None:
    scene.store.read(KEY, 0, len(BLOB))
    for path in scene.files():
        path.chmod(0o644)
        damage(path)

    assert scene.store.read(KEY, 0, len(BLOB)) == BLOB


@every_damage
def test_a_damaged_object_is_fetched_again(scene: Scene, damage: Callable[[Path], None]) -> None:
    Objects(scene.store).get(PAGE_NAME, 1000)
    [path] = scene.files()
    path.chmod(0o644)
    damage(path)

    for _ in range(2):
        assert Objects(scene.store).get(PAGE_NAME, 1000) == PAGE
    assert scene.reads() == 2


@every_damage
def test_what_was_forgotten_is_fetched_again(scene: Scene, damage: Callable[[Path], None]) -> None:
    scene.whole()
    [path] = scene.files()
    path.chmod(0o644)
    damage(path)
    scene.store.forget(KEY)

    assert scene.whole() == BLOB
    assert not any(copy.path.endswith("~") for copy in scene.copies)


@pytest.mark.parametrize("hindrance", ["a file", "no right", "no space"])
def test_what_the_cache_cannot_do_the_store_does(
    tmp_path: Path, hindrance: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = Scene(tmp_path / "cache")
    if hindrance == "a file":
        (tmp_path / "cache").write_bytes(b"in the way")
    elif hindrance == "no right":
        scene = Scene(Path("/proc/no/such/place"))
    else:
        monkeypatch.setattr("shutil.disk_usage", lambda _: Disk(10**12, 0))

    assert scene.store.read(KEY, 0, len(BLOB)) == BLOB
    assert Objects(scene.store).get(PAGE_NAME, 1000) == PAGE
    assert scene.whole() is None
    assert not scene.files()


def test_a_disk_that_fills_up_meanwhile_ends_nothing(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.write", full)

    assert scene.store.read(KEY, 0, len(BLOB)) == BLOB
    assert not [*scene.copies.spool().iterdir()]


def test_what_is_larger_than_the_cache_passes_it_by(tmp_path: Path) -> None:
    scene = Scene(tmp_path / "cache", limit=len(BLOB) - 1)

    assert scene.whole() is None
    assert not scene.files()


def test_threads_fetch_each_part_once(scene: Scene) -> None:
    store = CachedStore(SlowStore(scene.remote, 0.01), scene.copies)
    start = threading.Barrier(8, timeout=300)

    def read(n: int) -> bytes:
        start.wait()
        return store.read(KEY, n, len(BLOB) - n)

    with ThreadPoolExecutor(8) as pool:
        assert [*pool.map(read, range(8))] == [BLOB[n:] for n in range(8)]
    assert sum(stop - start for start, stop in scene.memory.ranges) == len(BLOB)


def test_threads_fetch_a_whole_blob_once(scene: Scene) -> None:
    with ThreadPoolExecutor(8) as pool:
        assert [*pool.map(lambda _: scene.whole(), range(8))] == 8 * [BLOB]
    assert scene.reads() == 1


def test_who_waits_for_a_blob_can_see_it_grow(tmp_path: Path) -> None:
    """Or `Turn` would give up who fetches a large one."""
    copies = Copies(tmp_path / "copies", LIMIT)
    is_shown: list[bool] = []

    class Slow(MemoryStore):
        def fetch(self, key: str, path: Path, tell: Tell = silent) -> None:
            [turn] = Path(copies.folder, "turns").iterdir()
            is_shown.append(turn.read_bytes() == os.fsencode(path))
            super().fetch(key, path, tell)

    remote = Slow()
    remote.write(KEY, BLOB)

    CachedStore(remote, copies).bring(KEY, len(BLOB))

    assert is_shown == [True]
