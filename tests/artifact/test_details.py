"""Details: permissions, links and empty folders come back as they were, where asked for."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from artifact.samples import read, write
from artifacts.artifact import Artifact
from artifacts.catalog import Session
from artifacts.catalog.upkeep.verify import verify_store
from artifacts.errors import (
    LocalChangesError,
    OutsideLinkError,
    UnsupportedFileError,
    VerificationError,
)
from artifacts.settings import Settings

ALL = {"modes": True, "symlinks": True, "empty_folders": True}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A program, a link to it, one to nowhere, one to itself, and a folder with nothing in it."""
    root = tmp_path / "in"
    write(root, {"bin/run.sh": b"#!/bin/sh\n", "a.txt": b"alpha"})
    (root / "bin/run.sh").chmod(0o755)
    (root / "a.txt").chmod(0o600)
    (root / "run").symlink_to("bin/run.sh")
    (root / "nowhere").symlink_to("no/such/place")
    (root / "self").symlink_to("self")
    (root / "around").symlink_to(".")
    (root / "empty/deep").mkdir(parents=True)
    (root / "empty/deep").chmod(0o750)
    return root


def logged(folder: Path, **options: bool) -> Artifact:
    artifact = Artifact("data", "dataset")
    artifact.add_dir(str(folder), **options)  # type: ignore[arg-type]
    artifact.save()
    return artifact


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


def test_what_is_kept_comes_back(folder: Path, tmp_path: Path) -> None:
    artifact = logged(folder, **ALL)

    out = Path(artifact.download(str(tmp_path / "out")))

    assert (mode(out / "bin/run.sh"), mode(out / "a.txt")) == (0o755, 0o600)
    links = {name: os.readlink(out / name) for name in ("run", "nowhere", "self", "around")}
    assert links == {
        "run": "bin/run.sh",
        "nowhere": "no/such/place",
        "self": "self",
        "around": ".",
    }
    assert (out / "empty/deep").is_dir()
    assert mode(out / "empty/deep") == 0o750
    artifact.verify(str(out))


def test_links_that_lead_nowhere_are_refused_unless_kept(folder: Path) -> None:
    with pytest.raises(UnsupportedFileError, match="nowhere") as caught:
        logged(folder)

    assert len(caught.value.paths) == 3


def test_without_being_asked_for_they_are_no_part_of_identity(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    write(folder, {"a": b"1"})
    before = logged(folder).digest

    (folder / "a").chmod(0o700)
    (folder / "empty").mkdir()

    assert logged(folder).digest == before
    assert logged(folder, modes=True).digest != before
    assert logged(folder, empty_folders=True).digest != before


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        (lambda out: (out / "a.txt").chmod(0o644), "a.txt should have mode 0600, has 0644"),
        (lambda out: (out / "run").unlink(), "run is not there"),
        (lambda out: (out / "empty/deep").rmdir(), "empty/deep is not there"),
        (
            lambda out: ((out / "run").unlink(), (out / "run").symlink_to("a.txt")),
            "run should be a link to 'bin/run.sh', is a link to 'a.txt'",
        ),
        (
            lambda out: ((out / "run").unlink(), (out / "run").write_bytes(b"bin/run.sh")),
            "run should be a link to 'bin/run.sh', is no link",
        ),
    ],
)
def test_verify_tells_what_differs(folder: Path, tmp_path: Path, fault: object, told: str) -> None:
    artifact = logged(folder, **ALL)
    out = Path(artifact.download(str(tmp_path / "out")))

    fault(out)  # type: ignore[operator]

    with pytest.raises(VerificationError) as caught:
        artifact.verify(str(out))
    assert caught.value.differences == (f"differing: {told}",)


def test_download_puts_right_what_nobody_edited(folder: Path, tmp_path: Path) -> None:
    artifact = logged(folder, **ALL)
    out = Path(artifact.download(str(tmp_path / "out")))
    (out / "a.txt").chmod(0o644)
    (out / "run").unlink()
    (out / "empty/deep").rmdir()

    artifact.download(str(out))

    artifact.verify(str(out))


def test_link_that_was_edited_is_kept(folder: Path, tmp_path: Path) -> None:
    artifact = logged(folder, **ALL)
    out = Path(artifact.download(str(tmp_path / "out")))
    (out / "run").unlink()
    (out / "run").symlink_to("mine")

    with pytest.raises(LocalChangesError):
        artifact.download(str(out))
    assert os.readlink(out / "run") == "mine"

    artifact.checkout(str(out))
    assert os.readlink(out / "run") == "bin/run.sh"


