"""`art alias`, `tag`, `link`, `unlink`, `rename` and `rm` change names, and no content."""

from __future__ import annotations

import os
import pty
import subprocess
from pathlib import Path
from typing import Any, Self

import pytest

from artifacts import Artifact
from cli.shell import ART, ROOT, Shell


def put(art: Shell, content: str, name: str = "mnist") -> str:
    """A version whose one file has this content."""
    (art.folder / "one.txt").write_text(content)
    return str(art.ok("put", "one.txt", name, "--json").json["name"])


def show(art: Shell, name: str) -> Any:  # noqa: ANN401
    return art.ok("show", name, "--json").json


# Aliases and tags


def test_aliases_move_to_the_version_that_is_named(art: Shell) -> None:
    put(art, "a")
    put(art, "b")
    art.ok("alias", "mnist:v0", "prod", "best")

    answer = art.ok("alias", "mnist:v1", "best")

    assert answer.lines == ["default/proj/mnist:v1  latest, best"]
    assert show(art, "mnist:v0")["aliases"] == ["prod"]


def test_aliases_are_taken_off(art: Shell) -> None:
    put(art, "a")
    art.ok("alias", "mnist", "prod", "best")

    answer = art.ok("alias", "mnist", "prod", "best", "--remove", "--json").json

    assert answer == {"name": "default/proj/mnist:v0", "aliases": ["latest"]}
    assert art("show", "mnist:prod").code == 3


def test_an_alias_that_is_not_there_cannot_be_taken_off(art: Shell) -> None:
    put(art, "a")
    art.ok("alias", "mnist", "prod")

    answer = art("alias", "mnist", "prod", "typo", "--remove")

    assert (answer.code, "has no typo; it has latest, prod" in answer.err) == (3, True)
    assert "prod" in show(art, "mnist")["aliases"]


@pytest.mark.parametrize("alias", ["v3", "a/b", "a:b", ""])
def test_what_is_no_alias_is_refused(art: Shell, alias: str) -> None:
    put(art, "a")

    assert art("alias", "mnist", alias).code == 2


def test_tags_are_put_on_and_taken_off(art: Shell) -> None:
    put(art, "a")
    assert art.ok("tag", "mnist", "raw", "small").lines == ["default/proj/mnist:v0  raw, small"]

    art.ok("tag", "mnist", "raw", "--remove")

    assert show(art, "mnist")["tags"] == ["small"]
    assert art("tag", "mnist", "raw", "--remove").code == 3
    assert art("tag", "mnist", "a/b").code == 2


def test_a_collection_has_tags_of_its_own(art: Shell) -> None:
    put(art, "a")

    answer = art.ok("tag", "mnist", "raw", "--collection", "--json").json

    assert answer == {"name": "default/proj/mnist", "tags": ["raw"]}
    assert show(art, "mnist")["tags"] == []
    assert art.ok("tag", "mnist", "raw", "--collection", "--remove", "--json").json["tags"] == []
    assert art("tag", "mnist", "raw", "--collection", "--remove").code == 3
    assert art("tag", "nothing", "raw", "--collection").code == 3


# Links


def test_a_linked_version_is_had_under_both_names(art: Shell) -> None:
    put(art, "a")
    name = put(art, "b")

    answer = art.ok("link", "mnist", "model-registry/Digits", "--alias", "prod").lines

    assert answer == [
        "default/model-registry/Digits:v0  shows default/proj/mnist:v1, as prod, latest"
    ]
    assert art.ok("cat", "model-registry/Digits:prod", "one.txt").out == b"b"
    shown = show(art, "model-registry/Digits:prod")
    assert (shown["source"], shown["aliases"]) == (name, ["prod", "latest"])
    assert show(art, "mnist")["source"] is None


