"""Put: a uri instead of a path, of which no bytes are uploaded."""

from __future__ import annotations

from pathlib import Path

from folders import write_tree

import artifacts
from artifacts import Artifact
from artifacts.cache import files_below
from cli.shell import Shell

FILES = {"a.txt": b"alpha", "sub/b.txt": b"beta"}


def test_a_reference_is_kept_got_and_verified(art: Shell) -> None:
    write_tree(art.folder / "data", FILES)

    put = art.ok("put", "--reference", f"file://{art.folder}/data", "x", "--json").json
    art.ok("get", "x:v0", "out")

    assert (put["name"], put["files"]) == ("default/proj/x:v0", 2)
    got = {path: Path(place).read_bytes() for path, place in files_below("out")}
    assert got == FILES
    art.ok("verify", "./out")
    art.ok("verify", "./out", "--against", "x:v0")
    art.ok("verify", "x:v0")


def test_verifying_says_which_references_it_did_not_read(art: Shell) -> None:
    write_tree(art.folder / "data", FILES)
    art.ok("put", "--reference", f"file://{art.folder}/data", "x")

    told = art.ok("verify", "x:v0", "--json", "--junit", "report.xml").json
    first, second = art.ok("verify", "x:v0").lines

    assert (told["files"], told["size"], told["unread_references"]) == (0, 0, 2)
    assert ": 0 files, 0 B, " in first
    assert "2 references not read" in second
    assert 'name="unread_references" value="2"' in Path("report.xml").read_text()


def test_verifying_a_folder_says_which_references_it_could_not_compare(art: Shell) -> None:
    write_tree(art.folder / "data", FILES)
    draft = Artifact("x", "dataset")
    draft.add_reference(f"file://{art.folder}/data", checksum=False)
    draft.add_file("data/a.txt", "c.txt")
    with artifacts.init(project="proj", settings={"console": "off"}) as run:
        run.log_artifact(draft)
    write_tree(art.folder / "out", {**FILES, "c.txt": b"alpha"})

    told = art.ok("verify", "./out", "--against", "x:v0", "--json").json
    lines = art.ok("verify", "./out", "--against", "x:v0").lines

    assert (told["files"], told["unread_references"]) == (1, 2)
    assert "2 references not compared" in lines[1]
    stored = art.ok("verify", "x:v0", "--json").json
    assert (stored["files"], stored["size"], stored["unread_references"]) == (1, 5, 2)


def test_it_is_shown_and_compared(art: Shell) -> None:
    write_tree(art.folder / "data", FILES)
    uri = f"file://{art.folder}/data"
    art.ok("put", "--reference", uri, "x")
    art.ok("get", "x:v0", "out")

    listed = art.ok("show", "x:v0", "--files", "--json").json
    sums = art.ok("show", "x:v0", "--b3sums")

    assert [(each["kind"], each["uri"]) for each in listed] == [
        ("reference", f"{uri}/a.txt"),
        ("reference", f"{uri}/sub/b.txt"),
    ]
    assert f"→ {uri}/a.txt" in art.ok("show", "x:v0", "--files").out.decode()
    assert sums.out == art.ok("show", "./out", "--b3sums").out
    same = art.ok("diff", "x:v0", "./out", "--json").json
    assert [same[kind] for kind in ("added", "removed", "changed")] == [[], [], []]
    assert "download it" in art("cat", "x:v0", "a.txt").err


def test_it_is_called_as_what_it_leads_to(art: Shell) -> None:
    write_tree(art.folder / "data", FILES)

    put = art.ok("put", f"file://{art.folder}/data/a.txt", "--reference", "--json").json

    assert put["name"] == "default/proj/a.txt:v0"


def test_what_is_gone_is_told_or_left_out(art: Shell) -> None:
    write_tree(art.folder / "data", FILES)
    art.ok("put", "--reference", f"file://{art.folder}/data", "x")
    (art.folder / "data" / "a.txt").unlink()

    answer = art("get", "x:v0", "out")

    assert answer.code != 0
    assert "a.txt: nothing lies at file://" in answer.err
    art.ok("get", "x:v0", "again", "--allow-missing-references")
    assert {path for path, _ in files_below("again")} == {"sub/b.txt"}


def test_what_leads_nowhere_is_a_mistake(art: Shell) -> None:
    assert art("put", "--reference", "data", "x").code == 2
    assert "hush" not in art("put", "--reference", "https://me:hush@host/a", "x").err