def test_link_makes_room_for_a_file_and_goes_with_its_version(folder: Path, tmp_path: Path) -> None:
    first = logged(folder, **ALL)
    out = Path(first.download(str(tmp_path / "out")))
    (folder / "run").unlink()
    (folder / "run").write_bytes(b"now a file")
    (folder / "nowhere").unlink()

    logged(folder, **ALL).download(str(out))

    assert (out / "run").read_bytes() == b"now a file"
    assert not (out / "run").is_symlink()
    assert not os.path.lexists(out / "nowhere")
    assert (out / "bin/run.sh").read_bytes() == b"#!/bin/sh\n"


def test_empty_folder_is_an_entry_only_while_it_is_empty(tmp_path: Path) -> None:
    (tmp_path / "in/empty").mkdir(parents=True)
    artifact = logged(tmp_path / "in", empty_folders=True)
    assert [*artifact.manifest.entries] == ["empty"]

    draft = artifact.new_draft()
    with draft.new_file("empty/now/not") as file:
        file.write("x")
    draft.save()

    assert [*draft.manifest.entries] == ["empty/now/not"]


def test_nothing_is_written_through_a_link_of_another_version(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (tmp_path / "one").mkdir()
    (tmp_path / "one/sub").symlink_to(outside)
    write(tmp_path / "two/sub", {"file": b"inside"})
    out = tmp_path / "out"
    logged(tmp_path / "one", symlinks=True).download(str(out), outside_links=True)

    logged(tmp_path / "two").checkout(str(out))

    assert read(out) == {"sub/file": b"inside"}
    assert [*outside.iterdir()] == []


@pytest.mark.parametrize(
    ("path", "target", "is_out"),
    [
        ("a", "b", False),
        ("a", ".", False),
        ("a", "..", True),
        ("a", "/etc", True),
        ("a", "b/../c", True),  # b may be a link
        ("a", "./b", False),
        ("d/e/a", "../../b", False),
        ("d/e/a", "../../../b", True),
        ("d/e/a", ".././../b", False),
        ("d/e/a", "..//..//..", True),
        ("a", "c:b", True),
        ("a", "..\\b", True),
    ],
)
def test_links_out_of_the_folder_are_made_only_where_that_is_wished(
    tmp_path: Path, path: str, target: str, *, is_out: bool
) -> None:
    write(tmp_path / "in", {"x": b"1"})
    link = tmp_path / "in" / path
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(target)
    artifact = logged(tmp_path / "in", symlinks=True)
    out = tmp_path / "out"

    if is_out:
        with pytest.raises(OutsideLinkError, match="out of the folder"):
            artifact.download(str(out))
        assert read(out) == {"x": b"1"}
        assert not os.path.lexists(out / path)
    artifact.download(str(out), outside_links=is_out)

    assert os.readlink(out / path) == target


def test_link_that_nobody_could_write_down_is_named(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    os.symlink(b"\xff", os.fsencode(tmp_path / "in/odd"))

    with pytest.raises(UnsupportedFileError, match=r"odd .*not UTF-8"):
        logged(tmp_path / "in", symlinks=True)


def test_what_is_kept_goes_on_to_drafts_and_other_stores(folder: Path, tmp_path: Path) -> None:
    artifact = logged(folder, **ALL)

    draft = artifact.new_draft()
    with draft.new_file("more") as file:
        file.write("x")
    draft.save(settings=Settings.load(store=tmp_path / "other"))

    session = Session(Settings.load(store=tmp_path / "other"))
    assert verify_store(session.catalog).problems == []
    out = Path(draft.download(str(tmp_path / "out")))
    assert os.readlink(out / "run") == "bin/run.sh"
    assert mode(out / "bin/run.sh") == 0o755
    assert (out / "empty/deep").is_dir()
    entries = draft.manifest.entries
    assert entries["run"].extra == {"target": "bin/run.sh"}
    assert entries["a.txt"].to_json()["extra"] == {"mode": 0o600}


def test_one_link_is_had_by_itself(folder: Path, tmp_path: Path) -> None:
    entry = logged(folder, **ALL).get_entry("run")

    assert os.readlink(entry.download(str(tmp_path / "out"))) == "bin/run.sh"


def test_permissions_are_given_to_no_file_that_others_share(tmp_path: Path) -> None:
    source = tmp_path / "in"
    write(source, {"large": bytes(range(256)) * 40_000, "small": b"1"})
    (source / "large").chmod(0o640)
    artifact = logged(source, modes=True)

    one, two = (artifact.download(str(tmp_path / name), link=True) for name in ("one", "two"))

    for out in map(Path, (one, two)):
        assert mode(out / "large") == 0o640
        assert (out / "large").stat().st_nlink == 1


def test_no_program_runs_as_somebody_else(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    write(folder, {"a": b"1"})
    (folder / "a").chmod(0o4755)
    artifact = logged(folder, modes=True)

    out = Path(artifact.download(str(tmp_path / "out")))

    assert mode(out / "a") == 0o755
    artifact.verify(str(out))
