"""Intake: each content is stored once and read once, and its digest is that of what was stored."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import ModuleType

import pytest
from desk import (
    LARGE,
    Desk,
    Reads,
    blobs,
    content,
    contents,
    far,
    let_rest,
    lower_bounds,
    noise,
    spool,
    stored,
    text,
)
from folders import write_tree
from hypothesis import given, settings
from hypothesis import strategies as st

from artifacts.cache import Tree
from artifacts.content import Digest
from artifacts.errors import DigestMismatchError, FileChangedError, StorageError
from artifacts.storage import (
    BLOBS,
    SOLO,
    LocalStore,
    MemoryStore,
    Name,
    ObjectStore,
    Read,
    Span,
    packs,
    transfer,
)
from artifacts.testing import CountingStore, FailingStore

SMALL_FILE, LARGE_FILE = b"small", noise(2 * LARGE)
FAULT = StorageError("k", "connection reset")


@pytest.fixture(autouse=True)
def small_sizes(monkeypatch: pytest.MonkeyPatch) -> None:
    lower_bounds(monkeypatch)


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> None:
    let_rest(monkeypatch)


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "root"


@pytest.fixture
def desk(store: MemoryStore, tmp_path: Path) -> Desk:
    return Desk(store, tmp_path / "cache")


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> Reads:
    return Reads(monkeypatch)


@given(
    st.dictionaries(
        st.sampled_from(["a", "b", "sub/c", "sub/d", "e"]),
        st.sampled_from([b"", b"x", b"y" * 100, LARGE_FILE, LARGE_FILE[1:], noise(LARGE)]),
    )
)
@settings(deadline=None)
def test_whatever_is_added_is_stored_once_and_comes_back(files: dict[str, bytes]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        lower_bounds(patch)
        store, root = MemoryStore(), MemoryStore().spool() / "root"
        write_tree(root, files)
        root.mkdir(parents=True, exist_ok=True)
        taken, rows = Desk(store, root.parent / "cache").add(root)

        assert [path for path, _, _ in rows] == sorted(files)
        assert contents(taken, rows) == files
        assert stored(store) == sum(map(len, set(files.values())))


def test_small_files_share_a_blob_and_a_large_one_is_its_own(desk: Desk, root: Path) -> None:
    write_tree(root, {"a": b"1", "b": b"22", "large": LARGE_FILE})
    taken, _ = desk.add(root)

    assert taken.contents.places[Digest.of(LARGE_FILE)] == (SOLO, 0)
    assert desk.store.read(Name(BLOBS, Digest.of(LARGE_FILE)).key) == LARGE_FILE
    assert len(blobs(desk.store)) == 2


def test_a_large_file_that_the_store_has_is_not_stored_again(
    store: MemoryStore, root: Path, tmp_path: Path
) -> None:
    write_tree(root, {"large": LARGE_FILE})
    Desk(store, tmp_path / "mine").add(root)
    counting = CountingStore(store)
    Desk(counting, tmp_path / "theirs").add(root)

    assert [operation for operation, _ in counting.calls] == ["size"]


def test_a_large_blob_that_was_cut_is_stored_again(desk: Desk, root: Path) -> None:
    write_tree(root, {"large": LARGE_FILE})
    key = Name(BLOBS, Digest.of(LARGE_FILE)).key
    desk.store.write(key, LARGE_FILE[:-1])

    taken, rows = desk.add(root)

    assert contents(taken, rows) == {"large": LARGE_FILE}


def test_a_prefix_goes_before_every_path(desk: Desk, root: Path) -> None:
    write_tree(root, {"a": b"1"})

    [(path, _, _)] = desk.intake().add_tree(Tree(str(root)), "sub/")

    assert path == "sub/a"


def test_one_file_may_get_any_name(desk: Desk, root: Path) -> None:
    write_tree(root, {"a": b"1"})
    taken = desk.intake()
    digest, size = taken.add_file(str(root / "a"), "other/name")
    taken.close()

    assert content(taken, ("other/name", digest, size)) == b"1"


@pytest.mark.usefixtures("later")
def test_unchanged_files_are_not_read_again(desk: Desk, root: Path, reads: Reads) -> None:
    files = {"a": b"1", "b": b"22", "large": LARGE_FILE}
    write_tree(root, files)
    desk.add(root)
    before, there = reads.count, blobs(desk.store)
    taken, rows = desk.add(root)

    assert reads.count == before
    assert contents(taken, rows) == files
    assert blobs(desk.store) == there


@pytest.mark.usefixtures("later")
def test_a_changed_file_is_read_again_and_no_other(desk: Desk, root: Path, reads: Reads) -> None:
    write_tree(root, {"a": b"1", "b": b"22", "large": LARGE_FILE})
    desk.add(root)
    write_tree(root, {"b": b"3"})
    before = reads.count
    taken, rows = desk.add(root)

    assert reads.count == before + 1
    assert contents(taken, rows) == {"a": b"1", "b": b"3", "large": LARGE_FILE}


def test_a_file_that_was_written_just_now_is_read_again(
    desk: Desk, root: Path, reads: Reads
) -> None:
    write_tree(root, {"a": b"1"})
    desk.add(root)
    before = reads.count
    desk.add(root)

    assert reads.count == before + 1


@pytest.mark.usefixtures("later")
def test_files_whose_blobs_are_gone_are_read_again(desk: Desk, root: Path) -> None:
    files = {"a": b"1", "b": b"22", "large": LARGE_FILE}
    write_tree(root, files)
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
    write_tree(root, {f"{n}": noise(size, n) for n in range(9)})
    Desk(store, tmp_path / "cache").add(root)
    counting = CountingStore(store)
    Desk(counting, tmp_path / "cache").add(root)

    keys = [key for _, key in counting.calls]
    assert sorted(keys) == blobs(store)


def test_a_file_that_changed_while_it_was_read_is_read_again(
    desk: Desk, root: Path, reads: Reads
) -> None:
    write_tree(root, {"a": b"old", "b": b"other"})
    reads.disturb_once(lambda: write_tree(root, {"a": b"newer"}))
    taken, rows = desk.add(root)

    assert contents(taken, rows) == {"a": b"newer", "b": b"other"}


def test_a_file_that_changed_between_the_look_and_the_read_is_added_as_it_is(
    desk: Desk, root: Path
) -> None:
    write_tree(root, {"a": b"1", "b": b"old", "c": b"old"})
    taken = desk.intake()
    adding = taken.add_tree(Tree(str(root)), "")
    rows = [next(adding)]
    write_tree(root, {"b": LARGE_FILE, "c": b""})
    rows += adding
    taken.close()

    assert contents(taken, rows) == {"a": b"1", "b": LARGE_FILE, "c": b""}


def test_one_file_that_changed_while_it_was_read_is_added_as_it_is(
    desk: Desk, root: Path, reads: Reads
) -> None:
    write_tree(root, {"a": b"old"})
    reads.disturb_once(lambda: write_tree(root, {"a": b"newer"}))
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
    write_tree(root, {"a": data})

    def change(number: int) -> None:
        write_tree(root, {"a": data + bytes(number) if grows else data[:-number]})

    reads.disturb = change
    with pytest.raises(FileChangedError) as caught:
        desk.add(root)

    assert caught.value.path == str(root / "a")


def test_a_file_that_keeps_being_rewritten_to_the_same_length_is_refused(
    desk: Desk, root: Path, reads: Reads
) -> None:
    write_tree(root, {"a": b"0"})

    def rewrite(number: int) -> None:
        write_tree(root, {"a": b"%d" % (number % 10)})
        os.utime(root / "a", ns=(number, number))

    reads.disturb = rewrite
    with pytest.raises(FileChangedError):
        desk.add(root)


@pytest.mark.parametrize("data", [SMALL_FILE, LARGE_FILE], ids=["small", "large"])
def test_of_an_immutable_file_nothing_is_written_before_the_close(
    store: MemoryStore, root: Path, tmp_path: Path, data: bytes
) -> None:
    write_tree(root, {"a": data, "b": data})
    counting = CountingStore(store)
    taken = Desk(counting, tmp_path / "cache").intake()
    rows = [*taken.add_tree(Tree(str(root)), "", is_immutable=True)]

    assert not counting.calls
    assert not spool(store)
    taken.close()
    assert contents(taken, rows) == {"a": data, "b": data}
    assert stored(store) == len(data)


@pytest.mark.parametrize("data", [SMALL_FILE, LARGE_FILE], ids=["small", "large"])
def test_an_immutable_file_that_changed_is_refused_by_name(
    desk: Desk, root: Path, data: bytes
) -> None:
    write_tree(root, {"a": data})
    taken = desk.intake()
    [*taken.add_tree(Tree(str(root)), "", is_immutable=True)]
    write_tree(root, {"a": data[::-1]})

    with pytest.raises(FileChangedError) as caught:
        taken.close()

    assert caught.value.path == str(root / "a")


def test_an_immutable_file_that_changed_between_look_and_read_is_refused_or_added_as_it_is(
    desk: Desk, root: Path
) -> None:
    write_tree(root, {"a": b"1", "b": b"old"})
    taken = desk.intake()
    adding = taken.add_tree(Tree(str(root)), "", is_immutable=True)
    rows = [next(adding)]
    write_tree(root, {"b": b"newer"})
    try:
        rows += adding
        taken.close()
    except FileChangedError:
        return

    assert contents(taken, rows) == {"a": b"1", "b": b"newer"}


def last_with(store: ObjectStore, data: bytes) -> dict[str, tuple[bytes, list[Span]]]:
    """A last version whose one file lies in the middle of a pack."""
    pack = b"before" + data + b"after"
    name = Name(BLOBS, Digest.of(pack))
    store.write(name.key, pack)
    return {"a": (Digest.of(data), [Span(name, 6, len(data), len(data))])}


def test_what_the_last_version_has_is_not_stored_again(desk: Desk, root: Path) -> None:
    write_tree(root, {"a": b"same", "b": b"new"})
    desk.last |= last_with(desk.store, b"same")
    before = stored(desk.store)
    taken, rows = desk.add(root)

    assert contents(taken, rows) == {"a": b"same", "b": b"new"}
    assert stored(desk.store) == before + len(b"new")


def test_what_the_last_version_has_in_pieces_is_not_stored_again(desk: Desk, root: Path) -> None:
    write_tree(root, {"a": b"same"})
    digest, [whole] = last_with(desk.store, b"same")["a"]
    desk.last["a"] = (digest, [Span(whole.blob, whole.offset + n, 1, 1) for n in range(4)])
    taken, rows = desk.add(root)

    assert contents(taken, rows) == {"a": b"same"}
    assert len(blobs(desk.store)) == 1


def test_what_the_last_version_has_elsewhere_is_stored(desk: Desk, root: Path) -> None:
    write_tree(root, {"a": b"other", "b": b"same"})
    desk.last |= last_with(desk.store, b"same")
    taken, rows = desk.add(root)

    assert contents(taken, rows) == {"a": b"other", "b": b"same"}


def test_what_the_last_version_has_lost_is_stored_again(desk: Desk, root: Path) -> None:
    write_tree(root, {"a": b"same"})
    desk.last |= last_with(desk.store, b"same")
    for key in blobs(desk.store):
        desk.store.delete(key)
    taken, rows = desk.add(root)

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
    assert other not in taken.contents.places
    taken.discard()
    assert not spool(desk.store)


def test_more_may_be_added_after_a_close(desk: Desk, root: Path) -> None:
    write_tree(root, {"a": b"1", "large": LARGE_FILE})
    taken, rows = desk.add(root)
    rows.append(("b", taken.add_bytes(b"22"), 2))
    taken.close()

    assert contents(taken, rows) == {"a": b"1", "large": LARGE_FILE, "b": b"22"}


def test_what_is_discarded_leaves_nothing_behind(desk: Desk, root: Path) -> None:
    write_tree(root, {"a": b"1", "b": b"22"})
    taken = desk.intake()
    [*taken.add_tree(Tree(str(root)), "")]
    taken.discard()

    assert not spool(desk.store)
    assert not blobs(desk.store)


@pytest.mark.parametrize("at", range(1, 9))
@pytest.mark.parametrize("reach", [lambda store: store, far], ids=["near", "far"])
def test_a_store_that_fails_is_told_of_and_leaves_nothing_behind(
    store: MemoryStore,
    root: Path,
    tmp_path: Path,
    at: int,
    reach: Callable[[ObjectStore], ObjectStore],
) -> None:
    files = {"a": b"1", "chunked": text(2 * LARGE), "large": LARGE_FILE}
    write_tree(root, files)
    failing = reach(FailingStore(store, at, FAULT))
    taken = Desk(failing, tmp_path / "cache").intake()
    for _ in range(2):  # whoever tries again gets all of it, or is told again
        with suppress(StorageError):
            rows = [*taken.add_tree(Tree(str(root)), "")]
            taken.close()
            taken.store = store
            assert contents(taken, rows) == files
    taken.discard()
    assert not spool(store)
    stored(store)


@pytest.mark.parametrize("reach", [lambda store: store, far], ids=["near", "far"])
@pytest.mark.parametrize("data", [SMALL_FILE, LARGE_FILE, text(LARGE)])
def test_a_store_that_takes_nothing_is_told_of(
    store: MemoryStore,
    root: Path,
    tmp_path: Path,
    reach: Callable[[ObjectStore], ObjectStore],
    data: bytes,
) -> None:
    class Full(CountingStore):
        def take(self, key: str, path: Path) -> None:
            raise FAULT

        def stream(self, key: str, size: int, read: Read) -> None:
            raise FAULT

    write_tree(root, {"a": data})
    taken = Desk(reach(Full(store)), tmp_path / "cache").intake()
    for _ in range(2):
        with pytest.raises(StorageError):
            [*taken.add_tree(Tree(str(root)), ""), taken.close()]
    taken.discard()
    assert not spool(store)


@pytest.mark.usefixtures("later")
@pytest.mark.parametrize("module", [packs, transfer], ids=["small", "large"])
def test_a_full_disk_is_told_of_and_nothing_is_remembered(
    desk: Desk, root: Path, module: ModuleType
) -> None:
    files = {"a": b"1", "large": LARGE_FILE}
    write_tree(root, files)

    def fail(_fd: int, _data: memoryview) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "write_all", fail)
        patch.setattr(transfer, "_IN_KERNEL", None)
        taken = desk.intake()
        with pytest.raises(StorageError):
            [*taken.add_tree(Tree(str(root)), ""), taken.close()]
        taken.discard()

    assert not spool(desk.store)
    taken, rows = desk.add(root)
    assert contents(taken, rows) == files


def test_a_local_stores_blobs_are_moved_into_place(root: Path, tmp_path: Path) -> None:
    store = LocalStore(tmp_path / "store")
    write_tree(root, {"a": b"1", "large": LARGE_FILE})
    taken, rows = Desk(store, tmp_path / "cache").add(root)

    assert contents(taken, rows) == {"a": b"1", "large": LARGE_FILE}
    assert not spool(store)
