"""`art run show` and `diff` tell what runs were given and came to."""

import pytest

from cli.run.experiments import begun, logged, writer_of
from cli.shell import Shell


@pytest.fixture
def two(art: Shell) -> Shell:
    logged(
        "a", name="one", notes="first try", config={"lr": 0.1, "net": {"depth": 2, "act": "relu"}}
    )
    logged(
        "b", [{"loss": 0.5}, {"loss": 0.1}], config={"lr": 0.1, "net": {"depth": 3}, "new": True}
    )
    return art


def test_all_that_is_known_is_told(two: Shell) -> None:
    data = two.ok("run", "show", "a", "--json").json

    assert data["path"] == "default/proj/a"
    assert (data["name"], data["state"], data["exit_code"], data["last_step"]) == (
        "one",
        "finished",
        0,
        1,
    )
    assert data["config"] == {"lr": 0.1, "net": {"depth": 2, "act": "relu"}}
    assert (data["summary"]["loss"], data["summary"]["_step"]) == (0.25, 1)
    assert data["facts"]["notes"] == "first try"
    assert [(each["stream"], each["rows"]) for each in data["streams"]] == [("history", 2)]


def test_people_get_it_in_lines(two: Shell) -> None:
    lines = two.ok("run", "show", "a").lines

    assert "name       one" in lines
    assert "state      finished" in lines
    assert '  net  {"depth": 2, "act": "relu"}' in lines
    assert any(line.startswith("history") for line in lines)
    assert lines[lines.index("summary") + 1 :][:2] == ["  loss  0.25", ""]


def test_artifacts_and_files_are_told(art: Shell) -> None:
    (art.folder / "data.txt").write_text("1")
    with begun("a") as run:
        run.log_artifact("data.txt", name="data", type="dataset")
        run.use_artifact("data:v0", use_as="train")
        run.save("data.txt")

    data = art.ok("run", "show", "a", "--json").json

    assert [each["artifact"] for each in data["logged"]] == ["default/proj/data:v0"]
    assert [(each["artifact"], each["as"]) for each in data["used"]] == [
        ("default/proj/data:v0", "train")
    ]
    assert [(each["name"], each["size"]) for each in data["files"]] == [("data.txt", 1)]
    assert "  default/proj/data:v0 as train" in art.ok("run", "show", "a").lines


@pytest.mark.parametrize("name", ["a", "one", "proj/a", "default/proj/one"])
def test_a_run_is_meant_by_id_or_name(two: Shell, name: str) -> None:
    assert two.ok("run", "show", name, "--project", "proj", "--json").json["id"] == "a"


def test_an_id_counts_before_a_name(two: Shell) -> None:
    logged("one")

    assert two.ok("run", "show", "one", "--json").json["id"] == "one"


def test_a_name_of_several_runs_is_refused_with_their_ids(two: Shell) -> None:
    logged("c", name="one")

    answer = two("run", "show", "one")

    assert answer.code == 2
    assert "2 runs are called 'one': say which by its id, c, a" in answer.err


@pytest.mark.parametrize(
    ("name", "code"), [("nosuch", 3), ("other/a", 3), ("a/b/c/d", 2), ("/a", 2), ("", 2)]
)
def test_what_is_no_run_is_told_in_a_sentence(two: Shell, name: str, code: int) -> None:
    answer = two("run", "show", name)

    assert (answer.code, answer.err.count("\n")) == (code, 1)


def test_differences_are_told_member_by_member(two: Shell) -> None:
    answer = two("run", "diff", "a", "b", "--json")

    assert answer.code == 1
    assert answer.json["config"] == [
        {"key": "net.act", "old": "relu"},
        {"key": "net.depth", "old": 2, "new": 3},
        {"key": "new", "new": True},
    ]
    assert {"key": "loss", "old": 0.25, "new": 0.1} in answer.json["summary"]
    assert "config   net.depth  2" in "\n".join(two("run", "diff", "a", "b").lines)


def test_no_difference_from_itself(two: Shell) -> None:
    assert two.ok("run", "diff", "a", "one").lines == [
        "default/proj/a and default/proj/a have the same config and summary"
    ]


def test_runs_of_other_times_do_not_differ_by_them(two: Shell) -> None:
    logged("again", config={"lr": 0.1, "net": {"depth": 2, "act": "relu"}})

    assert two("run", "diff", "a", "again").code == 0


def test_what_a_run_lost_is_listed_and_shown(art: Shell) -> None:
    with begun("a") as run:
        run.log({"x": 1})
        for first in (20, 10):
            facts = {"records": 5, "from": first, "to": first + 4.0, "first": first, "last": 30}
            writer_of(run).note("lost", facts)

    assert [each["lost"] for each in art.ok("run", "ls", "--json").json] == [10]
    told = art.ok("run", "show", "a", "--json").json["lost"]
    assert told == {"records": 10, "from": 10.0, "to": 24.0, "first": 10, "last": 30}
    [line] = [each for each in art.ok("run", "show", "a").lines if each.startswith("lost")]
    assert "10 records, of steps 10 to 30" in line
