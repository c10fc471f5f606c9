"""Supply: a far store is asked ahead and seldom, damage of copies heals, large files are linked."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from disks import mounted
from shelf import Shelf, contents

from artifacts.cache import CachedStore, Checkout, Copies, Outcome, supply, verify_copies
from artifacts.cache.copies import PART_BYTES
from artifacts.content import Digest
from artifacts.errors import DigestMismatchError, UsageError
from artifacts.progress import Silent
from artifacts.storage import (
    BLOBS,
    READ_BYTES,
    LocalStore,
    MemoryStore,
    Name,
    ObjectStore,
    transfer,
)
from artifacts.testing import CountingStore, SlowStore

LARGE = os.urandom(2 * READ_BYTES + 5)
FILES = {"large": LARGE, "a/pieces.zst": os.urandom(3 * PART_BYTES), "a/small": b"small", "b": b"b"}


@pytest.fixture(autouse=True)
def solos(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Shelf, "SOLO_BYTES", READ_BYTES)


@pytest.fixture
def copies(tmp_path: Path) -> Copies:
    return Copies(tmp_path / "copies", 10**9)


@pytest.fixture(params=["near", "far", "cached"])
def store(request: pytest.FixtureRequest, tmp_path: Path, copies: Copies) -> ObjectStore:
    local = LocalStore(tmp_path / "store")
    if request.param == "near":
        return local
    far = SlowStore(MemoryStore(), 0)
    return far if request.param == "far" else CachedStore(far, copies)


def check_out(shelf: Shelf, root: Path, links: Copies | None = None) -> Outcome:
    return Checkout(shelf.store, root, {}, links=links).run([shelf.part()])


def test_files_arrive_from_any_store(store: ObjectStore, tmp_path: Path) -> None:
    outcome = check_out(Shelf(store, FILES), tmp_path / "root")

    assert contents(tmp_path / "root") == FILES
    assert (outcome.written, outcome.problems) == (len(FILES), [])


def test_a_damaged_blob_is_told_of_by_any_store(store: ObjectStore, tmp_path: Path) -> None:
    shelf = Shelf(store, FILES)
    for path in ("large", "a/small"):
        key = shelf.blob_of(path)
        store.write(key, store.read(key).replace(b"small", b"smell").replace(LARGE, LARGE[1:]))

    outcome = check_out(shelf, tmp_path / "root")

    assert {*contents(tmp_path / "root")} == {"a/pieces.zst", "b"}
    assert len(outcome.problems) == 2
    assert all(isinstance(problem, DigestMismatchError) for problem in outcome.problems)


def cut(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def empty(path: Path) -> None:
    os.truncate(path, 0)


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    for at in range(0, len(data), 100):
        data[at] ^= 1
    path.write_bytes(data)


every_damage = pytest.mark.parametrize("damage", [cut, empty, flip, Path.unlink])


@every_damage
def test_damage_of_the_cache_heals_and_changes_nothing(
    copies: Copies, tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    shelf = Shelf(CachedStore(SlowStore(MemoryStore(), 0), copies), FILES)
    check_out(shelf, tmp_path / "one")
    for copy in [*copies]:
        Path(copy.path).chmod(0o644)
        damage(Path(copy.path))

    outcome = check_out(shelf, tmp_path / "two")

    assert contents(tmp_path / "two") == FILES
    assert (outcome.written, outcome.problems) == (len(FILES), [])
    counting = CountingStore(shelf.store.remote)  # type: ignore[attr-defined]
    check_out(Shelf.of(shelf, CachedStore(counting, copies)), tmp_path / "three")
    assert not counting.calls  # it was healed for good


def test_a_far_store_is_asked_seldom(tmp_path: Path, copies: Copies) -> None:
    far = CountingStore(SlowStore(MemoryStore(), 0))
    files = {f"{n:04}": os.urandom(16 * 1024) for n in range(1500)}
    shelf = Shelf(far, files)
    size = len(shelf.pack)
    for store, root in ((far, "one"), (CachedStore(far, copies), "two")):
        far.calls.clear()
        check_out(Shelf.of(shelf, store), tmp_path / root)

        assert contents(tmp_path / root) == files
        assert len(far.calls) <= 2 + size // (READ_BYTES - 16 * 1024)


def test_links_are_names_of_one_copy(store: ObjectStore, copies: Copies, tmp_path: Path) -> None:
    shelf = Shelf(store, FILES)
    for root in ("one", "two"):
        assert check_out(shelf, tmp_path / root, links=copies).problems == []

    assert contents(tmp_path / "two") == FILES
    for path in ("large", "a/pieces.zst"):
        one, two = (tmp_path / root / path for root in ("one", "two"))
        copy = Path(copies.folder, "objects", Name(BLOBS, Digest.of(FILES[path])).key)
        assert one.samefile(two)
        assert one.samefile(copy)
        assert one.stat().st_mode & 0o222 == 0
    small = tmp_path / "two" / "a" / "small"
    assert not small.samefile(tmp_path / "one" / "a" / "small")
    assert small.stat().st_mode & 0o200


def test_no_link_leads_into_a_local_store(copies: Copies, tmp_path: Path) -> None:
    shelf = Shelf(LocalStore(tmp_path / "store"), FILES)
    check_out(shelf, tmp_path / "root", links=copies)
    (tmp_path / "root" / "large").chmod(0o644)
    (tmp_path / "root" / "large").write_bytes(b"edited")

    assert shelf.store.read(shelf.blob_of("large")) == LARGE


def test_a_link_that_was_edited_spoils_no_other_download(
    store: ObjectStore, copies: Copies, tmp_path: Path
) -> None:
    shelf = Shelf(store, FILES)
    check_out(shelf, tmp_path / "one", links=copies)
    edited = tmp_path / "one" / "large"
    edited.chmod(0o644)
    edited.write_bytes(b"edited")

    outcome = check_out(shelf, tmp_path / "two", links=copies)

    assert contents(tmp_path / "two") == FILES
    assert outcome.problems == []
    assert edited.read_bytes() == b"edited"
    assert check_out(shelf, tmp_path / "three", links=copies).written == len(FILES)
    assert (tmp_path / "three" / "large").samefile(tmp_path / "two" / "large")


def test_what_the_cache_has_no_room_for_is_a_file_as_ever(
    store: ObjectStore, tmp_path: Path
) -> None:
    shelf = Shelf(store, FILES)
    outcome = check_out(shelf, tmp_path / "root", links=Copies(tmp_path / "small", 1000))

    assert outcome.problems == []
    assert contents(tmp_path / "root") == FILES
    assert (tmp_path / "root" / "large").stat().st_mode & 0o200


def test_links_across_disks_are_refused(tmp_path: Path) -> None:
    memory = Path("/dev/shm")
    if not memory.is_dir() or memory.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("there is no second disk")
    shelf = Shelf(MemoryStore(), FILES)

    with pytest.raises(UsageError, match="two disks"):
        check_out(shelf, tmp_path / "root", links=Copies(memory / tmp_path.name, 10**9))

    assert not contents(tmp_path / "root")


@pytest.fixture
def cloning_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk that can share the bytes of two files."""
    with mounted(tmp_path, 400 * 2**20, ["mkfs.xfs", "-q", "-m", "reflink=1"]) as folder:
        yield folder


