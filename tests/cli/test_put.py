"""`art put` makes a version of whatever can be versioned, and names whatever cannot."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from folders import write_tree

from artifacts.cache import RECEIPT
from cli.shell import Shell


def test_folder_becomes_a_version(art: Shell, data: Path) -> None:
    answer = art.ok("put", str(data), "mnist")

    [line] = answer.lines
    assert line.startswith("default/proj/mnist:v0  new version, 3 files, 2.0 MiB, ")
    assert line.endswith(f"in {art.store}")


def test_file_becomes_a_version(art: Shell, data: Path) -> None:
    art.ok("put", str(data / "a.txt"), "one")

    assert art.ok("cat", "one", "a.txt").out == b"alpha\n"


def test_equal_content_makes_no_second_version(art: Shell, mnist: str, data: Path) -> None:
    answer = art.ok("put", str(data), "mnist", "--alias", "best")

    assert "the same files as before" in answer.lines[0]
    assert art.ok("show", mnist, "--json").json["aliases"] == ["latest", "best"]


def test_old_content_is_the_old_version(art: Shell, mnist: str, data: Path) -> None:
    (data / "a.txt").write_bytes(b"other\n")
    art.ok("put", str(data), "mnist")
    (data / "a.txt").write_bytes(b"alpha\n")

    answer = art.ok("put", str(data), "mnist", "--json").json

    assert (answer["name"], answer["is_new"]) == (f"default/proj/{mnist}", False)


def test_what_is_said_of_a_version_is_kept(art: Shell, data: Path) -> None:
    said = ["--type", "model", "--description", "Good.", "--metadata", '{"a": [1]}']
    art.ok("put", "data", "m", "--alias", "x", "--alias", "y", "--tag", "t", *said)

    shown = art.ok("show", "m", "--json").json

    assert shown["type"] == "model"
    assert shown["aliases"] == ["x", "y", "latest"]
    assert shown["tags"] == ["t"]
    assert (shown["description"], shown["metadata"]) == ("Good.", {"a": [1]})
    assert data.exists()


@pytest.mark.parametrize(
    ("path", "name"), [("my data (2)", "my-data-2-"), ("naïve", "na-ve"), ("x.tar", "x.tar")]
)
def test_name_is_that_of_the_folder_made_valid(art: Shell, path: str, name: str) -> None:
    write_tree(art.folder / path, {"a": b"1"})

    assert art.ok("put", path, "--json").json["name"] == f"default/proj/{name}:v0"


def test_working_directory_has_a_name_too(
    art: Shell, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(data)

    assert art.ok("put", ".", "--json").json["name"] == "default/proj/data:v0"


def test_root_needs_a_name(art: Shell) -> None:
    answer = art("put", "/")

    assert answer.code == 2
    assert "give one after it" in answer.err


def test_name_may_say_another_project(art: Shell, data: Path) -> None:
    art.ok("put", str(data), "other/mnist")
    art.ok("put", str(data), "team/other/mnist")

    names = [each["name"] for each in art.ok("ls", "--all", "--json").json]
    assert names == ["default/other/mnist", "team/other/mnist"]


def test_shared_options_stand_before_or_after_the_command(art: Shell, data: Path) -> None:
    first = art.ok("--project", "one", "--json", "put", str(data), "x").json
    second = art.ok("put", str(data), "x", "--project", "two", "--json").json
    third = art.ok("--project", "one", "put", str(data), "x", "--project", "3", "--json").json

    names = [each["name"] for each in (first, second, third)]
    assert names == ["default/one/x:v0", "default/two/x:v0", "default/3/x:v0"]


def test_quiet_tells_the_name_alone(art: Shell, data: Path) -> None:
    answer = art.process("put", str(data), "x", "--quiet")

    assert (answer.code, answer.out, answer.err) == (0, b"default/proj/x:v0\n", "")


def test_first_write_names_the_store_that_it_makes(art: Shell, data: Path) -> None:
    first = art.process("put", str(data), "x")
    second = art.process("put", str(data), "x")

    assert (first.err, second.err) == (f"made a store at {art.store}\n", "")


def test_everything_that_cannot_be_versioned_is_named(art: Shell, data: Path) -> None:
    os.mkfifo(data / "pipe")
    (data / "sub" / "dangling").symlink_to("nowhere")
    (data / "circle").symlink_to("circle")
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind("data/sock")
        answer = art("put", str(data), "x")

    assert answer.code == 2
    for fault in ("pipe (a FIFO)", "sock (a socket)", "circle (a link to itself)"):
        assert fault in answer.err
    assert "sub/dangling (a link to 'nowhere', where nothing is)" in answer.err
    assert art("show", "ds").code == 3


def test_fifo_itself_is_refused_without_waiting_for_its_writer(art: Shell) -> None:
    os.mkfifo("pipe")
    answer = art("put", "pipe")

    assert answer.code == 2
    assert "pipe (neither a file nor a folder)" in answer.err


def test_dangling_link_itself_is_named(art: Shell) -> None:
    Path("dangling").symlink_to("nowhere")
    answer = art("put", "dangling")

    assert answer.code == 2
    assert "dangling (a link to 'nowhere', where nothing is)" in answer.err


@pytest.mark.parametrize("text", ["[1]", "{", "1", '{"a": Infinity}'])
def test_metadata_is_a_json_object(art: Shell, data: Path, text: str) -> None:
    answer = art("put", str(data), "x", "--metadata", text)

    assert answer.code == 2
    assert "metadata" in answer.err


@pytest.mark.parametrize(
    "said", [["x:v1"], ["x", "--alias", "v3"], ["x", "--tag", "a/b"], ["x", "--type", "job"]]
)
def test_refused_name_makes_no_version(art: Shell, data: Path, said: list[str]) -> None:
    assert art("put", str(data), *said).code == 2
    assert art("ls").out == b""


def test_type_of_a_collection_stays(art: Shell, mnist: str, data: Path) -> None:
    answer = art("put", str(data), mnist.partition(":")[0], "--type", "model")

    assert answer.code == 2
    assert "'dataset', not 'model'" in answer.err


def test_refused_put_leaves_nothing_in_the_store(art: Shell, mnist: str, data: Path) -> None:
    before = {*art.stored_files()}
    (data / "new.txt").write_bytes(b"new\n")
    os.mkfifo(data / "pipe")

    assert art("put", str(data), mnist.partition(":")[0]).code == 2

    assert {*art.stored_files()} == before


def test_patterns_say_what_of_a_folder_is_put(art: Shell, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    write_tree(folder, {"a.py": b"1", "a.log": b"2", "keep.log": b"3", "sub/b.py": b"4"})

    art.ok("put", str(folder), "code", "--exclude", "*.log", "--exclude", "!keep.log")
    art.ok("put", str(folder), "only", "--include", "*.py", "--exclude", "sub/")

    art.ok("get", "code", str(tmp_path / "code"))
    assert {*os.listdir(tmp_path / "code")} == {RECEIPT, "a.py", "keep.log", "sub"}
    art.ok("get", "only", str(tmp_path / "only"))
    assert {*os.listdir(tmp_path / "only")} == {RECEIPT, "a.py"}


def test_an_include_that_names_nothing_is_a_mistake(art: Shell, data: Path) -> None:
    answer = art("put", str(data), "x", "--include", "*.zip", "--include", "*.tar")

    assert (answer.code, answer.out) == (2, b"")
    assert f"none of the 3 files below {data} is named by --include *.zip or *.tar" in answer.err
    assert art("show", "x").code == 3
    without = art(
        "put", str(data), "x", "--include", "*.txt", "--exclude", "sub/", "--exclude", "*"
    )
    assert f"none of the 0 files below {data} that --exclude and .artignore leave" in without.err
    art.ok("put", str(data), "x", "--include", "*.zip", "--include", "*.txt")


@pytest.mark.parametrize(
    "beside", ["an empty folder", "a FIFO", "a link", "a name that is no text"]
)
def test_what_no_include_names_is_neither_put_nor_blamed(
    art: Shell, data: Path, beside: str
) -> None:
    match beside:
        case "an empty folder":
            (data / "sub" / "empty").mkdir()
        case "a FIFO":
            os.mkfifo(data / "pipe")
        case "a link":
            (data / "link").symlink_to("sub")
        case _:
            Path(os.fsdecode(b"data/\xff")).touch()

    answer = art("put", "data", "x", "--include", "*.nope", "--empty-folders", "--symlinks")

    assert (answer.code, answer.out) == (2, b"")
    files = "files" if "name" in beside else "3 files"
    assert f"none of the {files} below data is named by --include *.nope" in answer.err
    assert art("show", "x").code == 3


def test_a_folder_is_walked_once(art: Shell, data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    scandir = os.scandir

    def noting(path: str = ".") -> Iterator[os.DirEntry[str]]:
        opened.append(str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", noting)

    art.ok("put", str(data), "x", "--include", "*.txt")

    below = [path for path in opened if path.startswith(str(data))]
    assert below == [str(data), str(data / "sub")]


def test_an_include_may_name_a_link_alone(art: Shell, data: Path) -> None:
    (data / "link").symlink_to("nowhere")

    told = art.ok("put", "data", "x", "--include", "link", "--symlinks", "--json").json

    assert told["files"] == 1


@pytest.mark.parametrize(
    "option",
    [["--include", "*"], ["--exclude", "x"], ["--modes"], ["--symlinks"], ["--empty-folders"]],
)
@pytest.mark.parametrize("is_reference", [True, False])
def test_what_is_for_folders_is_refused_with_anything_else(
    art: Shell, data: Path, option: list[str], *, is_reference: bool
) -> None:
    file = data / "a.txt"
    path = ["--reference", f"file://{data}"] if is_reference else [str(file)]

    answer = art("put", *path, "x", *option)

    assert answer.code == 2
    what = f"file://{data} is a reference" if is_reference else f"{file} is a file"
    assert f"{option[0]} is for folders, and {what}" in answer.err
    assert art("show", "x").code == 3


def test_what_is_kept_beside_files_comes_back_and_is_verified(art: Shell, tmp_path: Path) -> None:
    folder, out = tmp_path / "in", tmp_path / "out"
    write_tree(folder, {"run.sh": b"#!/bin/sh\n"})
    (folder / "run.sh").chmod(0o755)
    (folder / "link").symlink_to("nowhere")
    (folder / "empty").mkdir()
    assert art("put", str(folder), "all").code == 2

    art.ok("put", str(folder), "all", "--modes", "--symlinks", "--empty-folders")
    art.ok("get", "all", str(out))

    assert (out / "run.sh").stat().st_mode & 0o777 == 0o755
    assert os.readlink(out / "link") == "nowhere"
    assert (out / "empty").is_dir()
    art.ok("verify", str(out))
    (out / "run.sh").chmod(0o600)
    answer = art("verify", str(out))
    assert answer.code == 1
    assert answer.lines == ["differing: run.sh should have mode 0755, has 0600"]


@pytest.mark.parametrize(
    "arguments",
    [["put", "", "ds"], ["put", "data", ""], ["put", "data", "ds", "--type", ""]],
)
def test_what_is_empty_is_a_mistake(art: Shell, data: Path, arguments: list[str]) -> None:
    assert data.exists()
    answer = art(*arguments)

    assert (answer.code, answer.out) == (2, b"")
    assert "is empty" in answer.err
    assert art("show", "ds").code == 3


def test_an_exclude_that_leaves_nothing_is_a_mistake(art: Shell, mnist: str, data: Path) -> None:
    answer = art("put", str(data), "mnist", "--exclude", "*")

    assert (answer.code, answer.out) == (2, b"")
    assert f"none of the 3 files below {data} is left by --exclude *" in answer.err
    assert art.ok("ls", "mnist", "--json").json[0]["version"] == mnist.partition(":")[2]


@pytest.mark.parametrize("arguments", [[], ["--exclude", "*.log"]])
def test_an_empty_folder_is_a_version_whatever_is_excluded(
    art: Shell, arguments: list[str]
) -> None:
    (art.folder / "empty").mkdir()

    assert art.ok("put", "empty", *arguments, "--json").json["files"] == 0


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity"])
def test_numbers_that_json_has_not_are_no_metadata(art: Shell, data: Path, number: str) -> None:
    answer = art("put", str(data), "ds", "--metadata", f'{{"a": {number}}}')

    assert (answer.code, answer.out) == (2, b"")
    assert f"JSON has no number {number}" in answer.err
