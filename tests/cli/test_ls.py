"""`art ls` lists as many as are wanted, and the versions that match."""

from pathlib import Path

import pytest

from cli.shell import Shell


@pytest.fixture
def many(art: Shell, tmp_path: Path) -> Path:
    """Sixty collections, the last of them with three versions."""
    file = tmp_path / "file.txt"
    for number in range(60):
        file.write_text(str(number))
        art.ok("put", str(file), f"c{number:02}", "--quiet")
    for number in range(2):
        file.write_text(f"more {number}")
        metadata = f'{{"accuracy": 0.{number + 8}}}'
        art.ok("put", str(file), "c59", "--metadata", metadata, "--tag", f"t{number}")
    return file


def test_table_has_the_first_and_says_how_to_get_more(art: Shell, many: Path) -> None:
    answer = art.ok("ls")

    assert len(answer.lines) == 51
    assert "the first 50; `art ls --first 0` lists all" in answer.err
    assert len(art.ok("ls", "--first", "0").lines) == 61
    assert len(art.ok("ls", "--first", "3").lines) == 4
    assert "the first" not in art.ok("ls", "--first", "60").err


def test_json_has_all_unless_told_otherwise(art: Shell, many: Path) -> None:
    assert len(art.ok("ls", "--json").json) == 60
    assert len(art.ok("ls", "--json", "--first", "2").json) == 2


def test_newest_versions_come_first(art: Shell, many: Path) -> None:
    answer = art.ok("ls", "c59", "--first", "2")

    assert [row.split()[0] for row in answer.lines[1:]] == ["v2", "v1"]
    assert "the first 2" in answer.err


def test_versions_are_found_by_what_is_said_of_them(art: Shell, many: Path) -> None:
    wanted = '{"metadata.accuracy": {"$gt": 0.85}}'

    [found] = art.ok("ls", "--where", wanted, "--json").json
    assert (found["name"], found["tags"], found["metadata"]) == (
        "c59:v2",
        ["t1"],
        {"accuracy": 0.9},
    )
    assert art.ok("ls", "c59", "--where", '{"tag": "t0"}').lines[1].startswith("c59:v1")
    none = art.ok("ls", "c58", "--where", wanted, "--json")
    assert (none.json, none.err) == ([], "art: no version of default/proj/c58 matches\n")
    nowhere = art.ok("ls", "--where", '{"size": {"$gt": "a"}}')
    assert (nowhere.lines[1:], nowhere.err) == ([], "art: no version in default/proj matches\n")


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--where", "{"], "--where wants a JSON object"),
        (["--where", '{"tag": {"$like": 1}}'], "no operator"),
        (["--where", '{"tags": "x"}'], "'tags' is nothing to ask for: name, version, alias, tag,"),
        (["--where", '{"$or": [{"accuracy": 1}]}'], "'accuracy' is nothing to ask for"),
        (["--where", "[]"], "a filter is a dict"),
        (["--where", "{}", "--all"], "leave out --all"),
        (["--first", "-1"], "0"),
    ],
)
def test_what_is_no_question_is_refused(art: Shell, arguments: list[str], reason: str) -> None:
    answer = art("ls", *arguments)

    assert answer.code == 2
    assert reason in answer.err
