"""art gc, art prune and art ttl: what they delete, what they tell, what they refuse."""

from __future__ import annotations

from cli.shell import Shell


def put_versions(art: Shell, count: int) -> None:
    for number in range(count):
        (art.folder / "data.txt").write_bytes(b"%d" % number * 5000)
        assert art("put", "data.txt", "data").code == 0


def test_what_was_pruned_is_freed_by_a_run_that_comes_later(art: Shell) -> None:
    put_versions(art, 4)
    told = art("prune", "data", "--keep", "1", "--dry-run")
    assert told.lines[-1].endswith("data  3 versions would be deleted")
    assert len(art("ls", "data", "--json").json) == 4

    pruned = art("prune", "data", "--keep", "1", "--json").json
    collected = art("gc", "--grace", "0", "--json").json

    assert [each["version"] for each in pruned["versions"]] == ["v2", "v1", "v0"]
    assert (collected["objects"], collected["freed"]) == (3, 15_000)
    assert collected["condemned"] == {"objects": 0, "size": 0, "due": None}
    assert art("verify", "data").code == 0
    assert art("show", "data:v1").code == 3


def test_young_garbage_is_left(art: Shell) -> None:
    put_versions(art, 2)
    art("prune", "data", "--keep", "1")

    answer = art("gc")

    assert "0 objects of 0 B freed, 1 version looked through" in answer.lines[0]
    assert art("gc", "--dry-run", "--grace", "0", "--json").json["condemned"]["size"] == 5000


def test_what_a_rule_needs_is_asked_for(art: Shell) -> None:
    put_versions(art, 1)

    assert art("prune", "data").code == 2
    assert art("prune", "data", "--keep-aliased").code == 2
    assert "write it like 7d" in art("prune", "data", "--older-than", "soon").err
    assert art("gc", "--grace", "7").code == 2
    assert art("prune", "nothing", "--keep", "1").code == 3
    assert art("prune", "data", "--keep", "0").code == 0
    assert art("show", "data:latest").code == 0


def test_how_long_versions_last_is_set_and_told(art: Shell) -> None:
    put_versions(art, 2)

    assert art("ttl", "data", "--set", "30d", "--json").json["ttl"] == 30 * 86400
    assert art("ttl", "data:v0", "--set", "never").lines[0].endswith("data:v0  for ever")
    assert art("ttl", "--set", "2w", "--json").json["ttl"] == 14 * 86400

    assert art("ttl", "data").lines[0].endswith("30 days, 0:00:00")
    assert art("ttl", "data:v1", "--json").json["ttl"] is None
    assert art("ttl", "data", "--set", "inherit", "--json").json["ttl"] is None
    told = [what for event in art("log", "data", "--json").json for what in event["what"]]
    assert told[:2] == ["versions last as the project says", "ttl of v0 changed"]
    assert told[2] == "versions last 2592000 seconds"
    assert art("ttl", "data", "--set", "0").code == 2
    assert art("ttl", "nothing").code == 3


def test_fences_are_no_part_of_a_collections_story(art: Shell, mnist: str) -> None:
    put_versions(art, 1)
    art.ok("rm", "data")
    before = art.ok("log", "mnist").lines
    art.ok("gc", "--grace", "0")
    assert mnist

    assert art.ok("log", "mnist").lines == before
    told = art.ok("log", "mnist", "--all").lines
    assert len(told) == len(before) + 1
    assert "fenced at epoch 1: commits begun before" in told[1]
    assert len(art.ok("log", "mnist", "--json").json) == len(before) - 1


def test_links_to_what_is_deleted_are_told(art: Shell) -> None:
    put_versions(art, 4)
    art.ok("link", "data:v1", "registry/best")

    dry = art.ok("prune", "data", "--keep", "2", "--keep-aliased", "--dry-run").lines
    assert [line for line in dry if "nowhere" in line] == [
        "default/registry/best:v0  would lead nowhere"
    ]
    pruned = art.ok("prune", "data", "--keep", "2", "--keep-aliased", "--json").json
    assert [each["shown_by"] for each in pruned["versions"]] == [["default/registry/best:v0"], []]

    art.ok("link", "data:v2", "registry/best")
    assert art.ok("rm", "data:v2").lines[1:] == ["default/registry/best:v1  leads nowhere now"]
    art.ok("link", "data:v3", "registry/best")
    assert art.ok("rm", "registry/best:v2", "--json").json["shown_by"] == []
    art.ok("link", "data:v3", "registry/best")
    assert art.ok("rm", "data", "--json").json["shown_by"] == ["default/registry/best:v3"]
