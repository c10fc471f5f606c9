"""`art verify` of folders with references: its own digests count, not what a receipt lists."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from folders import write_tree
from msgspec.structs import replace

import artifacts
from artifacts import Artifact
from artifacts.cache import RECEIPT, Receipt
from artifacts.content import Digest
from cli.shell import Answer, Shell

FILES = {"r1.txt": b"one\n", "r2.txt": b"two\n"}
TWO = Digest.of(b"two\n").hex()


@pytest.fixture
def ds(art: Shell) -> str:
    """A version of two references."""
    write_tree(art.folder / "refd", FILES)
    art.ok("put", "--reference", f"file://{art.folder}/refd", "ds")
    return "ds:v0"


@pytest.fixture
def unread(art: Shell) -> str:
    """A version of a file and two references of which nobody knows the bytes."""
    write_tree(art.folder / "refd", FILES)
    draft = Artifact("told", "dataset")
    draft.add_reference(f"file://{art.folder}/refd", checksum=False)
    draft.add_file("refd/r1.txt", "file.txt")
    with artifacts.init(project="proj", settings={"console": "off"}) as run:
        run.log_artifact(draft)
    return "told:v0"


def get_without(art: Shell, name: str) -> Path:
    """A folder that lacks r2.txt, which is gone."""
    (art.folder / "refd" / "r2.txt").unlink()
    art.ok("get", name, "./out", "--allow-missing-references")
    return Path("out")


def digest_of(art: Shell, name: str) -> str:
    return str(art.ok("show", name, "--json").json["digest"])


def found(answer: Answer) -> list[tuple[str, str, str | None]]:
    assert answer.code == 1, answer.err
    return [(each["kind"], each["where"], each["expected"]) for each in answer.json["problems"]]


def test_what_was_left_out_is_missing_of_the_version(art: Shell, ds: str) -> None:
    get_without(art, ds)
    missing = [("missing", "r2.txt", TWO)]

    assert found(art("verify", "./out", "--against", ds, "--json")) == missing
    assert found(art("verify", "./out", "--digest", digest_of(art, ds), "--json")) == missing
    assert art("verify", "./out", "--against", ds).lines == [f"missing: r2.txt (expected {TWO})"]


def test_other_bytes_in_its_place_are_changed(art: Shell, ds: str) -> None:
    (get_without(art, ds) / "r2.txt").write_bytes(b"WRONG\n")
    changed = [("changed", "r2.txt", TWO)]

    assert found(art("verify", "./out", "--against", ds, "--json")) == changed
    assert found(art("verify", "./out", "--digest", digest_of(art, ds), "--json")) == changed


def test_its_own_bytes_in_its_place_are_right(art: Shell, ds: str) -> None:
    (get_without(art, ds) / "r2.txt").write_bytes(b"two\n")

    for way in (["--against", ds], ["--digest", digest_of(art, ds)]):
        told = art.ok("verify", "./out", *way, "--json").json
        assert (told["files"], told["size"], told["unread_references"]) == (2, 8, 0)


def test_offline_it_is_told_what_was_left_out(art: Shell, ds: str) -> None:
    get_without(art, ds)
    art.store.rename(art.folder / "gone")

    lines = art.ok("verify", "./out").lines
    told = art.ok("verify", "./out", "--json", "--junit", "report.xml").json

    assert ": 1 file, 4 B, " in lines[0]
    assert lines[1] == "  1 reference left out when it was delivered: r2.txt"
    assert told["left_out"] == ["r2.txt"]
    assert 'name="left_out" value="1"' in Path("report.xml").read_text()


def test_of_a_part_only_the_part_is_left_out(art: Shell, ds: str) -> None:
    (art.folder / "refd" / "r2.txt").unlink()
    art.ok("get", ds, "./out", "--prefix", "r1")

    assert art.ok("verify", "./out", "--json").json["left_out"] == []


def test_a_folder_that_has_all_left_out_nothing(art: Shell, ds: str) -> None:
    art.ok("get", ds, "./out")

    assert len(art.ok("verify", "./out").lines) == 2
    assert art.ok("verify", "./out", "--json").json["left_out"] == []


def test_a_receipt_that_leaves_out_does_not_help(art: Shell, ds: str) -> None:
    art.ok("get", ds, "./whole")
    shutil.copy(get_without(art, ds) / RECEIPT, "whole")
    (Path("whole") / "r2.txt").unlink()
    missing = [("missing", "r2.txt", TWO)]

    assert found(art("verify", "./whole", "--against", ds, "--json")) == missing
    assert found(art("verify", "./whole", "--digest", digest_of(art, ds), "--json")) == missing


@pytest.mark.parametrize("path", ["r2.txt", "file.txt", "more.txt"])
def test_a_receipt_that_lists_other_bytes_does_not_help(art: Shell, ds: str, path: str) -> None:
    """As those of a reference, whatever the version has there, if anything."""
    draft = Artifact("mixed", "dataset")
    draft.add_reference(f"file://{art.folder}/refd")
    draft.add_file("refd/r1.txt", "file.txt")
    with artifacts.init(project="proj", settings={"console": "off"}) as run:
        run.log_artifact(draft)
    art.ok("get", "mixed:v0", "./out")
    Path("out", path).write_bytes(b"WRONG\n")
    [delivered] = Receipt.read(Path("out")).deliveries
    wrong = {**delivered.references, path: (Digest.of(b"WRONG\n"), 6)}
    Receipt((replace(delivered, references=wrong),)).write(Path("out"))

    for way in (["--against", "mixed:v0"], ["--digest", digest_of(art, "mixed:v0")]):
        [(_, where, _)] = found(art("verify", "./out", *way, "--json"))
        assert where == path
    assert ds


def test_a_receipt_of_no_use_is_not_asked(art: Shell, unread: str) -> None:
    art.ok("get", unread, "./out")
    [delivered] = Receipt.read(Path("out")).deliveries
    Receipt((replace(delivered, pages={}),)).write(Path("out"))

    told = art.ok("verify", "./out", "--against", unread, "--json").json

    assert (told["files"], told["unread_references"]) == (1, 2)
    assert art("verify", "./out").code == 1


def test_of_what_nobody_knows_the_bytes_the_receipt_is_asked(art: Shell, unread: str) -> None:
    art.ok("get", unread, "./out")
    told = art.ok("verify", "./out", "--against", unread, "--json").json
    Path("out/r2.txt").write_bytes(b"WRONG\n")

    assert (told["files"], told["unread_references"]) == (3, 0)
    assert found(art("verify", "./out", "--against", unread, "--json")) == [
        ("changed", "r2.txt", TWO)
    ]


def test_what_nobody_knows_the_bytes_of_is_missing_too(art: Shell, unread: str) -> None:
    get_without(art, unread)
    missing = [("missing", "r2.txt", None)]

    assert found(art("verify", "./out", "--against", unread, "--json")) == missing
    assert found(art("verify", "./out", "--digest", digest_of(art, unread), "--json")) == missing
    assert art("verify", "./out", "--against", unread).lines == ["missing: r2.txt"]
    assert art.ok("verify", "./out", "--json").json["left_out"] == ["r2.txt"]


def test_present_it_is_not_compared(art: Shell, unread: str) -> None:
    (get_without(art, unread) / "r2.txt").write_bytes(b"any")

    for way in (["--against", unread], ["--digest", digest_of(art, unread)]):
        told = art.ok("verify", "./out", *way, "--json").json
        assert (told["files"], told["unread_references"]) == (2, 1)


def test_a_difference_is_what_is_left_out_or_wrong(art: Shell, ds: str) -> None:
    root = get_without(art, ds)

    answer = art("diff", ds, "./out", "--json")
    (root / "r2.txt").write_bytes(b"WRONG\n")
    changed = art("diff", ds, "./out", "--json")

    assert (answer.code, changed.code) == (1, 1)
    assert answer.json["removed"] == [{"path": "r2.txt", "size": 4, "digest": TWO}]
    assert [each["path"] for each in changed.json["changed"]] == ["r2.txt"]


def test_a_difference_is_also_what_nobody_knows_the_bytes_of(art: Shell, unread: str) -> None:
    get_without(art, unread)

    answer = art("diff", unread, "./out", "--json")

    assert answer.json["removed"] == [{"path": "r2.txt", "size": None, "digest": None}]
    assert art("diff", unread, "./out").lines[0].split() == ["-", "?", "r2.txt"]


def test_get_tells_what_is_missing_and_counts_what_came(art: Shell, ds: str) -> None:
    whole = art.ok("get", ds, "./whole", "--json").json
    (art.folder / "refd" / "r2.txt").unlink()

    line = art.ok("get", ds, "./text", "--allow-missing-references").lines[0]
    told = art.ok("get", ds, "./out", "--allow-missing-references", "--json").json
    part = art.ok("get", ds, "./p", "--prefix", "r", "--allow-missing-references", "--json").json

    assert (whole["missing_references"], whole["written"], whole["size"]) == ([], 2, 8)
    assert "  1 file written, 1 reference missing, 4 B, " in line
    assert (told["missing_references"], told["written"], told["size"]) == (["r2.txt"], 1, 4)
    assert (part["missing_references"], part["written"], part["size"]) == (["r2.txt"], 1, 4)


@pytest.mark.parametrize("force", [[], ["--force"]])
def test_a_reference_in_whose_way_something_lay_is_missed(
    art: Shell, ds: str, force: list[str]
) -> None:
    (art.folder / "out" / "r2.txt").mkdir(parents=True)
    assert art("get", ds, "./out", *force).code == 4

    (art.folder / "out" / "r2.txt").rmdir()

    assert found(art("verify", "./out", "--json")) == [("missing", "r2.txt", TWO)]


def test_a_file_that_was_kept_in_a_references_place_is_told_as_changed(art: Shell, ds: str) -> None:
    write_tree(art.folder / "out", {"r2.txt": b"mine"})
    assert art("get", ds, "./out").code == 4

    assert found(art("verify", "./out", "--json")) == [("changed", "r2.txt", TWO)]
