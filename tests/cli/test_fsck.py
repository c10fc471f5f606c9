"""`art fsck` tells what is wrong with a store, and puts back what is found elsewhere."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from artifacts import init
from artifacts.cache import Checked, checked_key
from artifacts.catalog import Session
from artifacts.runs import find_run
from artifacts.runs.heartbeat import beat
from artifacts.settings import Settings
from artifacts.storage import LocalStore, now
from cli.shell import Shell


def test_a_whole_store_is_told_so(art: Shell, mnist: str) -> None:
    assert mnist
    [line] = art.ok("fsck").lines

    assert "  whole; " in line
    assert art.ok("fsck", "--json").json["findings"] == []


def test_a_fault_is_told_with_what_it_takes_along(art: Shell, mnist: str) -> None:
    art.damage_last_file()

    answer = art("fsck")

    assert answer.code == 1
    assert answer.lines[0].startswith("damaged: blobs/")
    assert f"{mnist}: sub/large.bin" in answer.lines[0]
    [finding] = art("fsck", "--json").json["findings"]
    assert (finding["kind"], finding["fault"], finding["repaired"]) == ("damaged", True, False)


def test_a_backup_repairs_it(art: Shell, mnist: str) -> None:
    shutil.copytree(art.store, art.folder / "backup")
    art.damage_last_file()

    answer = art.ok("fsck", "--repair-from", "backup")

    assert answer.lines[0].startswith("repaired: blobs/")
    art.ok("fsck")
    art.ok("verify", mnist)


def test_the_folder_that_was_put_repairs_it(art: Shell, mnist: str, data: Path) -> None:
    art.damage_last_file()

    art.ok("fsck", "--repair-from", str(data))

    art.ok("verify", mnist)


def test_the_cache_repairs_only_what_it_has(art: Shell, mnist: str) -> None:
    art.damage_last_file()

    assert art("fsck", "--repair-from", "cache").code == 1
    assert art("verify", mnist).code == 1


def test_a_foreign_file_is_a_fault(art: Shell, mnist: str) -> None:
    assert mnist
    (art.store / "Notes.txt").write_text("x")

    answer = art("fsck", "--json")

    assert (answer.code, answer.json["findings"][0]["where"]) == (1, "Notes.txt")


def test_what_is_no_source_is_refused(art: Shell, mnist: str) -> None:
    assert mnist
    assert art("fsck", "--repair-from", "nowhere").code == 2


def test_one_that_did_not_end_is_gone_on_with_and_says_so(art: Shell, mnist: str) -> None:
    settings = Settings.load()
    id_ = Session(settings).catalog.identity.id
    checked = Checked(settings.cache_dir, id_, settings.store, now())
    checked.add([(checked_key("a place"), 7)])
    art.damage_last_file()

    answer = art("fsck", "--json")

    assert answer.json["earlier"]["right"] == 1
    [finding] = answer.json["findings"]
    assert finding["affected"] == [f"default/proj/{mnist}: sub/large.bin"]
    assert art("fsck", "--json").json["earlier"] is None


def test_all_is_read_again_where_that_is_asked_for(art: Shell, mnist: str) -> None:
    assert mnist
    settings = Settings.load()
    url, id_ = settings.store, Session(settings).catalog.identity.id
    Checked(settings.cache_dir, id_, url, now()).add([(checked_key("a place"), 7)])

    assert "1 place not read again" in art.ok("fsck").lines[1]
    Checked(settings.cache_dir, id_, url, now()).add([(checked_key("a place"), 7)])
    [line] = art.ok("fsck", "--anew").lines

    assert "whole" in line


@pytest.mark.local
def test_whatever_runs_leave_in_a_store_is_known(art: Shell, mnist: str) -> None:
    for number in range(9):
        with init() as run:
            run.log({"x": number})
            run.use_artifact(mnist)
    beat(LocalStore(art.store), find_run(Session(Settings.load()), run.id).fold.log.name)
    art.ok("run", "ls")
    art.ok("lineage", mnist)
    art.ok("gc")
    kinds = {key.split("/")[1] for key in LocalStore(art.store).list("cache/")}
    assert {"heartbeats", "lineage", "runs"} <= kinds

    assert art.ok("fsck", "--json").json["findings"] == []

    for kind in ("heartbeats", "lineage", "runs"):
        [file, *_] = [each for each in (art.store / "cache" / kind).rglob("*") if each.is_file()]
        file.write_bytes(b"damaged")
    assert len(art.ok("fsck", "--json").json["findings"]) == 3