def test_a_portfolio_is_listed_with_what_it_shows(art: Shell) -> None:
    put(art, "a")
    put(art, "b", "other")
    art.ok("link", "mnist", "best", "--alias", "x")
    art.ok("link", "other", "best")
    art.ok("rm", "mnist", "--yes")

    [best, other] = art.ok("ls", "--json").json
    assert (best["name"], best["latest"], best["versions"]) == ("best", "v1", 2)
    assert (best["portfolio"], other["portfolio"]) == (True, False)
    newest, oldest = art.ok("ls", "best", "--json").json
    assert (newest["source"], newest["aliases"]) == ("default/proj/other:v0", ["latest"])
    assert (oldest["source"], oldest["aliases"]) == (None, ["x"])
    assert "what was deleted" in art.ok("ls", "best").out.decode()


def test_a_portfolio_whose_sources_are_gone_is_still_listed(art: Shell) -> None:
    put(art, "a")
    art.ok("link", "mnist", "best")
    art.ok("rm", "mnist", "--yes")

    [best] = art.ok("ls", "--json").json
    assert (best["name"], best["latest"]) == ("best", None)
    assert art.ok("ls").lines[1].startswith("best")


def test_what_cannot_be_linked_says_why(art: Shell) -> None:
    put(art, "a")
    put(art, "b", "other")

    answer = art("link", "mnist", "other")

    assert (answer.code, "no portfolio" in answer.err) == (2, True)
    assert art("link", "nothing", "best").code == 3
    assert art("link", "mnist", "a/b/c/d").code == 2


def test_unlinking_leaves_the_version(art: Shell) -> None:
    put(art, "a")
    art.ok("link", "mnist", "best", "--alias", "prod")

    answer = art.ok("unlink", "best:prod")

    assert answer.lines == ["default/proj/best:v0  showed default/proj/mnist:v0, which stays"]
    gone = art("show", "best:v0")
    assert (gone.code, gone.err.rstrip().endswith("and has no alias")) == (3, True)
    art.ok("show", "mnist:v0")


def test_unlinking_wants_a_version_that_is_linked(art: Shell) -> None:
    put(art, "a")
    art.ok("link", "mnist", "best")

    assert "says no version" in art("unlink", "best").err
    assert (art("unlink", "best").code, art("unlink", "mnist:v0").code) == (2, 2)


def test_log_tells_of_links_and_names(art: Shell) -> None:
    put(art, "a")
    art.ok("link", "mnist", "best", "--alias", "x")
    art.ok("unlink", "best:x")
    art.ok("rename", "best", "finest")
    art.ok("tag", "finest", "t", "--collection")

    what = [event["what"] for event in art.ok("log", "finest", "--json").json][::-1]

    assert what == [
        ["created, of type dataset", "v0 of a collection in default/proj linked as x, latest"],
        ["link v0 taken away"],
        ["renamed to finest"],
        ["tag t put on the collection"],
    ]


# Renaming and deleting


def test_a_renamed_collection_has_its_versions_under_the_new_name(art: Shell) -> None:
    put(art, "a")

    assert art.ok("rename", "mnist", "digits").lines == [
        "default/proj/mnist  is called default/proj/digits now"
    ]
    assert art.ok("cat", "digits", "one.txt").out == b"a"
    assert art("show", "mnist").code == 3
    assert put(art, "b") == "default/proj/mnist:v1"


def test_a_taken_or_bad_new_name_is_refused(art: Shell) -> None:
    put(art, "a")
    put(art, "b", "other")

    assert [art("rename", "mnist", new).code for new in ("other", "a/b", "")] == [2, 2, 2]
    assert art("rename", "nothing", "new").code == 3


def test_a_version_with_aliases_is_deleted_only_with_them(art: Shell) -> None:
    put(art, "a")
    put(art, "b")

    refused = art("rm", "mnist:v1")
    assert refused.code == 5
    assert "has the aliases latest: pass --delete-aliases, or move them" in refused.err
    assert art.ok("rm", "mnist:v0").lines == ["default/proj/mnist:v0  deleted"]
    art.ok("rm", "mnist:v1", "--delete-aliases")

    assert [art("show", name).code for name in ("mnist:v0", "mnist:v1")] == [3, 3]