def used(folder: Path) -> int:
    """Bytes that a disk has given away."""
    os.sync()
    disk = os.statvfs(folder)
    return (disk.f_blocks - disk.f_bfree) * disk.f_frsize


@pytest.mark.parametrize("kind", ["near", "cached"])
def test_large_files_are_cloned_where_the_disk_can(cloning_disk: Path, kind: str) -> None:
    store: ObjectStore = LocalStore(cloning_disk / "store")
    if kind == "cached":
        store = CachedStore(SlowStore(MemoryStore(), 0), Copies(cloning_disk / "copies", 10**9))
    large = os.urandom(40 * 2**20)
    shelf = Shelf(store, {"large": large})
    check_out(shelf, cloning_disk / "one")
    before = used(cloning_disk)

    for root in ("two", "three"):
        check_out(shelf, cloning_disk / root)
        assert contents(cloning_disk / root) == {"large": large}

    assert used(cloning_disk) - before < len(large) // 2


@pytest.fixture
def shared(
    copies: Copies, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> tuple[Shelf, Path, Path]:
    """A very large file, fetched to where the disk cannot clone; where it and its copy are."""
    monkeypatch.setattr(supply, "_FOLLOWED_BYTES", 1)
    monkeypatch.setattr(transfer, "_clone", lambda _source, _target: False)
    far = SlowStore(MemoryStore(), 0)
    shelf = Shelf.of(Shelf(far, FILES), CachedStore(far, copies))
    check_out(shelf, tmp_path / "one")
    return shelf, tmp_path / "one" / "large", Path(copies.folder, "objects", shelf.blob_of("large"))


def test_a_very_large_file_is_on_the_disk_once(shared: tuple[Shelf, Path, Path]) -> None:
    _, file, copy = shared

    assert file.samefile(copy)
    assert file.stat().st_mode & 0o200


def test_who_edits_it_spoils_no_other_download(
    shared: tuple[Shelf, Path, Path], copies: Copies, tmp_path: Path
) -> None:
    shelf, file, copy = shared
    with file.open("r+b") as opened:
        opened.write(b"edited")

    assert check_out(shelf, tmp_path / "two").problems == []
    assert (tmp_path / "two" / "large").read_bytes() == LARGE
    assert copy.read_bytes() == LARGE
    assert file.read_bytes().startswith(b"edited")
    assert all(verdict.is_sound for verdict in verify_copies(copies, Silent()))


def test_an_edited_one_is_no_damage_of_the_cache(
    shared: tuple[Shelf, Path, Path], copies: Copies
) -> None:
    _, file, copy = shared
    file.write_bytes(b"edited")

    assert all(verdict.is_sound for verdict in verify_copies(copies, Silent()))
    assert not copy.exists()


def test_no_link_leads_to_a_file_that_may_be_edited(
    shared: tuple[Shelf, Path, Path], copies: Copies, tmp_path: Path
) -> None:
    shelf, file, copy = shared

    assert check_out(shelf, tmp_path / "two", links=copies).problems == []
    linked = tmp_path / "two" / "large"
    assert linked.samefile(copy)
    assert not linked.samefile(file)
    assert linked.stat().st_mode & 0o222 == 0
    assert linked.read_bytes() == LARGE
