"""Hashing: workers say what a file was, and only what the store has is taken on their word."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from operator import itemgetter
from pathlib import Path
from random import Random
from typing import Any

import pytest
from folders import write_tree

from artifacts.cache import Intake, Tree
from artifacts.cache.hashing import Hashed, hash_files
from artifacts.content import Digest
from artifacts.errors import FileChangedError
from artifacts.progress import Silent
from artifacts.storage import LocalStore

FILES = {
    "a": Random(1).randbytes(50_000),
    "b/c": Random(2).randbytes(60_000),
    "empty": b"",
    "large": b"large" * 300_000,
    "solo": Random(3).randbytes(2**22),
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return write_tree(tmp_path / "data", FILES)


@pytest.fixture
def place_of_blobs(store: Path) -> LocalStore:
    return LocalStore(store)


def intake(store: LocalStore, cache: Path) -> Intake:
    return Intake(store, cache, "0" * 32)


def add(found: Intake, root: Path, executor: ThreadPoolExecutor | None = None) -> dict[str, bytes]:
    rows = found.add_tree(Tree(str(root)), "", Silent(), executor=executor)
    digests = {path: digest for path, digest, _ in rows}
    found.close()
    return digests


class Watched(ThreadPoolExecutor):
    """Notes what its workers are asked for, and acts once they have answered."""

    def __init__(self, act: Callable[[], object] = lambda: None) -> None:
        super().__init__(1)
        self.asked: list[str] = []
        self._act = act

    def submit(self, *arguments: Any, **_: Any) -> Future[Any]:  # noqa: ANN401 - an executor's own
        self.asked += arguments[2]
        future = super().submit(*arguments)
        future.result()
        self._act()
        return future


DIGESTS = {path: Digest.of(data) for path, data in FILES.items()}


def test_a_worker_tells_digest_size_and_time(root: Path) -> None:
    paths = [str(root / path) for path in FILES]

    assert hash_files(paths) == [
        Hashed(Digest.of(data), len(data), os.stat(path).st_mtime_ns)
        for path, data in zip(paths, FILES.values(), strict=True)
    ]


def test_what_cannot_be_read_as_a_file_is_nothing(root: Path) -> None:
    os.mkfifo(root / "pipe")

    assert hash_files([str(root / path) for path in ("pipe", "gone", "b")]) == [None] * 3


def test_what_workers_read_is_added_as_if_it_was_read_here(
    place_of_blobs: LocalStore, root: Path, tmp_path: Path
) -> None:
    with Watched() as workers:
        found = intake(place_of_blobs, tmp_path / "c1")
        assert add(found, root, workers) == DIGESTS

    assert sorted(workers.asked) == sorted(str(root / path) for path in FILES)
    for path, data in filter(itemgetter(1), FILES.items()):
        assert b"".join(found.read(DIGESTS[path], len(data), path)) == data


def test_what_the_store_has_is_not_read_here(
    place_of_blobs: LocalStore, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By another machine, which knows nothing of it."""
    files = {path: data for path, data in FILES.items() if path in ("a", "b/c", "solo")}
    known = write_tree(tmp_path / "known", files)
    add(intake(place_of_blobs, tmp_path / "c1"), known)
    read: list[str] = []
    monkeypatch.setattr(Intake, "_read", lambda _, path, *__: read.append(path))

    with Watched() as workers:
        found = add(intake(place_of_blobs, tmp_path / "c2"), known, workers)

    assert found == {path: DIGESTS[path] for path in files}
    assert read == []


def test_what_this_machine_knows_nobody_reads(
    place_of_blobs: LocalStore, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    later = time.time_ns() + 10 * 10**9
    monkeypatch.setattr(time, "time_ns", lambda: later)  # when all files have been at rest
    add(intake(place_of_blobs, tmp_path / "c1"), root)

    with Watched() as workers:
        assert add(intake(place_of_blobs, tmp_path / "c1"), root, workers) == DIGESTS

    assert workers.asked == [str(root / "empty")]


def test_a_file_that_changes_after_it_was_hashed_is_added_as_it_is_now(
    place_of_blobs: LocalStore, root: Path, tmp_path: Path
) -> None:
    """Though the store has what it was."""
    add(intake(place_of_blobs, tmp_path / "c1"), root)

    with Watched(lambda: (root / "a").write_bytes(b"!")) as workers:
        found = intake(place_of_blobs, tmp_path / "c2")
        digests = add(found, root, workers)

    assert digests == {**DIGESTS, "a": Digest.of(b"!")}
    assert b"".join(found.read(digests["a"], 1, "a")) == b"!"


def test_of_an_immutable_file_a_workers_word_is_compared_when_it_is_stored(
    place_of_blobs: LocalStore, root: Path, tmp_path: Path
) -> None:
    found = intake(place_of_blobs, tmp_path / "c1")
    with Watched() as workers:
        rows = found.add_tree(Tree(str(root)), "", is_immutable=True, executor=workers)
        assert {path: digest for path, digest, _ in rows} == DIGESTS
    (root / "a").write_bytes(b"!")

    with pytest.raises(FileChangedError):
        found.close()
    found.discard()
