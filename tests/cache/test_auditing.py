"""Audit: every difference between a folder and what should be in it, and nothing but these."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from folders import write_tree
from hypothesis import given, settings
from hypothesis import strategies as st
from shelf import dig

from artifacts.cache import Changed, audit
from artifacts.cache.hashing import Hashed
from artifacts.content import Digest
from artifacts.progress import Silent

LARGE = 2**20
PARTS = st.lists(st.sampled_from("abc"), min_size=1, max_size=3).map("/".join)
FOLDERS = st.dictionaries(PARTS, st.binary(max_size=3), max_size=8).map(
    lambda files: {p: d for p, d in files.items() if not any(o.startswith(f"{p}/") for o in files)}
)


def expected(files: Mapping[str, bytes]) -> dict[str, tuple[bytes, int]]:
    return {path: (Digest.of(data), len(data)) for path, data in files.items()}


class Counting(Silent):
    """How many bytes were told of."""

    size = 0

    def advance(self, size: int) -> None:
        self.size += size


FILES = {"a": b"1", "sub/b": b"22", "sub/deep/c": b"", "large": bytes(LARGE + 5)}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder with FILES."""
    write_tree(tmp_path, FILES)
    return tmp_path


def test_what_nobody_knows_has_to_be_there_with_any_content(root: Path) -> None:
    wanted = {path: each for path, each in expected(FILES).items() if path != "a"}
    (root / "sub" / "b").unlink()

    findings = audit(root, wanted, unproven={"a", "gone", "zone"})

    assert findings.missing == [("gone", None), ("sub/b", Digest.of(b"22")), ("zone", None)]
    assert (findings.checked, findings.changed, findings.unexpected) == (2, [], [])
    assert findings.lines()[0] == "missing: gone"


def fault(root: Path, path: str) -> Changed:
    """The one difference that there is, which is a changed file."""
    findings = audit(root, expected(FILES))
    assert (findings.missing, findings.unexpected) == ([], [])
    [changed] = findings.changed
    assert (changed.path, changed.expected) == (path, Digest.of(FILES[path]))
    return changed


def test_a_folder_as_it_should_be_is_clean(root: Path) -> None:
    findings = audit(root, expected(FILES))

    assert findings.is_clean
    assert not findings.lines()
    assert (findings.checked, findings.size) == (4, LARGE + 8)


@given(FOLDERS, FOLDERS)
@settings(deadline=None)
def test_every_difference_is_found_and_no_other(
    wanted: dict[str, bytes], found: dict[str, bytes]
) -> None:
    with TemporaryDirectory() as folder:
        write_tree(Path(folder), found)
        findings = audit(Path(folder), expected(wanted))

    assert findings.missing == [
        (path, Digest.of(wanted[path])) for path in sorted(wanted.keys() - found.keys())
    ]
    assert findings.unexpected == sorted(found.keys() - wanted.keys())
    assert findings.changed == [
        Changed(path, Digest.of(wanted[path]), Digest.of(found[path]))
        for path in sorted(wanted.keys() & found.keys())
        if wanted[path] != found[path]
    ]
    assert findings.is_clean == (wanted == found)
    found_all = len(findings.missing) + len(findings.changed) + len(findings.unexpected)
    assert len(findings.lines()) == found_all


class Lying(Executor):
    """Its workers see another disk, on which there is nothing or every file is empty."""

    def __init__(self, answer: Hashed | None) -> None:
        self._answer = answer

    def submit(self, *arguments: Any, **_: Any) -> Future[Any]:  # noqa: ANN401 - an executor's own
        _, _, batch, _ = arguments
        future: Future[Any] = Future()
        future.set_result([self._answer] * len(batch))
        return future


EMPTY = Hashed(Digest.of(b""), 0, 0)


@pytest.mark.parametrize("kind", ["processes", "lost", "empty"])
def test_the_same_is_found_whoever_reads(root: Path, kind: str) -> None:
    wanted = {**FILES, "gone": b"1", "other": bytes(LARGE), "pipe": b"1"}
    write_tree(root, {"other": bytes(LARGE - 1) + b"1", "new": b"", "a": b"2"})
    os.mkfifo(root / "pipe")
    here = audit(root, expected(wanted))

    with (
        ProcessPoolExecutor(2, get_context("forkserver"))
        if kind == "processes"
        else Lying(None if kind == "lost" else EMPTY)
    ) as executor:
        elsewhere = audit(root, expected(wanted), executor=executor)

    assert elsewhere == here
    assert len(here.changed) == 3