def test_a_version_may_be_deleted_by_its_digest(art: Shell) -> None:
    put(art, "a")
    digest = show(art, "mnist")["digest"]
    put(art, "b")

    art.ok("rm", f"mnist@{digest[:12]}")

    assert art("show", "mnist:v0").code == 3


def test_a_link_is_deleted_and_its_version_stays(art: Shell) -> None:
    put(art, "a")
    art.ok("link", "mnist", "best", "--alias", "prod")

    art.ok("rm", "best:prod")

    assert art("show", "best:v0").code == 3
    art.ok("show", "mnist")


def test_a_deleted_collection_is_gone_and_its_numbers_are_not_used_again(art: Shell) -> None:
    put(art, "a")
    put(art, "b")

    answer = art.ok("rm", "mnist", "--json", "--yes").json

    assert answer == {"name": "default/proj/mnist", "versions": 2, "shown_by": []}
    assert art.ok("ls", "--json").json == []
    assert art("rm", "mnist", "--yes").code == 3
    assert put(art, "a") == "default/proj/mnist:v2"


@pytest.mark.parametrize("more", [[], ["--json"]])
def test_a_collection_is_not_deleted_where_nobody_can_be_asked(art: Shell, more: list[str]) -> None:
    put(art, "a")
    put(art, "b")

    answer = art("rm", "mnist", *more)

    assert (answer.code, answer.out) == (2, b"")
    assert "default/proj/mnist and its 2 versions" in answer.err
    assert "--yes" in answer.err
    assert len(art.ok("ls", "mnist", "--json").json) == 2


def test_who_sits_before_a_terminal_is_asked(art: Shell) -> None:
    put(art, "a")
    put(art, "b")
    art.ok("link", "mnist:v0", "best")

    told = [answered(art, text, "rm", "mnist") for text in ("\n", "n\n")]
    assert [(each.returncode, each.stdout) for each in told] == [(0, "")] * 2
    question = "Delete default/proj/mnist and its 2 versions? [y/N]"
    assert all(question in each.stderr and "nothing deleted" in each.stderr for each in told)
    assert len(art.ok("ls", "mnist", "--json").json) == 2
    assert answered(art, "y\n", "rm", "mnist", "--json").returncode == 2

    assert "default/proj/best and its 1 link?" in answered(art, "y\n", "rm", "best").stderr
    assert answered(art, "y\n", "rm", "mnist").returncode == 0
    assert art.ok("ls", "--json").json == []


@pytest.mark.parametrize("meanwhile", ["another has its name", "it has one more version"])
def test_only_what_was_asked_about_is_deleted(art: Shell, meanwhile: str) -> None:
    put(art, "a")
    with Asked(art, "rm", "mnist") as asked:
        if meanwhile == "another has its name":
            art.ok("rename", "mnist", "old")
        put(art, "b")
        code, told = asked.answer("y")

    assert (code, asked.out) == (4, "")
    assert "default/proj/mnist has changed since, and nothing was deleted: ask again" in told
    assert all(show(art, each["name"]) for each in art.ok("ls", "--json").json)
    names = ["mnist", "old"] if meanwhile == "another has its name" else ["mnist"]
    assert [each["name"] for each in art.ok("ls", "--json").json] == names


def test_what_went_while_somebody_was_asked_is_not_told_as_deleted(art: Shell) -> None:
    for text in "abc":
        put(art, text)
    art.ok("link", "mnist:v0", "best")
    art.ok("link", "mnist:v1", "best")
    with Asked(art, "rm", "mnist") as asked:
        art.ok("rm", "mnist:v0", "--delete-aliases")
        code, _ = asked.answer("y")

    assert code == 0
    assert asked.out.splitlines() == [
        "default/proj/mnist  deleted",
        "default/proj/best:v1  leads nowhere now",
    ]


