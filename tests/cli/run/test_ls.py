"""`art run ls` lists runs newest first, and those that are wanted."""

import pytest

from cli.run.experiments import begun, logged
from cli.shell import Shell


@pytest.fixture
def four(art: Shell) -> Shell:
    logged("a", name="brave-heron", group="g1", tags=["x", "y"])
    logged("b", exit_code=1, group="g1", tags=["x"])
    logged("c", group="g2")
    logged("d", rows=[])
    return art


def ids(art: Shell, *arguments: str) -> list[str]:
    return [each["id"] for each in art.ok("run", "ls", "--json", *arguments).json]


def test_newest_come_first(four: Shell) -> None:
    table = four.ok("run", "ls").lines

    assert [line.split()[0] for line in table] == ["ID", "d", "c", "b", "a"]
    assert ids(four) == ["d", "c", "b", "a"]


def test_each_tells_what_it_is(four: Shell) -> None:
    last = four.ok("run", "ls", "--json").json[-1]

    assert last.pop("created").endswith("+00:00")
    assert last.pop("heard").endswith("+00:00")
    assert last == {
        "id": "a",
        "name": "brave-heron",
        "path": "default/proj/a",
        "state": "finished",
        "last_step": 1,
        "lost": 0,
        "waits_in": None,
        "group": "g1",
        "job_type": None,
        "tags": ["x", "y"],
    }


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        (["--state", "failed"], ["b"]),
        (["--state", "failed", "--state", "finished"], ["d", "c", "b", "a"]),
        (["--group", "g1"], ["b", "a"]),
        (["--tag", "x", "--tag", "y"], ["a"]),
        (["--group", "g1", "--state", "finished"], ["a"]),
        (["--group", "no"], []),
        (["--first", "2"], ["d", "c"]),
    ],
)
def test_those_that_are_wanted(four: Shell, arguments: list[str], found: list[str]) -> None:
    assert ids(four, *arguments) == found


def test_how_to_get_more_is_told(four: Shell) -> None:
    assert "`art run ls --first 0` lists all" in four.ok("run", "ls", "--first", "2").err
    assert "--first" not in four.ok("run", "ls", "--first", "4").err


def test_what_changed_since_is_listed_as_it_is_now(four: Shell) -> None:
    for number in range(8):  # enough for what is known of them to be kept
        logged(f"more{number}")
    assert len(ids(four)) == 12

    logged("a", resume="must", name="renamed")
    four.ok("run", "delete", "b")

    listed = {each["id"]: each for each in four.ok("run", "ls", "--json").json}
    assert (listed["a"]["name"], listed["a"]["last_step"]) == ("renamed", 3)
    assert "b" not in listed
    assert [*listed][-1] == "a"


@pytest.mark.local  # elsewhere its beginning is told with what follows
def test_a_run_goes_on_until_it_ends(art: Shell) -> None:
    run = begun("live")
    run.log({"x": 1})

    assert ids(art, "--state", "finished") == []
    run.finish()
    assert ids(art, "--state", "finished") == ["live"]


@pytest.mark.parametrize("wanted", [["--state", "crashed"], ["--group", "no"], ["--tag", "no"]])
def test_that_none_is_as_wanted_is_told(four: Shell, wanted: list[str]) -> None:
    answer = four.ok("run", "ls", *wanted)

    assert answer.out == b""
    assert "no such run in default/proj of" in answer.err


def test_other_projects_have_other_runs(four: Shell) -> None:
    answer = four.ok("run", "ls", "--project", "other")

    assert answer.out == b""
    assert "no runs in default/other of " in answer.err
    assert four("run", "ls", "--state", "odd").code == 2