def test_workers_are_told_where_files_are(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They may work in another folder."""
    monkeypatch.chdir(root.parent)
    paths: list[str] = []

    class Noting(ThreadPoolExecutor):
        def submit(self, *arguments: Any, **_: Any) -> Future[Any]:  # noqa: ANN401
            paths.extend(arguments[2])
            return super().submit(*arguments)

    with Noting(1) as executor:
        assert audit(Path(root.name), expected(FILES), executor=executor).is_clean
    assert sorted(paths) == sorted(str(root / path) for path in FILES)


@pytest.mark.parametrize("path", ["a", "large"])
@pytest.mark.parametrize("at", [0, -1])
def test_one_flipped_bit_is_found(root: Path, path: str, at: int) -> None:
    data = bytearray(FILES[path])
    data[at] ^= 1
    (root / path).write_bytes(data)

    assert fault(root, path).found == Digest.of(data)


@pytest.mark.parametrize("path", ["a", "sub/deep/c", "large"])
def test_a_longer_file_is_found_with_the_digest_of_all_of_it(root: Path, path: str) -> None:
    data = FILES[path] + bytes(3 * LARGE)
    (root / path).write_bytes(data)

    assert fault(root, path).found == Digest.of(data)


@pytest.mark.parametrize("path", ["a", "large"])
def test_an_emptied_file_is_found(root: Path, path: str) -> None:
    (root / path).write_bytes(b"")

    assert fault(root, path).found == Digest.of(b"")


@pytest.mark.parametrize("path", FILES)
def test_a_fifo_in_a_files_place_is_found_and_does_not_hang(root: Path, path: str) -> None:
    (root / path).unlink()
    os.mkfifo(root / path)

    assert fault(root, path).found is None


@pytest.mark.parametrize("path", FILES)
def test_a_socket_in_a_files_place_is_found(
    root: Path, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (root / path).unlink()
    monkeypatch.chdir((root / path).parent)  # a socket's address must be short
    with socket.socket(socket.AF_UNIX) as server:
        server.bind((root / path).name)

    assert fault(root, path).found is None


@pytest.mark.parametrize("path", FILES)
@pytest.mark.parametrize("device", ["/dev/full", "/dev/zero"])
def test_a_device_in_a_files_place_is_found_and_not_read_for_ever(
    root: Path, path: str, device: str
) -> None:
    (root / path).unlink()
    (root / path).symlink_to(device)

    assert fault(root, path).found is None


@pytest.mark.parametrize("target", ["gone", "a", ".", "sub"])
def test_a_link_to_what_cannot_be_read_is_a_changed_file(root: Path, target: str) -> None:
    (root / "a").unlink()
    (root / "a").symlink_to(target)

    assert fault(root, "a").found is None


def test_a_folder_in_a_files_place_is_a_missing_file(root: Path) -> None:
    (root / "a").unlink()
    (root / "a" / "b").mkdir(parents=True)
    (root / "a" / "b" / "c").touch()

    findings = audit(root, expected(FILES))

    assert findings.missing == [("a", Digest.of(FILES["a"]))]
    assert (findings.changed, findings.unexpected) == ([], ["a/b/c"])


def test_a_file_in_a_folders_place_is_unexpected(root: Path) -> None:
    for path in ("sub/deep/c", "sub/b"):
        (root / path).unlink()
    (root / "sub" / "deep").rmdir()
    (root / "sub").rmdir()
    (root / "sub").touch()

    findings = audit(root, expected(FILES))

    assert [path for path, _ in findings.missing] == ["sub/b", "sub/deep/c"]
    assert findings.unexpected == ["sub"]


def test_what_lies_behind_a_linked_folder_is_not_in_the_folder(root: Path, tmp_path: Path) -> None:
    (root / "sub").rename(root.parent / "elsewhere")
    (root / "sub").symlink_to(root.parent / "elsewhere")
    try:
        findings = audit(root, expected(FILES))
    finally:
        (root.parent / "elsewhere").rename(tmp_path / "back")

    assert [path for path, _ in findings.missing] == ["sub/b", "sub/deep/c"]
    assert findings.unexpected == ["sub"]


def test_a_downloads_own_files_are_not_unexpected(root: Path) -> None:
    write_tree(root, {".artifact-receipt": b"", "sub/.artifact-receipt": b""})
    write_tree(root, {".artifact-partial-0123abcd/x": b""})

    assert audit(root, expected(FILES)).is_clean


def test_nothing_is_changed_by_looking(root: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in root.rglob("*")}
    audit(root, {})

    assert {path: path.stat().st_mtime_ns for path in root.rglob("*")} == before


def test_all_bytes_are_told_of(root: Path) -> None:
    progress = Counting()
    audit(root, expected(FILES), progress)

    assert progress.size == LARGE + 8


def test_each_difference_is_one_line_that_says_what_to_expect(root: Path) -> None:
    (root / "a").write_bytes(b"x")
    (root / "sub" / "b").unlink()
    (root / "new").touch()

    assert audit(root, expected(FILES)).lines() == [
        f"missing: sub/b (expected {Digest.of(b'22')})",
        f"changed: a (expected {Digest.of(b'1')}, found {Digest.of(b'x')})",
        "unexpected: new",
    ]


def test_a_name_that_is_not_utf_8_is_unexpected_and_can_be_shown(root: Path) -> None:
    os.close(os.open(os.fsencode(root) + b"/caf\xe9", os.O_CREAT))

    findings = audit(root, expected(FILES))

    assert len(findings.unexpected) == 1
    assert "caf" in "".join(findings.lines()).encode().decode()


def test_folders_may_lie_as_deep_as_a_path_is_long(depths: Path) -> None:
    path = dig(depths, 1500)

    assert audit(depths, expected({path: b""})).is_clean
