"""`art sync` brings into the store what runs logged on this machine, each row once."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from artifact.samples import draft
from servers.fleet import Fleet

from artifacts.settings import Settings
from cli.run.experiments import QUIET, begun
from cli.shell import ROOT, Shell

KILLED = f"""
import os, artifacts
run = artifacts.init(id="killed", settings={{**{QUIET!r}, "project": "proj"}})
for number in range(5):
    run.log({{"x": number}})
os._exit(9)
"""


def offline(id_: str, count: int = 3) -> Path:
    """The folder of a run that ended offline."""
    with begun(id_, mode="offline") as run:
        for number in range(count):
            run.log({"x": number})
    [folder] = Path("wandb").glob(f"offline-run-*-{id_}")
    return folder


def values(art: Shell, id_: str) -> list[int]:
    lines = art.ok("run", "export", id_, "--to", "jsonl", "--key", "x").lines
    return [json.loads(line)["x"] for line in lines]


def test_an_offline_run_is_synced_once(art: Shell) -> None:
    folder = offline("a")

    [told] = art.ok("sync", str(folder), "--json").json
    assert (told["run"], told["state"]) == ("default/proj/a", "synced")
    assert told["records"] > 3
    again = art.ok("sync", str(folder))

    assert again.lines == ["default/proj/a  all of it was in the store already"]
    assert values(art, "a") == [0, 1, 2]
    assert art.ok("run", "show", "a", "--json").json["state"] == "finished"


@pytest.mark.parametrize("paths", [[], ["."], ["wandb"]])
def test_all_below_a_folder_are_synced(art: Shell, paths: list[str]) -> None:
    for id_ in ("a", "b"):
        offline(id_)
    (art.folder / "wandb" / "run-theirs").mkdir()
    (art.folder / "wandb" / "run-theirs" / "run-x.wandb").write_bytes(b":W&B\x00binary")

    told = art.ok("sync", *paths, "--json").json

    assert [each["run"] for each in told] == ["default/proj/a", "default/proj/b"]
    assert values(art, "b") == [0, 1, 2]


@pytest.mark.parametrize("broken", ["entity", "project", "id", "first"])
def test_a_journal_with_a_broken_head_is_told_and_the_rest_is_synced(
    art: Shell, broken: str
) -> None:
    for id_ in ("a", "b"):
        folder = offline(id_)
        if id_ == "a":
            path = folder / "run-a.wandb"
            head, rest = path.read_bytes().split(b"\n", 1)
            left = {key: value for key, value in json.loads(head).items() if key != broken}
            path.write_bytes(json.dumps(left, separators=(",", ":")).encode() + b"\n" + rest)

    answer = art("sync", "--json")

    assert answer.code == 1
    assert [each["state"] for each in answer.json] == ["failed", "synced"]
    assert f"KeyError('{broken}')" in answer.json[0]["error"]
    assert values(art, "b") == [0, 1, 2]


def test_what_a_killed_process_left_is_synced_from_anywhere(art: Shell) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    subprocess.run([sys.executable, "-c", KILLED], check=False, cwd=art.folder, env=environment)
    (art.folder / "elsewhere").mkdir()
    os.chdir("elsewhere")

    pending = art.ok("status", "--json").json["pending"]
    told = art.ok("sync", "--json").json

    assert [each["run"] for each in pending] == ["default/proj/killed"]
    assert [(each["run"], each["state"]) for each in told] == [("default/proj/killed", "synced")]
    assert values(art, "killed") == [0, 1, 2, 3, 4]
    assert art.ok("run", "show", "killed", "--json").json["state"] == "crashed"
    assert art.ok("status", "--json").json["pending"] == []
    assert art.ok("sync", "--json").json == []


def test_a_run_whose_process_lives_is_left_to_it(art: Shell) -> None:
    run = begun("a")
    run.log({"x": 1})

    answer = art.process("sync", "--json")

    assert [each["state"] for each in answer.json] == ["running"]
    run.finish()
    assert values(art, "a") == [1]


def test_it_goes_to_the_store_that_is_named(art: Shell) -> None:
    offline("a")
    shutil.copytree("wandb", "elsewhere/wandb")

    art.ok("sync", "elsewhere", "--store", "./other")

    assert art("run", "show", "a").code == 3
    assert art.ok("run", "show", "a", "--store", "./other").code == 0


def test_what_is_no_run_is_told(art: Shell) -> None:
    (art.folder / "empty").mkdir()

    for path in ("empty", "nosuch"):
        answer = art("sync", path)
        assert answer.code == 2
        assert f"{path} has no run to be synced" in answer.err
    assert art.ok("sync").lines == ["nothing waits to be synced"]


def test_one_that_fails_keeps_no_other_from_its_store(art: Shell) -> None:
    folder = offline("a")
    journal = next(folder.glob("*.wandb"))
    journal.write_bytes(journal.read_bytes().replace(b'"first":0', b'"first":x'))
    offline("b")

    answer = art("sync", "--json")

    assert answer.code == 1
    assert [each["state"] for each in answer.json] == ["failed", "synced"]
    assert values(art, "b") == [0, 1, 2]


def test_artifacts_of_an_offline_run_come_too(art: Shell) -> None:
    with begun("a", mode="offline") as run:
        run.log_artifact(draft(), aliases=["prod"])
        run.link_artifact(run.log_artifact(draft({"x": b"x"}, name="other")), "shelf/best")

    first = art.ok("sync")
    shutil.move("wandb", "moved")
    again = art.ok("sync", "moved")

    assert first.lines[0].startswith("default/proj/a  ")
    assert first.lines[0].endswith(" records, 2 artifacts, 1 link synced")
    assert first.lines[1:] == ["  default/proj/data:v0  265 B", "  default/proj/other:v0  1 B"]
    assert again.lines == ["default/proj/a  all of it was in the store already"]
    assert art.ok("show", "data:prod", "--json").json["name"] == "default/proj/data:v0"
    assert art.ok("verify", "data:prod").code == 0


def test_what_was_brought_is_told_in_json(art: Shell) -> None:
    with begun("a", mode="offline") as run:
        made = run.log_artifact(draft())

    [told] = art.ok("sync", "--json").json

    [artifact] = told["artifacts"]
    named = {"name": "default/proj/data:v0", "type": "dataset"}
    assert artifact == {**named, "digest": made.digest, "size": 265}
    assert (told["state"], told["links"], told["left"]) == ("synced", 0, [])


def test_an_artifact_that_cannot_be_brought_is_told_and_comes_later(art: Shell) -> None:
    with begun("near") as run:
        run.log_artifact(draft(name="taken", type="model"))
    with begun("a", mode="offline") as run:
        run.log({"x": 1})
        run.log_artifact(draft(name="taken"))
        run.log_artifact(draft())

    answer = art("sync")
    [told] = art("sync", "--json").json

    reason = "rename it there, and sync again"
    assert answer.code == 2
    assert reason in answer.err
    assert answer.lines[1] == "  default/proj/data:v0  265 B"
    assert answer.lines[2].startswith("  not synced: ")
    assert "default/proj/taken" in answer.lines[2]
    assert (told["state"], len(told["left"])) == ("incomplete", 1)
    assert values(art, "a") == [1]

    art.ok("rename", "taken", "freed")
    assert art.ok("sync").lines[1:] == ["  default/proj/taken:v1  265 B"]
    assert art.ok("show", "taken", "--json").json["type"] == "dataset"


def test_a_bucket_gets_it_too(art: Shell, fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    server = fleet.server("ceph")
    with begun("a", mode="offline") as run:
        for number in range(50):
            run.log({"x": number})
        run.log_artifact(draft(), aliases=["prod"])
    monkeypatch.setenv("ART_STORE", server.place())
    monkeypatch.setenv("ART_STORAGE_OPTIONS", json.dumps(dict(server.options)))
    assert Settings.load().store.startswith("s3://")

    art.ok("sync")
    art.ok("sync")

    assert values(art, "a") == [*range(50)]
    assert art.ok("verify", "data:prod").code == 0
    [listed] = art.ok("run", "ls", "--json").json
    assert (listed["id"], listed["state"], listed["last_step"]) == ("a", "finished", 49)
    assert art.ok("run", "path", "a").lines[0].startswith(f"{os.environ['ART_STORE']}/blobs/")
    assert art.ok("run", "tail", "a", "-n1").lines[0].endswith("step 49  x=49")
    art.ok("run", "delete", "a")
    assert art.ok("run", "ls", "--json").json == []
