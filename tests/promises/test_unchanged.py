"""What is remembered of files: however they change, what is committed is what they hold."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from disks import mounted

import artifacts
from artifacts.content import Digest

HOUR_NS = 3600 * 10**9
ROUNDS = 30


def logged(folder: Path) -> str:
    """Digest of the only file of a folder, as the next version says it."""
    with artifacts.init() as run:
        artifact = artifacts.Artifact("data", "dataset")
        artifact.add_dir(str(folder))
        [entry] = run.log_artifact(artifact).manifest.entries.values()
        return entry.digest


def digest_of(data: bytes) -> str:
    return Digest.of(data).hex()


@pytest.fixture
def folder(tmp_path: Path, store: Path) -> Path:
    assert store.exists()
    (tmp_path / "folder").mkdir()
    return tmp_path / "folder"


@pytest.fixture
def at_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    """All files count as at rest: it is an hour later."""
    real = time.time_ns
    monkeypatch.setattr("time.time_ns", lambda: real() + HOUR_NS)


def test_a_file_that_is_rewritten_within_one_tick_is_read_again(folder: Path) -> None:
    path = folder / "file"
    for n in range(ROUNDS):
        data = b"%06d" % n
        path.write_bytes(data)
        os.utime(path, ns=(1, 1))

        assert logged(folder) == digest_of(data)


@pytest.mark.usefixtures("at_rest")
def test_a_file_that_is_rewritten_with_its_old_times_is_read_again(folder: Path) -> None:
    path = folder / "file"
    for n in range(ROUNDS):
        data = b"%06d" % n
        path.write_bytes(data)
        os.utime(path, ns=(HOUR_NS + 1, HOUR_NS + 1))  # its ctime nobody can set

        assert logged(folder) == digest_of(data)


@pytest.mark.usefixtures("at_rest")
def test_a_file_that_another_one_replaces_is_read_again(folder: Path, tmp_path: Path) -> None:
    path, others = folder / "file", [tmp_path / str(n) for n in range(ROUNDS)]
    for n, other in enumerate(others):
        other.write_bytes(b"%06d" % n)
        os.utime(other, ns=(HOUR_NS + 1, HOUR_NS + 1))

    for n, other in enumerate(others):
        other.replace(path)
        assert logged(folder) == digest_of(b"%06d" % n)


@pytest.mark.usefixtures("at_rest")
def test_two_files_that_change_places_are_read_again(folder: Path, tmp_path: Path) -> None:
    path, aside, other = folder / "file", tmp_path / "aside", tmp_path / "other"
    path.write_bytes(b"one")
    other.write_bytes(b"two")
    for _ in range(4):
        assert logged(folder) == digest_of(b"one")
        path.rename(aside), other.rename(path), aside.rename(other)
        assert logged(folder) == digest_of(b"two")
        path.rename(aside), other.rename(path), aside.rename(other)


@pytest.mark.usefixtures("at_rest")
def test_a_file_of_another_folder_in_its_place_is_read_again(folder: Path, tmp_path: Path) -> None:
    """Rows are of a folder by its path, files by their inodes."""
    for n in range(4):
        (folder / "file").write_bytes(b"%06d" % n)
        assert logged(folder) == digest_of(b"%06d" % n)
        folder.rename(tmp_path / f"was{n}")
        folder.mkdir()


@pytest.fixture
def coarse_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk that stamps its files to the second."""
    with mounted(tmp_path, 16 * 2**20, ["mkfs.ext4", "-q", "-I", "128"]) as folder:
        yield folder


def test_a_disk_that_counts_in_seconds_hides_no_change(coarse_disk: Path, store: Path) -> None:
    assert store.exists()
    folder = coarse_disk / "folder"
    folder.mkdir()
    path, end_s, n = folder / "file", time.monotonic() + 3, 0
    while time.monotonic() < end_s:
        n += 1
        data = b"%06d" % n
        path.write_bytes(data)
        assert path.stat().st_mtime_ns % 10**9 == 0

        assert logged(folder) == digest_of(data)
