"""`art verify` lists every difference, trusts the receipt no more than it must, repairs nothing."""

import os
from pathlib import Path
from typing import Any

import pytest
from folders import write_tree

from artifacts.cache import Receipt
from artifacts.content import Digest
from cli.shell import FILES, Shell


@pytest.fixture
def folder(art: Shell, mnist: str) -> Path:
    """What `art get` made."""
    art.ok("get", mnist, "./out")
    return Path("out")


def problem(kind: str, where: str, expected: bytes | None, found: bytes | None) -> dict[str, Any]:
    digests = [None if data is None else Digest.of(data).hex() for data in (expected, found)]
    return {"kind": kind, "where": where, "expected": digests[0], "found": digests[1]}


def damage(folder: Path) -> list[dict[str, Any]]:
    """One file changed, one missing, two unexpected; as they should be reported."""
    write_tree(folder, {"a.txt": b"other\n", "x": b"1", "sub/y z": b"2"})
    (folder / "sub" / "b c.txt").unlink()
    return [
        problem("missing", "sub/b c.txt", b"beta\n", None),
        problem("changed", "a.txt", b"alpha\n", b"other\n"),
        problem("unexpected", "sub/y z", None, b"2"),
        problem("unexpected", "x", None, b"1"),
    ]


def test_folder_is_verified_offline_wherever_it_was_copied(art: Shell, folder: Path) -> None:
    folder.rename("elsewhere")
    art.store.rename(art.folder / "gone")

    summary, name = art.ok("verify", "./elsewhere").lines

    assert summary.startswith("./elsewhere  verified against its receipt: 3 files, 2.0 MiB, ")
    assert name.split()[0] == "default/proj/mnist:v0"


def test_every_difference_is_listed_with_both_digests(art: Shell, folder: Path) -> None:
    expected = damage(folder)

    answer = art("verify", "./out", "--json")

    assert answer.code == 1
    assert answer.json["problems"] == expected
    assert answer.err == "art: ./out: 4 problems, listed above\n"


def test_differences_are_listed_for_people(art: Shell, folder: Path) -> None:
    damage(folder)
    alpha, other = Digest.of(b"alpha\n"), Digest.of(b"other\n")

    answer = art("verify", "./out")

    assert len(answer.lines) == 4
    assert f"changed: a.txt (expected {alpha}, found {other})" in answer.lines


def test_verifying_repairs_nothing(art: Shell, folder: Path) -> None:
    damage(folder)

    first, second = art("verify", "./out"), art("verify", "./out")

    assert first == second


def test_quiet_still_tells_what_is_wrong(art: Shell, folder: Path) -> None:
    assert art.ok("verify", "./out", "--quiet").out == b""
    damage(folder)

    assert len(art("verify", "./out", "--quiet").lines) == 4


def test_fifo_in_a_files_place_is_told_of(art: Shell, folder: Path) -> None:
    (folder / "a.txt").unlink()
    os.mkfifo(folder / "a.txt")
    os.mkfifo(folder / "pipe")

    problems = art("verify", "./out", "--json").json["problems"]

    assert [(each["kind"], each["where"]) for each in problems] == [
        ("changed", "a.txt"),
        ("unexpected", "pipe"),
    ]


def test_name_that_is_not_utf8_is_told_of(art: Shell, folder: Path) -> None:
    (folder / os.fsdecode(b"\xff")).write_bytes(b"1")

    answer = art("verify", "./out")

    assert answer.code == 1
    assert r"\udcff" in answer.lines[0]


def test_part_is_verified_as_a_part(art: Shell, mnist: str) -> None:
    art.ok("get", mnist, "./part", "--prefix", "sub/")

    lines = art.ok("verify", "./part").lines

    assert "2 files" in lines[0]
    assert "default/proj/mnist:v0 (only sub/…)" in lines[1]


def forge(folder: Path, art: Shell) -> None:
    """A changed file, and a receipt that says so."""
    write_tree(art.folder / "evil", FILES | {"a.txt": b"forged\n"})
    art.ok("put", "evil", "--store", "forger")
    art.ok("get", "evil", "./forged", "--store", "forger")
    (folder / "a.txt").write_bytes(b"forged\n")
    Receipt.read(Path("forged")).write(folder)


