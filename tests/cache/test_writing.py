"""Writing: a companion makes those files that are right, and nothing of any other."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from artifacts.cache.writing import left_out, request, write_files
from artifacts.content import Digest

FILES = {"a": b"1", "b": b"22", "c": b"", "d": b"4444"}
BEFORE = b"before"


@pytest.fixture
def blob(tmp_path: Path) -> Path:
    path = tmp_path / "blob"
    path.write_bytes(BEFORE + b"".join(FILES.values()) + b"after")
    return path


@pytest.fixture
def out(tmp_path: Path) -> Path:
    (tmp_path / "out").mkdir()
    return tmp_path / "out"


def written(blob: Path, out: Path, files: dict[str, bytes] = FILES) -> Sequence[int]:
    """Indices of what was left out."""
    targets = [os.path.join(out, name) for name in files]
    sizes = [*map(len, files.values())]
    digests = b"".join(map(Digest.of, files.values()))
    asked = request(os.fspath(blob), len(BEFORE), targets, sizes, digests)
    return left_out(write_files(asked))


def found(out: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(out.iterdir())}


def test_files_are_made_as_they_should_be(blob: Path, out: Path) -> None:
    assert written(blob, out) == []
    assert found(out) == FILES


@pytest.mark.skipif(sys.platform != "linux", reason="names here need not be UTF-8")
def test_places_may_have_any_name(blob: Path, out: Path) -> None:
    odd = Path(os.fsdecode(os.fsencode(out) + b"/\xff \n\xc3\xa4"))
    odd.mkdir()

    assert written(blob.rename(odd / "blob"), odd) == []
    assert found(odd) == {**FILES, "blob": (odd / "blob").read_bytes()}


def test_what_is_damaged_is_left_out(blob: Path, out: Path) -> None:
    blob.write_bytes(blob.read_bytes().replace(b"22", b"2?"))

    assert written(blob, out) == [1]
    assert found(out) == {name: data for name, data in FILES.items() if name != "b"}


def test_what_the_blob_has_no_more_of_is_left_out(blob: Path, out: Path) -> None:
    blob.write_bytes(blob.read_bytes()[: len(BEFORE) + 2])

    assert written(blob, out) == [1, 3]
    assert found(out) == {"a": b"1", "c": b""}


def test_without_the_blob_all_is_left_out(blob: Path, out: Path) -> None:
    blob.unlink()

    assert written(blob, out) == [0, 1, 3]


def test_a_blob_that_is_a_folder_has_nothing(tmp_path: Path, out: Path) -> None:
    assert written(tmp_path, out) == [0, 1, 3]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are none here")
def test_a_fifo_in_the_blobs_place_has_nothing(blob: Path, out: Path) -> None:
    blob.unlink()
    os.mkfifo(blob)

    assert written(blob, out) == [0, 1, 3]


def test_what_is_there_is_left_as_it_is(blob: Path, out: Path) -> None:
    (out / "b").write_bytes(b"mine")
    (out / "d").symlink_to(out / "elsewhere")

    assert written(blob, out) == [1, 3]
    assert (out / "b").read_bytes() == b"mine"
    assert not (out / "elsewhere").exists()


def test_nothing_is_left_of_what_a_full_disk_did_not_take(
    blob: Path, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = os.write
    monkeypatch.setattr(os, "write", lambda fd, data: write(fd, data[:3]))

    assert written(blob, out) == [3]
    assert "d" not in found(out)


def test_nothing_is_left_of_what_a_disk_refused(
    blob: Path, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> int:
        raise OSError(28, "full")

    monkeypatch.setattr(os, "write", refuse)

    assert written(blob, out) == [0, 1, 2, 3]
    assert found(out) == {}