class Asked:
    """What `art` does whose standard input is a terminal, between its question and the answer."""

    def __init__(self, art: Shell, *arguments: str) -> None:
        self.out = ""
        self._ours, self._theirs = pty.openpty()
        self._process = subprocess.Popen(
            [*ART, *arguments],
            stdin=self._theirs,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=art.folder,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )

    def __enter__(self) -> Self:
        assert self._process.stderr is not None
        question = b""
        while not question.endswith(b"[y/N]: "):
            more = self._process.stderr.read(1)
            assert more, question
            question += more
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._ours)
        os.close(self._theirs)
        self._process.kill()
        self._process.communicate()

    def answer(self, text: str) -> tuple[int, str]:
        """The exit code, and what is on standard error after the question."""
        os.write(self._ours, f"{text}\n".encode())
        out, err = self._process.communicate(timeout=300)
        self.out = out.decode()
        return self._process.returncode, err.decode()


def answered(art: Shell, text: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """What `art` says whose standard input is a terminal, where that is typed."""
    ours, theirs = pty.openpty()
    try:
        os.write(ours, text.encode())
        return subprocess.run(
            [*ART, *arguments],
            stdin=theirs,
            capture_output=True,
            text=True,
            cwd=art.folder,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            check=False,
        )
    finally:
        os.close(ours)
        os.close(theirs)


@pytest.mark.parametrize("command", ["alias", "tag", "link", "unlink", "rename", "rm"])
def test_a_folder_is_no_name(art: Shell, data: Path, command: str) -> None:
    more = {"alias": ["x"], "tag": ["x"], "link": ["best"], "rename": ["new"]}

    assert art(command, f"./{data.name}", *more.get(command, [])).code == 2


# Proofs


def test_the_chain_that_leads_to_a_version_is_told_and_checked(art: Shell) -> None:
    put(art, "a")
    put(art, "b")

    told = art.ok("log", "mnist:v0", "--proof", "--json").json

    assert told["name"] == "default/proj/mnist:v0"
    assert told["digest"] == show(art, "mnist:v0")["digest"]
    assert [step["log"].partition("/")[0] for step in told["chain"]] == [
        "directory",
        "directory",
        "collection",
    ]
    lines = art.ok("log", "mnist:v0", "--proof").lines
    assert lines[-1] == "4 events checked, each follows from the one before it"
    assert told["chain"][-1]["digest"] in lines[-3]


def test_a_fence_in_the_chain_is_told_in_words(art: Shell) -> None:
    put(art, "a")
    art.ok("rm", "mnist", "--yes")
    art.ok("gc", "--grace", "0")
    put(art, "b", "place/other")

    lines = art.ok("log", "place/other:v0", "--proof").lines

    [listing] = [line for line in lines if "other is " in line]
    assert "fenced at epoch 1: commits begun before that collection are refused; " in listing
    assert not [line for line in lines if "'" in line]


def test_what_a_commit_expected_is_told_in_words(art: Shell) -> None:
    put(art, "a")
    more = Artifact("mnist", "dataset", incremental=True)
    with more.new_file("more.txt") as file:
        file.write("more")
    more.save("proj")

    what = art.ok("log", "mnist", "--json").json[0]["what"]

    assert what[0] == "counts only if alias latest is on v0"
    assert what[1].startswith("v1 committed as latest")


def test_a_tampered_chain_is_no_proof(art: Shell) -> None:
    put(art, "a")
    put(art, "b")
    [*_, event] = sorted((art.store / "logs" / "collection").rglob("*0"))
    event.chmod(0o644)
    event.write_bytes(event.read_bytes().replace(b'"writer":"', b'"writer":"x', 1))

    answer = art("log", "mnist", "--proof")

    assert (answer.code, "log is broken" in answer.err) == (1, True)
