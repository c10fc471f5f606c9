"""Stage: a page's files come together out of sight, and only those that are right come out."""

from __future__ import annotations

import os
import stat as modes
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from folders import write_tree
from hypothesis import given, settings
from hypothesis import strategies as st
from shelf import Shelf, Witness, contents, folder

from artifacts.cache import stage
from artifacts.cache.hands import Hands
from artifacts.cache.stage import Stage
from artifacts.cache.supply import Supply
from artifacts.cache.writing import write_files
from artifacts.companion import Companion
from artifacts.content import Digest
from artifacts.errors import (
    DigestMismatchError,
    InvalidPathError,
    MissingBlobError,
    ObstructedError,
    StorageError,
)
from artifacts.storage import LocalStore, MemoryStore, ObjectStore

FILES = {
    "a": b"1",
    "b/c": b"22",
    "b/d/e": b"333",
    "b/d/same": b"22",
    "empty": b"",
    "f.zst": b"in two pieces",
    "solo": bytes(range(256)) * 5,
    "z": b"last",
}
SIZE = sum(map(len, FILES.values()))


@pytest.fixture(params=["memory", "local", "companion"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ObjectStore]:
    """The last one with small files that all are written by somebody else."""
    if request.param == "memory":
        yield MemoryStore("here")
        return
    with ExitStack() as held:
        if request.param == "companion":
            held.enter_context(others_write())
        yield LocalStore(tmp_path / "store")


@contextmanager
def others_write() -> Iterator[None]:
    begun: list[Companion] = []

    @contextmanager
    def one(_: Hands) -> Iterator[Companion]:
        if not begun:
            begun.append(Companion(write_files))
        yield begun[0]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Hands, "one", one)
        patch.setattr(stage, "_SEVERAL", 1)
        yield
    lost = [companion for companion in begun if companion.is_lost]
    for companion in begun:
        companion.close()
    assert not lost


@pytest.fixture
def shelf(store: ObjectStore) -> Shelf:
    return Shelf(store, FILES)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "root").mkdir()
    return tmp_path / "root"


class Desk:
    """A stage and what it reports."""

    def __init__(self, shelf: Shelf, folder_: Path) -> None:
        self.shelf, self.witness = shelf, Witness()
        self.stage = Stage(
            Supply(shelf.store), str(folder_), shelf.page, self.witness.report, self.witness
        )

    def put_together(self, *paths: str) -> None:
        """The files of these paths, or all of them."""
        indices = {self.shelf.index(path) for path in paths or self.shelf.page.paths}
        self.stage.write(indices, self.shelf.layout)


@pytest.fixture
def desk(shelf: Shelf, tmp_path: Path) -> Desk:
    return Desk(shelf, tmp_path / "stage")


def test_all_files_arrive_as_they_should_be(desk: Desk, root: Path) -> None:
    desk.put_together()
    assert contents(root) == {}
    desk.stage.publish(str(root))

    assert contents(root) == FILES
    assert not desk.witness.problems
    assert (desk.stage.written, desk.witness.size) == (len(FILES), SIZE)


@given(st.sets(st.sampled_from(sorted(FILES)), min_size=1))
@settings(deadline=None)
def test_only_the_wanted_files_arrive(wanted: set[str]) -> None:
    store = MemoryStore()
    root = store.spool() / "root"
    root.mkdir()
    desk = Desk(Shelf(store, FILES), store.spool() / "stage")
    desk.put_together(*wanted)
    desk.stage.publish(str(root))

    assert contents(root) == {path: FILES[path] for path in wanted}


@given(st.lists(st.binary(max_size=9), min_size=1, max_size=12), st.integers(1, 9), st.data())
@settings(deadline=None)
def test_files_arrive_whatever_is_read_at_once(
    contents_: list[bytes], batch: int, data: st.DataObject
) -> None:
    files = {f"{n:02}": content for n, content in enumerate(contents_)}
    wanted = data.draw(st.sets(st.sampled_from(sorted(files)), min_size=1))
    store = MemoryStore()
    root = store.spool() / "root"
    root.mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stage, "READ_BYTES", batch)
        desk = Desk(Shelf(store, files), store.spool() / "stage")
        desk.put_together(*wanted)
        desk.stage.publish(str(root))

    assert contents(root) == {path: files[path] for path in wanted}
    assert not desk.witness.problems


def test_folders_without_files_arrive_too(store: ObjectStore, root: Path, tmp_path: Path) -> None:
    desk = Desk(Shelf(store, {"a": b"1"}, folder("empty", "x/y")), tmp_path / "stage")
    desk.put_together()
    desk.stage.publish(str(root))

    assert sorted(str(path.relative_to(root)) for path in root.rglob("*")) == [
        "a",
        "empty",
        "x",
        "x/y",
    ]


