"""Intake: each content is stored once and read once, and its digest is that of what was stored."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from artifacts.cache import Intake, Tree, intake
from artifacts.content import Digest
from artifacts.errors import DigestMismatchError, FileChangedError, StorageError
from artifacts.storage import (
    BLOBS,
    SOLO,
    LocalStore,
    MemoryStore,
    Name,
    ObjectStore,
    Span,
    packs,
    transfer,
)
from artifacts.testing import CountingStore, FailingStore

LARGE = 1000  # in place of the 4 MiB from which on a file is a blob by itself
SMALL_FILE, LARGE_FILE = b"small", bytes(range(256)) * 8
Row = tuple[str, bytes, int]


@pytest.fixture(autouse=True)
def small_sizes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake, "SMALL_BYTES", LARGE)


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> None:
    """All files have been at rest for long."""
    monkeypatch.setattr("time.time_ns", lambda: 2**62)


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "root"


class Desk:
    """A machine with a cache, at work on one store."""

    def __init__(self, store: ObjectStore, cache: Path) -> None:
        self.store, self.cache = store, cache

    def intake(self) -> Intake:
        return Intake(self.store, self.cache, "store")

    def add(self, root: Path, *, is_immutable: bool = False) -> tuple[Intake, list[Row]]:
        """A folder, added and closed."""
        taken = self.intake()
        rows = [*taken.add_tree(Tree(str(root)), "", is_immutable=is_immutable)]
        taken.close()
        return taken, rows


@pytest.fixture
def desk(store: MemoryStore, tmp_path: Path) -> Desk:
    return Desk(store, tmp_path / "cache")


def fill(root: Path, files: Mapping[str, bytes]) -> None:
    for path, data in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(data)


def content(taken: Intake, row: Row) -> bytes:
    path, digest, size = row
    return b"".join(taken.read(digest, size, path)) if size else b""


def contents(taken: Intake, rows: list[Row]) -> dict[str, bytes]:
    """As a reader of the store finds them; sizes and digests are what they say."""
    found = {row[0]: content(taken, row) for row in rows}
    for path, digest, size in rows:
        assert (Digest.of(found[path]), len(found[path])) == (digest, size)
    return found


def blobs(store: ObjectStore) -> list[str]:
    return sorted(store.list("blobs/"))


def stored(store: ObjectStore) -> int:
    """Bytes of all blobs, each of which has the name of its bytes."""
    for key in blobs(store):
        name = Name.of_key(key)
        assert name is not None
        assert Digest.of(store.read(key)) == name.digest
    return sum(map(store.size, blobs(store)))


class Reads:
    """Counts and disturbs what is read of files of this machine."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.count = 0
        self.disturb: Callable[[int], object] = lambda number: None
        for name in ("read", "readv"):
            monkeypatch.setattr(os, name, self.around(getattr(os, name)))

    def disturb_once(self, act: Callable[[], object]) -> None:
        """After the next read of all."""

        def disturb(_number: int) -> None:
            self.disturb = lambda number: None
            act()

        self.disturb = disturb

    def around(self, read: Callable[..., Any]) -> Callable[..., Any]:
        def disturbed(*args: Any) -> Any:  # noqa: ANN401
            found = read(*args)
            self.count += 1
            self.disturb(self.count)
            return found

        return disturbed


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> Reads:
    return Reads(monkeypatch)


