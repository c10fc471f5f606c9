"""Adding: files of this machine become entries, or none of them does, and it is said why."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest
from blake3 import blake3

from artifact.samples import FILES, LARGE, content, draft, logged, read, write
from artifacts.artifact import Artifact
from artifacts.errors import ArtifactFinalizedError, FileChangedError, UnsupportedFileError

pytestmark = pytest.mark.usefixtures("store")


@pytest.fixture
def data() -> Artifact:
    return Artifact("data", "dataset")


@pytest.fixture
def folder(tmp_path: Path) -> str:
    return write(tmp_path / "d", FILES)


def delivered(artifact: Artifact) -> dict[str, bytes]:
    """The files of an artifact, logged and downloaded."""
    artifact.save()
    return read(artifact.download())


# One file


def test_file_is_added_under_its_own_name(data: Artifact, folder: str) -> None:
    entry = data.add_file(f"{folder}/sub/b.txt")

    assert (entry.path, entry.name, entry.size) == ("b.txt", "b.txt", 4)
    assert (entry.digest, entry.local_path) == (
        blake3(b"beta").hexdigest(),
        f"{folder}/sub/b.txt",
    )
    assert delivered(data) == {"b.txt": b"beta"}


@pytest.mark.parametrize("name", ["x/y", "./x//y", "x/./y"])
def test_file_is_added_under_a_name(data: Artifact, folder: str, name: str) -> None:
    assert data.add_file(f"{folder}/a.txt", name).path == "x/y"
    assert content(data).keys() == {"x/y"}


def test_file_may_be_given_as_a_path(data: Artifact, folder: str) -> None:
    data.add_file(Path(folder) / "a.txt")  # type: ignore[arg-type]  # W&B's hint says str

    assert content(data).keys() == {"a.txt"}


@pytest.mark.parametrize(
    ("name", "kept"), [(None, ".txt"), ("x/y", ""), ("m.tar.gz", ".tar.gz"), (".env", ".env")]
)
def test_temporary_file_is_called_by_its_digest(
    data: Artifact, folder: str, name: str | None, kept: str
) -> None:
    entry = data.add_file(f"{folder}/a.txt", name, is_tmp=True)

    prefix = "x/" if name == "x/y" else ""
    assert entry.path == prefix + blake3(b"alpha").hexdigest()[:20] + kept


@pytest.mark.parametrize(
    "name", ["/a", "../a", "a/../b", "c:a", "nul", "a\0b", "a\\..\\b", "x" * 4097]
)
def test_path_out_of_the_artifact_is_refused(data: Artifact, folder: str, name: str) -> None:
    calls: list[Callable[[], object]] = [
        lambda: data.add_file(f"{folder}/a.txt", name),
        lambda: data.add_dir(folder, name),
    ]
    for call in calls:
        with pytest.raises(ValueError, match="bad path in artifact"):
            call()
    written = False
    with pytest.raises(ValueError, match="bad path"), data.new_file(name):
        written = True
    assert not written
    assert not content(data)


def test_paths_too_long_together_are_refused(data: Artifact, tmp_path: Path) -> None:
    folder = write(tmp_path / "d", {"n" * 200: b""})

    with pytest.raises(ValueError, match="4096 bytes"):
        data.add_dir(folder, "/".join(20 * ["p" * 200]))
    assert not content(data)


@pytest.mark.parametrize("path", ["absent", ".", "d"])
def test_what_is_no_file_is_refused(data: Artifact, folder: str, path: str) -> None:
    with pytest.raises(ValueError, match=f"Path is not a file: '{path}'"):
        data.add_file(path)
    assert folder


def test_file_that_is_a_pipe_is_refused_at_once(data: Artifact) -> None:
    os.mkfifo("pipe")

    with pytest.raises(ValueError, match="Path is not a file: 'pipe'"):
        data.add_file("pipe")


@pytest.mark.parametrize("policy", ["bad", "", "Mutable"])
def test_unknown_policy_is_refused(data: Artifact, folder: str, policy: str) -> None:
    calls: list[Callable[[], object]] = [
        lambda: data.add_file(f"{folder}/a.txt", policy=policy),  # type: ignore[arg-type]
        lambda: data.add_dir(folder, policy=policy),  # type: ignore[arg-type]
    ]
    for call in calls:
        with pytest.raises(ValueError, match="Policy may only be `mutable` or `immutable`"):
            call()
    assert not content(data)


def test_same_content_at_the_same_path_is_added_again(data: Artifact, folder: str) -> None:
    data.add_file(f"{folder}/a.txt")
    data.add_file(f"{folder}/a.txt")
    data.add_dir(folder)

    assert content(data).keys() == FILES.keys()


def test_other_content_at_the_same_path_is_refused(data: Artifact, folder: str) -> None:
    data.add_file(f"{folder}/a.txt")

    with pytest.raises(ValueError, match="Cannot add the same path twice"):
        data.add_file(f"{folder}/sub/b.txt", "a.txt")
    assert data.get_entry("a.txt").size == 5


def test_other_content_replaces_what_it_may(data: Artifact, folder: str) -> None:
    data.add_file(f"{folder}/a.txt")
    data.add_file(f"{folder}/sub/b.txt", "a.txt", overwrite=True)

    assert delivered(data) == {"a.txt": b"beta"}


# When bytes are taken


@pytest.mark.parametrize("size", [0, 5, LARGE])
@pytest.mark.parametrize("change", [os.unlink, lambda path: Path(path).write_bytes(b"new")])
def test_mutable_file_may_be_changed_or_deleted_at_once(
    data: Artifact, size: int, change: Callable[[str], object]
) -> None:
    Path("f").write_bytes(b"x" * size)
    Path("d").mkdir()
    Path("d/g").write_bytes(b"y" * size)
    data.add_file("f")
    data.add_dir("d")
    change("f")
    change("d/g")

    assert delivered(data) == {"f": b"x" * size, "g": b"y" * size}


@pytest.mark.parametrize("size", [0, 5, LARGE])
def test_immutable_file_is_stored_when_it_is_logged(data: Artifact, store: Path, size: int) -> None:
    Path("f").write_bytes(b"x" * size)
    data.add_file("f", policy="immutable")
    assert not [
        path for path in store.rglob("*") if path.is_file() and path.stat().st_size >= LARGE
    ]

    assert delivered(data) == {"f": b"x" * size}


@pytest.mark.parametrize("size", [5, LARGE])
def test_immutable_file_that_changed_is_named(data: Artifact, tmp_path: Path, size: int) -> None:
    folder = write(tmp_path / "d", {"f": b"x" * size})
    data.add_dir(folder, policy="immutable")
    Path(folder, "f").write_bytes(b"y" * size)

    with pytest.raises(FileChangedError, match=f"{folder}/f"):
        data.save()
    assert data.is_draft()
    Path(folder, "f").write_bytes(b"x" * size)
    assert delivered(data) == {"f": b"x" * size}


def test_immutable_file_that_is_gone_is_named(data: Artifact) -> None:
    Path("f").write_bytes(b"x")
    data.add_file("f", policy="immutable")
    Path("f").unlink()

    with pytest.raises(FileNotFoundError, match="/f'"):
        data.save()


def test_immutable_file_that_was_removed_again_is_not_needed(data: Artifact) -> None:
    Path("f").write_bytes(b"x")
    Path("g").write_bytes(b"y")
    data.add_file("f", policy="immutable")
    data.add_file("g", policy="immutable")
    data.remove("f")
    Path("f").unlink()

    assert delivered(data) == {"g": b"y"}


# A folder


@pytest.mark.parametrize(
    ("name", "prefix"),
    [(None, ""), ("", ""), (".", ""), ("x", "x/"), ("x/", "x/"), ("./x//y", "x/y/")],
)
def test_folder_is_added_below_a_name(
    data: Artifact, folder: str, name: str | None, prefix: str
) -> None:
    assert data.add_dir(folder, name) is None  # type: ignore[func-returns-value]

    assert delivered(data) == {prefix + path: data for path, data in FILES.items()}


@pytest.mark.parametrize("shape", ["{}/", "./{}", "{}/../d", "{}/sub/.."])
def test_folder_is_the_same_however_it_is_written(data: Artifact, folder: str, shape: str) -> None:
    data.add_dir(shape.format(os.path.relpath(folder)))

    assert data.digest == draft().digest


@pytest.mark.parametrize("path", ["absent", "d/a.txt"])
def test_what_is_no_folder_is_refused(data: Artifact, folder: str, path: str) -> None:
    with pytest.raises(ValueError, match=f"Path is not a directory: '{path}'"):
        data.add_dir(path)
    assert folder


def test_empty_folder_adds_nothing(data: Artifact, tmp_path: Path) -> None:
    (tmp_path / "d" / "e").mkdir(parents=True)
    data.add_dir(str(tmp_path / "d"))

    assert not content(data)


def test_links_are_followed(data: Artifact, tmp_path: Path) -> None:
    folder = Path(write(tmp_path / "d", {"f": b"file"}))
    other = write(tmp_path / "other", {"g": b"linked"})
    (folder / "link").symlink_to("f")
    (folder / "there").symlink_to(other)
    (tmp_path / "whole").symlink_to(folder)
    data.add_dir(str(tmp_path / "whole"))
    data.add_file(str(folder / "link"), "alone")

    assert delivered(data) == {
        "f": b"file",
        "link": b"file",
        "there/g": b"linked",
        "alone": b"file",
    }


def test_what_cannot_be_versioned_is_named_and_nothing_is_added(
    data: Artifact, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = Path(write(tmp_path / "d", FILES))
    (folder / "dangling").symlink_to("nowhere")
    (folder / "itself").symlink_to("itself")
    (folder / "sub" / "up").symlink_to("..")
    os.mkfifo(folder / "fifo")
    monkeypatch.chdir(folder)  # a socket's path must be short
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket")
        with pytest.raises(UnsupportedFileError) as caught:
            data.add_dir(str(folder))

    named = {path.partition(" ")[0] for path in caught.value.paths}
    assert named == {"dangling", "itself", "sub/up", "fifo", "socket"}
    assert not content(data)


def test_folder_with_other_content_is_refused_whole(data: Artifact, folder: str) -> None:
    with data.new_file("sub/b.txt") as file:
        file.write("else")

    with pytest.raises(ValueError, match="Cannot add the same path twice"):
        data.add_dir(folder)
    assert content(data).keys() == {"sub/b.txt"}


def test_name_that_is_not_utf_8_is_refused(data: Artifact, tmp_path: Path) -> None:
    folder = write(tmp_path / "d", FILES)
    Path(os.fsdecode(os.fsencode(folder) + b"/\xff")).write_bytes(b"")

    with pytest.raises(ValueError, match="not UTF-8"):
        data.add_dir(folder)
    assert not content(data)


def test_what_a_download_left_for_its_own_use_is_no_content(tmp_path: Path) -> None:
    first = logged()
    first.download(tmp_path / "out" / "inner")
    second = Artifact("second", "dataset")
    second.add_dir(str(tmp_path / "out"))

    assert content(second).keys() == {f"inner/{path}" for path in FILES}


def test_file_that_is_a_folder_too_is_refused_when_it_matters(data: Artifact) -> None:
    for path in ("d", "d/e"):
        with data.new_file(path) as file:
            file.write(path)

    with pytest.raises(ValueError, match="'d' is a file and also a folder"):
        data.save()
    data.remove("d")
    with data.new_file("d/e", "w") as file:
        file.write("again")
    assert delivered(data) == {"d/e": b"again"}


# A new file


def test_new_file_holds_what_was_written(data: Artifact) -> None:
    with data.new_file("sub/text") as file:
        file.write("ä\n")
    with data.new_file("bytes", "wb") as file:
        file.write(b"\xff\r\n")
    with data.new_file("latin", encoding="latin-1") as file:
        file.write("ä")
    with data.new_file("both", "x+") as file:
        file.write("abc")
        file.seek(1)
        assert file.read() == "bc"
    with data.new_file("nothing"):
        pass

    assert delivered(data) == {
        "sub/text": "ä\n".encode(),
        "bytes": b"\xff\r\n",
        "latin": b"\xe4",
        "both": b"abc",
        "nothing": b"",
    }


def test_new_file_is_not_written_twice(data: Artifact) -> None:
    with data.new_file("n") as file:
        file.write("first")
    with pytest.raises(ValueError, match="File with name 'n' already exists"), data.new_file("n"):
        pass
    assert data.get_entry("n").size == 5


def test_new_file_that_somebody_else_added_meanwhile_is_refused(data: Artifact) -> None:
    def add_both() -> None:
        with data.new_file("n") as outer:
            with data.new_file("n") as inner:
                inner.write("inner")
            outer.write("outer")

    with pytest.raises(ValueError, match="twice"):
        add_both()
    assert delivered(data) == {"n": b"inner"}


def test_file_that_is_there_is_replaced_in_mode_w(data: Artifact) -> None:
    for text in ("first", "second"):
        with data.new_file("n", "w") as file:
            file.write(text)

    assert delivered(data) == {"n": b"second"}


def test_file_whose_writer_failed_is_not_added(data: Artifact, store: Path) -> None:
    def fail() -> None:
        with data.new_file("n") as file:
            file.write("half")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert not content(data)
    assert not list(store.rglob("*new-file*"))


@pytest.mark.parametrize("mode", ["a", "r", "r+", "", "xw", "ab"])
def test_mode_that_does_not_begin_anew_is_refused(data: Artifact, mode: str) -> None:
    with pytest.raises(ValueError, match="Invalid mode"), data.new_file("n", mode):
        pass


def test_new_file_comes_too_late_for_what_was_logged_meanwhile(data: Artifact) -> None:
    def log_within() -> None:
        with data.new_file("n") as file:
            data.save()
            file.write("lost")

    with pytest.raises(ArtifactFinalizedError):
        log_within()


# Out again


@pytest.mark.parametrize(
    ("item", "left"),
    [
        ("a.txt", {"sub/b.txt", "sub/deep/c.bin"}),
        ("./sub//b.txt", {"a.txt", "sub/deep/c.bin"}),
        (Path("sub/deep"), {"a.txt", "sub/b.txt"}),
        ("sub", {"a.txt"}),
        ("sub/", {"a.txt"}),
    ],
)
def test_path_or_folder_is_removed(item: str, left: set[str]) -> None:
    artifact = draft()
    artifact.remove(item)

    assert content(artifact).keys() == left == delivered(artifact).keys()


def test_entry_is_removed() -> None:
    artifact = draft()
    artifact.remove(artifact.get_entry("a.txt"))

    assert "a.txt" not in content(artifact)


@pytest.mark.parametrize("item", ["absent", "su", "a.txt/b", "", "."])
def test_what_is_not_there_cannot_be_removed(item: str) -> None:
    artifact = draft()

    with pytest.raises(FileNotFoundError, match="No such file or directory"):
        artifact.remove(item)
    assert content(artifact).keys() == FILES.keys()


def test_removed_path_is_free_for_other_content(data: Artifact, folder: str) -> None:
    data.add_dir(folder)
    data.remove("a.txt")
    data.add_file(f"{folder}/sub/b.txt", "a.txt")

    assert delivered(data)["a.txt"] == b"beta"


# Where it came from


def test_local_path_is_known_by_the_name_it_was_added_under(data: Artifact, folder: str) -> None:
    data.add_dir(folder, "first")
    data.add_file(f"{folder}/a.txt", "second")

    assert data.get_added_local_path_name(f"{folder}/a.txt") == "second"
    assert data.get_added_local_path_name(f"{folder}/sub/b.txt") == "first/sub/b.txt"
    assert data.get_added_local_path_name(f"{folder}/absent") is None
    assert data.get_added_local_path_name("elsewhere") is None

    data.add_dir(folder)
    data.save()
    assert data.get_added_local_path_name(f"{folder}/a.txt") == "a.txt"


@pytest.mark.parametrize("name", [".artifact-receipt", "a/.artifact-partial-0123abcd/b"])
def test_a_name_that_downloads_keep_for_themselves_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="own use"), Artifact("x", "t").new_file(name, "w"):
        pass