def test_files_and_folders_respect_the_umask(desk: Desk, root: Path) -> None:
    umask = os.umask(0o027)
    try:
        desk.put_together()
    finally:
        os.umask(umask)
    desk.stage.publish(str(root))

    for path in root.rglob("*"):
        expected = 0o750 if path.is_dir() else 0o640
        assert modes.S_IMODE(path.lstat().st_mode) == expected


@pytest.mark.parametrize("at", [0, -1])
@pytest.mark.parametrize("path", ["a", "b/d/e", "f.zst", "solo", "z"])
def test_a_damaged_file_does_not_arrive_and_the_others_do(
    desk: Desk, root: Path, path: str, at: int
) -> None:
    store, index = desk.shelf.store, desk.shelf.index(path)
    spans = desk.shelf.layout.spans(desk.shelf.page, index)
    span = spans[at]
    data = bytearray(store.read(span.blob.key))
    data[span.offset if at == 0 else span.offset + span.stored - 1] ^= 1
    store.write(span.blob.key, bytes(data))
    desk.put_together()
    desk.stage.publish(str(root))

    damaged = {p for p in FILES if FILES[p] == FILES[path]}
    assert contents(root) == {p: data for p, data in FILES.items() if p not in damaged}
    assert len(desk.witness.problems) == len(damaged)
    assert path in str(desk.witness.problems[0])
    assert desk.stage.written == len(FILES) - len(damaged)


def test_damage_is_told_with_path_digests_blob_and_store(desk: Desk) -> None:
    store, key = desk.shelf.store, desk.shelf.blob_of("a")
    store.write(key, b"?" + store.read(key)[1:])
    desk.put_together("a")

    [problem] = desk.witness.problems
    assert isinstance(problem, DigestMismatchError)
    assert (problem.expected, problem.actual) == (Digest.of(b"1").hex(), Digest.of(b"?").hex())
    for fact in ("a (in", key, store.url, problem.expected, problem.actual):
        assert fact in str(problem)


def test_a_missing_pack_is_told_for_each_of_its_files(desk: Desk, root: Path) -> None:
    desk.shelf.store.delete(key := desk.shelf.name.key)
    desk.put_together()
    desk.stage.publish(str(root))

    lost = ["a", "b/c", "b/d/e", "b/d/same", "z"]
    assert all(isinstance(problem, MissingBlobError) for problem in desk.witness.problems)
    assert sorted(str(problem) for problem in desk.witness.problems) == sorted(
        str(MissingBlobError(path, key, desk.shelf.store.url)) for path in lost
    )
    assert contents(root) == {path: data for path, data in FILES.items() if path not in lost}


@pytest.mark.parametrize("path", ["solo", "f.zst"])
def test_a_missing_blob_is_told_for_its_file(desk: Desk, root: Path, path: str) -> None:
    desk.shelf.store.delete(key := desk.shelf.blob_of(path))
    desk.put_together()
    desk.stage.publish(str(root))

    [problem] = desk.witness.problems
    assert str(problem) == str(MissingBlobError(path, key, desk.shelf.store.url))
    assert contents(root) == {p: data for p, data in FILES.items() if p != path}


