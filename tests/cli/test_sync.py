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

    assert again.lines == ["1 run was in the store already"]
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


def test_an_offline_run_waits_until_it_is_synced(art: Shell) -> None:
    folder = offline("a")

    [before] = art.ok("status", "--json").json["pending"]
    [*_, line] = art.ok("status").lines
    art.ok("sync")
    synced = art.ok("status", "--json").json["pending"]
    offline("b")
    after = art.ok("status", "--json").json["pending"]

    store = str(Settings.load().store)
    assert before == {"run": "default/proj/a", "folder": str(folder.resolve()), "store": store}
    assert line == f"  default/proj/a  {folder.resolve()}"
    assert synced == []
    assert [each["run"] for each in after] == ["default/proj/b"]


def test_what_was_there_already_is_told_as_a_count(art: Shell) -> None:
    for id_ in ("a", "b"):
        offline(id_)
    art.ok("sync")
    offline("c")

    first, second = art.ok("sync").lines

    assert first.startswith("default/proj/c  ")
    assert second == "2 runs were in the store already"


def test_folders_that_stay_are_told_with_how_to_delete_them(art: Shell) -> None:
    folders = [offline(id_) for id_ in ("a", "b")]

    first, again = art.ok("sync"), art.ok("sync", "--json")

    assert all(folder.is_dir() for folder in folders)
    for answer in (first, again):
        assert "2 folders of runs stay, though what was logged is in the store" in answer.err
        below = " ".join(os.path.relpath(folder) for folder in sorted(folders))
        assert answer.err.endswith(f": rm -r -- {below}\n")
    assert [each["stays"] for each in again.json] == [True, True]
    assert "stay" not in art.ok("sync", "--quiet").err
    for folder in folders:
        shutil.rmtree(folder)
    assert "stay" not in art.ok("sync").err


def nested(outer: Path, id_: str) -> Path:
    """The folder of an offline run that was begun in the folder of another."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(outer)
        return outer / offline(id_)


@pytest.mark.parametrize("is_broken", [True, False])
def test_a_folder_that_holds_a_run_that_was_not_synced_is_not_to_be_deleted(
    art: Shell, *, is_broken: bool
) -> None:
    outer = offline("a")
    inner = next(nested(outer, "b").glob("*.wandb"))
    whole = inner.read_bytes()

    if is_broken:
        inner.write_bytes(whole.replace(b'"first":0', b'"first":x'))
        first = art("sync")
        inner.write_bytes(whole)
    else:
        first = art.ok("sync", str(next(outer.glob("*.wandb"))))
    after = art.ok("sync")

    assert first.lines[0].startswith("default/proj/a  ")
    assert "rm -r" not in first.err
    assert after.lines[0].startswith("default/proj/b  ")
    assert after.err.startswith("art: 1 folder of runs stays, ")
    assert after.err.endswith(f": rm -r -- {outer}\n")


@pytest.mark.parametrize(
    "name", ["-rf", "a b", "$(touch ran)", "`touch ran`\n", "\x1b[1m'é", b"\xff"]
)
def test_how_to_delete_a_folder_is_told_as_a_shell_wants_it(art: Shell, name: str | bytes) -> None:
    offline("a")
    folder = Path(os.fsdecode(name))
    Path("wandb").rename(folder)

    told = art.ok("sync", f"./{folder}").err
    _, command, rest = told.rpartition("rm -r -- ")
    subprocess.run(["bash", "-c", command + rest], check=True)

    assert command
    assert rest.removesuffix("\n").isprintable()
    assert [*folder.iterdir()] == []
    assert not Path("ran").exists()


def test_a_few_of_many_folders_are_told_beside_how_many_more_there_are(art: Shell) -> None:
    folders = sorted(map(str, (offline(id_) for id_ in "abcde")))

    command, more = art.ok("sync").err.splitlines()[-2:]

    assert command.startswith("art: 5 folders of runs stay, ")
    assert command.endswith(f": rm -r -- {' '.join(folders[:3])}")
    assert more == "art: and 2 more"


def test_a_folder_that_holds_what_the_store_has_not_is_not_to_be_deleted(art: Shell) -> None:
    kept = art.folder / "kept.txt"
    kept.write_text("kept")
    with begun("a", mode="offline") as run:
        run.save(str(kept), base_path=str(art.folder))
    kept.unlink()

    answer = art.ok("sync", "--json")

    assert answer.json[0]["missed"]
    assert answer.json[0]["stays"]
    assert "rm -r" not in answer.err


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
    assert told[0]["store"] == pending[0]["store"]
    assert values(art, "killed") == [0, 1, 2, 3, 4]
    assert art.ok("run", "show", "killed", "--json").json["state"] == "crashed"
    assert art.ok("status", "--json").json["pending"] == []
    assert art.ok("sync", "--json").json == []


def test_a_store_other_than_that_of_the_settings_is_named(art: Shell) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    subprocess.run([sys.executable, "-c", KILLED], check=False, cwd=art.folder, env=environment)

    [line] = art.ok("sync", "--store", "./other").lines

    assert line.endswith(f" synced to {Settings.load().store}")


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
    assert again.lines == ["1 run was in the store already"]
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


def test_a_run_waits_while_an_artifact_of_it_could_not_be_brought(art: Shell) -> None:
    with begun("near") as run:
        run.log_artifact(draft(name="taken", type="model"))
    with begun("a", mode="offline") as run:
        run.log_artifact(draft(name="taken"))

    art("sync")
    [waiting] = art.ok("status", "--json").json["pending"]
    art.ok("rename", "taken", "freed")
    art.ok("sync")

    assert waiting["run"] == "default/proj/a"
    assert art.ok("status", "--json").json["pending"] == []


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
