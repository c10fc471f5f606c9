"""`art get` delivers what was put, and never takes away what a user wrote since."""

from pathlib import Path

import pytest

from cli.shell import FILES, Shell


def read_tree(root: Path) -> dict[str, bytes]:
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in root.rglob("*")
        if path.is_file() and not path.name.startswith(".artifact-")
    }


def test_files_come_back_as_they_were(art: Shell, mnist: str) -> None:
    answer = art.ok("get", mnist, "./out")

    assert read_tree(Path("out")) == FILES
    assert answer.lines[0].startswith("default/proj/mnist:v0  3 files written, 2.0 MiB, ")
    assert answer.lines[0].endswith("in ./out")


def test_folder_is_called_like_the_version(art: Shell, mnist: str) -> None:
    answer = art.ok("get", "mnist", "--json").json

    assert answer["folder"] == f"./artifacts/{mnist}"
    assert read_tree(Path(answer["folder"])) == FILES


def test_setting_says_where_downloads_go(
    art: Shell, mnist: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ART_ARTIFACT_DIR", str(tmp_path / "downloads"))
    art.ok("get", mnist)

    assert read_tree(tmp_path / "downloads" / mnist) == FILES


def test_prefix_gets_a_part(art: Shell, mnist: str) -> None:
    answer = art.ok("get", mnist, "./out", "--prefix", "sub/b", "--json").json

    assert (answer["written"], answer["size"]) == (1, 5)
    assert read_tree(Path("out")) == {"sub/b c.txt": b"beta\n"}


def test_prefix_of_nothing_makes_no_folder(art: Shell, mnist: str) -> None:
    assert art("get", mnist, "./out", "--prefix", "nosuch").code == 3
    assert not Path("out").exists()


def test_files_that_are_right_are_kept(art: Shell, mnist: str) -> None:
    art.ok("get", mnist, "./out")
    Path("out/a.txt").unlink()

    answer = art.ok("get", mnist, "./out")

    assert "1 file written, 2 kept" in answer.lines[0]
    assert read_tree(Path("out")) == FILES


def test_edited_files_are_kept_and_named_while_others_arrive(art: Shell, mnist: str) -> None:
    art.ok("get", mnist, "./out")
    Path("out/a.txt").write_bytes(b"mine\n")
    Path("out/sub/b c.txt").write_bytes(b"mine too\n")
    Path("out/sub/large.bin").unlink()

    answer = art("get", mnist, "./out")

    assert answer.code == 4
    assert answer.err.splitlines() == [
        "art: kept, as edited since; --force overwrites:",
        "  a.txt",
        "  sub/b c.txt",
    ]
    mine = {"a.txt": b"mine\n", "sub/b c.txt": b"mine too\n"}
    assert read_tree(Path("out")) == FILES | mine


def test_what_came_and_what_did_not_is_told_in_json(art: Shell, mnist: str) -> None:
    art.ok("get", mnist, "./out")
    Path("out/a.txt").write_bytes(b"mine\n")
    Path("out/sub/large.bin").unlink()

    told = art("get", mnist, "./out", "--json").json
    [line] = art("get", mnist, "./out").lines

    assert (told["written"], told["kept"], told["edited"]) == (1, 1, ["a.txt"])
    assert told["problems"] == []
    assert "0 files written, 2 kept, not all of " in line


@pytest.mark.parametrize("force", [(), ("--force",)])
@pytest.mark.parametrize(
    ("obstacle", "words"),
    [
        ("a.txt/mine", "'a.txt' is a folder here and a file in the artifact"),
        ("sub", "'sub' is a file here and a folder in the artifact"),
    ],
)
def test_what_is_in_the_way_is_named_with_and_without_force(
    art: Shell, mnist: str, obstacle: str, words: str, force: tuple[str, ...]
) -> None:
    mine = Path("out") / obstacle
    mine.parent.mkdir(parents=True)
    mine.write_bytes(b"mine")

    answer = art("get", mnist, "./out", "--json", *force)

    assert answer.code == 4
    assert answer.err == f"art: {words}: move or delete what is here, and try again\n"
    assert answer.json["edited"] == []
    assert len(answer.json["problems"]) == 1
    assert answer.json["written"] == (2 if obstacle == "a.txt/mine" else 1)
    assert mine.read_bytes() == b"mine"


def test_force_overwrites_edited_files(art: Shell, mnist: str) -> None:
    art.ok("get", mnist, "./out")
    Path("out/a.txt").write_bytes(b"mine\n")

    art.ok("get", mnist, "./out", "--force")

    assert read_tree(Path("out")) == FILES


def test_newer_version_replaces_what_the_older_one_left(art: Shell, mnist: str, data: Path) -> None:
    art.ok("get", mnist, "./out")
    (data / "a.txt").write_bytes(b"newer\n")
    art.ok("put", str(data), "mnist")

    art.ok("get", "mnist", "./out")

    assert read_tree(Path("out")) == FILES | {"a.txt": b"newer\n"}


def test_damaged_bytes_are_not_delivered(art: Shell, mnist: str) -> None:
    art.damage_last_file()

    answer = art("get", mnist, "./out")

    assert answer.code == 1
    assert "sub/large.bin" in answer.err
    assert "sub/large.bin" not in read_tree(Path("out"))


def test_quiet_tells_nothing(art: Shell, mnist: str) -> None:
    answer = art.ok("get", mnist, "./out", "--quiet")

    assert (answer.out, answer.err) == (b"", "")


def test_links_out_of_the_folder_are_named_with_what_makes_them(art: Shell) -> None:
    Path("in").mkdir()
    for name in ("one", "two"):
        (Path("in") / name).symlink_to("/etc")
    art.ok("put", "./in", "links", "--symlinks")

    answer = art("get", "links", "./out")

    assert answer.code == 2
    assert answer.err.splitlines() == [
        f"art: {name} is a link out of the folder, to '/etc', and not made; "
        "outside_links=True, or --outside-links, makes it"
        for name in ("one", "two")
    ]
    art.ok("get", "links", "./out", "--outside-links")