def test_forged_receipt_is_believed_unless_told_otherwise(art: Shell, folder: Path) -> None:
    forge(folder, art)

    art.ok("verify", "./out")


def test_against_a_version_a_forged_receipt_does_not_help(art: Shell, folder: Path) -> None:
    forge(folder, art)

    answer = art("verify", "./out", "--against", "mnist:v0", "--json")

    assert answer.code == 1
    assert answer.json["problems"] == [problem("changed", "a.txt", b"alpha\n", b"forged\n")]


def test_against_a_digest_a_forged_receipt_does_not_help(
    art: Shell, folder: Path, mnist: str
) -> None:
    digest = art.ok("show", mnist, "--json").json["digest"]
    art.ok("verify", "./out", "--digest", digest)
    forge(folder, art)

    answer = art("verify", "./out", "--digest", digest, "--json")

    assert answer.code == 1
    [found] = answer.json["problems"]
    assert (found["kind"], found["expected"]) == ("other artifact", digest)


def test_empty_receipt_proves_no_digest(art: Shell, folder: Path) -> None:
    Receipt().write(folder)
    for path in FILES:
        (folder / path).unlink()

    art.ok("verify", "./out")
    assert art("verify", "./out", "--digest", "0" * 64).code == 1


def test_folder_without_a_receipt_is_verified_against_a_version(
    art: Shell, mnist: str, data: Path
) -> None:
    assert art("verify", "./data").code == 3
    assert art.ok("verify", "./data", "--against", mnist).lines[0].startswith("./data  verified")
    assert data.exists()


@pytest.mark.parametrize("spoiled", [b"", b"junk\n", None], ids=["empty", "junk", "cut"])
@pytest.mark.parametrize("command", ["verify", "show"])
def test_damaged_receipt_is_named_in_a_sentence(
    art: Shell, folder: Path, command: str, spoiled: bytes | None
) -> None:
    receipt = folder / ".artifact-receipt"
    receipt.write_bytes(receipt.read_bytes()[:-1] if spoiled is None else spoiled)

    answer = art(command, "./out")

    assert (answer.code, answer.out) == (1, b"")
    [line] = answer.err.splitlines()
    assert line.startswith("art: the receipt out/.artifact-receipt is damaged; ")


def test_version_is_verified_in_the_store(art: Shell, mnist: str) -> None:
    line, *_ = art.ok("verify", mnist).lines

    assert line.startswith("default/proj/mnist:v0  verified against its digest ")
    assert "3 files, 2.0 MiB" in line


def test_digest_of_a_version_is_compared(art: Shell, mnist: str) -> None:
    art.ok("verify", mnist, "--digest", art.ok("show", mnist, "--json").json["digest"])

    assert art("verify", mnist, "--digest", "0" * 64).code == 1


@pytest.mark.parametrize("target", ["mnist:v0", "--all"])
def test_damage_in_the_store_names_what_it_affects(art: Shell, mnist: str, target: str) -> None:
    art.damage_last_file()

    answer = art("verify", target, "--json")

    assert answer.code == 1
    problems = answer.json["problems"]
    assert {each["kind"] for each in problems} == {"damaged"}
    assert any("sub/large.bin" in text for each in problems for text in each["affected"])
    assert len(art("verify", target).lines) == len(problems)
    assert mnist


@pytest.mark.parametrize("command", [["verify", "mnist:v0"], ["verify", "--all"], ["fsck"]])
@pytest.mark.parametrize("kind", ["damaged", "missing"])
def test_what_is_missing_is_not_damaged_and_is_named_once(
    art: Shell, mnist: str, command: list[str], kind: str
) -> None:
    assert mnist
    blob = max(art.stored_files(), key=lambda path: path.stat().st_size)
    if kind == "damaged":
        art.damage_last_file()
    else:
        blob.unlink()

    line, *_ = art(*command).lines

    where, _, reason = line.partition(": ")[2].partition(": ")
    assert (line.partition(":")[0], where) == (kind, str(blob.relative_to(art.store)))
    assert where not in reason


def test_whole_store_is_verified(art: Shell, mnist: str) -> None:
    [line] = art.ok("verify", "--all").lines

    assert line.startswith(f"{art.store}  verified against every digest in it: ")
    assert mnist
