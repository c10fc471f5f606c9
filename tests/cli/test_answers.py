"""`art ls`, `show`, `log`, `cat` and `store info` tell what is in the store, and all of it."""

import json
from datetime import datetime
from pathlib import Path

import pytest
from folders import write_tree

from artifacts.content import Digest
from cli.shell import FILES, Shell


@pytest.fixture
def changed(art: Shell, mnist: str, data: Path) -> str:
    """A second version, with one more file, and an alias."""
    write_tree(data, {"z.txt": b"zeta\n"})
    art.ok("put", str(data), "mnist", "--alias", "best", "--metadata", '{"rows": 2}')
    return mnist.replace("v0", "v1")


def test_collections_are_listed_by_name(art: Shell, changed: str, data: Path) -> None:
    art.ok("put", str(data), "apples", "--type", "fruit")

    heads, *rows = art.ok("ls").lines

    assert heads.split() == ["NAME", "TYPE", "LATEST", "SIZE", "VERSIONS", "WHEN"]
    assert [row.split()[:6] for row in rows] == [
        ["apples", "fruit", "v0", "2.0", "MiB", "1"],
        ["mnist", "dataset", "v1", "2.0", "MiB", "2"],
    ]
    assert changed == "mnist:v1"


def test_other_projects_are_listed_on_demand(art: Shell, mnist: str) -> None:
    assert art.ok("ls", "--project", "other", "--json").json == []
    [found] = art.ok("ls", "--project", "other", "--all", "--json").json

    assert found["name"] == f"default/proj/{mnist.partition(':')[0]}"


def test_empty_project_says_which_store_it_looked_in(art: Shell, mnist: str) -> None:
    answer = art.ok("ls", "--project", "other")

    assert answer.out == b""
    assert f"nothing in default/other of {art.store}" in answer.err
    assert mnist


def test_versions_are_listed_newest_first(art: Shell, changed: str) -> None:
    versions = art.ok("ls", "mnist", "--json").json

    assert [each["version"] for each in versions] == ["v1", "v0"]
    assert [each["aliases"] for each in versions] == [["latest", "best"], []]
    assert [each["files"] for each in versions] == [4, 3]
    assert all(datetime.fromisoformat(each["created"]).tzinfo for each in versions)
    assert changed == "mnist:v1"


def test_version_table_shows_whole_digests(art: Shell, mnist: str) -> None:
    heads, row = art.ok("ls", "mnist").lines

    assert heads.split() == ["VERSION", "ALIASES", "SIZE", "FILES", "WHEN", "DIGEST"]
    assert row.split()[-1] == art.ok("show", mnist, "--json").json["digest"]


def test_version_is_shown_whole(art: Shell, changed: str) -> None:
    shown = art.ok("show", "mnist:best", "--json").json

    assert shown["name"] == f"default/proj/{changed}"
    assert (shown["files"], shown["size"]) == (4, sum(map(len, FILES.values())) + 5)
    assert shown["metadata"] == {"rows": 2}
    assert shown["store"] == str(art.store)
    assert Digest.parse(shown["digest"])


def test_version_is_shown_to_people(art: Shell, changed: str) -> None:
    facts = dict(line.split(maxsplit=1) for line in art.ok("show", changed).lines[:6])

    assert facts["name"] == "default/proj/mnist:v1"
    assert facts["aliases"] == "latest, best"
    assert facts["content"] == "4 files, 2.0 MiB uncompressed, listed on 1 page"


def test_version_is_found_by_its_digest(art: Shell, changed: str) -> None:
    digest = art.ok("show", changed, "--json").json["digest"]

    assert art.ok("show", f"mnist@{digest[:8]}", "--json").json["digest"] == digest
    assert art.ok("show", digest, "--json").json["digest"] == digest


def test_files_of_a_version_are_listed(art: Shell, mnist: str) -> None:
    listed = art.ok("show", mnist, "--json", "--files").json

    assert [(each["path"], each["size"], each["digest"]) for each in listed] == [
        (path, len(data), Digest.of(data).hex()) for path, data in FILES.items()
    ]


@pytest.mark.parametrize(("prefix", "count"), [("sub/", 2), ("sub/b", 1), ("", 3)])
def test_files_are_listed_by_prefix(art: Shell, mnist: str, prefix: str, count: int) -> None:
    assert len(art.ok("show", mnist, "--files", prefix).lines) == count
    assert len(art.ok("show", mnist, "--json", "--files", prefix).json) == count


@pytest.mark.parametrize("target", ["mnist:v0", "./out"])
@pytest.mark.parametrize("form", [[], ["--json"], ["--b3sums"]])
def test_a_prefix_that_no_file_has_is_a_mistake(
    art: Shell, mnist: str, target: str, form: list[str]
) -> None:
    art.ok("get", mnist, "./out")

    answer = art("show", target, "--files", "nosuch", *form)

    assert (answer.code, answer.out) == (3, b"")
    assert "no 'nosuch…' in " in answer.err
    assert (
        f"`art show {target if target == './out' else f'default/proj/{mnist}'} --files` lists"
        in (answer.err)
    )


