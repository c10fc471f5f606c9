"""Checkout: a folder gets what it lacks, keeps what is somebody's, and never half a file."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from folders import write_tree
from hypothesis import given, settings
from hypothesis import strategies as st
from shelf import Shelf, contents, folder

from artifacts.cache import Checkout, Outcome, checkout
from artifacts.content import Detail, Digest, Kind
from artifacts.errors import (
    ArtifactsError,
    DigestMismatchError,
    IntegrityError,
    InvalidPathError,
    LocalChangesError,
    MissingBlobError,
    ObstructedError,
    StorageError,
    UnsupportedFileError,
)
from artifacts.storage import LocalStore, MemoryStore, PageLayout

FILES = {"a": b"1", "b/c": b"22", "b/d": b"", "e.zst": b"pieces", "solo": bytes(2000), "z": b"z"}
PATHS = ["a", "b/c", "b/d", "e"]
CONTENT = st.sampled_from([b"", b"1", b"2", b"33"])
TREES = st.dictionaries(st.sampled_from(PATHS), CONTENT, min_size=1)


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore("here")


@pytest.fixture
def shelf(store: MemoryStore) -> Shelf:
    return Shelf(store, FILES)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "root"


def facts(outcome: Outcome) -> tuple[int, int, int]:
    """Written, kept, and what could not be done."""
    return outcome.written, outcome.kept, len(outcome.problems)


def test_a_folder_is_made_and_filled(shelf: Shelf, root: Path) -> None:
    outcome = shelf.get(root / "deep" / "er")

    assert contents(root / "deep" / "er") == FILES
    assert facts(outcome) == (len(FILES), 0, 0)
    outcome.raise_problems()


def test_nothing_but_the_files_is_left(shelf: Shelf, root: Path) -> None:
    shelf.get(root)

    assert sorted(os.listdir(root)) == ["a", "b", "e.zst", "solo", "z"]


def test_files_that_are_right_are_kept(shelf: Shelf, root: Path) -> None:
    shelf.get(root)
    before = {path: path.stat() for path in root.rglob("*")}
    outcome = shelf.get(root)

    assert facts(outcome) == (0, len(FILES), 0)
    assert {path: path.stat().st_ino for path in root.rglob("*")} == {
        path: status.st_ino for path, status in before.items()
    }


@given(wanted=TREES, found=TREES, delivered=TREES, force=st.booleans())
@settings(deadline=None)
def test_each_file_is_kept_replaced_or_reported_as_its_past_demands(
    wanted: dict[str, bytes],
    found: dict[str, bytes],
    delivered: dict[str, bytes],
    force: bool,  # noqa: FBT001
) -> None:
    store = MemoryStore()
    root = store.spool() / "root"
    write_tree(root, found)
    outcome = Shelf(store, wanted).get(root, delivered, force=force)

    expected = dict(found)
    edited, written, kept = [], 0, 0
    for path, data in wanted.items():
        if found.get(path) == data:
            kept += 1
        elif path not in found or force or found[path] == delivered.get(path):
            expected[path] = data
            written += 1
        else:
            edited.append(path)
    assert contents(root) == expected
    assert sorted(outcome.edited) == sorted(edited)
    assert facts(outcome) == (written, kept, 0)


def test_edited_files_are_named_all_of_them(shelf: Shelf, root: Path) -> None:
    shelf.get(root)
    write_tree(root, {"b/c": b"mine", "a": b"mine"})
    outcome = shelf.get(root, FILES)

    with pytest.raises(LocalChangesError) as caught:
        outcome.raise_problems()
    assert caught.value.paths == ("a", "b/c")
    assert contents(root) == {**FILES, "b/c": b"mine", "a": b"mine"}


def test_force_replaces_what_was_edited(shelf: Shelf, root: Path) -> None:
    write_tree(root, dict.fromkeys(FILES, b"mine"))
    shelf.get(root, force=True).raise_problems()

    assert contents(root) == FILES


def test_only_what_is_wanted_arrives(shelf: Shelf, root: Path) -> None:
    shelf.get(root, wanted=range(1, 3))

    assert contents(root) == {"b/c": FILES["b/c"], "b/d": FILES["b/d"]}


def test_what_was_not_asked_for_is_left_alone(shelf: Shelf, root: Path) -> None:
    write_tree(root, {"a": b"mine", "other": b"mine"})
    outcome = shelf.get(root, wanted=range(1, 3))

    assert facts(outcome) == (2, 0, 0)
    assert contents(root)["a"] == contents(root)["other"] == b"mine"


def test_many_pages_arrive(store: MemoryStore, root: Path) -> None:
    shelves = [
        Shelf(store, {f"{n:02}/{k}": b"%d %d" % (n, k) for k in range(5)}) for n in range(40)
    ]
    outcome = Checkout(store, root, {}).run(shelf.part() for shelf in shelves)

    assert facts(outcome) == (200, 0, 0)
    assert contents(root) == {p: data for shelf in shelves for p, data in shelf.files.items()}


def test_folders_are_made_and_kept(store: MemoryStore, root: Path) -> None:
    shelf = Shelf(store, {"a": b"1"}, folder("empty", "x/y"))
    shelf.get(root)
    outcome = shelf.get(root)

    assert (root / "empty").is_dir()
    assert (root / "x" / "y").is_dir()
    assert (outcome.written, outcome.problems) == (0, [])


def test_what_cannot_be_a_file_here_is_named_and_the_others_arrive(
    store: MemoryStore, root: Path
) -> None:
    others = {"ref": Detail(Kind.REFERENCE, uri="s3://b/k")}
    outcome = Shelf(store, FILES, others).get(root)

    assert contents(root) == FILES
    assert [type(problem) for problem in outcome.problems] == [UnsupportedFileError]
    assert "ref" in str(outcome.problems[0])


def test_a_page_that_cannot_be_placed_stops_no_other(store: MemoryStore, root: Path) -> None:
    good, bad = Shelf(store, {"a": b"1"}), Shelf(store, {"b": b"2"})

    def fail() -> PageLayout:
        raise IntegrityError("layouts/k is damaged")

    page, wanted, _ = bad.part()
    outcome = Checkout(store, root, {}).run([(page, wanted, fail), good.part()])

    assert contents(root) == {"a": b"1"}
    assert [str(problem) for problem in outcome.problems] == ["layouts/k is damaged"]


def test_the_first_problem_is_raised_and_names_the_others(shelf: Shelf, root: Path) -> None:
    write_tree(root, {"z": b"mine"})
    shelf.store.delete(shelf.blob_of("solo"))
    shelf.store.write(shelf.blob_of("e.zst"), b"damage")
    outcome = shelf.get(root)

    with pytest.raises(ArtifactsError) as caught:
        outcome.raise_problems()
    told = "\n".join([str(caught.value), *caught.value.__notes__])
    assert "solo: its bytes are missing" in told
    assert "e.zst" in told
    assert "were changed here and are kept: z" in told


@pytest.mark.parametrize("path", ["a", "solo"])
def test_a_right_file_is_kept_though_its_blob_is_gone(shelf: Shelf, root: Path, path: str) -> None:
    shelf.get(root)
    shelf.store.delete(shelf.blob_of(path))
    shelf.get(root).raise_problems()

    assert contents(root) == FILES


def test_a_file_whose_new_content_is_damaged_is_kept_as_it_was(
    store: MemoryStore, root: Path
) -> None:
    write_tree(root, {"a": b"old"})
    shelf = Shelf(store, {"a": b"new"})
    store.write(shelf.blob_of("a"), b"bad")
    outcome = shelf.get(root, {"a": b"old"})

    assert [type(problem) for problem in outcome.problems] == [DigestMismatchError]
    assert contents(root) == {"a": b"old"}


@pytest.mark.parametrize("where", ["memory", "local"])
def test_a_store_without_bytes_leaves_no_file_and_no_trace(
    where: str, root: Path, tmp_path: Path
) -> None:
    store = MemoryStore() if where == "memory" else LocalStore(tmp_path / "store")
    shelf = Shelf(store, FILES)
    for key in [*store.list("blobs/")]:
        store.delete(key)
    outcome = shelf.get(root)

    assert contents(root) == {"b/d": b""}
    assert all(isinstance(problem, MissingBlobError) for problem in outcome.problems)
    assert [each for each in os.listdir(root) if each.startswith(".")] == []


def test_an_error_leaves_nothing_of_the_stage(shelf: Shelf, root: Path) -> None:
    def parts() -> Iterator[checkout.Part]:
        yield shelf.part()
        raise IntegrityError("pages/k is damaged")

    with pytest.raises(IntegrityError):
        Checkout(shelf.store, root, {}).run(parts())
    assert [each for each in os.listdir(root) if each.startswith(".")] == []


@pytest.mark.parametrize("path", ["a", "b/c", "b"])
def test_a_link_is_never_written_through_nor_taken_for_its_target(
    shelf: Shelf, root: Path, tmp_path: Path, path: str
) -> None:
    outside = tmp_path / "outside"
    write_tree(outside, {"c": b"mine", "file": b"mine"})
    (root / path).parent.mkdir(parents=True)
    (root / path).symlink_to(outside if path == "b" else outside / "file")
    before = contents(outside)
    outcomes = [shelf.get(root), shelf.get(root, force=True)]

    assert contents(outside) == before
    assert outcomes[0].edited or outcomes[0].problems
    if path == "b":
        assert (root / "b").is_symlink()
        assert outcomes[1].problems
    else:
        assert contents(root) == FILES


def test_a_link_to_what_would_be_right_is_no_file(shelf: Shelf, root: Path, tmp_path: Path) -> None:
    write_tree(tmp_path, {"outside": FILES["a"]})
    root.mkdir()
    (root / "a").symlink_to(tmp_path / "outside")

    assert shelf.get(root).edited == ["a"]
    assert (root / "a").is_symlink()


@pytest.mark.parametrize("loop", ["a", "b"])
def test_a_link_to_itself_in_the_way_is_named_and_the_others_arrive(
    shelf: Shelf, root: Path, loop: str
) -> None:
    root.mkdir()
    (root / loop).symlink_to(loop)
    outcome = shelf.get(root)

    assert outcome.edited or outcome.problems
    arrived = {p: data for p, data in FILES.items() if p != loop and not p.startswith(f"{loop}/")}
    assert contents(root) == arrived


def test_a_folder_where_a_file_should_go_is_kept_and_named(shelf: Shelf, root: Path) -> None:
    (root / "a" / "mine").mkdir(parents=True)
    for force in (False, True):
        outcome = shelf.get(root, force=force)
        assert [type(problem) for problem in outcome.problems] == [ObstructedError]
        assert not outcome.edited
    assert (root / "a" / "mine").is_dir()
    assert contents(root) == {path: data for path, data in FILES.items() if path != "a"}


def test_a_file_where_a_folder_should_be_is_named_and_the_others_arrive(
    shelf: Shelf, root: Path
) -> None:
    write_tree(root, {"b": b"mine"})
    outcome = shelf.get(root)

    assert [type(problem) for problem in outcome.problems] == [ObstructedError]
    arrived = {path: data for path, data in FILES.items() if not path.startswith("b/")}
    assert contents(root) == {**arrived, "b": b"mine"}
    assert outcome.written == len(arrived)


@pytest.mark.parametrize("where", ["file", "file/below"])
def test_a_file_in_the_roots_place_is_said_to_be_one(
    shelf: Shelf, tmp_path: Path, where: str
) -> None:
    write_tree(tmp_path, {"file": b"mine"})

    with pytest.raises(StorageError) as caught:
        shelf.get(tmp_path / where)

    assert caught.value.key == str(tmp_path / where)
    assert (tmp_path / "file").read_bytes() == b"mine"


def test_a_full_disk_is_told_and_leaves_nothing_of_the_stage(
    shelf: Shelf, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_fd: int, _data: memoryview) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("artifacts.cache.stage.write_all", fail)
    outcome = shelf.get(root)

    assert [type(problem) for problem in outcome.problems] == [StorageError]
    assert "No space left" in str(outcome.problems[0])
    assert os.listdir(root) == []


def test_paths_that_a_disk_takes_for_one_are_refused(
    store: MemoryStore, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf = Shelf(store, {"README": b"1", "readme": b"2"})
    monkeypatch.setattr(os.path, "exists", lambda path: ".ARTIFACT-PARTIAL" in path)

    with pytest.raises(InvalidPathError) as caught:
        shelf.get(root)
    assert "'README'" in str(caught.value)
    assert os.listdir(root) == []


def test_a_stale_file_is_deleted_where_nobody_edited_it(shelf: Shelf, root: Path) -> None:
    write_tree(root, {"old": b"old", "edited": b"mine", "b/old": b"old"})
    delivered = {path: (Digest.of(b"old"), 3) for path in ("old", "edited", "b/old", "gone")}
    work = Checkout(shelf.store, root, delivered)
    work.delete_stale(delivered, [])

    assert contents(root) == {"edited": b"mine"}
    assert work.outcome.deleted == 2


@pytest.mark.parametrize("path", ["old", "sub/old"])
def test_a_link_in_a_stale_files_place_is_somebodys(
    shelf: Shelf, root: Path, tmp_path: Path, path: str
) -> None:
    write_tree(tmp_path / "outside", {"old": b"old"})
    root.mkdir()
    link = root / Path(path).parts[0]
    link.symlink_to(tmp_path / "outside" / "old" if path == "old" else tmp_path / "outside")
    Checkout(shelf.store, root, {path: (Digest.of(b"old"), 3)}).delete_stale([path], [])

    assert link.is_symlink()
    assert contents(tmp_path / "outside") == {"old": b"old"}


@pytest.fixture
def depths(tmp_path: Path) -> Iterator[Path]:
    """A folder that goes in time: nobody else can remove what lies so deep."""
    yield tmp_path / "depths"
    subprocess.run(["rm", "-rf", tmp_path / "depths"], check=True)


def test_files_may_lie_as_deep_as_a_path_is_long(store: MemoryStore, depths: Path) -> None:
    path = "d/" * 1100 + "file"
    shelf = Shelf(store, {path: b"1", "a": b"2"})
    shelf.get(depths).raise_problems()
    assert facts(shelf.get(depths)) == (0, 2, 0)
    newer = Shelf(store, {path: b"3", "a": b"2"})

    assert facts(newer.get(depths, shelf.files)) == (1, 1, 0)
    assert (depths / path).read_bytes() == b"3"