@pytest.mark.parametrize("large", [True, False])
def test_a_large_file_is_missed_or_found_damaged_like_any_other(
    desk: Desk,
    root: Path,
    large: bool,  # noqa: FBT001
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(stage, "READ_BYTES", 100 if large else 10**6)
    shelf = desk.shelf
    shelf.store.write(shelf.blob_of("solo"), FILES["solo"] + b"more")
    desk.put_together()
    desk.stage.publish(str(root))

    assert {path: data for path, data in FILES.items() if path != "solo"}.items() <= (
        contents(root).items()
    )
    assert contents(root).get("solo") in (None, FILES["solo"])


@pytest.mark.parametrize("keep", [0, 1, 3])
def test_what_a_cut_pack_still_has_arrives(desk: Desk, root: Path, keep: int) -> None:
    store, key = desk.shelf.store, desk.shelf.name.key
    store.write(key, store.read(key)[:keep])
    desk.put_together()
    desk.stage.publish(str(root))

    whole = {0: [], 1: ["a"], 3: ["a", "b/c", "b/d/same"]}[keep]
    assert sorted(contents(root)) == sorted([*whole, "empty", "f.zst", "solo"])


class Faulty(MemoryStore):
    """Cannot read one key, as from a disk with a bad sector."""

    bad = ""

    def read(self, key: str, start: int = 0, length: int | None = None) -> bytes:
        if key == self.bad:
            raise StorageError(key, "Input/output error")
        return super().read(key, start, length)


@pytest.mark.parametrize("path", ["a", "f.zst", "solo"])
def test_a_blob_that_cannot_be_read_is_told_and_the_others_arrive(
    root: Path, tmp_path: Path, path: str
) -> None:
    store = Faulty("here")
    desk = Desk(shelf := Shelf(store, FILES), tmp_path / "stage")
    store.bad = shelf.blob_of(path)
    desk.put_together()
    desk.stage.publish(str(root))

    bad = {p for p in FILES if FILES[p] and shelf.blob_of(p) == store.bad}
    assert contents(root) == {p: data for p, data in FILES.items() if p not in bad}
    assert len(desk.witness.problems) == len(bad)
    for told in desk.witness.problems:
        assert store.bad in str(told)
        assert "Input/output error" in str(told)
    assert any(path in str(told) for told in desk.witness.problems)


def test_existing_folders_are_filled_and_keep_what_they_have(desk: Desk, root: Path) -> None:
    write_tree(root, {"b/mine": b"m", "b/d/mine": b"m"})
    desk.put_together()
    desk.stage.publish(str(root))

    assert contents(root) == {**FILES, "b/mine": b"m", "b/d/mine": b"m"}


def test_existing_files_are_replaced_whole(desk: Desk, root: Path) -> None:
    write_tree(root, {"b/c": b"old"})
    os.link(root / "b" / "c", root / "other name")
    desk.put_together()
    desk.stage.publish(str(root))

    assert contents(root) == {**FILES, "other name": b"old"}


def refused(desk: Desk) -> list[str]:
    """The paths that could not be moved into place."""
    kinds, problems = (InvalidPathError, ObstructedError), desk.witness.problems
    assert all(isinstance(problem, kinds) for problem in problems)
    return [problem.path for problem in problems if isinstance(problem, kinds)]


@pytest.mark.parametrize("path", ["a", "b/c", "b/d/e"])
def test_a_folder_in_a_files_place_is_told_and_the_others_arrive(
    desk: Desk, root: Path, path: str
) -> None:
    (root / path).mkdir(parents=True)
    desk.put_together()
    desk.stage.publish(str(root))

    assert refused(desk) == [path]
    assert contents(root) == {p: data for p, data in FILES.items() if p != path}
    assert desk.stage.written == len(FILES) - 1


@pytest.mark.parametrize("path", ["b", "b/d"])
def test_a_file_in_a_folders_place_is_told_and_the_others_arrive(
    desk: Desk, root: Path, path: str
) -> None:
    write_tree(root, {path: b"mine"})
    desk.put_together()
    desk.stage.publish(str(root))

    assert refused(desk) == [path]
    arrived = {p: data for p, data in FILES.items() if not p.startswith(f"{path}/")}
    assert contents(root) == {**arrived, path: b"mine"}
    assert desk.stage.written == len(arrived)


@pytest.mark.parametrize("path", ["b", "b/d"])
@pytest.mark.parametrize("target", ["outside", "gone", "loop"])
def test_nothing_is_written_through_a_linked_folder(
    desk: Desk, root: Path, tmp_path: Path, path: str, target: str
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (root / path).parent.mkdir(exist_ok=True)
    (root / path).symlink_to((root / path).name if target == "loop" else tmp_path / target)
    desk.put_together()
    desk.stage.publish(str(root))

    assert refused(desk) == [path]
    assert not os.listdir(outside)
    assert (root / path).is_symlink()
    arrived = {p: data for p, data in FILES.items() if not p.startswith(f"{path}/")}
    assert contents(root) == arrived


def test_nothing_is_written_through_a_linked_file(desk: Desk, root: Path, tmp_path: Path) -> None:
    (tmp_path / "outside").write_bytes(b"mine")
    (root / "a").symlink_to(tmp_path / "outside")
    desk.put_together()
    desk.stage.publish(str(root))

    assert (tmp_path / "outside").read_bytes() == b"mine"
    assert not (root / "a").is_symlink()
    assert contents(root) == FILES


@pytest.mark.parametrize("name", ["x" * 300, "sub/" + "x" * 300, "x" * 300 + "/sub"])
def test_a_name_that_this_disk_does_not_take_is_told_and_the_others_arrive(
    store: ObjectStore, root: Path, tmp_path: Path, name: str
) -> None:
    for data in (b"", b"small", bytes(2000)):
        desk = Desk(Shelf(store, {**FILES, name: data}), tmp_path / f"stage{len(data)}")
        desk.put_together()
        desk.stage.publish(str(root))

        assert refused(desk) == [name]
        assert contents(root) == FILES


def test_a_full_disk_is_an_error_and_leaves_no_partial_file(
    desk: Desk, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_fd: int, _data: memoryview) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(stage, "write_all", fail)
    with pytest.raises(OSError, match="No space left"):
        desk.put_together()

    assert contents(root) == {}
