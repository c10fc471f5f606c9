"""Files: the entries of an artifact, one by one, as W&B's users read them."""

from __future__ import annotations

import json
import os
from pathlib import Path
from stat import S_ISFIFO

import pytest
from blake3 import blake3

from artifact.samples import FILES, content, draft, logged, write
from artifacts.artifact import Artifact, File
from artifacts.errors import InvalidError
from artifacts.query import Api

pytestmark = pytest.mark.usefixtures("store")

MANY = [f"{n:04}" for n in range(5_000)]  # more than one page holds


@pytest.fixture
def file() -> File:
    return logged().files(["sub/b.txt"])[0]


# Of a logged artifact


def test_files_are_in_path_order_and_know_what_they_are() -> None:
    files = logged({**FILES, "z.json": b"{}"}).files()

    assert [file.name for file in files] == ["a.txt", "sub/b.txt", "sub/deep/c.bin", "z.json"]
    assert [file.size for file in files] == [5, 4, 256, 2]
    assert files[0].digest == blake3(b"alpha").hexdigest()
    types = [file.mimetype for file in files]
    assert types == [
        "text/plain",
        "text/plain",
        "application/octet-stream",
        "application/json",
    ]
    assert repr(files[0]) == "<File a.txt (text/plain) 5B>"
    assert files.path == ["default", "uncategorized", "data:v0"]
    assert repr(files) == "<ArtifactFiles default/uncategorized/data:v0 (4)>"


def test_files_are_a_sequence() -> None:
    artifact = logged()
    files, names = artifact.files(), [*FILES]

    assert len(files) == len(names)
    assert [files[n].name for n in range(-3, 3)] == names + names
    for part in (slice(None), slice(1, 2), slice(None, None, -1), slice(-2, 9), slice(5, 9)):
        assert [file.name for file in files[part]] == names[part]
    for outside in (3, -4):
        with pytest.raises(IndexError):
            files[outside]
    assert [file.name for file in files] == [file.name for file in files] == names
    assert not list(logged({}, "empty").files())


@pytest.mark.parametrize(
    ("names", "found"),
    [
        (["sub/b.txt", "a.txt"], ["a.txt", "sub/b.txt"]),
        (["./sub//b.txt", "sub/b.txt"], ["sub/b.txt"]),
        ([], []),
    ],
)
def test_files_are_chosen_by_path(names: list[str], found: list[str]) -> None:
    files = logged().files(names)

    assert [file.name for file in files] == found == [files[n].name for n in range(len(files))]


def test_path_that_there_is_not_is_a_key_error() -> None:
    with pytest.raises(KeyError, match="Path not contained in artifact: sub"):
        logged().files(["a.txt", "sub"])


def test_files_of_many_pages_are_read_as_they_are_asked_for(tmp_path: Path) -> None:
    made = Artifact("data", "dataset")
    made.add_dir(write(tmp_path / "d", dict.fromkeys(MANY, b"")))
    made.save()
    files = Api().artifact("data").files(per_page=2)

    assert len(files) == len(MANY)
    assert [files[n].name for n in (0, 4_321, -1, 17)] == ["0000", "4321", "4999", "0017"]
    assert [file.name for file in files[2_999:3_002]] == ["2999", "3000", "3001"]
    assert [file.name for file in files] == MANY


def test_file_is_downloaded_and_opened(file: File) -> None:
    with file.download("out") as opened:
        assert (opened.read(), opened.name) == ("beta", "out/sub/b.txt")
    with logged().files(["a.txt"])[0].download() as opened:
        assert (opened.read(), opened.name) == ("alpha", "./a.txt")


def test_what_is_no_file_is_never_replaced(file: File) -> None:
    Path("out/sub").mkdir(parents=True)
    os.mkfifo("out/sub/b.txt")

    with pytest.raises(InvalidError, match="is no file"):
        file.download("out", replace=True)
    with pytest.raises(InvalidError, match="exist_ok=True"):
        file.download("out")

    assert Path("out/sub/b.txt").is_fifo()


