"""art gc, art prune and art ttl: what they delete, what they tell, what they refuse."""

from __future__ import annotations

from datetime import datetime, timedelta

from artifacts.catalog import Catalog, Facts, Session
from artifacts.settings import Settings
from artifacts.storage import now
from cli.shell import Shell


def put_versions(art: Shell, count: int) -> None:
    for number in range(count):
        (art.folder / "data.txt").write_bytes(b"%d" % number * 5000)
        assert art("put", "data.txt", "data").code == 0


def put_long_ago(content: bytes) -> None:
    """A version that was to last for a minute of yesterday, and was not dropped yet."""
    session = Session(Settings.load())
    draft = session.draft("data", "dataset")
    draft.add_bytes(content, "data.txt")
    yesterday = Catalog(session.writable.store, lambda: now() - timedelta(days=1))
    yesterday.commit(draft, "default", "proj", Facts(ttl=60))


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
    assert "1 object of 4.9 KiB unneeded, to be condemned by a run after " in answer.lines[1]
    told = art("gc", "--json").json["waiting"]
    assert (told["objects"], told["size"]) == (1, 5000)
    assert datetime.fromisoformat(told["due"]) > now()


def test_a_dry_run_tells_what_the_same_run_does(art: Shell) -> None:
    put_versions(art, 2)
    art("prune", "data", "--keep", "1")
    put_long_ago(b"over" * 1250)

    told = art("gc", "--dry-run", "--grace", "0", "--json").json
    lines = art("gc", "--dry-run", "--grace", "0").lines
    done = art("gc", "--grace", "0", "--json").json

    assert len(lines) == 2
    assert "data:v2  its time is over, would be deleted" in lines[0]
    assert "2 objects of 9.8 KiB would be freed, 1 version looked through" in lines[1]
    facts = ("expired", "objects", "freed", "condemned", "waiting", "versions")
    assert [told[fact] for fact in facts] == [done[fact] for fact in facts]
    assert done["freed"] == 10_000


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
    assert told[:2] == ["versions last as the project says", "v0 lasts for ever"]
    assert told[2] == "versions last 2592000 seconds"
    art.ok("ttl", "data:v1", "--set", "1h")
    art.ok("ttl", "data:v1", "--set", "inherit")
    art.ok("link", "data:v1", "best")
    told = [what for event in art("log", "data", "--json").json for what in event["what"]]
    assert told[:3] == [
        "v1 lasts for ever",
        "v1 lasts as the collection says",
        "v1 lasts 3600 seconds",
    ]
    assert art("ttl", "data", "--set", "0").code == 2
    assert art("ttl", "nothing").code == 3
    nowhere = art("ttl", "--set", "1h", "--project", "zzz")
    assert (nowhere.code, nowhere.out) == (3, b"")
    assert nowhere.err.startswith("art: no project 'default/zzz' in ")


def test_the_end_of_a_version_is_told_wherever_it_is_from(art: Shell) -> None:
    put_versions(art, 2)
    before = art.ok("show", "data:v0", "--json").json

    art.ok("ttl", "--set", "30d")
    art.ok("ttl", "data:v1", "--set", "5d")
    of_project = expires(art, "data:v0")
    own = expires(art, "data:v1")
    art.ok("ttl", "data", "--set", "9d")
    of_collection = expires(art, "data:v0")
    told = art.ok("ttl", "data:v0", "--json").json

    created = datetime.fromisoformat(before["created"]).replace(microsecond=0)
    assert before["expires"] is None
    assert datetime.fromisoformat(of_project) == created + timedelta(days=30)
    assert datetime.fromisoformat(of_collection) == created + timedelta(days=9)
    assert own == expires(art, "data:v1")
    assert (told["ttl"], told["expires"]) == (None, of_collection)
    assert art.ok("ttl", "data:v0").lines[0].endswith(f"or for ever; until {of_collection}")
    assert ["expires", of_collection] in [line.split() for line in art.ok("show", "data:v0").lines]


def test_the_ends_of_versions_are_listed_where_one_has_any(art: Shell) -> None:
    put_versions(art, 2)
    art.ok("link", "data:v1", "best")
    before = art.ok("ls", "data").lines[0]
    art.ok("ttl", "data:v0", "--set", "5d")
    end = expires(art, "data:v0")
    heads, newest, oldest = art.ok("ls", "data").lines

    assert "EXPIRES" not in before
    assert "EXPIRES" in heads.split()
    assert oldest.split()[-2] == end
    assert end not in newest
    assert [each["expires"] for each in art.ok("ls", "data", "--json").json] == [None, end]
    assert [each["expires"] for each in art.ok("ls", "best", "--json").json] == [None]
    art.ok("ttl", "best:v0", "--set", "5d")
    assert art.ok("ls", "best", "--json").json[0]["expires"] == expires(art, "data:v1")
    assert expires(art, "best:v0") in art.ok("ls", "best").lines[1]


def expires(art: Shell, name: str) -> str:
    return str(art.ok("show", name, "--json").json["expires"])


def test_fences_are_no_part_of_a_collections_story(art: Shell, mnist: str) -> None:
    put_versions(art, 1)
    art.ok("rm", "data", "--yes")
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
    assert art.ok("rm", "data", "--json", "--yes").json["shown_by"] == ["default/registry/best:v3"]