def test_an_artifact_without_files_has_none_to_list(art: Shell) -> None:
    (art.folder / "empty").mkdir()
    art.ok("put", "empty", "none")

    assert art.ok("show", "none", "--files", "--json").json == []


def test_folder_is_shown_by_its_receipt_without_a_store(art: Shell, mnist: str) -> None:
    art.ok("get", mnist, "./out")
    art.ok("get", mnist, "./part", "--prefix", "sub/")
    art.store.rename(art.folder / "gone")

    [whole] = art.ok("show", "./out", "--json").json
    [part] = art.ok("show", "./part", "--json").json

    assert whole["digest"] == part["digest"]
    assert (whole["files"], whole["prefix"]) == (3, "")
    assert (part["files"], part["prefix"]) == (2, "sub/")
    assert "only     sub/…" in art.ok("show", "./part").lines
    assert len(art.ok("show", "./part", "--files").lines) == 2


def test_path_that_would_garble_a_terminal_is_escaped(art: Shell) -> None:
    write_tree(art.folder / "odd", {"a\x1b[2J\nb": b"1"})
    art.ok("put", "odd", "strange")

    [line] = art.ok("show", "strange", "--files").lines
    [entry] = art.ok("show", "strange", "--json", "--files").json

    assert json.loads(line.split(maxsplit=2)[2]) == entry["path"] == "a\x1b[2J\nb"


def test_history_tells_every_event_newest_first(art: Shell, changed: str, data: Path) -> None:
    art.ok("put", str(data), "mnist", "--alias", "prod")

    events = art.ok("log", "mnist", "--json").json

    assert [event["number"] for event in events] == [2, 1, 0]
    assert events[0]["what"] == ["v1 committed as prod, latest: 4 files, 2.0 MiB"]
    assert events[2]["what"] == [
        "created, of type dataset",
        "v0 committed as latest: 3 files, 2.0 MiB",
    ]
    assert all(datetime.fromisoformat(event["time"]) for event in events)
    assert len(art.ok("log", "mnist").lines) == 4
    assert changed == "mnist:v1"


def test_history_stops_at_a_changed_event(art: Shell, changed: str) -> None:
    [first] = (art.store / "logs" / "collection").glob("*/000000000000")
    first.chmod(0o644)
    first.write_bytes(first.read_bytes().replace(b"dataset", b"datasot"))

    answer = art("log", changed.partition(":")[0])

    assert answer.code == 1
    assert "log is broken" in answer.err


def test_history_stops_at_a_removed_event(art: Shell, changed: str) -> None:
    [first] = (art.store / "logs" / "collection").glob("*/000000000000")
    first.unlink()

    assert art("log", changed.partition(":")[0]).code == 1


def test_bytes_come_as_they_are(art: Shell, mnist: str) -> None:
    for path, data in FILES.items():
        assert art.ok("cat", mnist, path).out == data


def test_last_bytes_of_a_damaged_file_are_withheld(art: Shell, mnist: str) -> None:
    art.damage_last_file()

    answer = art("cat", mnist, "sub/large.bin")

    assert answer.code == 1
    assert len(answer.out) < len(FILES["sub/large.bin"])
    assert "sub/large.bin" in answer.err


def test_store_is_described_in_numbers(art: Shell, changed: str, data: Path) -> None:
    art.ok("put", str(data), "other/x")

    info = art.ok("store", "info", "--json").json

    assert (info["url"], info["format"]) == (str(art.store), 1)
    assert (info["projects"], info["collections"], info["versions"]) == (2, 2, 3)
    assert sum(each["count"] for each in info["objects"]) == len([*art.stored_files()])
    assert sum(each["size"] for each in info["objects"]) == sum(
        path.stat().st_size for path in art.stored_files()
    )
    assert changed


def test_store_is_described_to_people(art: Shell, mnist: str) -> None:
    lines = art.ok("store", "info").lines

    assert lines[0].split() == ["url", str(art.store)]
    assert lines[-1].startswith("in all")
    assert [line.split() for line in lines if "OBJECTS" in line] == [["KIND", "OBJECTS", "STORED"]]
    assert mnist


def test_options_may_stand_between_a_group_and_its_command(art: Shell, mnist: str) -> None:
    assert art.ok("store", "--json", "info").json["versions"] == 1
    assert mnist


def test_hint_of_a_path_that_is_not_there_names_the_project(art: Shell, mnist: str) -> None:
    answer = art("cat", f"proj/{mnist}", "nosuch", "--project", "other")

    assert f"`art show default/proj/{mnist} --files` lists" in answer.err