@pytest.mark.parametrize("target", [os.devnull, ".", "nowhere"])
def test_of_a_link_only_the_link_is_replaced(file: File, target: str) -> None:
    Path("out/sub").mkdir(parents=True)
    Path("out/sub/b.txt").symlink_to(target)

    with file.download("out", replace=True) as opened:
        assert opened.read() == "beta"

    assert not Path("out/sub/b.txt").is_symlink()
    assert Path(os.devnull).is_char_device()


def test_what_is_no_file_is_kept_and_opened_when_told_so(file: File) -> None:
    Path("out/sub").mkdir(parents=True)
    os.mkfifo("out/sub/b.txt")
    writer = os.open("out/sub/b.txt", os.O_RDWR)  # or who reads it would wait for one

    with file.download("out", exist_ok=True) as opened:
        assert S_ISFIFO(os.fstat(opened.fileno()).st_mode)

    os.close(writer)


def test_file_that_is_there_is_replaced_or_kept_only_when_told_so(file: File) -> None:
    Path("out/sub").mkdir(parents=True)
    Path("out/sub/b.txt").write_text("mine")

    with pytest.raises(ValueError, match="exist_ok=True"):
        file.download("out")
    with file.download("out", exist_ok=True) as opened:
        assert opened.read() == "mine"
    with file.download("out", replace=True) as opened:
        assert opened.read() == "beta"


# Entries


def test_entry_knows_its_artifact_and_its_facts() -> None:
    for artifact in (draft(), logged()):
        entry = artifact.get_entry("a.txt")
        digest = blake3(b"alpha").hexdigest()

        assert (entry.path, entry.name, entry.digest, entry.size) == ("a.txt", "a.txt", digest, 5)
        assert (entry.ref, entry.extra, entry.birth_artifact_id) == (None, {}, None)
        assert entry.parent_artifact() is artifact
        assert entry.to_json() == {"digest": digest, "size": 5}
        assert repr(entry) == f"<ArtifactManifestEntry a.txt digest: {digest} size: 5>"


def test_entries_are_equal_by_what_they_say() -> None:
    one, other = draft(), logged()

    assert one.get_entry("a.txt") == other.get_entry("a.txt") != one.get_entry("sub/b.txt")
    assert len({each.get_entry("a.txt") for each in (one, other)}) == 1
    assert one.get_entry("a.txt") != "a.txt"


# The manifest


def test_manifest_lists_every_entry() -> None:
    for artifact in (draft(), logged()):
        manifest = artifact.manifest

        assert [*manifest.entries] == [*FILES]
        assert len(manifest) == 3
        assert manifest.get_entry_by_path("a.txt") == artifact.get_entry("a.txt")
        assert manifest.get_entry_by_path("sub") is None


@pytest.mark.parametrize(
    ("folder", "paths"),
    [
        ("sub", ["sub/b.txt", "sub/deep/c.bin"]),
        ("sub/", ["sub/b.txt", "sub/deep/c.bin"]),
        ("su", []),
        ("sub/deep", ["sub/deep/c.bin"]),
        ("a.txt", []),
    ],
)
def test_manifest_lists_a_folder(folder: str, paths: list[str]) -> None:
    entries = draft().manifest.get_entries_in_directory(folder)

    assert [entry.path for entry in entries] == paths


def test_manifest_of_a_draft_is_as_it_was_when_it_was_asked_for() -> None:
    artifact = draft()
    before = artifact.manifest
    artifact.remove("a.txt")

    assert len(before) == 3
    assert len(artifact.manifest) == 2
    assert before.digest() != artifact.manifest.digest()


def test_manifest_of_a_logged_artifact_is_read_once() -> None:
    artifact = logged()

    assert artifact.manifest is artifact.manifest


def test_manifest_is_written_like_theirs() -> None:
    artifact = logged()
    written = json.loads(json.dumps(artifact.manifest.to_manifest_json()))

    assert written["version"] == artifact.manifest.version() == 1
    assert written["storagePolicyConfig"] == {}
    assert {path: entry["digest"] for path, entry in written["contents"].items()} == content(
        artifact
    )
