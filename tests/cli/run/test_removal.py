"""`art run delete` and `rm-old` delete runs, and nothing else."""

import os
import signal

import pytest
from forks import done_by_fork

from cli.run.experiments import begun, logged, writer_of
from cli.shell import Shell


def ids(art: Shell) -> list[str]:
    return [each["id"] for each in art.ok("run", "ls", "--json").json]


def test_a_deleted_run_is_gone_and_its_artifacts_stay(art: Shell) -> None:
    (art.folder / "data.txt").write_text("1")
    with begun("a") as run:
        run.log({"x": 1})
        run.log_artifact("data.txt", name="data", type="dataset")

    assert art.ok("run", "delete", "a").lines == ["default/proj/a  deleted"]

    assert ids(art) == []
    assert art("run", "show", "a").code == 3
    assert art.ok("show", "data:v0", "--json").json["logged_by"] == "default/proj/a"


def test_what_of_a_deleted_run_waits_here_brings_it_back_no_more(art: Shell) -> None:
    logged("a")

    def act() -> None:
        run = begun("a", resume="allow")
        run.log({"x": 2})
        os.kill(os.getpid(), signal.SIGKILL)

    assert done_by_fork(act) == -signal.SIGKILL
    assert art.ok("run", "show", "a", "--json").json["state"] == "crashed"

    art.ok("run", "delete", "a", "--force")
    art.ok("sync")

    assert ids(art) == []
    assert not [*art.folder.rglob("run-a.wandb*")]


def test_what_only_a_deleted_run_needed_is_collected(art: Shell) -> None:
    logged("a")
    logged("b", [{"x": 2}])
    art.ok("run", "delete", "a")

    art.ok("gc", "--grace", "0")

    assert len([*art.store.glob("blobs/*/*")]) == 1
    assert art.ok("run", "export", "b", "--to", "jsonl", "--key", "x").lines == ['{"x":2}']


def test_a_running_one_stays_unless_it_is_forced(art: Shell) -> None:
    run = begun("a")
    run.log({"x": 1})
    writer_of(run).flush()

    answer = art("run", "delete", "a")

    assert answer.code == 5
    assert "is running" in answer.err
    art.ok("run", "delete", "a", "--force")
    assert ids(art) == []


@pytest.mark.parametrize(
    ("arguments", "left"),
    [
        (["--keep", "1"], ["d", "a"]),
        (["--keep", "9"], ["d", "c", "b", "a"]),
        (["--older-than", "1h"], ["d", "c", "b", "a"]),
        (["--older-than", "0"], ["a"]),
        (["--older-than", "0", "--keep", "2"], ["d", "c", "a"]),
    ],
)
def test_old_runs_go_and_running_ones_stay(
    art: Shell, arguments: list[str], left: list[str]
) -> None:
    live = begun("a")
    writer_of(live).flush()
    for id_ in "bcd":
        logged(id_, reinit="create_new")

    would = art.ok("run", "rm-old", *arguments, "--dry-run", "--json").json
    assert ids(art) == ["d", "c", "b", "a"]
    art.ok("run", "rm-old", *arguments)

    assert ids(art) == left
    assert [each["id"] for each in would["runs"]] == [x for x in "dcb" if x not in left]


def test_which_are_old_has_to_be_said(art: Shell) -> None:
    logged("a")

    assert art("run", "rm-old").code == 2
    assert "--keep N, --older-than AGE" in art("run", "rm-old").err
    assert ids(art) == ["a"]
