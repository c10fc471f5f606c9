"""`art store repack` and `art store index` tell what they did, and fail where damage was found."""

from pathlib import Path

import pytest
from folders import write_tree

from artifacts.catalog import Catalog
from artifacts.names import CollectionName
from artifacts.storage import BLOBS
from cli.shell import Shell


@pytest.fixture
def sparse(art: Shell) -> Shell:
    """A store with one pack, of which little is in use."""
    write_tree(art.folder / "most", {f"{n}": b"%d" % n * 1000 for n in range(100)})
    write_tree(art.folder / "few", {"7": b"7" * 1000, "8": b"8" * 1000})
    art.ok("put", "most")
    art.ok("put", "few")
    Catalog.open(str(art.store)).delete(CollectionName("default", "proj", "most"))
    return art


def packs(art: Shell) -> set[Path]:
    return {path for path in (art.store / BLOBS).rglob("*") if path.is_file()}


def test_a_dry_run_tells_what_would_be_copied(sparse: Shell) -> None:
    before = packs(sparse)

    [line] = sparse.ok("store", "repack", "--dry-run").lines

    found = "1 blob of 185.5 KiB, of which 2.0 KiB are in use and would be copied"
    assert line == f"{sparse.store}  {found}"
    assert packs(sparse) == before


def test_what_was_repacked_is_told(sparse: Shell) -> None:
    answer = sparse.ok("store", "repack", "--json").json

    assert (answer["blobs"], answer["live"], answer["packs"], answer["versions"]) == (1, 2000, 1, 1)
    assert sparse.ok("store", "repack").lines[0].startswith(f"{sparse.store}  0 blobs of 0 B")
    assert "v0 repacked" in sparse.ok("log", "few").out.decode()
    sparse.ok("verify", "--all")


def test_with_a_smaller_share_less_is_repacked(sparse: Shell) -> None:
    assert sparse.ok("store", "repack", "--below", "0.001", "--json").json["blobs"] == 0


@pytest.mark.parametrize("below", ["-1", "1.5", "half"])
def test_a_share_is_between_nothing_and_all(art: Shell, below: str) -> None:
    assert art("store", "repack", "--below", below).code == 2


def test_damage_is_told_of_and_fails(sparse: Shell) -> None:
    [pack] = packs(sparse)
    pack.chmod(0o644)
    pack.write_bytes(pack.read_bytes()[:-1] + b"!")

    answer = sparse("store", "repack")

    assert answer.code == 1
    assert pack.name in answer.lines[-1]
    assert packs(sparse) >= {pack}


def test_the_index_is_made_anew(sparse: Shell) -> None:
    first = sparse.ok("store", "index", "--json").json

    assert (first["rows"], first["lists"], first["problems"]) == (2, 0, [])
    assert sparse.ok("store", "index").lines[0].startswith(f"{sparse.store}  2 rows, 0 lists")


@pytest.mark.parametrize("command", [["verify", "--all"], ["store", "index"], ["put", "few"]])
def test_any_executor_may_do_the_work(sparse: Shell, command: list[str]) -> None:
    sparse.ok(*command, "--executor", "threads://2")


def test_what_is_no_executor_is_refused(sparse: Shell) -> None:
    answer = sparse("verify", "--all", "--executor", "ray://here")

    assert answer.code == 2
    assert "'ray://here' is no executor" in answer.err