@given(
    st.dictionaries(
        st.sampled_from(["a", "b", "sub/c", "sub/d", "e"]),
        st.sampled_from([b"", b"x", b"y" * 100, LARGE_FILE, LARGE_FILE[1:], b"z" * LARGE]),
    )
)
@settings(deadline=None)
def test_whatever_is_added_is_stored_once_and_comes_back(files: dict[str, bytes]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(intake, "SMALL_BYTES", LARGE)
        store, root = MemoryStore(), MemoryStore().spool / "root"
        fill(root, files)
        root.mkdir(parents=True, exist_ok=True)
        taken, rows = Desk(store, root.parent / "cache").add(root)

        assert [path for path, _, _ in rows] == sorted(files)
        assert contents(taken, rows) == files
        assert stored(store) == sum(map(len, set(files.values())))


def test_small_files_share_a_blob_and_a_large_one_is_its_own(desk: Desk, root: Path) -> None:
    fill(root, {"a": b"1", "b": b"22", "large": LARGE_FILE})
    taken, _ = desk.add(root)

    assert taken.places[Digest.of(LARGE_FILE)] == (SOLO, 0)
    assert desk.store.read(Name(BLOBS, Digest.of(LARGE_FILE)).key) == LARGE_FILE
    assert len(blobs(desk.store)) == 2


def test_a_large_file_that_the_store_has_is_not_stored_again(
    store: MemoryStore, root: Path, tmp_path: Path
) -> None:
    fill(root, {"large": LARGE_FILE})
    Desk(store, tmp_path / "mine").add(root)
    counting = CountingStore(store)
    Desk(counting, tmp_path / "theirs").add(root)

    assert [operation for operation, _ in counting.calls] == ["size"]


def test_a_large_blob_that_was_cut_is_stored_again(desk: Desk, root: Path) -> None:
    fill(root, {"large": LARGE_FILE})
    key = Name(BLOBS, Digest.of(LARGE_FILE)).key
    desk.store.write(key, LARGE_FILE[:-1])

    taken, rows = desk.add(root)

    assert contents(taken, rows) == {"large": LARGE_FILE}


def test_a_prefix_goes_before_every_path(desk: Desk, root: Path) -> None:
    fill(root, {"a": b"1"})

    [(path, _, _)] = desk.intake().add_tree(Tree(str(root)), "sub/")

    assert path == "sub/a"


def test_one_file_may_get_any_name(desk: Desk, root: Path) -> None:
    fill(root, {"a": b"1"})
    taken = desk.intake()
    digest, size = taken.add_file(str(root / "a"), "other/name")
    taken.close()

    assert content(taken, ("other/name", digest, size)) == b"1"


@pytest.mark.usefixtures("later")
def test_unchanged_files_are_not_read_again(desk: Desk, root: Path, reads: Reads) -> None:
    files = {"a": b"1", "b": b"22", "large": LARGE_FILE}
    fill(root, files)
    desk.add(root)
    before, there = reads.count, blobs(desk.store)
    taken, rows = desk.add(root)

    assert reads.count == before
    assert contents(taken, rows) == files
    assert blobs(desk.store) == there


@pytest.mark.usefixtures("later")
def test_a_changed_file_is_read_again_and_no_other(desk: Desk, root: Path, reads: Reads) -> None:
    fill(root, {"a": b"1", "b": b"22", "large": LARGE_FILE})
    desk.add(root)
    fill(root, {"b": b"3"})
    before = reads.count
    taken, rows = desk.add(root)

    assert reads.count == before + 1
    assert contents(taken, rows) == {"a": b"1", "b": b"3", "large": LARGE_FILE}


def test_a_file_that_was_written_just_now_is_read_again(
    desk: Desk, root: Path, reads: Reads
) -> None:
    fill(root, {"a": b"1"})
    desk.add(root)
    before = reads.count
    desk.add(root)

    assert reads.count == before + 1


@pytest.mark.usefixtures("later")
def test_files_whose_blobs_are_gone_are_read_again(desk: Desk, root: Path) -> None:
    files = {"a": b"1", "b": b"22", "large": LARGE_FILE}
    fill(root, files)
    desk.add(root)
    for key in blobs(desk.store):
        desk.store.delete(key)
    taken, rows = desk.add(root)

    assert contents(taken, rows) == files


@pytest.mark.usefixtures("later")
@pytest.mark.parametrize("size", [5, LARGE])
def test_a_blob_is_looked_for_once_however_many_files_it_has(
    store: MemoryStore, root: Path, tmp_path: Path, size: int
) -> None:
    fill(root, {f"{n}": b"%d" % n * size for n in range(9)})
    Desk(store, tmp_path / "cache").add(root)
    counting = CountingStore(store)
    Desk(counting, tmp_path / "cache").add(root)

    keys = [key for _, key in counting.calls]
    assert sorted(keys) == blobs(store)


def test_a_file_that_changed_while_it_was_read_is_read_again(
    desk: Desk, root: Path, reads: Reads
) -> None:
    fill(root, {"a": b"old", "b": b"other"})
    reads.disturb_once(lambda: fill(root, {"a": b"newer"}))
    taken, rows = desk.add(root)

    assert contents(taken, rows) == {"a": b"newer", "b": b"other"}


def test_a_file_that_changed_between_the_look_and_the_read_is_added_as_it_is(
    desk: Desk, root: Path
) -> None:
    fill(root, {"a": b"1", "b": b"old", "c": b"old"})
    taken = desk.intake()
    adding = taken.add_tree(Tree(str(root)), "")
    rows = [next(adding)]
    fill(root, {"b": LARGE_FILE, "c": b""})
    rows += adding
    taken.close()

    assert contents(taken, rows) == {"a": b"1", "b": LARGE_FILE, "c": b""}


def test_one_file_that_changed_while_it_was_read_is_added_as_it_is(
    desk: Desk, root: Path, reads: Reads
) -> None:
    fill(root, {"a": b"old"})
    reads.disturb_once(lambda: fill(root, {"a": b"newer"}))
    taken = desk.intake()
    row = ("a", *taken.add_file(str(root / "a"), "a"))
    taken.close()

    assert contents(taken, [row]) == {"a": b"newer"}


@pytest.mark.parametrize("data", [SMALL_FILE, LARGE_FILE], ids=["small", "large"])
@pytest.mark.parametrize("grows", [True, False])
def test_a_file_that_keeps_changing_is_refused_by_name(
    desk: Desk,
    root: Path,
    reads: Reads,
    data: bytes,
    grows: bool,  # noqa: FBT001
) -> None:
    fill(root, {"a": data})

    def change(number: int) -> None:
        fill(root, {"a": data + bytes(number) if grows else data[:-number]})

    reads.disturb = change
    with pytest.raises(FileChangedError) as caught:
        desk.add(root)

    assert caught.value.path == str(root / "a")


def test_a_file_that_keeps_being_rewritten_to_the_same_length_is_refused(
    desk: Desk, root: Path, reads: Reads
) -> None:
    fill(root, {"a": b"0"})

    def rewrite(number: int) -> None:
        fill(root, {"a": b"%d" % (number % 10)})
        os.utime(root / "a", ns=(number, number))

    reads.disturb = rewrite
    with pytest.raises(FileChangedError):
        desk.add(root)


@pytest.mark.parametrize("data", [SMALL_FILE, LARGE_FILE], ids=["small", "large"])
def test_of_an_immutable_file_nothing_is_written_before_the_close(
    store: MemoryStore, root: Path, tmp_path: Path, data: bytes
) -> None:
    fill(root, {"a": data, "b": data})
    counting = CountingStore(store)
    taken = Desk(counting, tmp_path / "cache").intake()
    rows = [*taken.add_tree(Tree(str(root)), "", is_immutable=True)]

    assert not counting.calls
    assert not os.listdir(store.spool)
    taken.close()
    assert contents(taken, rows) == {"a": data, "b": data}
    assert stored(store) == len(data)


@pytest.mark.parametrize("data", [SMALL_FILE, LARGE_FILE], ids=["small", "large"])
def test_an_immutable_file_that_changed_is_refused_by_name(
    desk: Desk, root: Path, data: bytes
) -> None:
    fill(root, {"a": data})
    taken = desk.intake()
    [*taken.add_tree(Tree(str(root)), "", is_immutable=True)]
    fill(root, {"a": data[::-1]})

    with pytest.raises(FileChangedError) as caught:
        taken.close()

    assert caught.value.path == str(root / "a")


def test_an_immutable_file_that_changed_between_look_and_read_is_refused_or_added_as_it_is(
    desk: Desk, root: Path
) -> None:
    fill(root, {"a": b"1", "b": b"old"})
    taken = desk.intake()
    adding = taken.add_tree(Tree(str(root)), "", is_immutable=True)
    rows = [next(adding)]
    fill(root, {"b": b"newer"})
    try:
        rows += adding
        taken.close()
    except FileChangedError:
        return

    assert contents(taken, rows) == {"a": b"1", "b": b"newer"}


def known_from(store: ObjectStore, data: bytes) -> Callable[[str, bytes], list[Span]]:
    """What a last version knows whose one file lies in the middle of a pack."""
    pack = b"before" + data + b"after"
    name = Name(BLOBS, Digest.of(pack))
    store.write(name.key, pack)

    def known(path: str, digest: bytes) -> list[Span]:
        is_it = (path, digest) == ("a", Digest.of(data))
        return [Span(name, 6, len(data), len(data))] if is_it else []

    return known


def test_what_the_last_version_has_is_not_stored_again(desk: Desk, root: Path) -> None:
    fill(root, {"a": b"same", "b": b"new"})
    taken = desk.intake()
    taken.known = known_from(desk.store, b"same")
    before = stored(desk.store)
    rows = [*taken.add_tree(Tree(str(root)), "")]
    taken.close()

    assert contents(taken, rows) == {"a": b"same", "b": b"new"}
    assert stored(desk.store) == before + len(b"new")


def test_what_the_last_version_has_in_pieces_is_not_stored_again(desk: Desk, root: Path) -> None:
    fill(root, {"a": b"same"})
    taken = desk.intake()
    [whole] = known_from(desk.store, b"same")("a", Digest.of(b"same"))
    parts = [Span(whole.blob, whole.offset + n, 1, 1) for n in range(4)]
    taken.known = lambda _path, _digest: parts
    rows = [*taken.add_tree(Tree(str(root)), "")]
    taken.close()

    assert contents(taken, rows) == {"a": b"same"}
    assert len(blobs(desk.store)) == 1


def test_what_the_last_version_has_lost_is_stored_again(desk: Desk, root: Path) -> None:
    fill(root, {"a": b"same"})
    taken = desk.intake()
    taken.known = known_from(desk.store, b"same")
    for key in blobs(desk.store):
        desk.store.delete(key)
    rows = [*taken.add_tree(Tree(str(root)), "")]
    taken.close()

    assert contents(taken, rows) == {"a": b"same"}


@pytest.mark.parametrize("data", [b"", SMALL_FILE, LARGE_FILE], ids=["none", "small", "large"])
def test_bytes_and_streams_are_added_like_files(desk: Desk, data: bytes) -> None:
    taken = desk.intake()
    digest = taken.add_bytes(data)
    taken.add_stream(digest, len(data), iter([data[:3], data[3:]]))
    taken.close()

    assert content(taken, ("path", digest, len(data))) == data
    assert stored(desk.store) == len(data)


@pytest.mark.parametrize("data", [SMALL_FILE, LARGE_FILE], ids=["small", "large"])
def test_a_stream_of_other_bytes_is_refused(desk: Desk, data: bytes) -> None:
    taken, other = desk.intake(), Digest.of(b"other")

    with pytest.raises(DigestMismatchError):
        taken.add_stream(other, len(data), iter([data]))
    assert other not in taken.places
    taken.discard()
    assert not os.listdir(desk.store.spool)


def test_more_may_be_added_after_a_close(desk: Desk, root: Path) -> None:
    fill(root, {"a": b"1", "large": LARGE_FILE})
    taken, rows = desk.add(root)
    rows.append(("b", taken.add_bytes(b"22"), 2))
    taken.close()

    assert contents(taken, rows) == {"a": b"1", "large": LARGE_FILE, "b": b"22"}


def test_what_is_discarded_leaves_nothing_behind(desk: Desk, root: Path) -> None:
    fill(root, {"a": b"1", "b": b"22"})
    taken = desk.intake()
    [*taken.add_tree(Tree(str(root)), "")]
    taken.discard()

    assert not os.listdir(desk.store.spool)
    assert not blobs(desk.store)


@pytest.mark.parametrize("at", range(1, 4))
def test_a_store_that_fails_is_told_of_and_leaves_nothing_behind(
    store: MemoryStore, root: Path, tmp_path: Path, at: int
) -> None:
    fill(root, {"a": b"1", "large": LARGE_FILE})
    failing = FailingStore(store, at, StorageError("k", "connection reset"))
    taken = Desk(failing, tmp_path / "cache").intake()

    with pytest.raises(StorageError):
        [*taken.add_tree(Tree(str(root)), ""), taken.close()]
    taken.discard()
    assert not os.listdir(store.spool)
    stored(store)


@pytest.mark.usefixtures("later")
@pytest.mark.parametrize("module", [packs, transfer], ids=["small", "large"])
def test_a_full_disk_is_told_of_and_nothing_is_remembered(
    desk: Desk, root: Path, module: ModuleType
) -> None:
    files = {"a": b"1", "large": LARGE_FILE}
    fill(root, files)

    def fail(_fd: int, _data: memoryview) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "write_all", fail)
        patch.setattr(transfer, "_IN_KERNEL", None)
        taken = desk.intake()
        with pytest.raises(StorageError):
            [*taken.add_tree(Tree(str(root)), ""), taken.close()]
        taken.discard()

    assert not os.listdir(desk.store.spool)
    taken, rows = desk.add(root)
    assert contents(taken, rows) == files


def test_a_local_stores_blobs_are_moved_into_place(root: Path, tmp_path: Path) -> None:
    store = LocalStore(tmp_path / "store")
    fill(root, {"a": b"1", "large": LARGE_FILE})
    taken, rows = Desk(store, tmp_path / "cache").add(root)

    assert contents(taken, rows) == {"a": b"1", "large": LARGE_FILE}
    assert not os.listdir(store.spool)
